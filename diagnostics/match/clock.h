// How far two captures' clocks are apart, from pairs of packets alone.
//
// With d = time at b - time at a of one packet, a's clock and b's differ by at most d for a packet
// that went from a to b, and by at least d for one that went from b to a: forward pairs bound the
// offset from above, reverse ones from below. The offset that most pairs allow is taken; a pair
// that contradicts it is an outlier, which is told and not followed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace director::diagnostics::matching {

struct ClockPair {
    int64_t time_ns = 0;        // at a
    int64_t difference_ns = 0;  // time at b - time at a
    bool is_forward = true;     // from a to b
    uint32_t pair = 0;          // the caller's number
};

struct OffsetBounds {
    int64_t lower_ns = 0;  // the largest difference of reverse pairs that are believed
    int64_t upper_ns = 0;  // the smallest of forward ones
    bool has_lower = false;
    bool has_upper = false;
    uint32_t pairs = 0;
    uint32_t contradicting = 0;

    [[nodiscard]] bool is_known() const { return has_lower || has_upper; }
    [[nodiscard]] bool is_bounded() const { return has_lower && has_upper; }
    // The middle; with one bound alone, that bound.
    [[nodiscard]] int64_t estimate_ns() const {
        return is_bounded() ? lower_ns + (upper_ns - lower_ns) / 2
               : has_lower  ? lower_ns
                            : upper_ns;
    }
    [[nodiscard]] bool allows(int64_t offset_ns, int64_t tolerance_ns) const {
        return (!has_lower || lower_ns - tolerance_ns <= offset_ns) &&
               (!has_upper || offset_ns <= upper_ns + tolerance_ns);
    }
};

// A pair that contradicts the others.
struct Outlier {
    uint32_t pair = 0;
    int64_t by_ns = 0;     // from the nearest pair of its direction that is believed
    int64_t ahead_ns = 0;  // by how much its effect comes before its cause
};

// The offset before and after is not the same: b's clock was set, or it drifts.
struct ClockChange {
    int64_t from_ns = 0;  // at a: last pair of the old offset, first of the new
    int64_t to_ns = 0;
    int64_t before_ns = 0;
    int64_t after_ns = 0;

    [[nodiscard]] double parts_per_million() const {
        return to_ns == from_ns ? 0
                                : static_cast<double>(after_ns - before_ns) * 1e6 /
                                      static_cast<double>(to_ns - from_ns);
    }
};

// The offset at a time: a constant, a line, or a chain of lines.
struct Knot {
    int64_t time_ns = 0;  // at a
    int64_t offset_ns = 0;
};

enum class ClockShape : uint8_t { kUnknown, kConstant, kDrift, kSteps };

struct ClockFit {
    OffsetBounds bounds;  // of a constant offset; of a drifting clock: at the first knot
    ClockShape shape = ClockShape::kUnknown;
    bool is_one_clock = false;  // 0 is within the bounds, and taken
    double drift_ppm = 0;
    std::vector<Knot> knots;  // in order of time; empty: unknown
    std::vector<ClockChange> changes;
    std::vector<Outlier> outliers;
    // A multiple of 15 minutes which the offset is close to: a time zone or daylight saving time.
    std::optional<int64_t> zone_ns;

    [[nodiscard]] int64_t offset_at(int64_t time_a_ns) const;
    // The time at a, of a time at b.
    [[nodiscard]] int64_t to_a(int64_t time_b_ns) const;
};

[[nodiscard]] OffsetBounds bound_offset(std::span<const ClockPair> pairs);

// `resolution_ns` is that of the coarser clock. Pairs in any order.
[[nodiscard]] ClockFit fit_clock(std::vector<ClockPair> pairs, int64_t resolution_ns);
// For captures that are known to be on one clock: what contradicts is an outlier.
[[nodiscard]] ClockFit one_clock(const std::vector<ClockPair>& pairs, int64_t resolution_ns);

}  // namespace director::diagnostics::matching
