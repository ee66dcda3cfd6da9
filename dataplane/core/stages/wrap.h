// What the method of a connection still does to a packet once its way out is known: wrap it for a
// tunnel, lower the MSS of a handshake. Private to the forward stage.
#pragma once

#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

// Puts the packet of this connection into its tunnel. False: it has been dropped, or has become an
// answer that needs a next hop of its own.
[[nodiscard]] bool wrap_for(Worker::State& state,
                            const Connection& connection,
                            Packet& packet,
                            InterfaceId interface);

void clamp_for(const Worker::State& state, const Packet& packet, InterfaceId interface);

// What is left to be done before the packet of a connection may leave by `interface`: nearly always
// nothing. False: see wrap_for().
[[nodiscard]] inline bool prepare_for(Worker::State& state, Packet& packet, InterfaceId interface) {
    const Connection& connection = state.connections[packet.connection];
    if (connection.forwarding == ForwardingMethod::kTunnel &&
        packet.direction == Direction::kClientToServer) {
        return wrap_for(state, connection, packet, interface);
    }
    if (connection.has(kClampsMss) && (packet.tcp_flags & kTcpSyn) != 0) {
        clamp_for(state, packet, interface);
    }
    return true;
}

}  // namespace director::dataplane
