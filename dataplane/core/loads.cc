// How loaded real servers are, for schedulers that choose by load and for connection thresholds.
#include "dataplane/core/schedulers/schedulers.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

// Servers whose load on other workers is read in one poll.
constexpr uint32_t kRefreshedPerPoll = 16;

// IPVS, ip_vs_dest_update_overload: from the upper threshold on, until below the lower one, or
// below three quarters of the upper one when there is no lower one.
[[nodiscard]] bool is_overloaded(const RealServerSlot& server, bool was_overloaded) {
    if (server.connections_upper == 0 || server.total >= server.connections_upper) {
        return server.connections_upper != 0;
    }
    const uint64_t four_times = uint64_t{server.total} * 4;
    const bool is_above = server.connections_lower != 0
                              ? server.total >= server.connections_lower
                              : four_times >= uint64_t{server.connections_upper} * 3;
    return was_overloaded && is_above;
}

void fill_in(ServerTally& tally, RealServerSlot& server) {
    server.active = tally.active + server.others_active;
    server.total = tally.active + tally.inactive + server.others_total;
    tally.is_overloaded = is_overloaded(server, tally.is_overloaded);
    server.is_overloaded = tally.is_overloaded;
}

[[nodiscard]] ServiceTable* table_of(Worker::State& state, const ServerTally& tally) {
    const bool is_listed = tally.position != kNoPosition && tally.is_load_wanted;
    return is_listed ? state.services[index(tally.service)].table : nullptr;
}

void apply_load(Worker::State& state, ServerTally& tally) {
    ServiceTable* const table = table_of(state, tally);
    if (table == nullptr) {
        return;
    }
    fill_in(tally, table->servers[tally.position]);
    schedulers()[table->scheduler].load_changed(*table, tally.position);
}

}  // namespace

void note_load(Worker::State& state, RealServerId server) {
    ServerTally& tally = state.server_tallies[index(server)];
    if (!tally.is_load_wanted) {
        return;
    }
    if (state.settings.loads != nullptr) {
        state.settings.loads->publish(
            state.settings.id, server, {tally.active, tally.active + tally.inactive});
    }
    apply_load(state, tally);
}

bool wants_load(const ServiceTable& table) {
    if (schedulers()[table.scheduler].is_by_load) {
        return true;
    }
    for (const RealServerSlot& server : table.servers) {
        if (server.connections_upper != 0) {
            return true;
        }
    }
    return false;
}

void fill_in_loads(Worker::State& state, ServiceTable& table) {
    for (RealServerSlot& server : table.servers) {
        ServerTally& tally = state.server_tallies[index(server.id)];
        if (state.settings.loads != nullptr) {
            const ServerLoad others = state.settings.loads->of_others(state.settings.id, server.id);
            server.others_active = others.active;
            server.others_total = others.total;
        }
        fill_in(tally, server);
    }
}

void refresh_loads(Worker::State& state) {
    for (uint32_t i = 0; i < std::min(kRefreshedPerPoll, state.servers_end); ++i) {
        state.load_cursor = state.load_cursor + 1 < state.servers_end ? state.load_cursor + 1 : 0;
        ServerTally& tally = state.server_tallies[state.load_cursor];
        ServiceTable* const table = table_of(state, tally);
        if (table == nullptr) {
            continue;
        }
        RealServerSlot& server = table->servers[tally.position];
        const ServerLoad others = state.settings.loads->of_others(state.settings.id, server.id);
        if (others.active != server.others_active || others.total != server.others_total) {
            server.others_active = others.active;
            server.others_total = others.total;
            apply_load(state, tally);
        }
    }
}

}  // namespace director::dataplane
