// How long idle connections are kept: the timeouts of all services in the first row, and a row for
// each service that has some of its own, filled up from the first.
//
// A new timeout counts from a connection's next packet on. One that is shorter also counts for
// connections that stay silent, as if they had spoken when it came: the sweep (sweep.cc) brings
// their end nearer. One that is longer leaves silent connections the end that they had.
#include <algorithm>

#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

[[nodiscard]] TimeoutRow& row_of(Worker::State& state, ServiceId service) {
    return state.timeouts[size_t{index(service)} + 1];
}

[[nodiscard]] bool is_any(const ConnTimeouts& own) {
    return std::any_of(own.begin(), own.end(), [](uint32_t seconds) { return seconds != 0; });
}

void start_shortening(Worker::State& state) {
    state.sweep.shortens_waits = true;
    state.sweep.left = state.connections.high_water();
}

void set_ticks(Worker::State& state, TimeoutRow& row, size_t conn_state, uint32_t ticks) {
    const uint32_t before = row.ticks[conn_state];
    row.ticks[conn_state] = ticks;
    if (ticks < before) {
        start_shortening(state);
    }
}

}  // namespace

void set_default_timeouts(Worker::State& state) {
    for (size_t i = 0; i < kConnStateCount; ++i) {
        state.timeouts[0].ticks[i] = to_ticks(kDefaultConnTimeouts[i]);
    }
    for (size_t row = 1; row < state.timeouts.size(); ++row) {
        state.timeouts[row].ticks = state.timeouts[0].ticks;
    }
}

bool set_timeout(Worker::State& state, const TimeoutChange& change) {
    if (change.state >= ConnState::kCount) {
        return false;
    }
    const auto conn_state = static_cast<size_t>(change.state);
    const uint32_t ticks = to_ticks(change.seconds);
    for (size_t i = 0; i < state.timeouts.size(); ++i) {
        TimeoutRow& row = state.timeouts[i];
        if (row.own[conn_state] == 0) {
            set_ticks(state, row, conn_state, ticks);
        }
    }
    return true;
}

void set_own_timeouts(Worker::State& state, ServiceId service, const ConnTimeouts& own) {
    TimeoutRow& row = row_of(state, service);
    const bool had_own = is_any(row.own);
    for (size_t i = 0; i < kConnStateCount; ++i) {
        row.own[i] = is_half_open(static_cast<ConnState>(i)) ? 0 : own[i];
        set_ticks(
            state, row, i, row.own[i] != 0 ? to_ticks(row.own[i]) : state.timeouts[0].ticks[i]);
    }
    if (had_own == is_any(row.own)) {
        return;
    }
    // Also of servers that have left its table: their connections go on.
    for (uint32_t i = 0; i < state.servers_end; ++i) {
        ServerTally& server = state.server_tallies[i];
        if (server.service == service) {
            server.has_own_timeouts = !had_own;
        }
    }
}

bool has_own_timeouts(const Worker::State& state, ServiceId service) {
    return is_any(state.timeouts[size_t{index(service)} + 1].own);
}

}  // namespace director::dataplane
