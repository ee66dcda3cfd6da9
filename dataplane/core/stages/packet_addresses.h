// The addresses that a packet's IP header shows now, of either family. (Packet::source and
// ::destination are what it showed when it was parsed, or what an ICMP error quotes.)
#pragma once

#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/packet.h"

namespace director::dataplane {

[[nodiscard]] inline IpAddress source_address(const Packet& packet) {
    const uint8_t* const ip = packet.data + packet.l3_offset;
    return packet.is_ipv4 ? IpAddress(load_address(ip + kIpSourceOffset))
                          : IpAddress::load_ipv6(ip + kIpv6SourceOffset);
}

[[nodiscard]] inline IpAddress destination_address(const Packet& packet) {
    const uint8_t* const ip = packet.data + packet.l3_offset;
    return packet.is_ipv4 ? IpAddress(load_address(ip + kIpDestinationOffset))
                          : IpAddress::load_ipv6(ip + kIpv6DestinationOffset);
}

}  // namespace director::dataplane
