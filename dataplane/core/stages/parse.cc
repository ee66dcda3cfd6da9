// Stage 1: what is this frame? Every bound that later stages rely on is checked here, once.
#include "common/checksum.h"
#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/codecs/ipv6_headers.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kCacheLineBytes = 64;

[[nodiscard]] bool is_ip_checksum_good(const uint8_t* ip, uint32_t length) {
    // The constant length lets the compiler unroll: nearly all headers are without options.
    const uint64_t sum =
        length == kIpv4Bytes ? checksum_add(0, ip, kIpv4Bytes) : checksum_add(0, ip, length);
    return checksum_fold(sum) == 0xffff;
}

[[nodiscard]] bool has_ports(Protocol protocol) {
    return protocol == Protocol::kTcp || protocol == Protocol::kUdp || protocol == Protocol::kSctp;
}

[[nodiscard]] uint32_t l4_header_bytes(Protocol protocol) {
    if (protocol == Protocol::kTcp) {
        return kTcpBytes;
    }
    return protocol == Protocol::kUdp ? kUdpBytes : kSctpBytes;
}

// The sizes in a TCP or UDP header, of which all bytes are there. kCount = all is well.
[[nodiscard]] DropReason check_l4(const uint8_t* l4, Protocol protocol, uint32_t l4_length) {
    uint32_t claimed = l4_length;
    if (protocol == Protocol::kTcp) {
        claimed = uint32_t{l4[kTcpDataOffset]} >> 4 << 2;
    } else if (protocol == Protocol::kUdp) {
        claimed = load_be16(l4 + kUdpLengthOffset);
    }
    const bool is_good = claimed >= l4_header_bytes(protocol) && claimed <= l4_length;
    return is_good ? DropReason::kCount : DropReason::kBadL4Header;
}

// Ports and flags of TCP, UDP and SCTP; the packet's ends know their addresses already.
DropReason parse_l4(Packet& packet, uint32_t l4_length) {
    const uint32_t header_bytes = l4_header_bytes(packet.protocol);
    if (l4_length < header_bytes) {
        return DropReason::kBadL4Header;
    }
    if (packet.l4_offset + header_bytes > packet.contiguous_bytes) {
        return DropReason::kTruncated;
    }
    const uint8_t* const l4 = packet.data + packet.l4_offset;
    const DropReason reason = check_l4(l4, packet.protocol, l4_length);
    packet.source = packet.source.with_port(Be16{load_raw16(l4)});
    packet.destination = packet.destination.with_port(Be16{load_raw16(l4 + kL4DestinationOffset)});
    packet.tcp_flags = packet.protocol == Protocol::kTcp ? l4[kTcpFlagsOffset] : uint8_t{0};
    packet.has_ports = true;
    packet.has_l4_header = true;
    return reason;
}

DropReason parse_ipv4(Packet& packet, uint32_t l3_offset) {
    if (l3_offset + kIpv4Bytes > packet.contiguous_bytes) {
        return DropReason::kTruncated;
    }
    const uint8_t* const ip = packet.data + l3_offset;
    const uint32_t header_bytes = uint32_t{ip[0]} % 16 * 4;
    if (ip[0] >> 4 != 4 || header_bytes < kIpv4Bytes) {
        return DropReason::kBadIpHeader;
    }
    const uint32_t ip_length = load_be16(ip + kIpLengthOffset);
    if (ip_length < header_bytes || ip_length > packet.length_bytes - l3_offset) {
        return DropReason::kBadIpLength;
    }
    if (l3_offset + header_bytes > packet.contiguous_bytes) {
        return DropReason::kTruncated;
    }
    if (packet.ip_checksum != ChecksumCheck::kGood &&
        (packet.ip_checksum == ChecksumCheck::kBad || !is_ip_checksum_good(ip, header_bytes))) {
        return DropReason::kBadIpChecksum;
    }
    const Protocol protocol = static_cast<Protocol>(ip[kIpProtocolOffset]);
    packet.source = FlowEnd::of(protocol, load_address(ip + kIpSourceOffset));
    packet.destination = FlowEnd::of(protocol, load_address(ip + kIpDestinationOffset));
    packet.protocol = protocol;
    packet.l4_offset = static_cast<uint16_t>(l3_offset + header_bytes);
    packet.ip_length = static_cast<uint16_t>(ip_length);
    if (!has_ports(protocol)) {
        return DropReason::kCount;
    }
    if ((load_be16(ip + kIpFragmentOffset) & kIpFragmentMask) != 0) {
        packet.is_fragment = true;
        return DropReason::kCount;
    }
    return parse_l4(packet, ip_length - header_bytes);
}

DropReason parse_ipv6(const HashKey& key, Packet& packet, uint32_t l3_offset) {
    if (l3_offset + kIpv6Bytes > packet.contiguous_bytes) {
        return DropReason::kTruncated;
    }
    const uint8_t* const ip = packet.data + l3_offset;
    if (ip[0] >> 4 != 6) {
        return DropReason::kBadIpHeader;
    }
    const uint32_t ip_length = kIpv6Bytes + load_be16(ip + kIpv6LengthOffset);
    if (ip_length > packet.length_bytes - l3_offset || ip_length > 0xffff) {
        return DropReason::kBadIpLength;
    }
    const Ipv6Walk walk = walk_ipv6(ip, packet.contiguous_bytes - l3_offset, ip_length);
    if (!walk.is_good) {
        return DropReason::kBadIpHeader;
    }
    const Protocol protocol = static_cast<Protocol>(walk.protocol);
    packet.source = FlowEnd::of_ipv6(key, protocol, ip + kIpv6SourceOffset);
    packet.destination = FlowEnd::of_ipv6(key, protocol, ip + kIpv6DestinationOffset);
    packet.protocol = protocol;
    packet.l4_offset = static_cast<uint16_t>(l3_offset + walk.l4_offset);
    packet.ip_length = static_cast<uint16_t>(ip_length);
    if (walk.is_fragment) {
        // What the datagram carries is the first fragment's to say (RFC 8200 section 4.5).
        packet.is_fragment = true;
        return DropReason::kCount;
    }
    // With a source route still to go, the destination is not the one that checksums count (RFC
    // 8200 section 8.1): such a packet can only be routed.
    if (!has_ports(protocol) || walk.has_segments_left) {
        return DropReason::kCount;
    }
    return parse_l4(packet, ip_length - walk.l4_offset);
}

// What parse() finds out of an untagged frame with TCP right behind the IP header.
void set_usual(Packet& packet, bool is_ipv4, uint32_t l4_offset, uint32_t ip_length) {
    packet.is_group_frame = (packet.data[0] & 1) != 0;
    packet.protocol = Protocol::kTcp;
    packet.is_ipv4 = is_ipv4;
    packet.has_ports = true;
    packet.is_ipv6 = !is_ipv4;
    packet.has_l4_header = true;
    packet.tcp_flags = packet.data[l4_offset + kTcpFlagsOffset];
    packet.l3_offset = kEthernetBytes;
    packet.l4_offset = static_cast<uint16_t>(l4_offset);
    packet.ip_length = static_cast<uint16_t>(ip_length);
    packet.vlan = {};
}

// Whether the TCP header at `tcp` is a good one for `length` bytes of TCP.
[[nodiscard]] bool is_tcp_good(const uint8_t* tcp, uint32_t length) {
    const uint32_t header_bytes = uint32_t{tcp[kTcpDataOffset]} >> 4 << 2;
    return header_bytes >= kTcpBytes && header_bytes <= length;
}

// The frame that nearly all are, checked as parse() does but with every offset a constant:
// untagged, IPv4 without options, TCP, no fragment, nothing wrong. False = nothing is known yet.
[[nodiscard]] bool parse_usual_ipv4(Packet& packet) {
    constexpr uint32_t kL4Offset = kEthernetBytes + kIpv4Bytes;
    if (packet.contiguous_bytes < kL4Offset + kTcpBytes) {
        return false;
    }
    const uint8_t* const ip = packet.data + kEthernetBytes;
    const uint8_t* const tcp = packet.data + kL4Offset;
    const uint32_t ip_length = load_be16(ip + kIpLengthOffset);
    const bool is_usual =
        load_be16(packet.data + kEtherTypeOffset) == kEtherTypeIpv4 && ip[0] == 0x45 &&
        ip[kIpProtocolOffset] == static_cast<uint8_t>(Protocol::kTcp) &&
        (load_raw16(ip + kIpFragmentOffset) & kIpFragmentMaskRaw) == 0 && ip_length >= kIpv4Bytes &&
        ip_length <= packet.length_bytes - kEthernetBytes &&
        is_tcp_good(tcp, ip_length - kIpv4Bytes) && packet.ip_checksum != ChecksumCheck::kBad &&
        (packet.ip_checksum == ChecksumCheck::kGood || is_ip_checksum_good(ip, kIpv4Bytes));
    if (!is_usual) {
        return false;
    }
    set_usual(packet, true, kL4Offset, ip_length);
    packet.source =
        FlowEnd::of(Protocol::kTcp, load_address(ip + kIpSourceOffset), Be16{load_raw16(tcp)});
    packet.destination = FlowEnd::of(Protocol::kTcp,
                                     load_address(ip + kIpDestinationOffset),
                                     Be16{load_raw16(tcp + kL4DestinationOffset)});
    return true;
}

// The same of IPv6: no extension headers.
[[nodiscard]] bool parse_usual_ipv6(const HashKey& key, Packet& packet) {
    constexpr uint32_t kL4Offset = kEthernetBytes + kIpv6Bytes;
    if (packet.contiguous_bytes < kL4Offset + kTcpBytes) {
        return false;
    }
    const uint8_t* const ip = packet.data + kEthernetBytes;
    const uint8_t* const tcp = packet.data + kL4Offset;
    const uint32_t payload = load_be16(ip + kIpv6LengthOffset);
    const uint32_t ip_length = kIpv6Bytes + payload;
    const bool is_usual = load_be16(packet.data + kEtherTypeOffset) == kEtherTypeIpv6 &&
                          ip[0] >> 4 == 6 &&
                          ip[kIpv6NextHeaderOffset] == static_cast<uint8_t>(Protocol::kTcp) &&
                          ip_length <= packet.length_bytes - kEthernetBytes &&
                          ip_length <= 0xffff && is_tcp_good(tcp, payload);
    if (!is_usual) {
        return false;
    }
    set_usual(packet, false, kL4Offset, ip_length);
    packet.source =
        FlowEnd::of_ipv6(key, Protocol::kTcp, ip + kIpv6SourceOffset, Be16{load_raw16(tcp)});
    packet.destination = FlowEnd::of_ipv6(key,
                                          Protocol::kTcp,
                                          ip + kIpv6DestinationOffset,
                                          Be16{load_raw16(tcp + kL4DestinationOffset)});
    return true;
}

// kCount = nothing is wrong.
DropReason parse(const HashKey& key, Packet& packet) {
    packet.is_ipv4 = false;
    packet.is_ipv6 = false;
    packet.has_ports = false;
    packet.has_l4_header = false;
    packet.tcp_flags = 0;
    const EthernetHeader ethernet = parse_ethernet(packet.data, packet.contiguous_bytes);
    if (ethernet.length_bytes == 0) {
        return DropReason::kTruncated;
    }
    packet.is_group_frame = (packet.data[0] & 1) != 0;
    packet.l3_offset = static_cast<uint16_t>(ethernet.length_bytes);
    packet.vlan = ethernet.vlan;
    switch (ethernet.type) {
        case kEtherTypeIpv4:
            packet.is_ipv4 = true;
            return parse_ipv4(packet, ethernet.length_bytes);
        case kEtherTypeIpv6:
            packet.is_ipv6 = true;
            return parse_ipv6(key, packet, ethernet.length_bytes);
        default:
            return ethernet.type < kEtherTypeMin ? DropReason::kNotEthernetII : DropReason::kCount;
    }
}

// Of those that did not come from another worker and were not held.
uint64_t bytes_from_ports(Packets packets) {
    uint64_t bytes = 0;
    for (const Packet& packet : packets) {
        if (!packet.is_handed_over && !packet.is_to_follow && !packet.is_resumed) {
            bytes += packet.length_bytes;
        }
    }
    return bytes;
}

}  // namespace

// Whatever is not plain IPv4 has headers that reach into the frame's second cache line.
void reach_burst(Worker::State& /*state*/, Packets packets) {
    for (const Packet& packet : packets) {
        if (packet.contiguous_bytes > kCacheLineBytes &&
            load_be16(packet.data + kEtherTypeOffset) != kEtherTypeIpv4) {
            __builtin_prefetch(packet.data + kCacheLineBytes, 1);
        }
    }
}

void parse_burst(Worker::State& state, Packets packets) {
    uint32_t handed_in = 0;
    uint32_t resumed = 0;
    uint64_t bytes = 0;
    for (Packet& packet : packets) {
        handed_in += (packet.is_handed_over | packet.is_to_follow) ? 1U : 0U;
        resumed += packet.is_resumed ? 1U : 0U;
        bytes += packet.length_bytes;
        packet.verdict = Verdict::kUndecided;
        packet.connection = kNoConnection;
        packet.service = kNoService;
        packet.is_icmp_error = false;
        packet.is_fragment = false;
        packet.is_translated = false;
        packet.is_proven = false;
        packet.is_answer = false;
        if (parse_usual_ipv4(packet) || parse_usual_ipv6(state.settings.hash_key, packet)) {
            continue;
        }
        const DropReason reason = parse(state.settings.hash_key, packet);
        if (reason != DropReason::kCount) {
            state.drop(packet, reason);
        }
    }
    state.counters.handed_in += handed_in;
    state.counters.resumed += resumed;
    state.counters.received_bytes += handed_in + resumed == 0 ? bytes : bytes_from_ports(packets);
    state.counters.received += packets.size() - handed_in - resumed;
}

}  // namespace director::dataplane
