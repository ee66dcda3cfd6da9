// What came of a matching, in numbers: packets matched and left over at each point, and where the
// time of each conversation went.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "diagnostics/match/matching.h"

namespace director::diagnostics::matching {

// Packets of connections at one point; each in one of these, `ambiguous` aside.
struct PointSummary {
    uint64_t matched = 0;    // seen at another point
    uint64_t copies = 0;     // of a matched packet
    uint64_t only_here = 0;  // another point saw the connection, was capturing, and has it not
    uint64_t outside = 0;    // no other point that saw the connection was capturing then
    uint64_t own = 0;        // of one side of a proxy: it has no twin
    uint64_t unlinked = 0;   // of connections that no other point saw
    uint64_t ambiguous = 0;  // matched in order of time alone, or not at all
    uint32_t connections = 0;
    uint32_t connections_matched = 0;
};

// Where the time between a conversation's first packet and its last response went.
struct TimeSpent {
    uint32_t turns = 0;               // requests with their response, at the outermost points
    int64_t client_ns = 0;            // from a response to the next request
    int64_t client_network_ns = 0;    // its round trip before the first point, a turn
    std::vector<int64_t> between_ns;  // by point: from the point before it and back
    int64_t server_network_ns = 0;    // its round trip behind the last point, a turn
    int64_t server_ns = 0;
    int64_t lost_ns = 0;  // requests that got no answer
};

// Rows of a conversation as indexes, and their times on the first point's clock.
class RowTimes {
  public:
    RowTimes(std::span<const VantagePoint> points, const Matching& matching)
        : points_(points), matching_(matching) {}

    [[nodiscard]] const Sighting* sighting(const Cell& cell, uint32_t point) const {
        return cell.sighting == kNoIndex ? nullptr : &points_[point].sightings[cell.sighting];
    }
    [[nodiscard]] int64_t time(const Cell& cell, uint32_t point) const {
        return matching_.on_first_clock(point, points_[point].sightings[cell.sighting].time_ns);
    }
    // Whether `point` was capturing at this time of the first point's clock.
    [[nodiscard]] bool is_capturing(uint32_t point, int64_t time_ns) const {
        return time_ns >= matching_.on_first_clock(point, points_[point].first_ns) &&
               time_ns <= matching_.on_first_clock(point, points_[point].last_ns);
    }

  private:
    std::span<const VantagePoint> points_;
    const Matching& matching_;
};

[[nodiscard]] std::vector<PointSummary> summarize(std::span<const VantagePoint> points,
                                                  const Matching& matching);

[[nodiscard]] TimeSpent time_spent(std::span<const VantagePoint> points,
                                   const Matching& matching,
                                   const Conversation& conversation);

// Whether packets of this conversation are the same at both points: no proxy between them.
[[nodiscard]] bool has_same_packets(const Conversation& conversation, uint32_t p, uint32_t q);

}  // namespace director::diagnostics::matching
