// A proven client's SYN, sent to its server once more: ours may have been lost, and a client that
// has nothing to say, because its server speaks first, would wait for ever.
//
// The timing wheel has such connections instead of the queue of half-open ones (arm_timer): the
// first look is after a second, each later one after twice the time (RFC 6298 section 5.5), until
// the connection's deadline.
#include <algorithm>

#include "dataplane/core/stages/own_frames.h"
#include "dataplane/core/stages/server_signs.h"
#include "dataplane/core/stages/syn_proxy.h"
#include "dataplane/core/stages/tcp_state.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kFirstLookSeconds = 1;
}  // namespace

bool awaits_server(const Worker::State& state, const Connection& connection) {
    return connection.has(kHasAdjustment) &&
           state.connections.details(connection).adjustment.awaits_server;
}

uint32_t first_look_at_server(const Worker::State& state) {
    return state.tick + to_ticks(kFirstLookSeconds);
}

uint32_t look_after_server(Worker::State& state, uint32_t connection) {
    send_as_client(
        state, connection, awaited_syn(state.connections.details(state.connections[connection])));
    note_silence(state, state.connections[connection]);
    const Connection& entry = state.connections[connection];
    const uint32_t timeout = timeouts_of(state, entry)[static_cast<size_t>(entry.state)];
    const uint32_t left = entry.deadline - state.tick;
    const uint32_t waited = left < timeout ? timeout - left : 0;
    return state.tick + std::min(left, std::max(waited, to_ticks(kFirstLookSeconds)));
}

}  // namespace director::dataplane
