// The end of connections: a bounded number of timers per poll, so that a million that end in the
// same second delay no packet.
#include "dataplane/core/stages/server_signs.h"
#include "dataplane/core/stages/syn_proxy.h"
#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

// More than a burst can create, so that expiry keeps up with any arrival rate.
constexpr uint32_t kExpireMax = 64;
// Empty slots of the wheel that one poll may pass: catches up 8 s per poll after a pause.
constexpr uint32_t kSlotsMax = 64;

[[nodiscard]] bool is_due(const Worker::State& state, uint32_t connection) {
    return static_cast<int32_t>(state.connections[connection].deadline - state.tick) <= 0;
}

void expire(Worker::State& state, uint32_t connection) {
    note_silence(state, state.connections[connection]);
    end_connection(state, connection);
    ++state.counters.connections_expired;
}

// A control connection does not end before its data connections (IPVS: ip_vs_conn_expire looks
// again after a minute).
[[nodiscard]] bool is_kept(Worker::State& state, uint32_t connection) {
    constexpr uint32_t kAgainSeconds = 60;
    Connection& entry = state.connections[connection];
    if (!entry.has(kHasAdjustment) || entry.state == ConnState::kClose) {
        return false;
    }
    const ConnectionDetails& details = state.connections.details(entry);
    if (details.ftp_role != FtpRole::kControl || !state.ftps.is_shared(details.ftp)) {
        return false;
    }
    entry.deadline = state.tick + to_ticks(kAgainSeconds);
    return true;
}

// For a connection that is not due yet: what there is to do for it now, and when again.
[[nodiscard]] uint32_t next_look(Worker::State& state, uint32_t connection) {
    const Connection& entry = state.connections[connection];
    if (entry.has(kIsEnding)) {
        return ask_again(state, connection);
    }
    return awaits_server(state, entry) ? look_after_server(state, connection) : entry.deadline;
}

// What a connection holds beside its place in the table.
void give_back(Worker::State& state, const Connection& entry) {
    const ConnectionDetails& details = state.connections.details(entry);
    LocalPool* const pool = state.local_pools[details.local_pool];
    if (entry.has(kHasSecondPlace) && pool != nullptr) {
        const Endpoint server = state.connections.endpoint(entry, Side::kInside, Role::kServer);
        give_back_local_port(*pool,
                             state.connections.endpoint(entry, Side::kInside, Role::kClient),
                             local_port_group(entry.protocol(), server));
    }
    if (details.ftp_role != FtpRole::kNone) {
        state.ftps.release(details.ftp);
    }
    if (entry.has(kIsLimited)) {
        state.settings.limits->release(state.server_tallies[index(entry.server)].service,
                                       details.limit_ref);
    }
    if (entry.has(kHasTemplate)) {
        state.settings.templates->release(details.template_ref, state.tick);
    }
}

}  // namespace

void end_connection(Worker::State& state, uint32_t connection) {
    const Connection& entry = state.connections[connection];
    ServerTally& server = state.server_tallies[index(entry.server)];
    --(is_active(entry.state) ? server.active : server.inactive);
    --state.service_counters[index(server.service)].connections;
    if (is_half_open(entry.state)) {
        note_half_open(state, entry, -1);
    }
    if (entry.details != kNoDetails) {
        give_back(state, entry);
    }
    const RealServerId server_id = entry.server;
    state.connections.remove(connection);
    note_load(state, server_id);
}

void end_one_packets_burst(Worker::State& state, Packets /*packets*/) {
    for (uint32_t i = 0; i < state.one_packet_count; ++i) {
        end_connection(state, state.one_packets[i]);
        ++state.counters.connections_expired;
    }
    state.one_packet_count = 0;
}

void expire_some(Worker::State& state) {
    TimerLists& timers = state.connections.timers();
    uint32_t budget = kExpireMax;
    for (; budget > 0; --budget) {
        const uint32_t oldest = timers.oldest_half_open();
        if (oldest == TimerLists::kNone || !is_due(state, oldest)) {
            break;
        }
        expire(state, oldest);
    }
    uint32_t steps = kSlotsMax;
    for (; budget > 0; --budget) {
        const uint32_t connection = timers.next_due(state.tick, steps);
        if (connection == TimerLists::kNone) {
            break;
        }
        if (is_due(state, connection) && !is_kept(state, connection)) {
            expire(state, connection);
        } else {
            const uint32_t next = next_look(state, connection);
            timers.disarm(connection);
            timers.arm(connection, next, state.tick);
        }
    }
}

}  // namespace director::dataplane
