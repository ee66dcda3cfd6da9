// Stage 1: what is this frame? Every bound that later stages rely on is checked here, once.
#include <cstring>
#include <optional>

#include "common/checksum.h"
#include "dataplane/core/frame.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

// Reads the Ethernet header and a VLAN tag; answers the EtherType. nullopt = frame too short.
std::optional<uint16_t> parse_ethernet(Packet& packet) {
    if (packet.contiguous_bytes < kEthernetBytes) {
        return std::nullopt;
    }
    packet.is_group_frame = (packet.data[0] & 1) != 0;
    packet.l3_offset = kEthernetBytes;
    packet.vlan = 0;
    const uint16_t type = load_be16(packet.data + kEtherTypeOffset);
    if (type != kEtherTypeVlan) {
        return type;
    }
    if (packet.contiguous_bytes < kEthernetBytes + kVlanTagBytes) {
        return std::nullopt;
    }
    // VLAN 0 only carries a priority (IEEE 802.1Q clause 6.9): the frame is untagged.
    packet.vlan = load_be16(packet.data + kEthernetBytes) & 0xfff;
    packet.l3_offset = kEthernetBytes + kVlanTagBytes;
    return load_be16(packet.data + kEthernetBytes + 2);
}

[[nodiscard]] bool is_ip_checksum_good(const Packet& packet, const uint8_t* ip, uint32_t length) {
    return packet.ip_checksum == ChecksumCheck::kGood ||
           checksum_fold(checksum_add(0, ip, length)) == 0xffff;
}

// Ports, flags and sizes of TCP and UDP. kCount = all is well.
DropReason parse_l4(Packet& packet, uint32_t l4_length) {
    const bool is_tcp = packet.protocol == Protocol::kTcp;
    const uint32_t header_bytes = is_tcp ? kTcpBytes : kUdpBytes;
    if (l4_length < header_bytes) {
        return DropReason::kBadL4Header;
    }
    if (packet.l4_offset + header_bytes > packet.contiguous_bytes) {
        return DropReason::kTruncated;
    }
    const uint8_t* const l4 = packet.data + packet.l4_offset;
    if (is_tcp) {
        const uint32_t data_offset = uint32_t{l4[kTcpDataOffset]} >> 4 << 2;
        if (data_offset < kTcpBytes || data_offset > l4_length) {
            return DropReason::kBadL4Header;
        }
        packet.tcp_flags = l4[kTcpFlagsOffset];
    } else {
        const uint16_t udp_length = load_be16(l4 + kUdpLengthOffset);
        if (udp_length < kUdpBytes || udp_length > l4_length) {
            return DropReason::kBadL4Header;
        }
    }
    std::memcpy(&packet.source.port.raw, l4, 2);
    std::memcpy(&packet.destination.port.raw, l4 + 2, 2);
    packet.has_ports = true;
    return DropReason::kCount;
}

DropReason parse_ipv4(Packet& packet) {
    if (packet.l3_offset + kIpv4Bytes > packet.contiguous_bytes) {
        return DropReason::kTruncated;
    }
    const uint8_t* const ip = packet.data + packet.l3_offset;
    const uint32_t header_bytes = uint32_t{ip[0]} % 16 * 4;
    if (ip[0] >> 4 != 4 || header_bytes < kIpv4Bytes) {
        return DropReason::kBadIpHeader;
    }
    packet.ip_length = load_be16(ip + kIpLengthOffset);
    if (packet.ip_length < header_bytes ||
        packet.ip_length > packet.length_bytes - packet.l3_offset) {
        return DropReason::kBadIpLength;
    }
    if (packet.l3_offset + header_bytes > packet.contiguous_bytes) {
        return DropReason::kTruncated;
    }
    if (packet.ip_checksum == ChecksumCheck::kBad ||
        !is_ip_checksum_good(packet, ip, header_bytes)) {
        return DropReason::kBadIpChecksum;
    }
    std::memcpy(&packet.source.address.bits.raw, ip + kIpSourceOffset, 4);
    std::memcpy(&packet.destination.address.bits.raw, ip + kIpDestinationOffset, 4);
    packet.l4_offset = static_cast<uint16_t>(packet.l3_offset + header_bytes);
    packet.protocol = static_cast<Protocol>(ip[kIpProtocolOffset]);
    if (packet.protocol != Protocol::kTcp && packet.protocol != Protocol::kUdp) {
        return DropReason::kCount;
    }
    if ((load_be16(ip + kIpFragmentOffset) & kIpFragmentMask) != 0) {
        return DropReason::kFragment;
    }
    return parse_l4(packet, packet.ip_length - header_bytes);
}

}  // namespace

void parse_burst(Worker::State& state, Burst& burst) {
    for (Packet& packet : burst) {
        packet.verdict = Verdict::kUndecided;
        packet.has_ports = false;
        packet.is_ipv4 = false;
        packet.tcp_flags = 0;
        packet.connection = kNoConnection;
        packet.service = kNoService;
        const std::optional<uint16_t> type = parse_ethernet(packet);
        if (!type) {
            state.drop(packet, DropReason::kTruncated);
        } else if (*type < kEtherTypeMin) {
            state.drop(packet, DropReason::kNotEthernetII);
        } else if (*type == kEtherTypeIpv4) {
            packet.is_ipv4 = true;
            const DropReason reason = parse_ipv4(packet);
            if (reason != DropReason::kCount) {
                state.drop(packet, reason);
            }
        }
    }
}

}  // namespace director::dataplane
