// Which packet of a connection at one point is which at another, once the connections are linked
// and packets survive the device between (link.h).
//
// Packets are joined by side, sequence and acknowledgement numbers (with the link's shift), length
// on the wire and the flags that nobody rewrites; UDP by its payload. Retransmissions share all
// that: the IP ID tells them apart, then timestamps and window. What remains equal is paired in
// order of time if there are as many on both sides, and told as ambiguous in any case.
#pragma once

#include <cstdint>
#include <vector>

#include "diagnostics/match/link.h"

namespace director::diagnostics::matching {

struct PacketPair {
    uint32_t a = kNoIndex;  // sightings of the two points
    uint32_t b = kNoIndex;
    Evidence evidence = Evidence::kNone;
    bool is_ip_id_equal = false;  // the cross-check
    bool is_ambiguous = false;
};

// Packets that are the same in all that survives, and of which there are not as many on both sides.
struct AmbiguousPackets {
    std::vector<uint32_t> a;
    std::vector<uint32_t> b;
};

struct PairResult {
    std::vector<PacketPair> pairs;
    std::vector<AmbiguousPackets> ambiguous;
    // Copies of a packet that is paired already: the same IP ID again.
    std::vector<uint32_t> copies_a;
    std::vector<uint32_t> copies_b;
};

// Sightings of both connections that `is_taken_*` names are left alone; those paired are added.
// The vectors are by place in VantagePoint::of(connection).
[[nodiscard]] PairResult pair_packets(const VantagePoint& a,
                                      const VantagePoint& b,
                                      const ConnectionLink& link,
                                      std::vector<bool>& is_taken_a,
                                      std::vector<bool>& is_taken_b);

}  // namespace director::diagnostics::matching
