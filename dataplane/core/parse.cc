// Stage 1: what is this frame? Every bound that later stages rely on is checked here, once.
#include "common/checksum.h"
#include "dataplane/core/frame.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

struct EthernetHeader {
    uint32_t length_bytes;  // 0 = the frame is too short for one
    uint16_t type;
    uint16_t vlan;
};

EthernetHeader parse_ethernet(const uint8_t* frame, uint32_t frame_bytes) {
    if (frame_bytes < kEthernetBytes) {
        return {};
    }
    const uint16_t type = load_be16(frame + kEtherTypeOffset);
    if (type != kEtherTypeVlan) {
        return {kEthernetBytes, type, 0};
    }
    if (frame_bytes < kEthernetBytes + kVlanTagBytes) {
        return {};
    }
    // VLAN 0 only carries a priority (IEEE 802.1Q clause 6.9): the frame is untagged.
    const uint16_t vlan = load_be16(frame + kEthernetBytes) & 0xfff;
    return {kEthernetBytes + kVlanTagBytes, load_be16(frame + kEthernetBytes + 2), vlan};
}

[[nodiscard]] bool is_ip_checksum_good(const uint8_t* ip, uint32_t length) {
    // The constant length lets the compiler unroll: nearly all headers are without options.
    const uint64_t sum =
        length == kIpv4Bytes ? checksum_add(0, ip, kIpv4Bytes) : checksum_add(0, ip, length);
    return checksum_fold(sum) == 0xffff;
}

// The sizes in a TCP or UDP header, of which all bytes are there. kCount = all is well.
[[nodiscard]] DropReason check_l4(const uint8_t* l4, bool is_tcp, uint32_t l4_length) {
    const uint32_t claimed = is_tcp ? uint32_t{l4[kTcpDataOffset]} >> 4 << 2
                                    : uint32_t{load_be16(l4 + kUdpLengthOffset)};
    const bool is_good = claimed >= (is_tcp ? kTcpBytes : kUdpBytes) && claimed <= l4_length;
    return is_good ? DropReason::kCount : DropReason::kBadL4Header;
}

// Ports and flags of TCP and UDP; `source` and `destination` know their addresses already.
DropReason parse_l4(Packet& packet, FlowEnd source, FlowEnd destination, uint32_t l4_length) {
    const bool is_tcp = source.protocol() == Protocol::kTcp;
    const uint32_t header_bytes = is_tcp ? kTcpBytes : kUdpBytes;
    if (l4_length < header_bytes) {
        return DropReason::kBadL4Header;
    }
    if (packet.l4_offset + header_bytes > packet.contiguous_bytes) {
        return DropReason::kTruncated;
    }
    const uint8_t* const l4 = packet.data + packet.l4_offset;
    const DropReason reason = check_l4(l4, is_tcp, l4_length);
    packet.source = source.with_port(Be16{load_raw16(l4)});
    packet.destination = destination.with_port(Be16{load_raw16(l4 + kL4DestinationOffset)});
    packet.tcp_flags = is_tcp ? l4[kTcpFlagsOffset] : uint8_t{0};
    packet.has_ports = true;
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
    const FlowEnd source = FlowEnd::of(protocol, load_address(ip + kIpSourceOffset));
    const FlowEnd destination = FlowEnd::of(protocol, load_address(ip + kIpDestinationOffset));
    const bool is_fragment = (load_be16(ip + kIpFragmentOffset) & kIpFragmentMask) != 0;
    packet.protocol = protocol;
    packet.l4_offset = static_cast<uint16_t>(l3_offset + header_bytes);
    packet.ip_length = static_cast<uint16_t>(ip_length);
    if (protocol != Protocol::kTcp && protocol != Protocol::kUdp) {
        packet.source = source;
        packet.destination = destination;
        return DropReason::kCount;
    }
    if (is_fragment) {
        return DropReason::kFragment;
    }
    return parse_l4(packet, source, destination, ip_length - header_bytes);
}

// The frame that nearly all are, checked as parse() does but with every offset a constant:
// untagged, IPv4 without options, TCP, no fragment, nothing wrong. False = nothing is known yet.
[[nodiscard]] bool parse_usual(Packet& packet) {
    constexpr uint32_t kL4Offset = kEthernetBytes + kIpv4Bytes;
    if (packet.contiguous_bytes < kL4Offset + kTcpBytes) {
        return false;
    }
    const uint8_t* const ip = packet.data + kEthernetBytes;
    const uint8_t* const tcp = packet.data + kL4Offset;
    const uint32_t ip_length = load_be16(ip + kIpLengthOffset);
    const uint32_t tcp_header_bytes = uint32_t{tcp[kTcpDataOffset]} >> 4 << 2;
    const bool is_usual =
        load_be16(packet.data + kEtherTypeOffset) == kEtherTypeIpv4 && ip[0] == 0x45 &&
        ip[kIpProtocolOffset] == static_cast<uint8_t>(Protocol::kTcp) &&
        (load_raw16(ip + kIpFragmentOffset) & kIpFragmentMaskRaw) == 0 &&
        ip_length <= packet.length_bytes - kEthernetBytes && tcp_header_bytes >= kTcpBytes &&
        kIpv4Bytes + tcp_header_bytes <= ip_length && packet.ip_checksum != ChecksumCheck::kBad &&
        (packet.ip_checksum == ChecksumCheck::kGood || is_ip_checksum_good(ip, kIpv4Bytes));
    if (!is_usual) {
        return false;
    }
    const uint8_t flags = tcp[kTcpFlagsOffset];
    packet.is_group_frame = (packet.data[0] & 1) != 0;
    packet.source =
        FlowEnd::of(Protocol::kTcp, load_address(ip + kIpSourceOffset), Be16{load_raw16(tcp)});
    packet.destination = FlowEnd::of(Protocol::kTcp,
                                     load_address(ip + kIpDestinationOffset),
                                     Be16{load_raw16(tcp + kL4DestinationOffset)});
    packet.protocol = Protocol::kTcp;
    packet.is_ipv4 = true;
    packet.has_ports = true;
    packet.tcp_flags = flags;
    packet.l3_offset = kEthernetBytes;
    packet.l4_offset = kL4Offset;
    packet.ip_length = static_cast<uint16_t>(ip_length);
    packet.vlan = 0;
    return true;
}

// kCount = nothing is wrong.
DropReason parse(Packet& packet) {
    packet.is_ipv4 = false;
    packet.has_ports = false;
    packet.tcp_flags = 0;
    const EthernetHeader ethernet = parse_ethernet(packet.data, packet.contiguous_bytes);
    if (ethernet.length_bytes == 0) {
        return DropReason::kTruncated;
    }
    packet.is_group_frame = (packet.data[0] & 1) != 0;
    packet.l3_offset = static_cast<uint16_t>(ethernet.length_bytes);
    packet.vlan = ethernet.vlan;
    if (ethernet.type == kEtherTypeIpv4) {
        packet.is_ipv4 = true;
        return parse_ipv4(packet, ethernet.length_bytes);
    }
    return ethernet.type < kEtherTypeMin ? DropReason::kNotEthernetII : DropReason::kCount;
}

}  // namespace

void parse_burst(Worker::State& state, Packets packets) {
    uint32_t handed_in = 0;
    for (Packet& packet : packets) {
        handed_in += packet.is_handed_over ? 1U : 0U;
        packet.verdict = Verdict::kUndecided;
        packet.connection = kNoConnection;
        packet.service = kNoService;
        const DropReason reason = parse_usual(packet) ? DropReason::kCount : parse(packet);
        if (reason != DropReason::kCount) {
            state.drop(packet, reason);
        }
    }
    state.counters.handed_in += handed_in;
    state.counters.received += packets.size() - handed_in;
}

}  // namespace director::dataplane
