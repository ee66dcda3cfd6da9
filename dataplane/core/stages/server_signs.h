// What is wrong with a real server, as its clients meet it: connections whose SYN it does not
// answer, and connections that it resets. For passive health checks; of servers whose answers pass
// by here. Each connection counts once, and only packets that may change a connection's state come
// this way. Private to the stages.
#pragma once

#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

// The server has answered, or has been counted for not doing so.
inline void mark_heard(Connection& connection) {
    connection.traits = static_cast<uint8_t>(connection.traits | kIsHeard);
}

[[nodiscard]] inline bool is_unheard(const Connection& connection) {
    return connection.state == ConnState::kSynRecv && !connection.has(kIsHeard) &&
           are_answers_seen(connection.forwarding);
}

// Its SYN was sent once more, or it ends.
inline void note_silence(Worker::State& state, Connection& connection) {
    if (is_unheard(connection)) {
        ++state.server_signs[index(connection.server)].unanswered;
        mark_heard(connection);
    }
}

// A packet before it changes the connection's state.
inline void note_signs(Worker::State& state, Connection& connection, const Packet& packet) {
    // A client repeats its SYN after a second (RFC 6298 section 2.1). Sooner it is the same SYN on
    // two ways.
    constexpr uint32_t kSoonTicks = 3;
    if (packet.direction == Direction::kServerToClient) {
        // One that ends what its client has ended is the habit of some.
        const bool is_refusal =
            connection.state == ConnState::kSynRecv || connection.state == ConnState::kEstablished;
        if ((packet.tcp_flags & kTcpRst) != 0 && is_refusal &&
            are_answers_seen(connection.forwarding)) {
            ++state.server_signs[index(connection.server)].resets;
        }
        mark_heard(connection);
        return;
    }
    if ((packet.tcp_flags & kTcpSyn) != 0 && is_unheard(connection)) {
        const uint32_t timeout =
            timeouts_of(state, connection)[static_cast<size_t>(connection.state)];
        const uint32_t last = connection.deadline - timeout;
        if (state.tick - last >= kSoonTicks) {
            note_silence(state, connection);
        }
    }
}

}  // namespace director::dataplane
