// Stage 6, of a director with a twin only: which connections the twin should hear of. After track,
// so that the connection is in its new state; as in IPVS only packets from the client count.
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

[[nodiscard]] bool counts(const Packet& packet) {
    return packet.connection != kNoConnection && packet.direction == Direction::kClientToServer &&
           !packet.is_icmp_error;
}

}  // namespace

void sync_burst(Worker::State& state, Packets packets) {
    if (!state.sync.is_on()) {
        return;
    }
    for (const Packet& packet : packets) {
        if (counts(packet)) {
            state.sync.prefetch(packet.connection);
        }
    }
    for (const Packet& packet : packets) {
        if (!counts(packet)) {
            continue;
        }
        const Connection& connection = state.connections[packet.connection];
        state.sync.on_client_packet(
            packet.connection,
            {.protocol = connection.protocol(),
             .state = connection.state,
             .has_template = connection.has(kHasTemplate),
             .timeout = timeouts_of(state, connection)[static_cast<size_t>(connection.state)],
             .deadline = connection.deadline,
             .tick = state.tick});
    }
}

}  // namespace director::dataplane
