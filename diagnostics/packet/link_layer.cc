#include "diagnostics/packet/link_layer.h"

namespace director::diagnostics {
namespace {

constexpr uint32_t kEthernetBytes = 14;
constexpr uint32_t kVlanTagBytes = 4;
constexpr uint32_t kMplsLabelBytes = 4;
constexpr uint32_t kPppoeBytes = 6;

// Tags and labels on one frame; more is somebody's joke.
constexpr int kTagsMax = 8;

constexpr uint16_t kEtherTypePppoe = 0x8864;
constexpr uint16_t kEtherTypeMpls = 0x8847;
constexpr uint16_t kEtherTypeMplsUpstream = 0x8848;
// Below this the field is a length (IEEE 802.3), behind which LLC begins.
constexpr uint16_t kEtherTypeMin = 0x0600;
// Linux's names for frames without an EtherType (linux/if_ether.h): ETH_P_802_2.
constexpr uint16_t kLinux8022 = 0x0004;

[[nodiscard]] NetworkLayer cut(Headers& headers) {
    headers.faults |= kFaultCut;
    return {};
}

[[nodiscard]] constexpr bool is_vlan_tag(uint16_t ether_type) {
    return ether_type == 0x8100 || ether_type == 0x88a8 || ether_type == 0x9100 ||
           ether_type == 0x9200;
}

NetworkLayer by_ether_type(uint16_t ether_type, Slice bytes, Headers& headers);

// RFC 1661 section 2: the protocol is odd in its last byte, so that a compressed one (RFC 1661
// section 6.5) tells itself by an odd first byte.
NetworkLayer ppp(Slice bytes, Headers& headers) {
    if (bytes.has(2) && bytes.be16(0) == 0xff03) {
        bytes = bytes.behind(2);
    }
    if (!bytes.has(1)) {
        return cut(headers);
    }
    const bool is_short = (bytes.byte(0) & 1) != 0;
    if (!is_short && !bytes.has(2)) {
        return cut(headers);
    }
    const uint16_t protocol = is_short ? bytes.byte(0) : bytes.be16(0);
    const Slice rest = bytes.behind(is_short ? 1 : 2);
    switch (protocol) {
        case 0x0021:
            return {rest, kEtherTypeIpv4, true};
        case 0x0057:
            return {rest, kEtherTypeIpv6, true};
        case 0x0281:
            return by_ether_type(kEtherTypeMpls, rest, headers);
        default:
            return {rest, 0, true};
    }
}

// Cisco's HDLC: address, control, EtherType. PPP's first byte is another.
NetworkLayer hdlc(Slice bytes, Headers& headers) {
    if (bytes.has(1) && bytes.byte(0) != 0x0f && bytes.byte(0) != 0x8f) {
        return ppp(bytes, headers);
    }
    if (!bytes.has(4)) {
        return cut(headers);
    }
    return by_ether_type(bytes.be16(2), bytes.behind(4), headers);
}

// IEEE 802.2: only SNAP with organisation 0 carries EtherTypes (RFC 1042).
NetworkLayer llc(Slice bytes, Headers& headers) {
    if (bytes.has(8) && bytes.be32(0) == 0xaaaa0300 && bytes.be16(4) == 0) {
        return by_ether_type(bytes.be16(6), bytes.behind(8), headers);
    }
    return {bytes, 0, bytes.kept > 0};
}

NetworkLayer mpls(Slice bytes, Headers& headers) {
    for (int i = 0; i < kTagsMax; ++i) {
        if (!bytes.has(kMplsLabelBytes)) {
            return cut(headers);
        }
        const bool is_bottom = (bytes.byte(2) & 1) != 0;
        bytes = bytes.behind(kMplsLabelBytes);
        if (is_bottom) {
            return ip_by_version(bytes);
        }
    }
    return {bytes, kEtherTypeMpls, true};
}

NetworkLayer by_ether_type(uint16_t ether_type, Slice bytes, Headers& headers) {
    for (int i = 0; i < kTagsMax && is_vlan_tag(ether_type); ++i) {
        if (!bytes.has(kVlanTagBytes)) {
            return cut(headers);
        }
        if (headers.vlan_count < headers.vlans.size()) {
            headers.vlans[headers.vlan_count] = bytes.be16(0) & 0x0fff;
        }
        ++headers.vlan_count;
        ether_type = bytes.be16(2);
        bytes = bytes.behind(kVlanTagBytes);
    }
    if (ether_type < kEtherTypeMin) {
        return llc(bytes, headers);
    }
    if (ether_type == kEtherTypeMpls || ether_type == kEtherTypeMplsUpstream) {
        return mpls(bytes, headers);
    }
    if (ether_type == kEtherTypePppoe) {
        return bytes.has(kPppoeBytes) ? ppp(bytes.behind(kPppoeBytes), headers) : cut(headers);
    }
    return {bytes, ether_type, true};
}

NetworkLayer ethernet(Slice frame, Headers& headers) {
    if (!frame.has(kEthernetBytes)) {
        return cut(headers);
    }
    std::memcpy(headers.destination_mac.data(), frame.data, 6);
    std::memcpy(headers.source_mac.data(), frame.data + 6, 6);
    headers.has_macs = true;
    return by_ether_type(frame.be16(12), frame.behind(kEthernetBytes), headers);
}

// BSD loopback: address families differ between systems, IPv6's most of all.
NetworkLayer loopback(Slice frame, bool is_network_order, Headers& headers) {
    if (!frame.has(4)) {
        return cut(headers);
    }
    uint32_t family = frame.be32(0);
    // In the writer's order: of either reading, the small one is meant.
    if (!is_network_order && family > 0xffff) {
        family = __builtin_bswap32(family);
    }
    const Slice rest = frame.behind(4);
    switch (family) {
        case 2:
            return {rest, kEtherTypeIpv4, true};
        case 10:  // Linux
        case 23:  // Windows
        case 24:  // NetBSD, OpenBSD
        case 28:  // FreeBSD
        case 30:  // macOS
            return {rest, kEtherTypeIpv6, true};
        default:
            return {rest, 0, true};
    }
}

// Linux's "any" device: the sender's address alone.
NetworkLayer cooked(Slice frame, uint32_t header_bytes, uint32_t protocol_at, Headers& headers) {
    if (!frame.has(header_bytes)) {
        return cut(headers);
    }
    const bool is_v2 = protocol_at == 0;
    const uint32_t address_bytes = is_v2 ? frame.byte(11) : frame.be16(4);
    if (address_bytes == 6) {
        std::memcpy(headers.source_mac.data(), frame.data + (is_v2 ? 12 : 6), 6);
        headers.has_macs = true;
    }
    const uint16_t protocol = frame.be16(protocol_at);
    const Slice rest = frame.behind(header_bytes);
    if (protocol < kEtherTypeMin) {
        return protocol == kLinux8022 ? llc(rest, headers) : NetworkLayer{rest, 0, true};
    }
    return by_ether_type(protocol, rest, headers);
}

// RFC 2427: an address of 2 to 4 bytes, the last with its lowest bit set, then control and NLPID;
// Cisco's has an EtherType instead.
NetworkLayer frame_relay(Slice frame, Headers& headers) {
    uint32_t at = 1;
    while (at < 4 && frame.has(at) && (frame.byte(at - 1) & 1) == 0) {
        ++at;
    }
    if (!frame.has(at + 2)) {
        return cut(headers);
    }
    if (frame.byte(at) != 0x03) {
        return by_ether_type(frame.be16(at), frame.behind(at + 2), headers);
    }
    at += frame.byte(at + 1) == 0 ? 2U : 1U;  // a byte of padding before the NLPID
    switch (frame.has(at + 1) ? frame.byte(at) : uint8_t{0}) {
        case 0xcc:
            return {frame.behind(at + 1), kEtherTypeIpv4, true};
        case 0x8e:
            return {frame.behind(at + 1), kEtherTypeIpv6, true};
        case 0x80:  // SNAP
            if (frame.has(at + 6) && frame.be16(at + 1) == 0 && frame.byte(at + 3) == 0) {
                return by_ether_type(frame.be16(at + 4), frame.behind(at + 6), headers);
            }
            break;
        default:
            break;
    }
    return {frame, 0, true};
}

// IEEE 802.11-2020 section 9.3.2.1.2, table 9-30: which address is whose.
void set_wireless_macs(Slice frame, bool to_ds, bool from_ds, Headers& headers) {
    const uint32_t destination_at = to_ds ? 16 : 4;
    const uint32_t source_at = !from_ds ? 10 : to_ds ? 24 : 16;
    if (frame.has(source_at + 6)) {
        std::memcpy(headers.destination_mac.data(), frame.data + destination_at, 6);
        std::memcpy(headers.source_mac.data(), frame.data + source_at, 6);
        headers.has_macs = true;
    }
}

// Data frames that are not encrypted. `has_padding`: the header is filled up to a multiple of 4.
NetworkLayer wireless(Slice frame, bool has_padding, Headers& headers) {
    if (!frame.has(24)) {
        return cut(headers);
    }
    const uint8_t control = frame.byte(0);
    const uint8_t flags = frame.byte(1);
    const bool is_data = (control & 0x0c) == 0x08 && (control & 0x40) == 0;
    const bool is_protected = (flags & 0x40) != 0;
    if ((control & 0x0c) != 0x08) {
        return {frame, 0, true};
    }
    const bool to_ds = (flags & 1) != 0;
    const bool from_ds = (flags & 2) != 0;
    set_wireless_macs(frame, to_ds, from_ds, headers);
    if (!is_data || is_protected) {
        return {frame, 0, true};
    }
    uint32_t bytes = to_ds && from_ds ? 30 : 24;
    bool is_aggregated = false;
    if ((control & 0x80) != 0) {  // QoS
        if (!frame.has(bytes + 2)) {
            return cut(headers);
        }
        is_aggregated = (frame.byte(bytes) & 0x80) != 0;
        bytes += (flags & 0x80) != 0 ? 6 : 2;  // with HT control
    }
    if (has_padding) {
        bytes = (bytes + 3) & ~3U;
    }
    // Of several aggregated frames the first: a subframe is addresses, a length, then LLC.
    bytes += is_aggregated ? 14 : 0;
    return frame.has(bytes) ? llc(frame.behind(bytes), headers) : cut(headers);
}

// radiotap.org: version, padding, length in little endian, words of what is present, fields.
NetworkLayer radiotap(Slice frame, Headers& headers) {
    if (!frame.has(8)) {
        return cut(headers);
    }
    const uint32_t length = frame.byte(2) | uint32_t{frame.byte(3)} << 8;
    if (length < 8 || !frame.has(length)) {
        return cut(headers);
    }
    uint32_t at = 4;
    const uint8_t present = frame.byte(4);
    while (at + 4 <= length && (frame.byte(at + 3) & 0x80) != 0) {
        at += 4;
    }
    at += 4;
    if ((present & 1) != 0) {  // a time stamp, aligned to 8
        at = ((at + 7) & ~7U) + 8;
    }
    const bool has_padding = (present & 2) != 0 && at < length && (frame.byte(at) & 0x20) != 0;
    return wireless(frame.behind(length), has_padding, headers);
}

// Netfilter's log: a header of 4 bytes, then attributes in the writer's byte order; 9 is the
// packet.
NetworkLayer netfilter_log(Slice frame, Headers& headers) {
    constexpr uint16_t kPayload = 9;
    if (!frame.has(4)) {
        return cut(headers);
    }
    frame = frame.behind(4);
    while (frame.has(4)) {
        uint16_t length = 0;
        uint16_t type = 0;
        std::memcpy(&length, frame.data, 2);
        std::memcpy(&type, frame.data + 2, 2);
        if (length < 4) {
            break;
        }
        if ((type & 0x7fff) == kPayload) {
            return ip_by_version(frame.first(length).behind(4));
        }
        frame = frame.behind((length + 3U) & ~3U);
    }
    return cut(headers);
}

}  // namespace

NetworkLayer ip_by_version(Slice bytes) {
    if (!bytes.has(1)) {
        return {};
    }
    const uint8_t version = bytes.byte(0) >> 4;
    const uint16_t ether_type = version == 4   ? kEtherTypeIpv4
                                : version == 6 ? kEtherTypeIpv6
                                               : uint16_t{0};
    return {bytes, ether_type, true};
}

NetworkLayer decode_link_layer(LinkType link, Slice frame, Headers& headers) {
    switch (link) {
        case LinkType::kEthernet:
            return ethernet(frame, headers);
        case LinkType::kNull:
            return loopback(frame, false, headers);
        case LinkType::kLoop:
            return loopback(frame, true, headers);
        case LinkType::kPpp:
            return ppp(frame, headers);
        case LinkType::kPppHdlc:
        case LinkType::kCiscoHdlc:
            return hdlc(frame, headers);
        case LinkType::kPppEthernet:
            return by_ether_type(kEtherTypePppoe, frame, headers);
        case LinkType::kFrameRelay:
            return frame_relay(frame, headers);
        case LinkType::kRaw:
        case LinkType::kRawBsd:
            return ip_by_version(frame);
        case LinkType::kIpv4:
            return {frame, kEtherTypeIpv4, frame.kept > 0};
        case LinkType::kIpv6:
            return {frame, kEtherTypeIpv6, frame.kept > 0};
        case LinkType::kLinuxCooked:
            return cooked(frame, 16, 14, headers);
        case LinkType::kLinuxCookedV2:
            return cooked(frame, 20, 0, headers);
        case LinkType::kIeee80211:
            return wireless(frame, false, headers);
        case LinkType::kRadiotap:
            return radiotap(frame, headers);
        case LinkType::kNetfilterLog:
            return netfilter_log(frame, headers);
    }
    return {frame, 0, frame.kept > 0};
}

}  // namespace director::diagnostics
