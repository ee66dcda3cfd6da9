// ICMP and ICMPv6 errors about packets that Director has translated: found out what they quote, and
// rewritten so that their receiver recognises its own packet. Path MTU discovery lives on this.
//
// A stage calls parse_quoted(), looks up the connection by the quoted ends (the quoted packet's
// destination is who would have received it), and then translate_error() in place, or
// convert_error() into another buffer where the two sides speak different IP versions.
#pragma once

#include <cstdint>

#include "common/address.h"

namespace director::dataplane {

enum class QuoteFault : uint8_t {
    kNone,
    kNotAnError,       // an echo, neighbour discovery, ...: quotes nothing
    kUnwantedType,     // redirect, source quench (RFC 6633), errors that nobody has defined
    kTruncated,        // fewer than 8 bytes of the quoted transport header (RFC 792 promises them)
    kBadHeader,        // the quoted IP header or its extension headers cannot be true
    kLaterFragment,    // the quoted packet is a fragment without ports
    kProtocolUnknown,  // quotes neither TCP, UDP, SCTP nor an echo; family, ends' addresses,
                       // protocol and offsets are filled in
};

// What an error quotes. Offsets count from the error's own IP header.
struct QuotedPacket {
    QuoteFault fault = QuoteFault::kNone;
    bool is_good = false;  // fault == kNone; else only what the fault says is filled in
    Family family = Family::kIpv4;
    uint8_t protocol = 0;
    bool is_first_fragment = false;  // more fragments follow it
    uint32_t fragment_id = 0;        // of a first fragment
    Endpoint source;  // of an echo: its identifier is the port of who asks, the other's is 0
    Endpoint destination;
    uint16_t icmp_offset = 0;
    uint16_t ip_offset = 0;
    uint16_t l4_offset = 0;
    uint16_t end_offset = 0;  // of the quote; RFC 4884 extensions lie behind it
};

// Looks into the ICMP or ICMPv6 message (by the IP version at `ip`) at `icmp_offset` of the packet
// at `ip`, whose own headers the caller has checked. `available_bytes` lie at `ip`, `ip_length` is
// the packet's length.
[[nodiscard]] QuotedPacket parse_quoted(const uint8_t* ip,
                                        uint32_t available_bytes,
                                        uint32_t ip_length,
                                        uint32_t icmp_offset);

// The same of a quoted packet that begins at `ip_offset` of the bytes at `ip`, up to `end_offset`:
// the one inside a quoted tunnel packet (tunnel_payload_offset()). icmp_offset stays 0.
[[nodiscard]] QuotedPacket parse_quoted_at(const uint8_t* ip,
                                           uint32_t ip_offset,
                                           uint32_t end_offset);

// Whether an ICMP or ICMPv6 message's checksum is right; true also when not all of it is at hand.
// convert_error() makes a new checksum, so ask first. translate_error() leaves a wrong one wrong.
[[nodiscard]] bool is_icmp_checksum_good(const uint8_t* ip,
                                         uint32_t available_bytes,
                                         uint32_t ip_length,
                                         uint32_t icmp_offset);

// What the ends become. All addresses of one family.
struct ErrorTranslation {
    Endpoint quoted_source;
    Endpoint quoted_destination;
    IpAddress source;  // of the error itself
    IpAddress destination;
};

// Rewrites an error in place, all checksums included: the outer IPv4 header's, ICMP's, and, where
// the quote has them, the quoted IPv4 header's and the quoted transport's. `quoted` is what
// parse_quoted() said of it, and good; the translation's family is the error's own.
void translate_error(uint8_t* ip, const QuotedPacket& quoted, const ErrorTranslation& translation);

// Where a converted error's outer header and MTU come from.
struct ErrorConversion {
    ErrorTranslation ends;          // all of the other family than the error
    uint16_t path_mtu_max = 65535;  // of the way that the quoted packets go, in the new family's
                                    // bytes: a "too big" never promises more
    uint8_t hop_limit = 64;         // of the new error
};

// No converted error is longer than this: 1280 by RFC 4443 section 2.4 (c).
inline constexpr uint32_t kConvertedErrorBytesMax = 1280;

// Writes the error as one of the other IP version to `out`, which has room for
// kConvertedErrorBytesMax and does not overlap: types and codes by RFC 7915 sections 4.2 and 5.2,
// the quoted packet by 4.3 and 5.3. IPv4 options and RFC 4884 extensions are left out. Answers the
// new packet's length, 0 for an error that has no counterpart and is to be dropped.
[[nodiscard]] uint32_t convert_error(const uint8_t* ip,
                                     const QuotedPacket& quoted,
                                     const ErrorConversion& conversion,
                                     uint8_t* out);

}  // namespace director::dataplane
