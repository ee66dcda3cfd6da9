// Packets within packets, and packets in pieces: what ICMP errors quote, what tunnels carry, and
// the fragments of a frame.
//
//   PacketBuilder().ipv4(router, vip).icmp(3, 4, 1280).payload(ip_packet_of(frame))
//   PacketBuilder().ipv4(director, server).ip_protocol(47).payload(gre_of(0x0800, inner))
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/support/packet_builder.h"

namespace director::test {

// The IP packet in `frame`, without Ethernet header and padding. Aborts when there is none.
[[nodiscard]] Frame ip_packet_of(std::span<const uint8_t> frame);

// The same, cut behind `length_bytes`, as routers quote it.
[[nodiscard]] Frame ip_packet_of(std::span<const uint8_t> frame, size_t length_bytes);

// A GRE header (RFC 2784) and what it carries.
enum class GreChecksum : uint8_t { kNone, kThere };
[[nodiscard]] Frame gre_of(uint16_t ether_type,
                           std::span<const uint8_t> inner,
                           GreChecksum checksum = GreChecksum::kNone);

// A GUE header (variant 0, no options) and what it carries: payload of UDP.
[[nodiscard]] Frame gue_of(uint8_t protocol, std::span<const uint8_t> inner);

// Frames with the fragments of the IP packet in `frame`, in order, each with at most `data_bytes`
// (a multiple of 8) behind its IP header: RFC 791 section 3.2, RFC 8200 section 4.5. IPv4 options
// are copied to every fragment; IPv6 extension headers but a fragment header too, as if each were
// per-fragment.
[[nodiscard]] std::vector<Frame> fragments_of(std::span<const uint8_t> frame,
                                              size_t data_bytes,
                                              uint32_t id);

}  // namespace director::test
