// Frames that this director's kernel sends from a virtual address: they must show the address's
// MAC, which with a virtual one (RFC 9568 section 7.3) is not the interface's, or neighbours would
// learn both.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/address.h"

namespace director::vrrp {

// On whose behalf a frame, with or without VLAN tags, speaks: the sender of an ARP frame, the
// target of a neighbour advertisement, else the source of an IP packet. nullopt: none of these, or
// it is cut.
[[nodiscard]] std::optional<IpAddress> speaker_of(std::span<const uint8_t> frame);

// Makes the frame come from `mac`: the Ethernet source, and what ARP (sender hardware address) and
// neighbour discovery (link-layer address options, RFC 4861 section 4.6.1) say of it.
// Precondition: speaker_of() knows it.
void show_mac(std::span<uint8_t> frame, const MacAddress& mac);

}  // namespace director::vrrp
