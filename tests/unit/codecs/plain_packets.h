// Packets put together from nothing, byte by byte, every checksum computed over the whole: the
// obviously right model that the packet functions are compared with. Shares no code with them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/random.h"

namespace director::test {

using Bytes = std::vector<uint8_t>;

inline void append16(Bytes& bytes, size_t value) {
    bytes.push_back(static_cast<uint8_t>(value >> 8));
    bytes.push_back(static_cast<uint8_t>(value));
}
inline void append32(Bytes& bytes, size_t value) {
    append16(bytes, value >> 16);
    append16(bytes, value);
}
inline void append(Bytes& bytes, const Bytes& more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}
inline Bytes address_bytes(const IpAddress& address) {
    return {address.bytes.begin() + (address.is_ipv4() ? 12 : 0), address.bytes.end()};
}
inline Bytes first_bytes(Bytes bytes, size_t count) {
    bytes.resize(std::min(bytes.size(), count));
    return bytes;
}

// RFC 1071, as its section 1 words it.
inline uint16_t plain_checksum(Bytes bytes) {
    if (bytes.size() % 2 != 0) {
        bytes.push_back(0);
    }
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); i += 2) {
        sum += bytes[i] * 256U + bytes[i + 1];
        sum = sum > 0xffff ? sum - 0xffff : sum;
    }
    return static_cast<uint16_t>(0xffff - sum);
}

inline uint16_t transport_checksum(const IpAddress& source,
                                   const IpAddress& destination,
                                   uint8_t protocol,
                                   const Bytes& segment) {
    Bytes all = address_bytes(source);
    append(all, address_bytes(destination));
    append32(all, segment.size());
    append32(all, protocol);
    append(all, segment);
    return plain_checksum(all);
}

inline void set16(Bytes& bytes, size_t at, size_t value) {
    bytes[at] = static_cast<uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<uint8_t>(value);
}

// RFC 9260 appendix A, a bit at a time.
inline uint32_t plain_crc32c(const Bytes& bytes) {
    uint32_t crc = 0xffffffffU;
    for (const uint8_t byte : bytes) {
        for (int bit = 0; bit < 8; ++bit) {
            const bool is_set = ((crc ^ byte >> bit) & 1) != 0;
            crc = is_set ? crc >> 1 ^ 0x82f63b78U : crc >> 1;
        }
    }
    return ~crc;
}

// A TCP, UDP or SCTP packet with its checksum.
inline Bytes plain_transport(uint8_t protocol,
                             const Endpoint& source,
                             const Endpoint& destination,
                             const Bytes& payload,
                             bool has_udp_checksum = true) {
    Bytes l4;
    append16(l4, source.port.host());
    append16(l4, destination.port.host());
    if (protocol == 17) {
        append16(l4, 8 + payload.size());
        append16(l4, 0);
    } else if (protocol == 6) {
        append32(l4, 0x01020304);
        append32(l4, 0x05060708);
        append32(l4, 0x50180200);
        append32(l4, 0);
    } else {
        append32(l4, 0xabcdef01);
        append32(l4, 0);
    }
    append(l4, payload);
    if (protocol == 132) {
        const uint32_t crc = plain_crc32c(l4);
        for (size_t i = 0; i < 4; ++i) {
            l4[8 + i] = static_cast<uint8_t>(crc >> 8 * i);
        }
        return l4;
    }
    uint16_t checksum = transport_checksum(source.address, destination.address, protocol, l4);
    if (protocol == 17) {
        checksum = !has_udp_checksum ? 0 : checksum == 0 ? 0xffff : checksum;
    }
    set16(l4, protocol == 17 ? 6 : 16, checksum);
    return l4;
}

// The fields of an IP header of either version, its family that of the addresses.
struct PlainIp {
    IpAddress source;
    IpAddress destination;
    uint8_t protocol = 6;
    uint8_t hop_limit = 64;
    uint8_t traffic_class = 0;
    uint32_t flow_label = 0;
    uint16_t id = 0;
    uint16_t fragment = 0x4000;  // IPv4: flags and offset
    Bytes options = {};          // IPv4, a multiple of 4; IPv6: extension headers
    uint8_t first_header = 0;    // IPv6 with extension headers: the first one's number

    // `payload_bytes` differs from the payload's size in a cut packet.
    [[nodiscard]] Bytes wrap(const Bytes& payload, size_t payload_bytes) const {
        Bytes ip;
        if (source.is_ipv4()) {
            ip = {static_cast<uint8_t>(0x45 + options.size() / 4), traffic_class};
            append16(ip, 20 + options.size() + payload_bytes);
            append16(ip, id);
            append16(ip, fragment);
            ip.push_back(hop_limit);
            ip.push_back(protocol);
            append16(ip, 0);
        } else {
            append32(ip, 6U << 28 | static_cast<uint32_t>(traffic_class) << 20 | flow_label);
            append16(ip, options.size() + payload_bytes);
            ip.push_back(options.empty() ? protocol : first_header);
            ip.push_back(hop_limit);
        }
        append(ip, address_bytes(source));
        append(ip, address_bytes(destination));
        append(ip, options);
        if (source.is_ipv4()) {
            set16(ip, 10, plain_checksum(ip));
        }
        append(ip, payload);
        return ip;
    }
    [[nodiscard]] Bytes wrap(const Bytes& payload) const { return wrap(payload, payload.size()); }
};

// An ICMP or ICMPv6 message with its checksum, in an IP packet.
inline Bytes plain_icmp(PlainIp ip, uint8_t type, uint8_t code, uint32_t rest, const Bytes& body) {
    ip.protocol = ip.source.is_ipv4() ? 1 : 58;
    Bytes icmp = {type, code, 0, 0};
    append32(icmp, rest);
    append(icmp, body);
    set16(icmp,
          2,
          ip.source.is_ipv4() ? plain_checksum(icmp)
                              : transport_checksum(ip.source, ip.destination, 58, icmp));
    return ip.wrap(icmp);
}

inline IpAddress random_address(Random& random, Family family) {
    if (family == Family::kIpv4) {
        return Ipv4Address::from_host(static_cast<uint32_t>(random.next()));
    }
    std::array<uint8_t, 16> raw{};
    for (uint8_t& byte : raw) {
        byte = static_cast<uint8_t>(random.next());
    }
    raw[0] = 0x20;
    return IpAddress(raw);
}

inline Endpoint random_end(Random& random, Family family) {
    return {random_address(random, family), Be16::from_host(static_cast<uint16_t>(random.next()))};
}

inline Bytes random_bytes(Random& random, size_t count) {
    Bytes bytes(count);
    for (uint8_t& byte : bytes) {
        byte = static_cast<uint8_t>(random.next());
    }
    return bytes;
}

inline std::string hex(const Bytes& bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const uint8_t byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

}  // namespace director::test
