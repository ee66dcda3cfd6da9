// Which services are under a SYN flood: their half-open connections are counted, the alarm turned
// on by their SYNs and off again by looking at one of them per poll.
#include "dataplane/core/stages/syn_proxy.h"

namespace director::dataplane {

bool update_alarm(Worker::State& state, ServiceId service) {
    SynWatch& watch = state.syn_watches[index(service)];
    const ServiceTable* const table = state.services[index(service)].table;
    ServiceCounters& counters = state.service_counters[index(service)];
    if (table == nullptr || table->options.syn_proxy != SynProxy::kUnderAttack) {
        watch.attack.end();
    } else {
        watch.attack.update(state.now,
                            table->options.attack,
                            {counters.half_open, state.connections.capacity(), watch.syns},
                            state.settings.worker_count);
    }
    const uint32_t is_on = watch.attack.is_under_attack() ? 1 : 0;
    state.counters.services_under_attack += uint64_t{is_on} - counters.is_under_attack;
    counters.is_under_attack = is_on;
    return is_on != 0;
}

void note_half_open(Worker::State& state, const Connection& connection, int32_t change) {
    const ServiceId service = state.server_tallies[index(connection.server)].service;
    if (service != kNoService) {
        state.service_counters[index(service)].half_open += static_cast<uint32_t>(change);
    }
}

void watch_for_calm(Worker::State& state) {
    state.calm_cursor = state.calm_cursor + 1 < state.services_end ? state.calm_cursor + 1 : 0;
    if (state.syn_watches[state.calm_cursor].attack.is_under_attack()) {
        static_cast<void>(update_alarm(state, ServiceId{state.calm_cursor}));
    }
}

}  // namespace director::dataplane
