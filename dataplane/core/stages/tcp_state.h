// IPVS's TCP state machine: pure functions over tables.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/api/conn_state.h"
#include "dataplane/api/service.h"
#include "dataplane/core/packet.h"

namespace director::dataplane {

// TCP header flags (RFC 9293 section 3.1).
inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpSyn = 0x02;
inline constexpr uint8_t kTcpRst = 0x04;
inline constexpr uint8_t kTcpAck = 0x10;

namespace tcp_state_detail {

inline constexpr size_t kTcpStates = static_cast<size_t>(ConnState::kSynAck) + 1;
using Row = std::array<ConnState, kTcpStates>;

inline constexpr ConnState kNO = ConnState::kNone;
inline constexpr ConnState kES = ConnState::kEstablished;
inline constexpr ConnState kSS = ConnState::kSynSent;
inline constexpr ConnState kSR = ConnState::kSynRecv;
inline constexpr ConnState kFW = ConnState::kFinWait;
inline constexpr ConnState kTW = ConnState::kTimeWait;
inline constexpr ConnState kCL = ConnState::kClose;
inline constexpr ConnState kCW = ConnState::kCloseWait;
inline constexpr ConnState kLA = ConnState::kLastAck;
inline constexpr ConnState kLI = ConnState::kListen;
inline constexpr ConnState kSA = ConnState::kSynAck;

enum Event : uint8_t { kSynEvent, kFinEvent, kAckEvent, kRstEvent, kNoEvent, kEventCount };

// Columns are the current state: NO ES SS SR FW TW CL CW LA LI SA.
inline constexpr std::array<std::array<Row, kEventCount>, 3> kNext{{
    {{
        // client to server
        {kSR, kES, kES, kSR, kSR, kSR, kSR, kSR, kSR, kSR, kSR},  // syn
        {kCL, kCW, kSS, kTW, kTW, kTW, kCL, kCW, kLA, kLI, kTW},  // fin
        {kES, kES, kSS, kES, kFW, kTW, kCL, kCW, kCL, kLI, kES},  // ack
        {kCL, kCL, kCL, kSR, kCL, kCL, kCL, kCL, kLA, kLI, kSR},  // rst
        {kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL},  // none
    }},
    {{
        // server to client
        {kSS, kES, kSS, kSR, kSS, kSS, kSS, kSS, kSS, kLI, kSR},  // syn
        {kTW, kFW, kSS, kTW, kFW, kTW, kCL, kTW, kLA, kLI, kTW},  // fin
        {kES, kES, kSS, kES, kFW, kTW, kCL, kCW, kLA, kES, kES},  // ack
        {kCL, kCL, kSS, kCL, kCL, kTW, kCL, kCL, kCL, kCL, kCL},  // rst
        {kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL},  // none
    }},
    {{
        // client to server, when the server's answers go past us
        {kSR, kES, kES, kSR, kSR, kSR, kSR, kSR, kSR, kSR, kSR},  // syn
        {kCL, kFW, kSS, kTW, kFW, kTW, kCL, kCW, kLA, kLI, kTW},  // fin
        {kES, kES, kSS, kES, kFW, kTW, kCL, kCW, kCL, kLI, kES},  // ack
        {kCL, kCL, kCL, kSR, kCL, kCL, kCL, kCL, kLA, kLI, kCL},  // rst
        {kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL, kCL},  // none
    }},
}};

static_assert(kNext[0][kSynEvent][static_cast<size_t>(kNO)] == kSR);
static_assert(kNext[1][kFinEvent][static_cast<size_t>(kSA)] == kTW);

// Which row the flags select, for each of the 32 combinations of the low five flags (PSH is one of
// them and means nothing here).
inline constexpr std::array<uint8_t, 32> kEventOfFlags = [] {
    std::array<uint8_t, 32> events{};
    for (uint8_t flags = 0; flags < 32; ++flags) {
        uint8_t& event = events[flags];
        if ((flags & kTcpRst) != 0) {
            event = kRstEvent;
        } else if ((flags & kTcpSyn) != 0) {
            event = kSynEvent;
        } else if ((flags & kTcpFin) != 0) {
            event = kFinEvent;
        } else {
            event = (flags & kTcpAck) != 0 ? kAckEvent : kNoEvent;
        }
    }
    return events;
}();

}  // namespace tcp_state_detail

// What is seen of a connection: INPUT, OUTPUT and INPUT_ONLY in IPVS.
enum class TcpView : uint8_t { kClientToServer, kServerToClient, kClientOnly };

[[nodiscard]] constexpr bool are_answers_seen(ForwardingMethod method) {
    return method == ForwardingMethod::kNat || method == ForwardingMethod::kFullNat;
}

[[nodiscard]] constexpr TcpView tcp_view(Direction direction, ForwardingMethod method) {
    return are_answers_seen(method) ? static_cast<TcpView>(direction) : TcpView::kClientOnly;
}

// The state after a packet with these flags was seen (Linux 6.1 ip_vs_proto_tcp.c, tcp_states: rows
// by the first of RST, SYN, FIN, ACK that is set; no flag at all means CLOSE).
[[nodiscard]] constexpr ConnState next_tcp_state(ConnState state, TcpView view, uint8_t flags) {
    return tcp_state_detail::kNext[static_cast<size_t>(
        view)][tcp_state_detail::kEventOfFlags[flags & 31]][static_cast<size_t>(state)];
}

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
