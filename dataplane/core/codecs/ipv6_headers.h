// The way from an IPv6 header over its extension headers to what it carries (RFC 8200 section 4).
// Called by the parse stage, and for packets that ICMPv6 errors quote.
#pragma once

#include <cstdint>

namespace director::dataplane {

// Headers that the walk steps over at most, the fragment header included: RFC 8200 section 4.1
// recommends an order with six. More is a way to make a router work.
inline constexpr uint32_t kIpv6ExtensionHeadersMax = 8;

// IANA "protocol numbers": the extension headers.
inline constexpr uint8_t kIpv6HopByHop = 0;
inline constexpr uint8_t kIpv6Routing = 43;
inline constexpr uint8_t kIpv6Fragment = 44;
inline constexpr uint8_t kIpv6Authentication = 51;
inline constexpr uint8_t kIpv6NoNext = 59;
inline constexpr uint8_t kIpv6DestinationOptions = 60;

inline constexpr uint32_t kIpv6FragmentHeaderBytes = 8;

enum class Ipv6Fault : uint8_t {
    kNone,
    kNotAvailable,      // a header ends behind the bytes at hand (but within the packet)
    kBeyondPacket,      // a header ends behind the packet; of a first fragment: RFC 7112
    kTooManyHeaders,    // more than kIpv6ExtensionHeadersMax
    kLateHopByHop,      // hop-by-hop options not right behind the IPv6 header (RFC 8200 4.1)
    kSourceRoute,       // type 0 routing header with segments left (RFC 5095 section 3)
    kRepeatedFragment,  // a second fragment header
    kBadFragment,       // length no multiple of 8, or the datagram beyond 65535 (RFC 8200 4.5)
};

// What lies behind the extension headers. All offsets count from the IPv6 header's first byte.
struct Ipv6Walk {
    // What the last header walked over names as next. Of a fragment that is not the first, this is
    // the fragment header's claim, which only the first fragment's counts for (RFC 8200 4.5).
    uint8_t protocol = 0;
    // Where that header begins. Of a fragment that is not the first: its data.
    uint16_t l4_offset = 0;
    // A fragment header says that bytes are missing. An "atomic" fragment (offset 0, no more
    // fragments) is a whole packet: is_fragment is false (RFC 6946).
    bool is_fragment = false;
    uint16_t fragment_offset_bytes = 0;
    bool more_fragments = false;
    uint32_t fragment_id = 0;
    bool is_good = false;  // fault == kNone; the fields above mean nothing otherwise

    Ipv6Fault fault = Ipv6Fault::kNone;
    // Where the fragment header ends and the fragment's share of the datagram begins; 0 without
    // one.
    uint16_t fragment_data_offset = 0;
    // The byte that holds `protocol`.
    uint16_t next_header_at = 0;
    // A routing header has segments left: the IPv6 header's destination is not the final one, which
    // a checksum's pseudo header needs (RFC 8200 section 8.1).
    bool has_segments_left = false;
};

// Walks from the IPv6 header at `ip`, whose version and payload length the caller has looked at.
// `available_bytes` lie at `ip`; `ip_length` is the packet's length, 40 + payload length. Reads
// nothing outside the smaller of the two. An ip_length below 40 is kBeyondPacket.
[[nodiscard]] Ipv6Walk walk_ipv6(const uint8_t* ip, uint32_t available_bytes, uint32_t ip_length);

}  // namespace director::dataplane
