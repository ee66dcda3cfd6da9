// Wraps packets for real servers behind tunnels: IP-in-IP (RFC 2003, 4213, 2473), GUE
// (draft-ietf-intarea-gue, variant 0, as Linux's fou module reads it) and GRE (RFC 2784), as IPVS
// sends them. The forward stage calls fits_tunnel(), then encapsulate(); the stage that handles
// ICMP errors finds the packet inside a quoted one with tunnel_payload_offset().
#pragma once

#include <emmintrin.h>

#include <array>
#include <cstdint>
#include <optional>

#include "common/address.h"
#include "dataplane/api/ids.h"
#include "dataplane/api/service.h"
#include "dataplane/core/codecs/ip_write.h"

namespace director::dataplane {

// No wrapping is longer: IPv6, UDP, GUE with remote checksum option.
inline constexpr uint32_t kTunnelBytesMax = 40 + 8 + 12;

// Bytes in front of the inner packet, at most: kRemote counts its option, which not every packet
// gets (see Encapsulation::is_inner_checksum_good).
[[nodiscard]] uint32_t tunnel_header_bytes(const Tunnel& tunnel, Family outer);

// Whether its headers have a checksum over the inner packet, all of which has to be at hand then.
[[nodiscard]] bool sums_inner(const Tunnel& tunnel);

// The longest inner packet for an outer path's MTU; 0 when that leaves less than IPv4's minimum of
// 68 (RFC 791), as in IPVS.
[[nodiscard]] uint32_t tunnel_mtu(const Tunnel& tunnel, Family outer, uint32_t path_mtu);

enum class TunnelFit : uint8_t {
    kFits,
    kTooBig,          // not to be forwarded; ICMP tells the sender the tunnel's MTU
    kNeedsFragments,  // to be forwarded as fragments of the outer packet
};

// IPVS's rule: IPv6 packets that are too long are refused (down to 1280 bytes: RFC 2473 section 7.1
// has shorter ones fragmented); IPv4 ones when they forbid fragmentation and the director honours
// that (`honours_df`, IPVS's pmtu_disc).
[[nodiscard]] TunnelFit fits_tunnel(const uint8_t* inner,
                                    uint32_t inner_length,
                                    uint32_t mtu,
                                    bool honours_df);

struct Encapsulation {
    Tunnel tunnel;
    IpAddress source;  // of the outer header, both of one family
    IpAddress destination;
    // Of the inner packet's flow: GUE's source port and an outer IPv6 header's flow label (RFC
    // 6438), by which links and receivers spread flows.
    uint32_t flow_hash = 0;
    // Of an outer IPv4 header without DF.
    uint16_t id = 0;
    bool honours_df = true;  // DF of the inner IPv4 header is the outer one's too; else none
    // Someone has checked the inner TCP or UDP checksum: TunnelChecksum::kRemote may leave it to
    // the receiver to make it anew. For others there is kFull's checksum alone, as in IPVS for a
    // packet from the wire: a new checksum would cover up what was wrong.
    bool is_inner_checksum_good = false;
    uint8_t inner_protocol = 0;  // for kRemote: TCP and UDP, not a fragment; else 0
    uint16_t inner_l4_offset = 0;
};

// Writes the outer headers before the inner packet of `inner_length` bytes at `inner`, where
// tunnel_header_bytes() are free and writable. TTL and TOS are the inner ones, congestion bits
// included (RFC 6040 section 4.1, normal mode). Answers how many bytes it wrote; 0, nothing
// written, when the whole would be too long for its length fields. kRemote's option changes the
// inner checksum field.
[[nodiscard]] uint32_t encapsulate(const Encapsulation& how, uint8_t* inner, uint32_t inner_length);

// The outer headers of one tunnel, with all that its packets have in common: made once, and copied
// before each packet that needs nothing else.
struct alignas(64) OuterHeader {
    static constexpr uint32_t kBytes = 64;

    std::array<uint8_t, kBytes> bytes{};  // at its end the headers, and before them their EtherType
    // 0: packets of this tunnel have checksums over the whole, which encapsulate() makes.
    uint8_t header_bytes = 0;
    bool is_ipv6 = false;
    bool is_inner_ipv6 = false;
    bool is_gue = false;
    uint16_t inner_mtu = 0;  // longest inner packet
    uint16_t sum = 0;        // of an IPv4 header, in raw words, as far as all packets' are alike
    // For who keeps it: what it was made for.
    InterfaceId interface {};
    uint32_t generation = 0;

    // By name, for gcc 12 makes a `rep movs` of memcpy() where it thinks code unlikely.
    void copy_to(uint8_t* to) const {
        for (uint32_t at = 0; at < kBytes; at += sizeof(__m128i)) {
            const auto* const from = reinterpret_cast<const __m128i*>(bytes.data() + at);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(to + at), _mm_load_si128(from));
        }
    }
};
static_assert(sizeof(OuterHeader) == 128);

[[nodiscard]] OuterHeader make_outer_header(const Encapsulation& how,
                                            bool is_inner_ipv6,
                                            uint32_t path_mtu);

// What encapsulate() would write for `flow_hash` and `id`, in a third of the time. Besides, all of
// the kBytes before the inner packet are overwritten, which are there; the inner packet is no
// longer than `inner_mtu`.
inline void put_outer_header(const OuterHeader& outer,
                             uint32_t flow_hash,
                             uint16_t id,
                             uint8_t* inner,
                             uint32_t inner_length);

// Where the inner packet begins in an outer packet's payload of which `bytes` lie at `l4`, if
// `protocol` (and for UDP its destination port `gue_port`, 0: none) is that of a tunnel and its
// headers are all there.
[[nodiscard]] std::optional<uint32_t> tunnel_payload_offset(uint8_t protocol,
                                                            const uint8_t* l4,
                                                            uint32_t bytes,
                                                            Be16 gue_port);

// One of those that nobody listens on (RFC 6335 section 6).
[[nodiscard]] constexpr uint16_t gue_source_port(uint32_t flow_hash) {
    return static_cast<uint16_t>(49152 + (flow_hash & 16383));
}

void put_outer_header(const OuterHeader& outer,
                      uint32_t flow_hash,
                      uint16_t id,
                      uint8_t* inner,
                      uint32_t inner_length) {
    constexpr uint32_t kUdpAndGueBytes = 12;
    constexpr uint32_t kForbidsFragments = wire::kIpv4DontFragment >> 8;  // in its byte
    uint32_t traffic_class = inner[wire::kIpv4Tos];
    uint32_t hop_limit = inner[wire::kIpv4Ttl];
    uint32_t forbids = inner[wire::kIpv4Fragment] & kForbidsFragments;
    if (outer.is_inner_ipv6) {
        traffic_class = ipv6_traffic_class(inner);
        hop_limit = inner[wire::kIpv6HopLimit];
        forbids = 0;
    }
    outer.copy_to(inner - OuterHeader::kBytes);
    if (outer.is_gue) {
        uint8_t* const udp = inner - kUdpAndGueBytes;
        wire::store16(udp, gue_source_port(flow_hash));
        wire::store16(udp + 4, kUdpAndGueBytes + inner_length);
    }
    uint8_t* const ip = inner - outer.header_bytes;
    const uint32_t total = outer.header_bytes + inner_length;
    if (outer.is_ipv6) {
        wire::store32(ip, 6U << 28 | traffic_class << 20 | (flow_hash & 0xfffff));
        wire::store16(ip + wire::kIpv6PayloadLength, total - wire::kIpv6HeaderBytes);
        ip[wire::kIpv6HopLimit] = static_cast<uint8_t>(hop_limit);
        return;
    }
    // As they lie in memory; RFC 6864 section 4.1: what is not to be fragmented needs no
    // identification.
    const uint32_t length = __builtin_bswap16(static_cast<uint16_t>(total));
    const uint32_t fragment = forbids != 0 ? forbids << 16 : __builtin_bswap16(id);
    const uint64_t start = uint64_t{0x45 | traffic_class << 8 | length << 16} | uint64_t{fragment}
                                                                                    << 32;
    // A word's upper half may stay where it is: 2^16 is 1 in one's complement.
    const uint32_t sum = outer.sum + (traffic_class << 8) + length + fragment + hop_limit;
    const uint16_t checksum = static_cast<uint16_t>(~checksum_fold32(sum));
    std::memcpy(ip, &start, sizeof(start));
    ip[wire::kIpv4Ttl] = static_cast<uint8_t>(hop_limit);
    std::memcpy(ip + wire::kIpv4Checksum, &checksum, sizeof(checksum));
}

}  // namespace director::dataplane
