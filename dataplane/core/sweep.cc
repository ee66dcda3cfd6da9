// What becomes of the connections of a server that failed or was removed: a bounded number of table
// entries per poll, so that ending a million of them delays no packet.
#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kEntriesPerPoll = 256;

// A TCP connection that is to be reset stays for as long as a closed one: whoever speaks meanwhile
// learns that it is over (track.cc).
void start_resetting(Worker::State& state, uint32_t connection) {
    Connection& entry = state.connections[connection];
    entry.traits |= kIsEnding;
    change_state(state, connection, ConnState::kClose);
}

void end_if_told(Worker::State& state, uint32_t connection) {
    const Connection& entry = state.connections[connection];
    const ServerTally& server = state.server_tallies[index(entry.server)];
    // Nothing ever tells a UDP client that its server is gone: it is never left with it.
    const bool is_left =
        server.when_gone == WhenServerGone::kLeave && entry.protocol() != Protocol::kUdp;
    if (!server.is_ending || is_left || entry.has(kIsEnding)) {
        return;
    }
    if (server.when_gone == WhenServerGone::kReset && entry.protocol() == Protocol::kTcp) {
        start_resetting(state, connection);
    } else {
        end_connection(state, connection);
        ++state.counters.connections_expired;
    }
}

}  // namespace

void sweep_some(Worker::State& state) {
    const uint32_t count = std::min(state.sweep.left, kEntriesPerPoll);
    for (uint32_t i = 0; i < count; ++i) {
        if (state.sweep.cursor >= state.connections.high_water()) {
            state.sweep.cursor = 0;
        }
        if (state.connections.is_used(state.sweep.cursor)) {
            end_if_told(state, state.sweep.cursor);
        }
        ++state.sweep.cursor;
    }
    state.sweep.left -= count;
}

}  // namespace director::dataplane
