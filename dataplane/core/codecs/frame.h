// Offsets and numbers of the headers that the stages read and write, and unaligned access to them.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/address.h"
#include "common/ethernet.h"

namespace director::dataplane {

// IPv4 (RFC 791).
inline constexpr uint32_t kIpv4Bytes = 20;
inline constexpr uint32_t kIpLengthOffset = 2;
inline constexpr uint32_t kIpIdOffset = 4;
inline constexpr uint32_t kIpFragmentOffset = 6;
inline constexpr uint16_t kIpDontFragment = 0x4000;
inline constexpr uint16_t kIpFragmentMask = 0x3fff;     // more fragments, or an offset
inline constexpr uint16_t kIpFragmentMaskRaw = 0xff3f;  // the same on a value as it lies in memory
inline constexpr uint32_t kIpTtlOffset = 8;
inline constexpr uint32_t kIpProtocolOffset = 9;
inline constexpr uint32_t kIpChecksumOffset = 10;
inline constexpr uint32_t kIpSourceOffset = 12;
inline constexpr uint32_t kIpDestinationOffset = 16;

// IPv6 (RFC 8200).
inline constexpr uint32_t kIpv6Bytes = 40;
inline constexpr uint32_t kIpv6AddressBytes = 16;
inline constexpr uint32_t kIpv6LengthOffset = 4;
inline constexpr uint32_t kIpv6NextHeaderOffset = 6;
inline constexpr uint32_t kIpv6HopLimitOffset = 7;
inline constexpr uint32_t kIpv6SourceOffset = 8;
inline constexpr uint32_t kIpv6DestinationOffset = 24;

// TCP (RFC 9293), UDP (RFC 768) and SCTP (RFC 9260). All begin with source and destination port.
inline constexpr uint32_t kL4DestinationOffset = 2;
inline constexpr uint32_t kTcpBytes = 20;
inline constexpr uint32_t kTcpDataOffset = 12;
inline constexpr uint32_t kTcpFlagsOffset = 13;
inline constexpr uint32_t kTcpChecksumOffset = 16;
inline constexpr uint32_t kSctpBytes = 12;
inline constexpr uint32_t kUdpBytes = 8;
inline constexpr uint32_t kUdpLengthOffset = 4;
inline constexpr uint32_t kUdpChecksumOffset = 6;

[[nodiscard]] inline uint16_t load_be16(const uint8_t* at) {
    uint16_t raw = 0;
    std::memcpy(&raw, at, 2);
    return __builtin_bswap16(raw);
}

// Values as they lie in memory, for checksum arithmetic.
[[nodiscard]] inline uint16_t load_raw16(const uint8_t* at) {
    uint16_t raw = 0;
    std::memcpy(&raw, at, 2);
    return raw;
}

[[nodiscard]] inline Ipv4Address load_address(const uint8_t* at) {
    Ipv4Address address;
    std::memcpy(&address.bits.raw, at, 4);
    return address;
}

inline void store_address(uint8_t* at, Ipv4Address address) {
    std::memcpy(at, &address.bits.raw, 4);
}

[[nodiscard]] inline uint32_t load_raw32(const uint8_t* at) {
    uint32_t raw = 0;
    std::memcpy(&raw, at, 4);
    return raw;
}

inline void store_raw32(uint8_t* at, uint32_t raw) {
    std::memcpy(at, &raw, 4);
}

inline void store_raw16(uint8_t* at, uint16_t raw) {
    std::memcpy(at, &raw, 2);
}

}  // namespace director::dataplane
