// What the method of a connection still does to a packet once its way out is known: wrap it for a
// tunnel, lower the MSS of a handshake. Private to the forward stage.
#pragma once

#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

// Whether the packet of a connection needs prepare_for() at all: nearly none does.
[[nodiscard]] inline bool needs_preparation(const Worker::State& state, const Packet& packet) {
    const Connection& connection = state.connections[packet.connection];
    return (connection.forwarding == ForwardingMethod::kTunnel &&
            packet.direction == Direction::kClientToServer) ||
           (connection.has(kClampsMss) && (packet.tcp_flags & kTcpSyn) != 0);
}

// False: the packet has been dropped, or has become an answer that needs a next hop of its own.
[[nodiscard]] bool prepare_for(Worker::State& state, Packet& packet, InterfaceId interface);

}  // namespace director::dataplane
