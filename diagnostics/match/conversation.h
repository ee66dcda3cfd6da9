// The rows of one conversation: its packets, at all points side by side. Used by match() alone.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "diagnostics/match/matching.h"

namespace director::diagnostics::matching {

class ConversationRows {
  public:
    // Told of each pair that is sure: points, the pair, whether the first point's client sent it.
    using OnPair = std::function<void(uint32_t, uint32_t, const PacketPair&, bool)>;

    // Sets the offsets of the conversation's links.
    ConversationRows(std::span<const VantagePoint> points, Conversation& conversation);

    void pair_all(const OnPair& on_pair);
    void tell_ambiguous(uint32_t number, std::vector<AmbiguousGroup>& to);
    // Sets the conversation's place in `cells`.
    void append_to(std::vector<Cell>& cells, Conversation& conversation) const;

  private:
    void add_point(uint32_t q, const OnPair& on_pair);
    void pair_with(uint32_t p, uint32_t q, const ConnectionLink& link, const OnPair& on_pair);
    void note_clock(uint32_t p, uint32_t q, const PacketPair& pair, const OnPair& on_pair);
    void set_cell(uint32_t p, uint32_t q, const PacketPair& pair);
    [[nodiscard]] ConnectionLink link_between(uint32_t p, uint32_t q) const;
    [[nodiscard]] uint32_t place_of(uint32_t point, uint32_t sighting) const;
    [[nodiscard]] Cell& cell(uint32_t row, uint32_t point) {
        return cells_[size_t{row} * points_.size() + point];
    }
    uint32_t new_row();

    std::span<const VantagePoint> points_;
    Conversation& conversation_;
    std::vector<Cell> cells_;
    uint32_t rows_ = 0;
    std::vector<std::vector<uint32_t>> row_of_;  // by point and place; kNoIndex: none yet
    std::vector<std::vector<bool>> is_matched_;  // by point and place, with any point before
    // Sequence numbers of the first point's client and server: how far this point's are shifted.
    std::vector<std::array<uint32_t, 2>> shift_;
    std::vector<uint32_t> space_;  // points with one number have the same packets
    std::vector<ClockPair> clock_pairs_;
    std::vector<std::pair<std::pair<uint32_t, uint32_t>, AmbiguousPackets>> ambiguous_;
};

}  // namespace director::diagnostics::matching
