// Frames that a NIC cuts into segments after the capture (TSO), or has put together before it
// (GRO).
#include <algorithm>
#include <span>

#include "diagnostics/match/pair_rows.h"

namespace director::diagnostics::matching {
namespace {

constexpr uint32_t kSegmentsMax = 1024;  // of one frame: 64 KiB of small ones

// Packets that nothing was found for, by where they begin.
class Beginnings {
  public:
    explicit Beginnings(std::vector<Comparable>& side) : side_(side), next_(side.size(), kNoIndex) {
        for (size_t i = side.size(); i-- > 0;) {
            longest_[side[i].side] =
                std::max(longest_[side[i].side], side[i].sighting->payload_bytes);
            if (!side[i].is_taken && side[i].sighting->payload_bytes > 0) {
                uint32_t& first = index_.at(key(side[i].side, side[i].sequence));
                next_[i] = first;
                first = static_cast<uint32_t>(i);
            }
        }
    }

    // The first in time that begins there and passes; nullptr: none.
    template <typename Test>
    Comparable* find(uint8_t side, uint32_t sequence, Test passes) {
        uint32_t tries = 0;
        for (uint32_t i = index_.get(key(side, sequence)); i != kNoIndex && tries < kSegmentsMax;
             i = next_[i], ++tries) {
            if (!side_[i].is_taken && passes(side_[i])) {
                return &side_[i];
            }
        }
        return nullptr;
    }
    [[nodiscard]] uint32_t longest(uint8_t side) const { return longest_[side]; }

  private:
    static uint64_t key(uint8_t side, uint32_t sequence) { return Key(side).add(sequence).value(); }

    std::vector<Comparable>& side_;
    std::vector<uint32_t> next_;
    HashIndex index_;
    std::array<uint32_t, 2> longest_{};
};

// The i-th segment begins at sequence + size * i and has the IP ID + i.
void cut(Comparable& frame,
         Beginnings& segments,
         const Comparables& all,
         bool is_frame_of_a,
         PairResult& result) {
    const uint32_t length = frame.sighting->payload_bytes;
    const Comparable* first = segments.find(frame.side, frame.sequence, [&](const Comparable& one) {
        return one.sighting->payload_bytes < length && !all.is_contradicted(frame, one, 0);
    });
    const uint32_t size =
        first != nullptr ? first->sighting->payload_bytes : segments.longest(frame.side);
    if (size == 0 || size >= length || length / size > kSegmentsMax) {
        return;
    }
    for (uint32_t i = 0; i * size < length; ++i) {
        const uint32_t expected = std::min(size, length - i * size);
        Comparable* part =
            segments.find(frame.side, frame.sequence + i * size, [&](const Comparable& one) {
                return one.sighting->payload_bytes == expected &&
                       !all.is_contradicted(frame, one, i);
            });
        if (part == nullptr) {
            continue;
        }
        part->is_taken = frame.is_taken = true;
        const bool is_id_right =
            frame.sighting->ip_id != 0 &&
            static_cast<uint16_t>(frame.sighting->ip_id + i) == part->sighting->ip_id;
        result.pairs.push_back({is_frame_of_a ? frame.index : part->index,
                                is_frame_of_a ? part->index : frame.index,
                                Evidence::kSuperFrame,
                                is_id_right,
                                false});
    }
}

void cut_all(std::vector<Comparable>& frames,
             std::vector<Comparable>& segments,
             const Comparables& all,
             bool is_frame_of_a,
             PairResult& result) {
    Beginnings beginnings(segments);
    for (Comparable& frame : frames) {
        if (!frame.is_taken && frame.sighting->payload_bytes > 0 && !frame.sighting->has(kSyn)) {
            cut(frame, beginnings, all, is_frame_of_a, result);
        }
    }
}

}  // namespace

void pair_super_frames(Comparables& all, PairResult& result) {
    cut_all(all.a, all.b, all, true, result);
    cut_all(all.b, all.a, all, false, result);
}

}  // namespace director::diagnostics::matching
