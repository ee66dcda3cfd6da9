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

// False: later, the sweep has to wait.
[[nodiscard]] bool end_if_told(Worker::State& state, uint32_t connection) {
    const Connection& entry = state.connections[connection];
    const ServerTally& server = state.server_tallies[index(entry.server)];
    // Nothing ever tells a UDP client that its server is gone: it is never left with it.
    const bool is_left =
        server.when_gone == WhenServerGone::kLeave && entry.protocol() != Protocol::kUdp;
    if (!server.is_ending || is_left || entry.has(kIsEnding)) {
        return true;
    }
    if (server.when_gone == WhenServerGone::kReset && entry.protocol() == Protocol::kTcp) {
        return start_resetting(state, connection);
    }
    end_connection(state, connection);
    ++state.counters.connections_expired;
    return true;
}

// Where its timer is now is not known: a packet may have moved the deadline since. The queue of
// half-open connections is in order of their last packet, and stays so.
void shorten_wait(Worker::State& state, uint32_t connection) {
    Connection& entry = state.connections[connection];
    if (entry.has(kIsEnding)) {
        return;
    }
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
    Sweep& sweep = state.sweep;
    const uint32_t most = sweep.shortens_waits ? kTimersPerPoll : kEntriesPerPoll;
    for (uint32_t i = 0; i < most && sweep.left != 0; ++i) {
        if (sweep.cursor >= state.connections.high_water()) {
            sweep.cursor = 0;
        }
        if (state.connections.is_used(sweep.cursor) && !end_if_told(state, sweep.cursor)) {
            return;
        }
        if (sweep.shortens_waits && state.connections.is_used(sweep.cursor)) {
            shorten_wait(state, sweep.cursor);
        }
        ++sweep.cursor;
        --sweep.left;
    }
    sweep.shortens_waits = sweep.shortens_waits && sweep.left != 0;
}

}  // namespace director::dataplane
