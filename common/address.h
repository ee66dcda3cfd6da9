// Addresses: what an administrator writes ("192.168.0.1:80", "10.0.0.0/8", "02:00:...") and what
// the wire carries. Plain values; parsing is strict (no trailing text, no octal, no missing parts).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/byte_order.h"

namespace director {

// An IPv4 address, kept in network order.
struct Ipv4Address {
    Be32 bits;

    [[nodiscard]] static constexpr Ipv4Address from_host(uint32_t value) {
        return Ipv4Address{Be32::from_host(value)};
    }
    [[nodiscard]] static constexpr Ipv4Address of(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
        return from_host(uint32_t{a} << 24 | uint32_t{b} << 16 | uint32_t{c} << 8 | d);
    }
    // "a.b.c.d" in decimal; anything else is nullopt.
    [[nodiscard]] static std::optional<Ipv4Address> parse(std::string_view text);
    [[nodiscard]] constexpr uint32_t host() const { return bits.host(); }
    [[nodiscard]] constexpr bool is_multicast() const { return (host() >> 28) == 0xe; }
    [[nodiscard]] constexpr bool is_broadcast() const { return host() == 0xffffffffU; }
    [[nodiscard]] constexpr bool is_loopback() const { return (host() >> 24) == 127; }
    // "This network", RFC 1122 section 3.2.1.3: 0.0.0.0/8.
    [[nodiscard]] constexpr bool is_this_network() const { return (host() >> 24) == 0; }
    friend constexpr bool operator==(Ipv4Address, Ipv4Address) = default;
    friend constexpr auto operator<=>(Ipv4Address a, Ipv4Address b) {
        return a.host() <=> b.host();
    }
};

// An address and a prefix length: a subnet, or an interface's own address within one.
struct Ipv4Prefix {
    Ipv4Address address;
    uint8_t length = 32;

    // "a.b.c.d/n", or "a.b.c.d" which means /32.
    [[nodiscard]] static std::optional<Ipv4Prefix> parse(std::string_view text);
    [[nodiscard]] constexpr uint32_t mask() const {
        return length == 0 ? 0 : 0xffffffffU << (32 - length);
    }
    [[nodiscard]] constexpr bool contains(Ipv4Address other) const {
        return ((other.host() ^ address.host()) & mask()) == 0;
    }
    // The address with its host bits cleared.
    [[nodiscard]] constexpr Ipv4Address network() const {
        return Ipv4Address::from_host(address.host() & mask());
    }
    friend constexpr bool operator==(const Ipv4Prefix&, const Ipv4Prefix&) = default;
    friend constexpr auto operator<=>(const Ipv4Prefix&, const Ipv4Prefix&) = default;
};

// An address and a port: one end of a connection, a virtual service's or a real server's place.
struct Endpoint {
    Ipv4Address address;
    Be16 port;

    // "a.b.c.d:port" with port 1..65535.
    [[nodiscard]] static std::optional<Endpoint> parse(std::string_view text);
    friend constexpr bool operator==(const Endpoint&, const Endpoint&) = default;
    friend constexpr auto operator<=>(const Endpoint& a, const Endpoint& b) {
        if (const auto order = a.address <=> b.address; order != 0) {
            return order;
        }
        return a.port.host() <=> b.port.host();
    }
};

// An Ethernet address.
struct MacAddress {
    std::array<uint8_t, 6> bytes{};

    // Six hexadecimal pairs separated by colons.
    [[nodiscard]] static std::optional<MacAddress> parse(std::string_view text);
    [[nodiscard]] constexpr bool is_group() const { return (bytes[0] & 1) != 0; }
    friend constexpr bool operator==(const MacAddress&, const MacAddress&) = default;
};

// IP protocol numbers that Director balances or looks into (IANA "protocol numbers").
enum class Protocol : uint8_t { kIcmp = 1, kTcp = 6, kUdp = 17 };

[[nodiscard]] std::string to_string(Ipv4Address address);
[[nodiscard]] std::string to_string(const Ipv4Prefix& prefix);
[[nodiscard]] std::string to_string(const Endpoint& endpoint);
[[nodiscard]] std::string to_string(const MacAddress& mac);
// "tcp", "udp", "icmp".
[[nodiscard]] std::string_view to_string(Protocol protocol);

}  // namespace director
