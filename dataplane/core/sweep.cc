// What becomes of the connections of a server that failed or was removed, and of idle ones whose
// timeout became shorter: a bounded number of table entries per poll, so that a million of them
// delay no packet.
#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kEntriesPerPoll = 256;
// Timers are elsewhere: moving one costs several cache misses.
constexpr uint32_t kTimersPerPoll = 32;

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

// Where its timer is now is not known: a packet may have moved the deadline since. The queue of
// half-open connections is in order of their last packet, and stays so.
void shorten_wait(Worker::State& state, uint32_t connection) {
    Connection& entry = state.connections[connection];
    const uint32_t ticks = timeouts_of(state, entry)[static_cast<size_t>(entry.state)];
    if (static_cast<int32_t>(entry.deadline - state.tick) > static_cast<int32_t>(ticks)) {
        entry.deadline = state.tick + ticks;
    }
    if (!is_half_open(entry.state)) {
        state.connections.timers().disarm(connection);
        arm_timer(state, connection);
    }
}

}  // namespace

void sweep_some(Worker::State& state) {
    const uint32_t most = state.sweep.shortens_waits ? kTimersPerPoll : kEntriesPerPoll;
    const uint32_t count = std::min(state.sweep.left, most);
    for (uint32_t i = 0; i < count; ++i) {
        if (state.sweep.cursor >= state.connections.high_water()) {
            state.sweep.cursor = 0;
        }
        if (state.connections.is_used(state.sweep.cursor)) {
            end_if_told(state, state.sweep.cursor);
        }
        if (state.sweep.shortens_waits && state.connections.is_used(state.sweep.cursor)) {
            shorten_wait(state, state.sweep.cursor);
        }
        ++state.sweep.cursor;
    }
    state.sweep.left -= count;
    state.sweep.shortens_waits = state.sweep.shortens_waits && state.sweep.left != 0;
}

}  // namespace director::dataplane
