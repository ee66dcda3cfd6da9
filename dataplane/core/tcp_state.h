// IPVS's TCP state machine: pure functions over tables.
#pragma once

#include <cstdint>

#include "dataplane/api/conn_state.h"
#include "dataplane/core/packet.h"

namespace director::dataplane {

// TCP header flags (RFC 9293 section 3.1).
inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpSyn = 0x02;
inline constexpr uint8_t kTcpRst = 0x04;
inline constexpr uint8_t kTcpAck = 0x10;

// The state after a packet with these flags went in this direction (Linux 6.1 ip_vs_proto_tcp.c,
// tcp_states: rows by the first of RST, SYN, FIN, ACK that is set; no flag at all means CLOSE).
[[nodiscard]] ConnState next_tcp_state(ConnState state, Direction direction, uint8_t flags);

// Whether the handshake is incomplete: the connections that a flood makes, and that make room
// first.
[[nodiscard]] constexpr bool is_half_open(ConnState state) {
    return state == ConnState::kSynRecv || state == ConnState::kSynAck;
}

// Whether a SYN that finds a connection in this state starts a new one in its place (IPVS
// conn_reuse_mode 1).
[[nodiscard]] constexpr bool is_reusable(ConnState state) {
    return state == ConnState::kTimeWait || state == ConnState::kClose;
}

}  // namespace director::dataplane
