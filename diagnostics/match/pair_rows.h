// The packets of two linked connections in one vocabulary: what pairing (pair.cc) and super-frames
// (super_frames.cc) compare.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "diagnostics/match/pair.h"

namespace director::diagnostics::matching {

// A packet in b's numbers: sides as b names them, sequence numbers shifted.
struct Comparable {
    const Sighting* sighting = nullptr;
    uint32_t place = 0;  // in VantagePoint::of(connection)
    uint32_t index = 0;  // of the sighting
    uint32_t sequence = 0;
    uint32_t acknowledgement = 0;
    uint8_t side = 0;
    bool is_taken = false;
};

struct Comparables {
    std::vector<Comparable> a;
    std::vector<Comparable> b;
    // By b's side: whether IP IDs survive the way.
    std::array<bool, 2> are_ids_kept{true, true};

    // Whether the IP IDs forbid that these are one packet.
    [[nodiscard]] bool is_contradicted(const Comparable& one,
                                       const Comparable& other,
                                       uint32_t distance) const {
        const uint16_t id = one.sighting->ip_id;
        const uint16_t other_id = other.sighting->ip_id;
        return are_ids_kept[one.side] && id != 0 && other_id != 0 &&
               static_cast<uint16_t>(id + distance) != other_id;
    }
};

// Segments at one point that are parts of one frame at the other.
void pair_super_frames(Comparables& all, PairResult& result);

}  // namespace director::diagnostics::matching
