#include "dataplane/core/codecs/tunnel.h"

#include "common/checksum.h"
#include "dataplane/core/codecs/ip_write.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kUdpHeaderBytes = 8;
constexpr uint32_t kUdpChecksum = 6;
constexpr uint32_t kTcpChecksum = 16;

// GUE's first word: version 0, a data message, length of the options in words, protocol, flags.
constexpr uint32_t kGueHeaderBytes = 4;
constexpr uint16_t kGuePrivateFlag = 1;
// Private flags and remote checksum offload: Linux's include/net/gue.h.
constexpr uint32_t kGueRemoteBytes = 8;
constexpr uint32_t kGueRemoteFlag = 1U << 31;

constexpr uint32_t kGreHeaderBytes = 4;
constexpr uint32_t kGreChecksumBytes = 4;
constexpr uint16_t kGreChecksumFlag = 0x8000;
constexpr uint16_t kEtherTypeOfIpv4 = 0x0800;
constexpr uint16_t kEtherTypeOfIpv6 = 0x86dd;

constexpr uint32_t kIpv6MtuMin = 1280;
constexpr uint32_t kIpv4MtuMin = 68;

[[nodiscard]] uint32_t ip_header_bytes(Family family) {
    return family == Family::kIpv4 ? wire::kIpv4HeaderBytes : wire::kIpv6HeaderBytes;
}

[[nodiscard]] bool is_ipv6(const uint8_t* ip) {
    return ip[0] >> 4 == 6;
}

[[nodiscard]] uint8_t number(Protocol protocol) {
    return static_cast<uint8_t>(protocol);
}

// Where the inner checksum field is that the receiver is to make anew; 0: leave it.
[[nodiscard]] uint32_t remote_checksum_offset(const Encapsulation& how, const uint8_t* inner) {
    if (how.tunnel.kind != TunnelKind::kGue || how.tunnel.checksum != TunnelChecksum::kRemote ||
        !how.is_inner_checksum_good) {
        return 0;
    }
    const bool is_udp = how.inner_protocol == number(Protocol::kUdp);
    if (!is_udp && how.inner_protocol != number(Protocol::kTcp)) {
        return 0;
    }
    const uint32_t offset = how.inner_l4_offset + (is_udp ? kUdpChecksum : kTcpChecksum);
    // UDP without a checksum (RFC 768) stays without.
    return is_udp && wire::load16(inner + offset) == 0 ? 0 : offset;
}

// The inner field becomes what its maker would have begun with: the sum of the pseudo header.
void prepare_remote_checksum(const Encapsulation& how,
                             uint8_t* inner,
                             uint32_t inner_length,
                             uint32_t offset) {
    const bool is_v6 = is_ipv6(inner);
    const IpAddress source = is_v6 ? wire::load_ipv6(inner + wire::kIpv6Source)
                                   : wire::load_ipv4(inner + wire::kIpv4Source);
    const IpAddress destination = is_v6 ? wire::load_ipv6(inner + wire::kIpv6Destination)
                                        : wire::load_ipv4(inner + wire::kIpv4Destination);
    const uint16_t sum = checksum_fold(checksum_pseudo(
        source, destination, how.inner_protocol, inner_length - how.inner_l4_offset));
    std::memcpy(inner + offset, &sum, 2);
}

// UDP and GUE before `inner`; answers their length.
uint32_t write_gue(const Encapsulation& how, uint8_t* inner, uint32_t inner_length) {
    const uint32_t remote_offset = remote_checksum_offset(how, inner);
    const uint32_t options = remote_offset != 0 ? kGueRemoteBytes : 0;
    const uint32_t bytes = kUdpHeaderBytes + kGueHeaderBytes + options;
    uint8_t* const udp = inner - bytes;
    uint8_t* const gue = udp + kUdpHeaderBytes;
    gue[0] = static_cast<uint8_t>(options / 4);
    gue[1] = number(is_ipv6(inner) ? Protocol::kIpv6 : Protocol::kIpIp);
    wire::store16(gue + 2, options != 0 ? kGuePrivateFlag : 0U);
    if (options != 0) {
        prepare_remote_checksum(how, inner, inner_length, remote_offset);
        wire::store32(gue + 4, kGueRemoteFlag);
        wire::store16(gue + 8, how.inner_l4_offset);
        wire::store16(gue + 10, remote_offset);
    }
    const uint32_t udp_length = bytes + inner_length;
    wire::store16(udp, gue_source_port(how.flow_hash));
    wire::store16(udp + 2, how.tunnel.port.host());
    wire::store16(udp + 4, udp_length);
    wire::store16(udp + kUdpChecksum, 0);
    if (how.tunnel.checksum != TunnelChecksum::kNone) {
        uint64_t sum =
            checksum_pseudo(how.source, how.destination, number(Protocol::kUdp), udp_length);
        sum = checksum_add(sum, udp, bytes + inner_length);
        store_checksum(udp + kUdpChecksum, sum);
        if (wire::load16(udp + kUdpChecksum) == 0) {
            wire::store16(udp + kUdpChecksum, 0xffff);  // RFC 768: 0 means "none"
        }
    }
    return bytes;
}

// GRE before `inner`; answers its length.
uint32_t write_gre(const Encapsulation& how, uint8_t* inner, uint32_t inner_length) {
    const bool has_checksum = sums_inner(how.tunnel);
    const uint32_t bytes = kGreHeaderBytes + (has_checksum ? kGreChecksumBytes : 0);
    uint8_t* const gre = inner - bytes;
    wire::store16(gre, has_checksum ? kGreChecksumFlag : 0U);
    wire::store16(gre + 2, is_ipv6(inner) ? kEtherTypeOfIpv6 : kEtherTypeOfIpv4);
    if (has_checksum) {
        wire::store32(gre + kGreHeaderBytes, 0);
        store_checksum(gre + kGreHeaderBytes, checksum_add(0, gre, bytes + inner_length));
    }
    return bytes;
}

void write_outer_ip(const Encapsulation& how,
                    const uint8_t* inner,
                    uint8_t* payload,
                    uint32_t payload_bytes,
                    uint8_t protocol) {
    const bool is_v6 = is_ipv6(inner);
    const IpFields fields{is_v6 ? ipv6_traffic_class(inner) : inner[wire::kIpv4Tos],
                          inner[is_v6 ? wire::kIpv6HopLimit : wire::kIpv4Ttl],
                          protocol,
                          how.source,
                          how.destination};
    if (!how.source.is_ipv4()) {
        write_ipv6(
            payload - wire::kIpv6HeaderBytes, fields, payload_bytes, how.flow_hash & 0xfffff);
        return;
    }
    const uint32_t inner_df =
        is_v6 ? 0U : wire::load16(inner + wire::kIpv4Fragment) & wire::kIpv4DontFragment;
    const uint32_t fragment = how.honours_df && inner_df != 0 ? inner_df : uint32_t{how.id} << 16;
    write_ipv4(
        payload - wire::kIpv4HeaderBytes, fields, wire::kIpv4HeaderBytes + payload_bytes, fragment);
}

}  // namespace

// IPVS has no remote checksum in GRE; --tun-remcsum is none there.
bool sums_inner(const Tunnel& tunnel) {
    return (tunnel.kind == TunnelKind::kGre && tunnel.checksum == TunnelChecksum::kFull) ||
           (tunnel.kind == TunnelKind::kGue && tunnel.checksum != TunnelChecksum::kNone);
}

uint32_t tunnel_header_bytes(const Tunnel& tunnel, Family outer) {
    const uint32_t ip = ip_header_bytes(outer);
    switch (tunnel.kind) {
        case TunnelKind::kIpIp:
            return ip;
        case TunnelKind::kGue:
            return ip + kUdpHeaderBytes + kGueHeaderBytes +
                   (tunnel.checksum == TunnelChecksum::kRemote ? kGueRemoteBytes : 0);
        case TunnelKind::kGre:
            return ip + kGreHeaderBytes +
                   (tunnel.checksum == TunnelChecksum::kFull ? kGreChecksumBytes : 0);
    }
    return ip;
}

uint32_t tunnel_mtu(const Tunnel& tunnel, Family outer, uint32_t path_mtu) {
    const uint32_t headers = tunnel_header_bytes(tunnel, outer);
    return path_mtu < headers + kIpv4MtuMin ? 0 : path_mtu - headers;
}

TunnelFit fits_tunnel(const uint8_t* inner, uint32_t inner_length, uint32_t mtu, bool honours_df) {
    if (inner_length <= mtu) {
        return TunnelFit::kFits;
    }
    if (is_ipv6(inner)) {
        return inner_length <= kIpv6MtuMin ? TunnelFit::kNeedsFragments : TunnelFit::kTooBig;
    }
    const bool forbids = (wire::load16(inner + wire::kIpv4Fragment) & wire::kIpv4DontFragment) != 0;
    return honours_df && forbids ? TunnelFit::kTooBig : TunnelFit::kNeedsFragments;
}

uint32_t encapsulate(const Encapsulation& how, uint8_t* inner, uint32_t inner_length) {
    const Family outer = how.source.family();
    const uint32_t bytes_max = tunnel_header_bytes(how.tunnel, outer) + inner_length;
    // IPv6's length field does not count its own header; neither counts more than 65535.
    if (bytes_max - (outer == Family::kIpv6 ? wire::kIpv6HeaderBytes : 0) > wire::kIpLengthMax) {
        return 0;
    }
    uint32_t bytes = 0;
    Protocol protocol = is_ipv6(inner) ? Protocol::kIpv6 : Protocol::kIpIp;
    if (how.tunnel.kind == TunnelKind::kGue) {
        bytes = write_gue(how, inner, inner_length);
        protocol = Protocol::kUdp;
    } else if (how.tunnel.kind == TunnelKind::kGre) {
        bytes = write_gre(how, inner, inner_length);
        protocol = Protocol::kGre;
    }
    write_outer_ip(how, inner, inner - bytes, bytes + inner_length, number(protocol));
    return ip_header_bytes(outer) + bytes;
}

OuterHeader make_outer_header(const Encapsulation& how, bool is_inner_ipv6, uint32_t path_mtu) {
    const Family family = how.source.family();
    OuterHeader outer{.is_ipv6 = family == Family::kIpv6,
                      .is_inner_ipv6 = is_inner_ipv6,
                      .is_gue = how.tunnel.kind == TunnelKind::kGue};
    const bool is_alike =
        how.tunnel.kind == TunnelKind::kIpIp || how.tunnel.checksum == TunnelChecksum::kNone;
    if (!is_alike) {
        return outer;
    }
    // Before an empty packet, of whose header all is 0 that an outer header takes over.
    std::array<uint8_t, OuterHeader::kBytes + wire::kIpv6HeaderBytes> frame{};
    uint8_t* const inner = frame.data() + OuterHeader::kBytes;
    inner[0] = is_inner_ipv6 ? 0x60 : 0x45;
    Encapsulation plain{.tunnel = how.tunnel, .source = how.source, .destination = how.destination};
    outer.header_bytes = static_cast<uint8_t>(encapsulate(plain, inner, 0));
    uint8_t* const ip = inner - outer.header_bytes;
    wire::store16(ip - 2, outer.is_ipv6 ? kEtherTypeOfIpv6 : kEtherTypeOfIpv4);
    if (!outer.is_ipv6) {
        wire::store16(ip + wire::kIpv4Length, 0);
        wire::store16(ip + wire::kIpv4Checksum, 0);
        outer.sum = checksum_fold(checksum_add(0, ip, wire::kIpv4HeaderBytes));
    }
    std::memcpy(outer.bytes.data(), frame.data(), OuterHeader::kBytes);
    outer.inner_mtu = static_cast<uint16_t>(tunnel_mtu(how.tunnel, family, path_mtu));
    return outer;
}

std::optional<uint32_t> tunnel_payload_offset(uint8_t protocol,
                                              const uint8_t* l4,
                                              uint32_t bytes,
                                              Be16 gue_port) {
    uint32_t offset = 0;
    if (protocol == number(Protocol::kUdp)) {
        const uint32_t gue_end = kUdpHeaderBytes + kGueHeaderBytes;
        if (bytes < gue_end || gue_port.host() == 0 || wire::load16(l4 + 2) != gue_port.host()) {
            return std::nullopt;
        }
        const uint8_t first = l4[kUdpHeaderBytes];
        const uint8_t inner = l4[kUdpHeaderBytes + 1];
        // Version 0, data: the upper three bits are 0, and the rest counts option words.
        if (first >= 32 || (inner != number(Protocol::kIpIp) && inner != number(Protocol::kIpv6))) {
            return std::nullopt;
        }
        offset = gue_end + first * 4U;
    } else if (protocol == number(Protocol::kGre)) {
        if (bytes < kGreHeaderBytes) {
            return std::nullopt;
        }
        const uint16_t flags = wire::load16(l4);
        const uint16_t type = wire::load16(l4 + 2);
        if ((flags & ~uint32_t{kGreChecksumFlag}) != 0 ||
            (type != kEtherTypeOfIpv4 && type != kEtherTypeOfIpv6)) {
            return std::nullopt;
        }
        offset = kGreHeaderBytes + (flags != 0 ? kGreChecksumBytes : 0);
    } else if (protocol != number(Protocol::kIpIp) && protocol != number(Protocol::kIpv6)) {
        return std::nullopt;
    }
    return offset <= bytes ? std::optional<uint32_t>(offset) : std::nullopt;
}

}  // namespace director::dataplane
