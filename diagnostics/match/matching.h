// Captures of the same traffic at different points, aligned: which packet here is which there, how
// far the clocks are apart, what is missing where, and where the time went. Nothing has to be known
// of the devices between. Pure: captures in, a Matching out (docs/diagnostics-matching.md has the
// rules).
//
//   std::vector<VantagePoint> points = ...;        // in order, the client's side first
//   const Matching matching = match(points, {});
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "diagnostics/match/clock.h"
#include "diagnostics/match/link.h"
#include "diagnostics/match/pair.h"
#include "diagnostics/match/vantage_point.h"

namespace director::diagnostics::matching {

struct MatchSettings {
    // The captures' clocks are one: no offset is estimated, and what contradicts is told.
    bool is_one_clock = false;
};

// How one point's connection came to its conversation.
struct ConversationLink {
    uint32_t point = 0;        // b
    uint32_t other_point = 0;  // a: before it
    ConnectionLink link;
    OffsetBounds offset;  // of b's clock to a's, by this conversation alone
};

// One row of a conversation's table: the same packet at all points that saw it. A frame that was
// cut into segments stands in several rows.
struct Cell {
    uint32_t sighting = kNoIndex;
    Evidence evidence = Evidence::kNone;  // by which it was joined to the points before it
    bool is_ip_id_equal = false;
    bool is_ambiguous = false;
    bool is_copy = false;  // of a packet in another row
};

// One connection, at all points that saw it.
struct Conversation {
    std::vector<uint32_t> connections;  // by point; kNoIndex where it was not seen
    std::vector<ConversationLink> links;
    std::vector<bool> is_flipped;  // by point: its client is the first point's server
    uint32_t row_begin = 0;        // into Matching::cells, in rows
    uint32_t row_count = 0;
    bool is_proxied = false;  // of some link, the packets are not the same

    [[nodiscard]] uint32_t points_seen() const {
        uint32_t seen = 0;
        for (const uint32_t connection : connections) {
            seen += connection != kNoIndex ? 1U : 0U;
        }
        return seen;
    }
};

struct PointPair {
    uint32_t a = 0;  // points, a before b
    uint32_t b = 0;
    ClockFit clock;
    uint32_t pairs = 0;
    bool is_reversed = false;  // hop counts say that b is nearer to the client
    // Of ClockFit::outliers, by their number: the sightings.
    std::vector<PacketPair> outliers;
};

// Of a conversation, packets of a and b that are all alike and not equally many.
struct AmbiguousGroup {
    uint32_t conversation = 0;
    uint32_t a = 0;  // points
    uint32_t b = 0;
    AmbiguousPackets packets;
};

struct AmbiguousLink {
    uint32_t a = 0;  // points
    uint32_t b = 0;
    AmbiguousConnection connection;
};

// More are not told one by one.
inline constexpr size_t kAmbiguousConnectionsListed = 1000;

struct Matching {
    uint32_t points = 0;
    std::vector<Conversation> conversations;  // in order of time
    std::vector<Cell> cells;                  // rows * points
    std::vector<PointPair> clocks;
    std::vector<AmbiguousGroup> ambiguous_packets;
    std::vector<AmbiguousLink> ambiguous_connections;

    [[nodiscard]] std::span<const Cell> row(uint32_t number) const {
        return std::span(cells).subspan(size_t{number} * points, points);
    }
    // The one that aligns `b` with points before it; nullptr: none does.
    [[nodiscard]] const PointPair* clock_of(uint32_t b) const;
    // A time at a point, on the first point's clock.
    [[nodiscard]] int64_t on_first_clock(uint32_t point, int64_t time_ns) const;
};

[[nodiscard]] Matching match(std::span<const VantagePoint> points, const MatchSettings& settings);

}  // namespace director::diagnostics::matching
