// The IP packet around a VRRP message, and the Ethernet frame's addresses: what RFC 5798 5.1 says,
// byte for byte as keepalived writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/address.h"
#include "vrrp/advertisement.h"

namespace director::vrrp {

// RFC 2402's header as keepalived uses it: 12 bytes of digest.
struct AuthenticationHeader {
    uint32_t spi = 0;
    uint32_t sequence = 0;
    std::array<uint8_t, 12> digest{};
};

// A received packet, taken apart. `message` lies within the bytes that were parsed.
struct Packet {
    IpAddress source;
    IpAddress destination;
    uint8_t ttl = 0;
    std::optional<AuthenticationHeader> ah;
    std::span<const uint8_t> bytes;    // the IP packet without what follows it
    std::span<const uint8_t> message;  // VRRP; at least 8 bytes
    [[nodiscard]] Family family() const { return source.family(); }
    // The message's second byte: known before it is believed, so that its instance can be found.
    [[nodiscard]] uint8_t vrid() const { return message[1]; }
    [[nodiscard]] bool is_multicast() const { return destination.is_multicast(); }
};

// Reads an IP packet. Bytes behind its total length are Ethernet's padding and ignored. Fragments
// and IPv6 extension headers are refused; so are sources that no router can have.
[[nodiscard]] Parsed<Packet> parse_packet(std::span<const uint8_t> bytes);

// Everything of a packet to send but its message.
struct Envelope {
    IpAddress source;
    IpAddress destination;
    uint8_t ttl = 255;
    uint16_t ipv4_id = 1;  // must not be 0
};

// An IP packet around `message`: TOS or traffic class 0xc0 (network control).
[[nodiscard]] std::vector<uint8_t> build_packet(const Envelope& envelope,
                                                std::span<const uint8_t> message);
// The same with an authentication header between (IPv4): HMAC-MD5-96 under `password`.
[[nodiscard]] std::vector<uint8_t> build_packet_with_ah(const Envelope& envelope,
                                                        std::span<const uint8_t> message,
                                                        uint32_t sequence,
                                                        const Password& password);
// Whether `packet`, which has one, has the digest that `password` gives and the SPI that its source
// demands.
[[nodiscard]] bool has_right_digest(const Packet& packet, const Password& password);

// 00:00:5e:00:01:VRID, 00:00:5e:00:02:VRID (RFC 5798 7.3).
[[nodiscard]] MacAddress virtual_mac(Family family, uint8_t vrid);
// 01:00:5e:..., 33:33:... (RFC 1112 6.4, RFC 2464 7). Precondition: multicast.
[[nodiscard]] MacAddress multicast_mac(const IpAddress& group);

// An Ethernet frame without VLAN tag around an IP packet.
[[nodiscard]] std::vector<uint8_t> build_frame(const MacAddress& source,
                                               const MacAddress& destination,
                                               std::span<const uint8_t> packet);

// The frame that tells a segment where `address` is from now on. IPv4: an ARP request to everybody
// with `address` as sender and target and ff:ff:ff:ff:ff:ff as target hardware address. IPv6: an
// unsolicited neighbour advertisement from `address` with Override, and Router if `is_router`.
enum class RouterFlag : uint8_t { kClear, kSet };
[[nodiscard]] std::vector<uint8_t> build_announcement(const IpAddress& address,
                                                      const MacAddress& mac,
                                                      RouterFlag router);

}  // namespace director::vrrp
