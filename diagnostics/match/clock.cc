#include "diagnostics/match/clock.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace director::diagnostics::matching {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kWindowGap = 5 * kSecond;
constexpr int64_t kWindowMin = kSecond;
constexpr int64_t kWindowMax = 10 * kSecond;
constexpr size_t kWindowPairs = 8;
constexpr int64_t kZoneStep = 15 * 60 * kSecond;
constexpr int64_t kZoneSlack = 60 * kSecond;
constexpr int64_t kZoneMax = 26 * 3600 * kSecond;
constexpr size_t kSlopesMax = 64;  // windows that are compared with one another
constexpr size_t kChangesMax = 16;

using Pairs = std::span<const ClockPair>;

// One contradiction, or one in a hundred pairs, is an outlier; more is another offset.
bool is_believable(const OffsetBounds& bounds) {
    return bounds.contradicting <= std::max<uint32_t>(1, bounds.pairs / 100);
}

struct Window {
    size_t begin = 0;
    size_t end = 0;
    OffsetBounds bounds;
    int64_t middle_ns = 0;
};

std::vector<Window> windows_of(Pairs pairs) {
    std::vector<Window> windows;
    size_t begin = 0;
    size_t directions = 0;
    const auto close = [&](size_t end) {
        Window window{begin, end, bound_offset(pairs.subspan(begin, end - begin)), 0};
        const int64_t first = pairs[begin].time_ns;
        window.middle_ns = first + (pairs[end - 1].time_ns - first) / 2;
        windows.push_back(window);
        begin = end;
        directions = 0;
    };
    for (size_t i = 0; i < pairs.size(); ++i) {
        const int64_t length = pairs[i].time_ns - pairs[begin].time_ns;
        const bool is_gap = i > begin && pairs[i].time_ns - pairs[i - 1].time_ns > kWindowGap;
        const bool is_full = length > kWindowMin && i - begin >= kWindowPairs && directions == 3;
        if (is_gap || is_full || length > kWindowMax) {
            close(i);
        }
        directions |= pairs[i].is_forward ? 1U : 2U;
    }
    if (begin < pairs.size()) {
        close(pairs.size());
    }
    return windows;
}

// The median of the slopes between windows (Theil and Sen): no window alone moves it.
double slope_of(const std::vector<Window>& windows) {
    std::vector<const Window*> bounded;
    for (const Window& window : windows) {
        if (window.bounds.is_bounded()) {
            bounded.push_back(&window);
        }
    }
    const size_t step = std::max<size_t>(1, bounded.size() / kSlopesMax);
    std::vector<double> slopes;
    for (size_t i = 0; i < bounded.size(); i += step) {
        for (size_t j = i + step; j < bounded.size(); j += step) {
            const auto time = static_cast<double>(bounded[j]->middle_ns - bounded[i]->middle_ns);
            if (time > 0) {
                const int64_t offset =
                    bounded[j]->bounds.estimate_ns() - bounded[i]->bounds.estimate_ns();
                slopes.push_back(static_cast<double>(offset) / time);
            }
        }
    }
    if (slopes.empty()) {
        return 0;
    }
    const auto middle = slopes.begin() + static_cast<std::ptrdiff_t>(slopes.size() / 2);
    std::nth_element(slopes.begin(), middle, slopes.end());
    return *middle;
}

std::vector<ClockPair> without_drift(Pairs pairs, double slope, int64_t from_ns) {
    std::vector<ClockPair> level(pairs.begin(), pairs.end());
    for (ClockPair& pair : level) {
        pair.difference_ns -= std::llround(slope * static_cast<double>(pair.time_ns - from_ns));
    }
    return level;
}

// By how much `pair` would have arrived before it left.
int64_t ahead(const ClockPair& pair, int64_t offset_ns) {
    return pair.is_forward ? offset_ns - pair.difference_ns : pair.difference_ns - offset_ns;
}

// What the first pair of a new offset is, of those before it that already fit it better.
size_t first_of_change(Pairs pairs, size_t at, size_t from, int64_t before, int64_t after) {
    const int64_t half = std::abs(after - before) / 2;
    while (at > from) {
        const ClockPair& one = pairs[at - 1];
        const int64_t ahead_before = ahead(one, before);
        const int64_t ahead_after = ahead(one, after);
        const bool fits_after =
            ahead_after <= half && std::abs(ahead_after) < std::abs(ahead_before);
        if (!fits_after) {
            break;
        }
        --at;
    }
    return at;
}

std::vector<ClockChange> changes_of(Pairs pairs,
                                    const std::vector<Window>& windows,
                                    int64_t tolerance_ns) {
    std::vector<ClockChange> changes;
    const Window* level = nullptr;
    for (const Window& window : windows) {
        if (!window.bounds.is_bounded()) {
            continue;
        }
        if (level != nullptr && changes.size() < kChangesMax) {
            const int64_t before = level->bounds.estimate_ns();
            const int64_t after = window.bounds.estimate_ns();
            const bool is_apart = level->bounds.lower_ns > window.bounds.upper_ns + tolerance_ns ||
                                  window.bounds.lower_ns > level->bounds.upper_ns + tolerance_ns;
            if (is_apart) {
                const size_t first =
                    first_of_change(pairs, window.begin, level->end, before, after);
                changes.push_back({pairs[first - 1].time_ns, pairs[first].time_ns, before, after});
            }
        }
        level = &window;
    }
    return changes;
}

std::optional<int64_t> zone_of(int64_t offset_ns) {
    const int64_t half = offset_ns < 0 ? -kZoneStep / 2 : kZoneStep / 2;
    const int64_t nearest = (offset_ns + half) / kZoneStep * kZoneStep;
    return nearest != 0 && std::abs(nearest) <= kZoneMax &&
                   std::abs(offset_ns - nearest) <= kZoneSlack
               ? std::optional(nearest)
               : std::nullopt;
}

void find_outliers(Pairs pairs, int64_t tolerance_ns, ClockFit& fit) {
    // Believed pairs lie on the right side of the offset; the nearest of them by direction.
    int64_t nearest_forward = std::numeric_limits<int64_t>::min();
    int64_t nearest_reverse = std::numeric_limits<int64_t>::min();
    for (const ClockPair& pair : pairs) {
        const int64_t one = ahead(pair, fit.offset_at(pair.time_ns));
        int64_t& nearest = pair.is_forward ? nearest_forward : nearest_reverse;
        if (one <= tolerance_ns) {
            nearest = std::max(nearest, one);
        }
    }
    for (const ClockPair& pair : pairs) {
        const int64_t one = ahead(pair, fit.offset_at(pair.time_ns));
        const int64_t nearest = pair.is_forward ? nearest_forward : nearest_reverse;
        if (one > tolerance_ns) {
            const bool is_alone = nearest == std::numeric_limits<int64_t>::min();
            fit.outliers.push_back({pair.pair, is_alone ? one : one - nearest, one});
        }
    }
}

void take_windows(const std::vector<Window>& windows, ClockFit& fit) {
    fit.shape = ClockShape::kSteps;
    for (const Window& window : windows) {
        if (window.bounds.is_bounded()) {
            fit.knots.push_back({window.middle_ns, window.bounds.estimate_ns()});
        }
    }
    if (fit.knots.empty()) {
        fit.knots.push_back({windows.front().middle_ns, fit.bounds.estimate_ns()});
    }
}

}  // namespace

OffsetBounds bound_offset(Pairs pairs) {
    std::vector<int64_t> forward;
    std::vector<int64_t> reverse;
    for (const ClockPair& pair : pairs) {
        (pair.is_forward ? forward : reverse).push_back(pair.difference_ns);
    }
    std::sort(forward.begin(), forward.end());
    std::sort(reverse.begin(), reverse.end());
    OffsetBounds best;
    best.pairs = static_cast<uint32_t>(pairs.size());
    best.has_lower = !reverse.empty();
    best.has_upper = !forward.empty();
    if (forward.empty() || reverse.empty()) {
        best.lower_ns = reverse.empty() ? 0 : reverse.back();
        best.upper_ns = forward.empty() ? 0 : forward.front();
        return best;
    }
    // An offset up to the i-th forward difference contradicts the i below it, and the reverse ones
    // above: for each i, the most reverse pairs that it allows. Behind the last, no forward pair
    // bounds it.
    best.contradicting = static_cast<uint32_t>(forward.size());
    best.has_upper = false;
    best.lower_ns = reverse.back();
    size_t j = 0;
    for (size_t i = 0; i < forward.size(); ++i) {
        while (j < reverse.size() && reverse[j] <= forward[i]) {
            ++j;
        }
        const auto contradicting = static_cast<uint32_t>(i + (reverse.size() - j));
        const bool is_wider = contradicting == best.contradicting && best.is_bounded() && j > 0 &&
                              forward[i] - reverse[j - 1] > best.upper_ns - best.lower_ns;
        const bool is_bounded_now = contradicting == best.contradicting && !best.is_bounded();
        if (contradicting < best.contradicting || is_wider || is_bounded_now) {
            best.contradicting = contradicting;
            best.has_upper = true;
            best.upper_ns = forward[i];
            best.has_lower = j > 0;
            best.lower_ns = j > 0 ? reverse[j - 1] : 0;
        }
    }
    return best;
}

int64_t ClockFit::offset_at(int64_t time_a_ns) const {
    if (knots.empty()) {
        return 0;
    }
    const auto after =
        std::upper_bound(knots.begin(), knots.end(), time_a_ns, [](int64_t time, const Knot& knot) {
            return time < knot.time_ns;
        });
    if (shape == ClockShape::kDrift) {
        const double slope = drift_ppm / 1e6;
        return knots.front().offset_ns +
               std::llround(slope * static_cast<double>(time_a_ns - knots.front().time_ns));
    }
    if (after == knots.begin() || after == knots.end()) {
        return after == knots.begin() ? knots.front().offset_ns : knots.back().offset_ns;
    }
    const Knot& left = *(after - 1);
    const double share = static_cast<double>(time_a_ns - left.time_ns) /
                         static_cast<double>(after->time_ns - left.time_ns);
    return left.offset_ns +
           std::llround(share * static_cast<double>(after->offset_ns - left.offset_ns));
}

int64_t ClockFit::to_a(int64_t time_b_ns) const {
    if (knots.empty()) {
        return time_b_ns;
    }
    const int64_t about = time_b_ns - knots.front().offset_ns;
    return time_b_ns - offset_at(time_b_ns - offset_at(about));
}

ClockFit fit_clock(std::vector<ClockPair> pairs, int64_t resolution_ns) {
    ClockFit fit;
    if (pairs.empty()) {
        return fit;
    }
    std::stable_sort(pairs.begin(), pairs.end(), [](const ClockPair& a, const ClockPair& b) {
        return a.time_ns < b.time_ns;
    });
    // A clock of milliseconds rounds: both ends of a difference.
    const int64_t tolerance = resolution_ns > 1 ? 2 * resolution_ns : 0;
    const int64_t from = pairs.front().time_ns;
    fit.bounds = bound_offset(pairs);
    const std::vector<Window> windows = windows_of(pairs);
    fit.changes = changes_of(pairs, windows, tolerance);
    if (is_believable(fit.bounds) || windows.size() < 2) {
        fit.shape = ClockShape::kConstant;
        fit.is_one_clock = fit.bounds.allows(0, tolerance);
        fit.knots = {{from, fit.is_one_clock ? 0 : fit.bounds.estimate_ns()}};
    } else {
        const double slope = slope_of(windows);
        const OffsetBounds level = bound_offset(without_drift(pairs, slope, from));
        if (is_believable(level)) {
            fit.shape = ClockShape::kDrift;
            fit.drift_ppm = slope * 1e6;
            fit.bounds = level;
            fit.knots = {{from, level.estimate_ns()}};
        } else {
            take_windows(windows, fit);
        }
    }
    find_outliers(pairs, fit.shape == ClockShape::kSteps ? tolerance + 1 : tolerance, fit);
    fit.zone_ns = fit.bounds.is_known() ? zone_of(fit.knots.front().offset_ns) : std::nullopt;
    return fit;
}

ClockFit one_clock(const std::vector<ClockPair>& pairs, int64_t resolution_ns) {
    ClockFit fit;
    fit.bounds = bound_offset(pairs);
    fit.shape = ClockShape::kConstant;
    fit.is_one_clock = true;
    fit.knots = {{0, 0}};
    find_outliers(pairs, resolution_ns > 1 ? 2 * resolution_ns : 0, fit);
    return fit;
}

}  // namespace director::diagnostics::matching
