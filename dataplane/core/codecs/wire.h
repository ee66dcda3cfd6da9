// Access to header fields in network order, wherever they lie, and the offsets that the packet
// functions beside the stages share. Values are in host order; for checksum arithmetic on raw
// values see common/checksum.h.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/address.h"

namespace director::dataplane::wire {

[[nodiscard]] inline uint16_t load16(const uint8_t* at) {
    uint16_t raw = 0;
    std::memcpy(&raw, at, 2);
    return __builtin_bswap16(raw);
}

[[nodiscard]] inline uint32_t load32(const uint8_t* at) {
    uint32_t raw = 0;
    std::memcpy(&raw, at, 4);
    return __builtin_bswap32(raw);
}

inline void store16(uint8_t* at, uint32_t value) {
    const uint16_t raw = __builtin_bswap16(static_cast<uint16_t>(value));
    std::memcpy(at, &raw, 2);
}

inline void store32(uint8_t* at, uint32_t value) {
    const uint32_t raw = __builtin_bswap32(value);
    std::memcpy(at, &raw, 4);
}

// IPv4 (RFC 791 section 3.1).
inline constexpr uint32_t kIpv4HeaderBytes = 20;
inline constexpr uint32_t kIpv4Tos = 1;
inline constexpr uint32_t kIpv4Length = 2;
inline constexpr uint32_t kIpv4Id = 4;
inline constexpr uint32_t kIpv4Fragment = 6;
inline constexpr uint32_t kIpv4Ttl = 8;
inline constexpr uint32_t kIpv4Protocol = 9;
inline constexpr uint32_t kIpv4Checksum = 10;
inline constexpr uint32_t kIpv4Source = 12;
inline constexpr uint32_t kIpv4Destination = 16;
inline constexpr uint16_t kIpv4DontFragment = 0x4000;
inline constexpr uint16_t kIpv4MoreFragments = 0x2000;
inline constexpr uint16_t kIpv4OffsetMask = 0x1fff;  // in units of 8 bytes

// IPv6 (RFC 8200 section 3).
inline constexpr uint32_t kIpv6HeaderBytes = 40;
inline constexpr uint32_t kIpv6PayloadLength = 4;
inline constexpr uint32_t kIpv6NextHeader = 6;
inline constexpr uint32_t kIpv6HopLimit = 7;
inline constexpr uint32_t kIpv6Source = 8;
inline constexpr uint32_t kIpv6Destination = 24;

inline constexpr uint32_t kIpLengthMax = 65535;

[[nodiscard]] inline IpAddress load_ipv4(const uint8_t* at) {
    return Ipv4Address::of(at[0], at[1], at[2], at[3]);
}

[[nodiscard]] inline IpAddress load_ipv6(const uint8_t* at) {
    IpAddress address;
    std::memcpy(address.bytes.data(), at, 16);
    return address;
}

// The last 32 bits, which are all of an IPv4 address.
inline void store_ipv4(uint8_t* at, const IpAddress& address) {
    std::memcpy(at, address.bytes.data() + 12, 4);
}

inline void store_ipv6(uint8_t* at, const IpAddress& address) {
    std::memcpy(at, address.bytes.data(), 16);
}

}  // namespace director::dataplane::wire
