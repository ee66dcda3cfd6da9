#include "diagnostics/packet/decode.h"

#include "diagnostics/packet/ip_layer.h"
#include "diagnostics/packet/link_layer.h"
#include "diagnostics/packet/transport_layer.h"

namespace director::diagnostics {
namespace {

// IP headers around one another; more is a loop in somebody's network.
constexpr uint8_t kTunnelsMax = 8;

constexpr uint8_t kProtocolIpIp = 4;
constexpr uint8_t kProtocolIpv6 = 41;
constexpr uint8_t kProtocolGre = 47;
constexpr uint16_t kGuePort = 6080;

// An Ethernet frame's least, with its check sequence: bytes behind a short packet are padding.
constexpr uint32_t kEthernetFrameMin = 64;
constexpr uint32_t kVlanTagBytes = 4;
constexpr uint32_t kFrameCheckBytes = 4;

[[nodiscard]] uint32_t offset_of(const uint8_t* at, const Packet& packet) {
    return static_cast<uint32_t>(at - packet.bytes.data());
}

// RFC 2784, RFC 2890: flags, version 0, EtherType, then what the flags say.
[[nodiscard]] NetworkLayer inside_gre(Slice bytes, Headers& headers) {
    if (!bytes.has(4) || (bytes.byte(1) & 7) != 0) {
        return {};
    }
    const uint8_t flags = bytes.byte(0);
    const uint16_t ether_type = bytes.be16(2);
    // Checksum and offset, key, sequence number.
    const uint32_t length = 4 + ((flags & 0x80) != 0 ? 4U : 0U) + ((flags & 0x20) != 0 ? 4U : 0U) +
                            ((flags & 0x10) != 0 ? 4U : 0U);
    if (!bytes.has(length)) {
        return {};
    }
    if (ether_type != kEtherTypeBridged) {
        return {bytes.behind(length), ether_type, true};
    }
    headers.vlan_count = 0;
    headers.vlans = {};
    return decode_link_layer(LinkType::kEthernet, bytes.behind(length), headers);
}

// draft-ietf-intarea-gue section 3: version 0 has a header with a protocol, version 1 is IP at
// once, told from version 0 by IP's own version.
[[nodiscard]] NetworkLayer inside_gue(Slice bytes) {
    if (!bytes.has(4)) {
        return {};
    }
    const uint8_t first = bytes.byte(0);
    if (first >> 6 == 1) {
        return ip_by_version(bytes);
    }
    const bool is_control = (first & 0x20) != 0;
    const uint32_t length = 4 + (first & 0x1fU) * 4;
    const uint8_t protocol = bytes.byte(1);
    if (first >> 6 != 0 || is_control || !bytes.has(length)) {
        return {};
    }
    if (protocol != kProtocolIpIp && protocol != kProtocolIpv6) {
        return {};
    }
    return ip_by_version(bytes.behind(length));
}

// An IP header within what `headers` tells of, if there is one.
[[nodiscard]] NetworkLayer inside_tunnel(const Transport& transport, Headers& headers) {
    switch (headers.ip.protocol) {
        case kProtocolIpIp:
            return {transport.bytes, kEtherTypeIpv4, transport.bytes.kept > 0};
        case kProtocolIpv6:
            return {transport.bytes, kEtherTypeIpv6, transport.bytes.kept > 0};
        case kProtocolGre:
            return inside_gre(transport.bytes, headers);
        case kProtocolUdp:
            return transport.bytes.has(12) && transport.bytes.be16(2) == kGuePort
                       ? inside_gue(transport.bytes.behind(8))
                       : NetworkLayer{};
        default:
            return {};
    }
}

[[nodiscard]] bool is_ip(const NetworkLayer& layer) {
    return layer.is_there &&
           (layer.ether_type == kEtherTypeIpv4 || layer.ether_type == kEtherTypeIpv6);
}

// More behind the packet than padding and a check sequence: IP's length says less than there is.
void look_behind(const Packet& packet, Slice network, Headers& headers) {
    const uint64_t said = uint64_t{headers.ip.header_bytes} + headers.ip.payload_bytes;
    const uint32_t frame_min =
        kEthernetFrameMin + kVlanTagBytes * std::min<uint32_t>(headers.vlan_count, 8);
    if (packet.wire_bytes > frame_min && network.wire > said + kFrameCheckBytes) {
        headers.faults |= kFaultLength;
    }
}

[[nodiscard]] Transport decode_ip(const NetworkLayer& layer,
                                  const Packet& packet,
                                  const DecodeSettings& settings,
                                  Headers& headers) {
    headers.l3_offset = offset_of(layer.bytes.data, packet);
    headers.ether_type = layer.ether_type;
    // The version in the header is believed over the type before it.
    const uint8_t version = layer.bytes.has(1) ? layer.bytes.byte(0) >> 4 : uint8_t{0};
    Transport transport;
    if (version == 4) {
        transport = decode_ipv4(layer.bytes, settings.checksums, headers);
    } else if (version == 6) {
        transport = decode_ipv6(layer.bytes, headers);
    } else {
        headers.layer3 = Layer3::kOther;
        headers.faults |= layer.bytes.kept == 0 ? kFaultCut : 0;
    }
    headers.l4_offset = transport.bytes.data != nullptr ? offset_of(transport.bytes.data, packet)
                                                        : headers.l3_offset;
    return transport;
}

}  // namespace

Headers decode(const Packet& packet, const DecodeSettings& settings) {
    Headers headers;
    const Slice frame{packet.bytes.data(),
                      static_cast<uint32_t>(packet.bytes.size()),
                      std::max(packet.wire_bytes, static_cast<uint32_t>(packet.bytes.size()))};
    NetworkLayer network = decode_link_layer(packet.link, frame, headers);
    if (!is_ip(network)) {
        headers.ether_type = network.ether_type;
        headers.layer3 = !network.is_there                     ? Layer3::kNone
                         : network.ether_type == kEtherTypeArp ? Layer3::kArp
                                                               : Layer3::kOther;
        return headers;
    }
    Transport transport = decode_ip(network, packet, settings, headers);
    if (headers.is_ip() && headers.ip.header_bytes > 0) {
        look_behind(packet, network.bytes, headers);
    }
    while (settings.looks_into_tunnels && transport.is_there && !headers.ip.is_fragment &&
           headers.tunnel_depth < kTunnelsMax) {
        Headers inner = headers;
        network = inside_tunnel(transport, inner);
        if (!is_ip(network)) {
            break;
        }
        inner.ip = {};
        const Transport found = decode_ip(network, packet, settings, inner);
        if (!inner.is_ip()) {
            break;
        }
        ++inner.tunnel_depth;
        headers = inner;
        transport = found;
    }
    if (transport.is_there) {
        decode_transport(transport, settings.checksums, headers);
    }
    return headers;
}

}  // namespace director::diagnostics
