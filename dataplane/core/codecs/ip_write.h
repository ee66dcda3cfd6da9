// IP headers written from nothing, for packets that Director makes itself.
#pragma once

#include <cstdint>

#include "common/address.h"
#include "common/checksum.h"
#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {

// The fields that both versions' headers have.
struct IpFields {
    uint8_t traffic_class = 0;  // TOS
    uint8_t hop_limit = 0;      // TTL
    uint8_t protocol = 0;
    IpAddress source;  // both of the header's family
    IpAddress destination;
};

// Stores the checksum of a sum that counted the field as 0.
inline void store_checksum(uint8_t* at, uint64_t sum) {
    const uint16_t checksum = static_cast<uint16_t>(~checksum_fold(sum));
    std::memcpy(at, &checksum, 2);
}

// A header without options and with its checksum. `fragment` is identification, flags and offset
// in one word; by RFC 6864 section 4.1 what is not to be fragmented needs no identification.
inline void write_ipv4(uint8_t* ip,
                       const IpFields& fields,
                       uint32_t total_bytes,
                       uint32_t fragment = wire::kIpv4DontFragment) {
    // In registers, and stored once: a checksum read back from bytes just written would wait for
    // them.
    const uint32_t first = 0x45U << 24 | uint32_t{fields.traffic_class} << 16 | total_bytes;
    const uint32_t third = uint32_t{fields.hop_limit} << 24 | uint32_t{fields.protocol} << 16;
    const uint32_t source = fields.source.ipv4().host();
    const uint32_t destination = fields.destination.ipv4().host();
    const uint64_t sum = uint64_t{first} + fragment + third + source + destination;
    wire::store32(ip, first);
    wire::store32(ip + wire::kIpv4Id, fragment);
    wire::store32(ip + wire::kIpv4Ttl, third | static_cast<uint16_t>(~checksum_fold(sum)));
    wire::store32(ip + wire::kIpv4Source, source);
    wire::store32(ip + wire::kIpv4Destination, destination);
}

inline void write_ipv6(uint8_t* ip,
                       const IpFields& fields,
                       uint32_t payload_bytes,
                       uint32_t flow_label = 0) {
    wire::store32(ip, 6U << 28 | uint32_t{fields.traffic_class} << 20 | flow_label);
    wire::store16(ip + wire::kIpv6PayloadLength, payload_bytes);
    ip[wire::kIpv6NextHeader] = fields.protocol;
    ip[wire::kIpv6HopLimit] = fields.hop_limit;
    wire::store_ipv6(ip + wire::kIpv6Source, fields.source);
    wire::store_ipv6(ip + wire::kIpv6Destination, fields.destination);
}

// The pseudo header's part of a checksum (RFC 793 section 3.1, RFC 8200 section 8.1).
[[nodiscard]] inline uint64_t checksum_pseudo(const IpAddress& source,
                                              const IpAddress& destination,
                                              uint8_t protocol,
                                              uint32_t length) {
    const size_t from = source.is_ipv4() ? 12 : 0;
    uint64_t sum = checksum_add(0, source.bytes.data() + from, 16 - from);
    sum = checksum_add(sum, destination.bytes.data() + from, 16 - from);
    return sum + __builtin_bswap32(length) + (uint64_t{protocol} << 8);
}

[[nodiscard]] inline uint8_t ipv6_traffic_class(const uint8_t* ip) {
    return static_cast<uint8_t>(wire::load16(ip) >> 4);
}

}  // namespace director::dataplane
