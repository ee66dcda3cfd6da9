#include "diagnostics/match/summary.h"

#include <algorithm>
#include <numeric>

#include "diagnostics/match/turns.h"

namespace director::diagnostics::matching {
namespace {

// By point: points with one number have the same packets.
std::vector<uint32_t> spaces_of(const Conversation& conversation) {
    std::vector<uint32_t> spaces(conversation.connections.size());
    std::iota(spaces.begin(), spaces.end(), 0U);
    for (const ConversationLink& link : conversation.links) {
        if (link.link.kind == LinkKind::kSamePackets) {
            spaces[link.point] = spaces[link.other_point];
        }
    }
    return spaces;
}

void count_row(const RowTimes& times,
               const Conversation& conversation,
               const std::vector<uint32_t>& spaces,
               std::span<const Cell> row,
               std::vector<PointSummary>& summaries) {
    uint32_t seen = 0;
    bool is_ambiguous = false;
    for (const Cell& cell : row) {
        seen += cell.sighting != kNoIndex ? 1U : 0U;
        is_ambiguous = is_ambiguous || cell.is_ambiguous;
    }
    for (uint32_t p = 0; p < row.size(); ++p) {
        if (row[p].sighting == kNoIndex) {
            continue;
        }
        PointSummary& summary = summaries[p];
        summary.ambiguous += is_ambiguous ? 1U : 0U;
        if (row[p].is_copy || seen > 1) {
            ++(row[p].is_copy ? summary.copies : summary.matched);
            continue;
        }
        bool has_other = false;
        bool is_missing = false;
        for (uint32_t q = 0; q < row.size(); ++q) {
            const bool is_seen = q != p && conversation.connections[q] != kNoIndex;
            has_other = has_other || (is_seen && spaces[q] == spaces[p]);
            is_missing = is_missing || (is_seen && spaces[q] == spaces[p] &&
                                        times.is_capturing(q, times.time(row[p], p)));
        }
        ++(conversation.points_seen() == 1 ? summary.unlinked
           : is_missing                    ? summary.only_here
           : has_other                     ? summary.outside
                                           : summary.own);
    }
}

// The row that each sighting of a point stands in first; by place in VantagePoint::of().
class RowFinder {
  public:
    RowFinder(const Matching& matching, const Conversation& conversation, uint32_t point)
        : matching_(matching) {
        for (uint32_t i = 0; i < conversation.row_count; ++i) {
            const Cell& cell = matching.row(conversation.row_begin + i)[point];
            if (cell.sighting != kNoIndex) {
                uint32_t& row = rows_.at(Key(0).add(cell.sighting).value());
                row = row == kNoIndex ? conversation.row_begin + i : row;
            }
        }
    }
    [[nodiscard]] std::span<const Cell> row(uint32_t sighting) const {
        const uint32_t row = rows_.get(Key(0).add(sighting).value());
        return row == kNoIndex ? std::span<const Cell>{} : matching_.row(row);
    }

  private:
    const Matching& matching_;
    HashIndex rows_;
};

// From SYN to SYN-ACK, and from SYN-ACK to ACK; 0: not seen.
struct Handshake {
    int64_t to_server_ns = 0;
    int64_t to_client_ns = 0;
};

Handshake handshake_of(const VantagePoint& point, uint32_t connection) {
    Handshake handshake;
    int64_t syn = 0;
    int64_t syn_ack = 0;
    for (const uint32_t i : point.of(connection)) {
        const Sighting& one = point.sightings[i];
        if (one.has(kSyn) && one.is_from_client) {
            syn = one.time_ns;
        } else if (one.has(kSyn)) {
            syn_ack = one.time_ns;
            handshake.to_server_ns = syn == 0 ? 0 : syn_ack - syn;
        } else if (one.is_from_client && one.has(kAck)) {
            handshake.to_client_ns = syn_ack == 0 ? 0 : one.time_ns - syn_ack;
            break;
        }
    }
    return handshake;
}

}  // namespace

bool has_same_packets(const Conversation& conversation, uint32_t p, uint32_t q) {
    const std::vector<uint32_t> spaces = spaces_of(conversation);
    return spaces[p] == spaces[q];
}

std::vector<PointSummary> summarize(std::span<const VantagePoint> points,
                                    const Matching& matching) {
    std::vector<PointSummary> summaries(points.size());
    const RowTimes times(points, matching);
    // A frame that stands in several rows counts once.
    std::vector<std::vector<bool>> is_counted;
    for (const VantagePoint& point : points) {
        is_counted.emplace_back(point.sightings.size(), false);
    }
    std::vector<Cell> row;
    for (const Conversation& conversation : matching.conversations) {
        const std::vector<uint32_t> spaces = spaces_of(conversation);
        const bool is_matched = conversation.points_seen() > 1;
        for (uint32_t p = 0; p < points.size(); ++p) {
            const bool is_seen = conversation.connections[p] != kNoIndex;
            summaries[p].connections += is_seen ? 1U : 0U;
            summaries[p].connections_matched += is_seen && is_matched ? 1U : 0U;
        }
        for (uint32_t i = 0; i < conversation.row_count; ++i) {
            const auto cells = matching.row(conversation.row_begin + i);
            count_row(times, conversation, spaces, cells, summaries);
            for (uint32_t p = 0; p < points.size(); ++p) {
                if (cells[p].sighting == kNoIndex) {
                    continue;
                }
                if (is_counted[p][cells[p].sighting]) {
                    --summaries[p].matched;
                }
                is_counted[p][cells[p].sighting] = true;
            }
        }
    }
    return summaries;
}

TimeSpent time_spent(std::span<const VantagePoint> points,
                     const Matching& matching,
                     const Conversation& conversation) {
    TimeSpent spent;
    spent.between_ns.assign(points.size(), 0);
    std::vector<uint32_t> seen;
    for (uint32_t p = 0; p < points.size(); ++p) {
        if (conversation.connections[p] != kNoIndex) {
            seen.push_back(p);
        }
    }
    const uint32_t first = seen.front();
    const uint32_t last = seen.back();
    const RowTimes times(points, matching);
    const RowFinder rows(matching, conversation, first);
    const Handshake at_first = handshake_of(points[first], conversation.connections[first]);
    const Handshake at_last = handshake_of(points[last], conversation.connections[last]);
    int64_t answered = 0;
    for (const Turn& turn : turns_of(points[first], conversation.connections[first])) {
        if (turn.last[kClient] == kNoIndex) {
            continue;
        }
        const Sighting& asked = points[first].sightings[turn.first[kClient]];
        if (answered != 0) {
            const int64_t gap = asked.time_ns - answered;
            const int64_t network = std::min(gap, at_first.to_client_ns);
            spent.client_network_ns += network;
            spent.client_ns += gap - network;
        }
        if (turn.first[kServer] == kNoIndex) {
            spent.lost_ns +=
                points[first]
                    .sightings[points[first].of(conversation.connections[first]).back()]
                    .time_ns -
                asked.time_ns;
            continue;
        }
        answered = points[first].sightings[turn.last[kServer]].time_ns;
        const auto request = rows.row(turn.last[kClient]);
        const auto response = rows.row(turn.first[kServer]);
        const bool is_known = std::all_of(seen.begin(), seen.end(), [&](uint32_t p) {
            return request[p].sighting != kNoIndex && response[p].sighting != kNoIndex;
        });
        if (!is_known) {
            continue;
        }
        std::vector<int64_t> between(points.size(), 0);
        bool is_believable = true;
        for (size_t i = 1; i < seen.size(); ++i) {
            const uint32_t p = seen[i - 1];
            const uint32_t q = seen[i];
            const int64_t there = times.time(request[q], q) - times.time(request[p], p);
            const int64_t back = times.time(response[p], p) - times.time(response[q], q);
            const int64_t rounding =
                -2 * std::max(points[p].resolution_ns, points[q].resolution_ns);
            is_believable = is_believable && there >= rounding && back >= rounding;
            between[q] = there + back;
        }
        if (!is_believable) {
            continue;  // an outlier's time says nothing
        }
        ++spent.turns;
        for (size_t p = 0; p < between.size(); ++p) {
            spent.between_ns[p] += between[p];
        }
        const int64_t wait = times.time(response[last], last) - times.time(request[last], last);
        const int64_t network =
            std::clamp(at_last.to_server_ns, int64_t{0}, std::max(wait, int64_t{0}));
        spent.server_network_ns += network;
        spent.server_ns += wait - network;
    }
    return spent;
}

}  // namespace director::diagnostics::matching
