// TCP resets that Director sends itself: to who addresses a connection that is no more, and to the
// ends of one whose server is gone.
#pragma once

#include <cstdint>

#include "common/address.h"

namespace director::dataplane {

// A reset of either IP version; both ends are of one family.
struct TcpReset {
    Endpoint source;
    Endpoint destination;
    uint32_t sequence = 0;
    uint32_t acknowledgement = 0;
    bool has_acknowledgement = false;
    uint8_t traffic_class = 0;
    uint8_t hop_limit = 64;
};

inline constexpr uint32_t kTcpResetBytesMax = 60;

// Writes the packet, IP header first, to `out`, which has room for kTcpResetBytesMax. Answers its
// length.
[[nodiscard]] uint32_t build_tcp_reset(const TcpReset& reset, uint8_t* out);

// The same as an answer to the segment at `l4_offset` of the IP packet at `ip` of `ip_length` bytes
// (whole, no fragment; its headers checked), by RFC 9293 section 3.10.7.1: with the sequence number
// that the segment acknowledges, or else acknowledging the segment. 0 for a segment that is itself
// a reset, or that was not sent from one machine to one machine.
[[nodiscard]] uint32_t answer_with_tcp_reset(const uint8_t* ip,
                                             uint32_t ip_length,
                                             uint32_t l4_offset,
                                             uint8_t* out);

}  // namespace director::dataplane
