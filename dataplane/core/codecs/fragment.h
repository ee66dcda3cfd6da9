// One IP fragment as the fragment table wants to know it, of either version.
#pragma once

#include <cstdint>

#include "common/address.h"
#include "dataplane/core/codecs/ipv6_headers.h"

namespace director::dataplane {

enum class FragmentFault : uint8_t {
    kNone,
    kBadLength,  // no data, or a length that cannot be inside a datagram: no multiple of 8
    kTooLong,    // ends beyond the longest datagram ("ping of death")
    kTinyFirst,  // transport header not whole in the first fragment (RFC 1858, RFC 7112), or a
                 // TCP fragment that begins within it (RFC 1858 section 3.2.2, RFC 3128)
    // Of the table:
    kDuplicate,      // all these bytes have been seen
    kOverlap,        // some of these bytes have been seen: the datagram is refused (RFC 5722)
    kContradiction,  // two ends of one datagram, or bytes behind its end
    kTooManyHoles,   // more separate pieces than the table follows
    kTooManyHeld,    // of this datagram, waiting for its first fragment
    kHoldFull,       // all hold slots are taken
    kHeldTooLong,    // the first fragment did not come, or of SCTP the last
    kTableFull,      // a newer datagram needed the place
    kRefused,        // of a datagram that has been refused before
};

struct Fragment {
    FragmentFault fault = FragmentFault::kNone;
    bool is_last = false;
    // IPv4's is the key's part; IPv6's counts in the first fragment alone (RFC 8200 section 4.5).
    uint8_t protocol = 0;
    uint32_t id = 0;
    uint16_t offset_bytes = 0;  // of the data in the datagram
    uint16_t data_bytes = 0;
    IpAddress source;
    IpAddress destination;
    // Of the first fragment of TCP, UDP and SCTP; else 0.
    Be16 source_port;
    Be16 destination_port;

    [[nodiscard]] bool is_first() const { return offset_bytes == 0; }
    [[nodiscard]] uint32_t end_bytes() const { return uint32_t{offset_bytes} + data_bytes; }
};

// Whether the IPv4 header at `ip` is a fragment's: more of them follow, or it has an offset.
[[nodiscard]] bool is_ipv4_fragment(const uint8_t* ip);

// The fragment at `ip`, whose header the caller has checked against `ip_length`, the packet's
// length; `available_bytes` lie there. A first fragment whose transport header is not at hand is
// kTinyFirst.
[[nodiscard]] Fragment parse_ipv4_fragment(const uint8_t* ip,
                                           uint32_t available_bytes,
                                           uint32_t ip_length);

// The same where walk_ipv6() was good and found a fragment.
[[nodiscard]] Fragment parse_ipv6_fragment(const uint8_t* ip,
                                           uint32_t available_bytes,
                                           uint32_t ip_length,
                                           const Ipv6Walk& walk);

}  // namespace director::dataplane
