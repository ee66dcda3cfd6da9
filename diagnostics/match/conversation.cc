#include "diagnostics/match/conversation.h"

#include <algorithm>

#include "diagnostics/match/proxy.h"

namespace director::diagnostics::matching {

ConversationRows::ConversationRows(std::span<const VantagePoint> points, Conversation& conversation)
    : points_(points),
      conversation_(conversation),
      row_of_(points.size()),
      is_matched_(points.size()),
      shift_(points.size()),
      space_(points.size(), 0) {
    for (uint32_t p = 0; p < points.size(); ++p) {
        if (conversation.connections[p] != kNoIndex) {
            const size_t packets = points[p].of(conversation.connections[p]).size();
            row_of_[p].assign(packets, kNoIndex);
            is_matched_[p].assign(packets, false);
        }
    }
}

uint32_t ConversationRows::new_row() {
    cells_.resize(cells_.size() + points_.size());
    return rows_++;
}

// Sightings of a connection are ordered as all of the point are.
uint32_t ConversationRows::place_of(uint32_t point, uint32_t sighting) const {
    const auto places = points_[point].of(conversation_.connections[point]);
    const auto found = std::lower_bound(places.begin(), places.end(), sighting);
    return static_cast<uint32_t>(found - places.begin());
}

void ConversationRows::pair_all(const OnPair& on_pair) {
    for (uint32_t q = 0; q < points_.size(); ++q) {
        if (conversation_.connections[q] != kNoIndex) {
            add_point(q, on_pair);
        }
    }
}

void ConversationRows::add_point(uint32_t q, const OnPair& on_pair) {
    for (ConversationLink& one : conversation_.links) {
        if (one.point != q) {
            continue;
        }
        const uint32_t p = one.other_point;
        space_[q] = one.link.kind == LinkKind::kProxied ? q : space_[p];
        for (const size_t side : {kClient, kServer}) {
            const size_t side_p = conversation_.is_flipped[p] ? 1 - side : side;
            shift_[q][side] = shift_[p][side] + one.link.shift[side_p];
        }
        pair_with(p, q, one.link, on_pair);
        // A packet that the nearest capture missed may be in one before it.
        for (uint32_t back = p; back-- > 0;) {
            if (conversation_.connections[back] != kNoIndex && space_[back] == space_[q]) {
                pair_with(back, q, link_between(back, q), on_pair);
            }
        }
        one.offset = bound_offset(clock_pairs_);
        clock_pairs_.clear();
    }
    const auto places = points_[q].of(conversation_.connections[q]);
    for (uint32_t place = 0; place < places.size(); ++place) {
        if (row_of_[q][place] == kNoIndex) {
            row_of_[q][place] = new_row();
            cell(row_of_[q][place], q).sighting = places[place];
        }
    }
}

ConnectionLink ConversationRows::link_between(uint32_t p, uint32_t q) const {
    ConnectionLink link;
    link.a = conversation_.connections[p];
    link.b = conversation_.connections[q];
    link.is_flipped = conversation_.is_flipped[p] != conversation_.is_flipped[q];
    for (const size_t side : {kClient, kServer}) {
        const size_t side_p = conversation_.is_flipped[p] ? 1 - side : side;
        link.shift[side_p] = shift_[q][side] - shift_[p][side];
    }
    return link;
}

void ConversationRows::pair_with(uint32_t p,
                                 uint32_t q,
                                 const ConnectionLink& link,
                                 const OnPair& on_pair) {
    if (link.kind == LinkKind::kSamePackets &&
        std::all_of(is_matched_[q].begin(), is_matched_[q].end(), [](bool is) { return is; })) {
        return;
    }
    std::vector<bool> is_taken_a(row_of_[p].size());
    for (uint32_t place = 0; place < is_taken_a.size(); ++place) {
        is_taken_a[place] = cell(row_of_[p][place], q).sighting != kNoIndex;
    }
    const PairResult result =
        link.kind == LinkKind::kProxied
            ? pair_proxied(points_[p], points_[q], link)
            : pair_packets(points_[p], points_[q], link, is_taken_a, is_matched_[q]);
    for (const PacketPair& pair : result.pairs) {
        set_cell(p, q, pair);
        note_clock(p, q, pair, on_pair);
    }
    for (const uint32_t copy : result.copies_a) {
        cell(row_of_[p][place_of(p, copy)], p).is_copy = true;
    }
    for (const uint32_t copy : result.copies_b) {
        const uint32_t row = new_row();
        row_of_[q][place_of(q, copy)] = row;
        cell(row, q).sighting = copy;
        cell(row, q).is_copy = true;
    }
    for (const AmbiguousPackets& packets : result.ambiguous) {
        ambiguous_.push_back({{p, q}, packets});
    }
}

void ConversationRows::set_cell(uint32_t p, uint32_t q, const PacketPair& pair) {
    uint32_t row = row_of_[p][place_of(p, pair.a)];
    uint32_t& row_of_b = row_of_[q][place_of(q, pair.b)];
    if (cell(row, q).sighting != kNoIndex) {
        // One frame here, several there: the frame stands in each one's row.
        const uint32_t copy = new_row();
        for (uint32_t point = 0; point < q; ++point) {
            cell(copy, point) = cell(row, point);
        }
        row = copy;
    }
    cell(row, q) = {pair.b, pair.evidence, pair.is_ip_id_equal, pair.is_ambiguous, false};
    if (row_of_b == kNoIndex) {
        row_of_b = row;
    }
}

void ConversationRows::note_clock(uint32_t p,
                                  uint32_t q,
                                  const PacketPair& pair,
                                  const OnPair& on_pair) {
    if (pair.is_ambiguous) {
        return;
    }
    const Sighting& a = points_[p].sightings[pair.a];
    const Sighting& b = points_[q].sightings[pair.b];
    const bool is_from_client = a.is_from_client != conversation_.is_flipped[p];
    clock_pairs_.push_back({a.time_ns, b.time_ns - a.time_ns, is_from_client, 0});
    on_pair(p, q, pair, is_from_client);
}

void ConversationRows::tell_ambiguous(uint32_t number, std::vector<AmbiguousGroup>& to) {
    for (auto& [points, packets] : ambiguous_) {
        to.push_back({number, points.first, points.second, std::move(packets)});
    }
}

void ConversationRows::append_to(std::vector<Cell>& cells, Conversation& conversation) const {
    conversation.row_begin = static_cast<uint32_t>(cells.size() / points_.size());
    conversation.row_count = rows_;
    cells.insert(cells.end(), cells_.begin(), cells_.end());
}

}  // namespace director::diagnostics::matching
