// TCP sequence numbers that differ between a connection's two ends, because a helper has resized
// the stream (FTP, PROXY protocol) or has finished the handshake on the server's behalf (SYN
// cookies).
//
// The rule for resizes is IPVS's (vs_fix_seq, vs_fix_ack_seq and vs_seq_update in
// net/netfilter/ipvs/ip_vs_app.c) but for mended edges, so that connection sync can carry its
// numbers: what is sent after the last resize is shifted by `delta`, what was sent before by
// `previous_delta`.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/core/codecs/tcp_bytes.h"

namespace director::dataplane {

// One direction's sender.
struct SeqAdjust {
    uint32_t init_sequence = 0;  // of what was resized last, as it was sent
    int32_t delta = 0;
    int32_t previous_delta = 0;
    bool is_set = false;

    friend constexpr bool operator==(const SeqAdjust&, const SeqAdjust&) = default;
};

enum class TcpSender : uint8_t { kClient, kServer };

struct TcpAdjustment {
    std::array<SeqAdjust, 2> sent;  // by TcpSender
    uint32_t timestamp_delta = 0;   // what the client sees the server's timestamps greater by
    uint16_t awaited_mss = 0;       // SYN proxy: of the client's SYN
    int8_t window_shift = 0;        // the client scales the server's window by so much less
    bool awaits_server = false;     // SYN proxy: not known yet, see syn_proxy.cc
};

// What this sender sent at `sequence`, if it is not an older resize sent again, has grown by
// `bytes` (shrunk, if negative).
void record_resize(SeqAdjust& sender, uint32_t sequence, int32_t bytes);

// The sender's own number of what its peer was shown, or acknowledges, as `shown`.
[[nodiscard]] uint32_t sequence_before(const SeqAdjust& sender, uint32_t shown);

// The number that the peer is shown for what the sender calls `sequence`.
[[nodiscard]] uint32_t sequence_after(const SeqAdjust& sender, uint32_t sequence);

// All numbers of a sender that began with `initial_sequence` are shifted.
[[nodiscard]] constexpr SeqAdjust constant_shift(uint32_t initial_sequence, uint32_t delta) {
    return {initial_sequence, static_cast<int32_t>(delta), static_cast<int32_t>(delta), true};
}

// Translates a TCP header with its options for the other end, keeping the checksum as right as it
// was. SYN segments keep their window. `header_bytes` are at hand. `adjustment` changes once a
// gigabyte: IPVS's comparison with the last resize would turn round two gigabytes after it.
void adjust_tcp(uint8_t* tcp, uint32_t header_bytes, TcpSender sender, TcpAdjustment& adjustment);

}  // namespace director::dataplane
