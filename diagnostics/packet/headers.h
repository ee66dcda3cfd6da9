// A packet taken apart: what its headers say, where they lie, and how far they can be believed.
// Plain data: filled by decode() (decode.h), read by flow analysis and by the matcher.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/address.h"

namespace director::diagnostics {

// Whether a checksum is right, and if not, why that need not mean a damaged packet.
enum class ChecksumVerdict : uint8_t {
    kAbsent,      // UDP over IPv4 with 0; a protocol without one
    kUnverified,  // the packet is cut, or a fragment, or nobody asked
    kGood,
    kBad,
    // Wrong, and holds the sum of the pseudo header alone or, where there is none, 0: the sender's
    // NIC was to finish it, and the capture was taken before that.
    kOffloaded,
};

struct Checksum {
    uint32_t found = 0;     // as the header has it, in host order; 32 bits of SCTP, else 16
    uint32_t computed = 0;  // what it should be; 0 where unverified
    ChecksumVerdict verdict = ChecksumVerdict::kAbsent;
};

// Which layers were found. A packet may be IP without a layer 4 (a later fragment, a cut packet).
enum class Layer3 : uint8_t { kNone, kIpv4, kIpv6, kArp, kOther };
enum class Layer4 : uint8_t { kNone, kTcp, kUdp, kUdpLite, kSctp, kIcmp, kIcmpv6, kOther };

// What in the headers contradicts itself. Bits of Headers::faults.
enum HeaderFault : uint16_t {
    kFaultCut = 1 << 0,           // the capture ends within the headers
    kFaultIpOptions = 1 << 1,     // an IP option runs past the header or has a length below 2
    kFaultLength = 1 << 2,        // a length in an L3 or L4 header is below what is there
    kFaultLengthBeyond = 1 << 3,  // a length in an L3 or L4 header is beyond what was on the wire
    kFaultUdpLength = 1 << 4,     // UDP's or UDP-Lite's length differs from IP's
    kFaultCoverage = 1 << 5,      // UDP-Lite's coverage is 1..7 or beyond the datagram
    kFaultTcpOptions = 1 << 6,    // a TCP option runs past the header or has a wrong length
    kFaultTcpHeader = 1 << 7,     // a data offset below 5 or beyond the packet
    kFaultExtensions = 1 << 8,    // a chain of IPv6 extension headers that does not end
};

// An IP header, and of IPv6 the fragment header behind it.
struct IpHeaders {
    IpAddress source;
    IpAddress destination;
    uint32_t identification = 0;    // IPv4: 16 bits; IPv6: of the fragment header, else 0
    uint32_t fragment_offset = 0;   // in bytes
    uint32_t flow_label = 0;        // IPv6
    uint16_t header_bytes = 0;      // with options or extension headers
    uint16_t flags_and_offset = 0;  // IPv4: the 16 bits as they are
    uint32_t payload_bytes = 0;     // behind these headers, as IP's length says
    uint8_t ttl = 0;
    uint8_t tos = 0;           // traffic class
    uint8_t protocol = 0;      // of what follows the last extension header
    bool is_fragment = false;  // any but a whole datagram
    bool has_more_fragments = false;
    bool has_dont_fragment = false;
    bool has_reserved_bit = false;  // IPv4 bit 0x8000; IPv6: reserved bits of the fragment header
    Checksum checksum;              // IPv4
    // IPv4 options; IPv6 hop-by-hop and destination options, headers included (of several
    // destination options headers the last). Within the packet.
    std::span<const uint8_t> options;
    std::span<const uint8_t> hop_by_hop;
    std::span<const uint8_t> destination_options;
    // Of a fragment: its share of the datagram, which IPv6 counts from the fragment header on. How
    // much there was on the wire, and what was kept.
    uint32_t fragment_bytes = 0;
    std::span<const uint8_t> fragment;
};

// TCP flags as in the header's byte; the AccECN bit (RFC 9768) is the ninth.
inline constexpr uint16_t kFin = 0x01;
inline constexpr uint16_t kSyn = 0x02;
inline constexpr uint16_t kRst = 0x04;
inline constexpr uint16_t kPsh = 0x08;
inline constexpr uint16_t kAck = 0x10;
inline constexpr uint16_t kUrg = 0x20;
inline constexpr uint16_t kEce = 0x40;
inline constexpr uint16_t kCwr = 0x80;

struct SackBlock {
    uint32_t left = 0;
    uint32_t right = 0;
};

// One MPTCP option (RFC 6824, RFC 8684).
struct MptcpOption {
    uint8_t subtype = 0;
    uint8_t flags = 0;       // MP_CAPABLE: its flags; MP_JOIN: backup bit; DSS: its flags
    uint8_t version = 0;     // MP_CAPABLE
    uint8_t address_id = 0;  // JOIN, ADD_ADDR, REMOVE_ADDR, PRIO
};

struct TcpHeader {
    uint32_t sequence = 0;
    uint32_t acknowledgement = 0;
    uint16_t flags = 0;
    uint16_t window = 0;  // as it is, not scaled
    uint16_t urgent = 0;
    uint8_t header_bytes = 0;  // 0: not all 20 bytes were kept; what was is filled in
    // Options. `options_seen` has bit k for kind k, bit 31 for all above 30.
    uint32_t options_seen = 0;
    uint16_t option_count = 0;  // NOPs included
    // The kinds in their order, four bits each, the last one lowest: NOP, MSS, scale, SACK
    // permitted and timestamps as their numbers, kOrderEnd and kOrderOther. Of more than 16 the
    // last.
    uint64_t option_order = 0;
    static constexpr uint64_t kOrderEnd = 0xe;
    static constexpr uint64_t kOrderOther = 0xf;
    uint16_t mss = 0;          // 0: no such option
    uint8_t window_shift = 0;  // as it is; RFC 7323 2.3 takes more than 14 as 14
    bool has_window_shift = false;
    bool has_timestamps = false;
    uint32_t timestamp = 0;
    uint32_t timestamp_echo = 0;
    uint8_t sack_count = 0;
    std::array<SackBlock, 4> sack{};
    uint8_t mptcp_count = 0;
    std::array<MptcpOption, 4> mptcp{};
    std::span<const uint8_t> options;  // within the packet
};

struct Headers {
    // Link layer.
    std::array<uint8_t, 6> source_mac{};
    std::array<uint8_t, 6> destination_mac{};
    bool has_macs = false;
    uint16_t ether_type = 0;  // of the network layer, behind VLAN tags
    uint8_t vlan_count = 0;
    std::array<uint16_t, 2> vlans{};  // ids, outermost first

    Layer3 layer3 = Layer3::kNone;
    Layer4 layer4 = Layer4::kNone;
    uint8_t tunnel_depth = 0;  // how many IP headers lie around `ip`
    uint16_t faults = 0;       // HeaderFault
    IpHeaders ip;

    // Layer 4. Ports are 0 where there are none; of ICMP, type and code are kept instead.
    uint16_t source_port = 0;
    uint16_t destination_port = 0;
    uint8_t icmp_type = 0;
    uint8_t icmp_code = 0;
    uint16_t icmp_id = 0;  // of an echo
    Checksum l4_checksum;
    TcpHeader tcp;

    uint32_t l3_offset = 0;  // in the captured bytes
    uint32_t l4_offset = 0;
    // What layer 4 carries: its length on the wire, and what of it was kept. Of a fragment, its
    // share; of a later one, all behind the IP headers.
    uint32_t payload_wire_bytes = 0;
    std::span<const uint8_t> payload;

    [[nodiscard]] bool is_ip() const { return layer3 == Layer3::kIpv4 || layer3 == Layer3::kIpv6; }
    [[nodiscard]] bool is_tcp() const { return layer4 == Layer4::kTcp; }
    [[nodiscard]] bool has(uint16_t tcp_flags) const { return (tcp.flags & tcp_flags) != 0; }
};

}  // namespace director::diagnostics
