// ICMP and ICMPv6 errors that Director itself sends about a packet that it will not forward. The
// caller limits their rate (RFC 1812 section 4.3.2.8, RFC 4443 section 2.4 (f)).
#pragma once

#include <cstdint>

#include "common/address.h"

namespace director::dataplane {

enum class IcmpCause : uint8_t {
    kTooBig,           // fragmentation needed and DF set; packet too big
    kTimeExceeded,     // in transit
    kPortUnreachable,  // no real server: what IPVS says too
    kHostUnreachable,  // the next hop does not answer
    kNetUnreachable,   // no route
    kProhibited,       // by an administrator
};

struct IcmpError {
    IcmpCause cause = IcmpCause::kTimeExceeded;
    uint32_t mtu = 0;  // kTooBig: what would have fitted; told as 1280 at least in IPv6
    IpAddress source;  // of the error, and of the offending packet's family: an own address
    uint8_t hop_limit = 64;
};

// The packet that an error is about: `available_bytes` lie at its IP header `ip`, which the caller
// has checked as far as `l4_offset`; `ip_length` is its length.
struct OffendingPacket {
    const uint8_t* ip = nullptr;
    uint32_t available_bytes = 0;
    uint32_t ip_length = 0;
    uint32_t l4_offset = 0;
    bool is_group_frame = false;  // came as an Ethernet broadcast or multicast
    bool is_later_fragment = false;
    uint8_t protocol = 0;  // behind IPv6's extension headers
};

// No error is longer (RFC 4443 section 2.4 (c)); IPv4's are at most 576 (RFC 1812 section 4.3.2.3).
inline constexpr uint32_t kIcmpErrorBytesMax = 1280;

// Whether the RFCs allow an error about this packet: never about an ICMP error, about what came by
// broadcast or multicast, about a source that is no one machine's address, nor in IPv4 about a
// fragment other than the first (RFC 1812 section 4.3.2.7). In IPv6 "too big" may be about a
// multicast packet (RFC 4443 section 2.4 (e)).
[[nodiscard]] bool may_send_icmp_error(IcmpCause cause, const OffendingPacket& packet);

// Writes the error, IP header first, to `out`, which has room for kIcmpErrorBytesMax. Answers its
// length; 0 when may_send_icmp_error() says no.
[[nodiscard]] uint32_t build_icmp_error(const IcmpError& error,
                                        const OffendingPacket& packet,
                                        uint8_t* out);

}  // namespace director::dataplane
