// Addresses: what an administrator writes ("192.168.0.1:80", "10.0.0.0/8", "02:00:...") and what
// the wire carries. Plain values; parsing is strict (no trailing text, no octal, no missing parts).
#pragma once

#include <array>
#include <bit>
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

enum class Family : uint8_t { kIpv4, kIpv6 };

// An address of either family. An IPv4 one is kept as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2),
// which is on no wire, so that 16 bytes tell all. Default: ::.
struct IpAddress {
    std::array<uint8_t, 16> bytes{};

    constexpr IpAddress() = default;
    constexpr IpAddress(Ipv4Address address) {  // NOLINT(google-explicit-constructor): it is one
        const uint32_t value = address.host();
        bytes = {0,
                 0,
                 0,
                 0,
                 0,
                 0,
                 0,
                 0,
                 0,
                 0,
                 0xff,
                 0xff,
                 static_cast<uint8_t>(value >> 24),
                 static_cast<uint8_t>(value >> 16),
                 static_cast<uint8_t>(value >> 8),
                 static_cast<uint8_t>(value)};
    }
    constexpr explicit IpAddress(const std::array<uint8_t, 16>& raw) : bytes(raw) {}

    // "a.b.c.d", or RFC 4291 text of an IPv6 address without zone; "::ffff:a.b.c.d" is refused.
    [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
    // The 16 bytes of an IPv6 header field.
    [[nodiscard]] static IpAddress load_ipv6(const uint8_t* field);

    [[nodiscard]] constexpr bool is_ipv4() const {
        const auto words = std::bit_cast<std::array<Be32, 4>>(bytes);
        return (words[0].raw | words[1].raw) == 0 && words[2] == Be32::from_host(0xffff);
    }
    [[nodiscard]] constexpr Family family() const {
        return is_ipv4() ? Family::kIpv4 : Family::kIpv6;
    }
    // Of an IPv4 address; of an IPv6 one, its last 32 bits.
    [[nodiscard]] constexpr Ipv4Address ipv4() const {
        return Ipv4Address::of(bytes[12], bytes[13], bytes[14], bytes[15]);
    }
    // The all-zero address of its family: "any".
    [[nodiscard]] constexpr bool is_any() const {
        return *this == IpAddress() || *this == IpAddress(Ipv4Address());
    }
    [[nodiscard]] constexpr bool is_multicast() const {
        return is_ipv4() ? ipv4().is_multicast() : bytes[0] == 0xff;
    }
    [[nodiscard]] constexpr bool is_loopback() const {
        return is_ipv4() ? ipv4().is_loopback() : *this == ipv6_loopback();
    }
    [[nodiscard]] constexpr bool is_link_local() const {
        return is_ipv4() ? ipv4().host() >> 16 == 0xa9fe
                         : bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
    }
    friend constexpr bool operator==(const IpAddress&, const IpAddress&) = default;
    // IPv4 first, each family in the order of its numbers.
    friend constexpr std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
        if (const auto order = a.family() <=> b.family(); order != 0) {
            return order;
        }
        return a.bytes <=> b.bytes;
    }

  private:
    [[nodiscard]] static constexpr IpAddress ipv6_loopback() {
        IpAddress address;
        address.bytes[15] = 1;
        return address;
    }
};
static_assert(sizeof(IpAddress) == 16);

// An address and a prefix length: a subnet, or an interface's own address within one.
struct IpPrefix {
    IpAddress address = Ipv4Address();
    uint8_t length = 32;  // 0..32 or 0..128, by the address's family

    // "a.b.c.d/n", "2001:db8::/n", or an address alone, which means its whole length.
    [[nodiscard]] static std::optional<IpPrefix> parse(std::string_view text);
    // 32 or 128.
    [[nodiscard]] static constexpr uint8_t length_max(Family family) {
        return family == Family::kIpv4 ? 32 : 128;
    }
    [[nodiscard]] constexpr Family family() const { return address.family(); }
    // Whether `other` is of the same family and within.
    [[nodiscard]] constexpr bool contains(const IpAddress& other) const {
        return other.family() == family() && masked(other, length) == network();
    }
    // The address with its host bits cleared.
    [[nodiscard]] constexpr IpAddress network() const { return masked(address, length); }
    // `address` with all but the first `length` bits (counted within its family) cleared.
    [[nodiscard]] static constexpr IpAddress masked(const IpAddress& address, uint8_t length) {
        const size_t first = address.is_ipv4() ? 96U + length : length;
        IpAddress result = address;
        for (size_t i = first / 8; i < result.bytes.size(); ++i) {
            const uint8_t kept =
                i == first / 8 ? static_cast<uint8_t>(0xff00U >> first % 8) : uint8_t{0};
            result.bytes[i] &= kept;
        }
        return result;
    }
    friend constexpr bool operator==(const IpPrefix&, const IpPrefix&) = default;
    friend constexpr auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

// An address and a port: one end of a connection, a virtual service's or a real server's place.
struct Endpoint {
    IpAddress address = Ipv4Address();
    Be16 port;

    // "a.b.c.d:port" or "[2001:db8::1]:port"; port 0..65535, where 0 stands for any.
    [[nodiscard]] static std::optional<Endpoint> parse(std::string_view text);
    friend constexpr bool operator==(const Endpoint&, const Endpoint&) = default;
    friend constexpr std::strong_ordering operator<=>(const Endpoint& a, const Endpoint& b) {
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

// IP protocol numbers that Director balances or looks into (IANA "protocol numbers"). kAny is no
// protocol's number on an IPv4 wire; it stands for all of them in match rules.
enum class Protocol : uint8_t {
    kAny = 0,
    kIcmp = 1,
    kIpIp = 4,
    kTcp = 6,
    kUdp = 17,
    kIpv6 = 41,
    kGre = 47,
    kAh = 51,
    kIcmpv6 = 58,
    kVrrp = 112,
    kSctp = 132,
};

[[nodiscard]] std::string to_string(Ipv4Address address);
// IPv6 in RFC 5952's form.
[[nodiscard]] std::string to_string(const IpAddress& address);
[[nodiscard]] std::string to_string(const IpPrefix& prefix);
// "192.0.2.1:80", "[2001:db8::1]:80".
[[nodiscard]] std::string to_string(const Endpoint& endpoint);
[[nodiscard]] std::string to_string(const MacAddress& mac);
// "tcp", "udp", "sctp", "icmp", ...
[[nodiscard]] std::string_view to_string(Protocol protocol);

}  // namespace director
