#include "dataplane/core/codecs/fragment.h"

#include <algorithm>

#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

constexpr uint8_t kTcp = static_cast<uint8_t>(Protocol::kTcp);

// What of the transport's header a first fragment must have: all that anyone decides by.
[[nodiscard]] uint32_t transport_header_bytes(uint8_t protocol) {
    switch (protocol) {
        case kTcp:
            return 20;
        case static_cast<uint8_t>(Protocol::kSctp):
            return 12;
        default:
            return 8;  // UDP, and what ICMP's messages begin with
    }
}

[[nodiscard]] bool has_ports(uint8_t protocol) {
    return protocol == kTcp || protocol == static_cast<uint8_t>(Protocol::kUdp) ||
           protocol == static_cast<uint8_t>(Protocol::kSctp);
}

// Looks at the transport header of a first fragment, of which `bytes` are there.
void read_transport(Fragment& fragment, const uint8_t* l4, uint32_t bytes) {
    if (bytes < transport_header_bytes(fragment.protocol)) {
        fragment.fault = FragmentFault::kTinyFirst;
        return;
    }
    if (has_ports(fragment.protocol)) {
        fragment.source_port = Be16::from_host(wire::load16(l4));
        fragment.destination_port = Be16::from_host(wire::load16(l4 + 2));
    }
}

// `data_bytes_max`: how much of a datagram's data fits its length field beside its headers.
void set_range(Fragment& fragment, uint32_t offset, uint32_t bytes, uint32_t data_bytes_max) {
    fragment.offset_bytes = static_cast<uint16_t>(offset);
    if (bytes == 0 || (!fragment.is_last && bytes % 8 != 0)) {
        fragment.fault = FragmentFault::kBadLength;
    } else if (offset + bytes > data_bytes_max) {
        fragment.fault = FragmentFault::kTooLong;
    } else {
        fragment.data_bytes = static_cast<uint16_t>(bytes);
    }
}

}  // namespace

bool is_ipv4_fragment(const uint8_t* ip) {
    const uint16_t field = wire::load16(ip + wire::kIpv4Fragment);
    return (field & (wire::kIpv4MoreFragments | wire::kIpv4OffsetMask)) != 0;
}

Fragment parse_ipv4_fragment(const uint8_t* ip, uint32_t available_bytes, uint32_t ip_length) {
    const uint16_t field = wire::load16(ip + wire::kIpv4Fragment);
    const uint32_t header_bytes = ip[0] % 16U * 4;
    Fragment fragment;
    fragment.is_last = (field & wire::kIpv4MoreFragments) == 0;
    fragment.protocol = ip[wire::kIpv4Protocol];
    fragment.id = wire::load16(ip + wire::kIpv4Id);
    fragment.source = wire::load_ipv4(ip + wire::kIpv4Source);
    fragment.destination = wire::load_ipv4(ip + wire::kIpv4Destination);
    set_range(fragment,
              (field & wire::kIpv4OffsetMask) * 8U,
              ip_length - header_bytes,
              wire::kIpLengthMax - header_bytes);
    if (fragment.fault != FragmentFault::kNone) {
        return fragment;
    }
    if (fragment.is_first()) {
        const uint32_t end = std::min(available_bytes, ip_length);
        read_transport(fragment, ip + header_bytes, end > header_bytes ? end - header_bytes : 0);
    } else if (fragment.protocol == kTcp && fragment.offset_bytes < transport_header_bytes(kTcp)) {
        fragment.fault = FragmentFault::kTinyFirst;
    }
    return fragment;
}

Fragment parse_ipv6_fragment(const uint8_t* ip,
                             uint32_t available_bytes,
                             uint32_t ip_length,
                             const Ipv6Walk& walk) {
    Fragment fragment;
    fragment.is_last = !walk.more_fragments;
    fragment.protocol = walk.protocol;
    fragment.id = walk.fragment_id;
    fragment.source = wire::load_ipv6(ip + wire::kIpv6Source);
    fragment.destination = wire::load_ipv6(ip + wire::kIpv6Destination);
    set_range(fragment,
              walk.fragment_offset_bytes,
              ip_length - walk.fragment_data_offset,
              wire::kIpLengthMax);  // the walk has looked, the headers before it included
    if (fragment.fault == FragmentFault::kNone && fragment.is_first()) {
        const uint32_t end = std::min(available_bytes, ip_length);
        read_transport(
            fragment, ip + walk.l4_offset, end > walk.l4_offset ? end - walk.l4_offset : 0);
    }
    return fragment;
}

}  // namespace director::dataplane
