// The way from a frame's first byte to its network layer.
#pragma once

#include "diagnostics/packet/headers.h"
#include "diagnostics/packet/packet.h"
#include "diagnostics/packet/slice.h"

namespace director::diagnostics {

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr uint16_t kEtherTypeBridged = 0x6558;  // an Ethernet frame within GRE

// What lies behind the link layer. `ether_type` 0: something without one (LLC, a control frame).
struct NetworkLayer {
    Slice bytes;
    uint16_t ether_type = 0;
    bool is_there = false;  // false: the frame ends before
};

// Fills MAC addresses, VLANs and faults of `headers`. VLAN tags (802.1Q, 802.1ad), PPPoE and MPLS
// are stepped over.
[[nodiscard]] NetworkLayer decode_link_layer(LinkType link, Slice frame, Headers& headers);

// By the version in the first byte: raw IP, and what lies behind an MPLS stack.
[[nodiscard]] NetworkLayer ip_by_version(Slice bytes);

}  // namespace director::diagnostics
