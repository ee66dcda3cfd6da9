// Wraps packets for real servers behind tunnels: IP-in-IP (RFC 2003, 4213, 2473), GUE
// (draft-ietf-intarea-gue, variant 0, as Linux's fou module reads it) and GRE (RFC 2784), as IPVS
// sends them. The forward stage calls fits_tunnel(), then encapsulate(); the stage that handles
// ICMP errors finds the packet inside a quoted one with tunnel_payload_offset().
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "common/address.h"
#include "dataplane/api/ids.h"
#include "dataplane/api/service.h"

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
    // For who keeps it: what it was made for.
    InterfaceId interface {};
    uint32_t generation = 0;
};
static_assert(sizeof(OuterHeader) == 128);

[[nodiscard]] OuterHeader make_outer_header(const Encapsulation& how,
                                            bool is_inner_ipv6,
                                            uint32_t path_mtu);

// What encapsulate() would write for `flow_hash` and `id`. Besides, all of the kBytes before the
// inner packet are overwritten, which are there; the inner packet is no longer than `inner_mtu`.
void put_outer_header(const OuterHeader& outer,
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

}  // namespace director::dataplane
