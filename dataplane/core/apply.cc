// The commands of the control plane, one function each. A command is carried out whole or refused
// whole.
#include <algorithm>

#include "dataplane/core/schedulers/schedulers.h"
#include "dataplane/core/schedulers/weight_tree.h"
#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

// Appends an event about `command`; can_apply() has made sure of the room.
Event& report(Worker::State& state, const Command& command, EventKind kind) {
    Event& event = state.events[state.event_count++];
    event = {kind, state.settings.id, command.sequence, {}};
    return event;
}

void refuse(Worker::State& state, const Command& command) {
    report(state, command, EventKind::kCommandRefused);
}

void give_back(Worker::State& state, const Command& command, ServiceTable* table) {
    if (table != nullptr) {
        report(state, command, EventKind::kServiceReturned).service_table = table;
    }
}

// Workers begin their rounds at different servers: otherwise the first connections of all workers
// would meet on the first server.
void start_round(const Worker::State& state, ServiceTable& table) {
    const uint64_t offset =
        uint64_t{index(state.settings.id)} * table.servers.size() / state.settings.worker_count;
    table.state.position = static_cast<uint32_t>(offset) - 1;
}

// What the packets of a server's connections look up by its id.
void describe_servers(Worker::State& state,
                      const ServiceTable& table,
                      const ServiceTable* previous) {
    if (previous != nullptr) {
        for (const RealServerSlot& server : previous->servers) {
            state.server_tallies[index(server.id)].position = kNoPosition;
        }
    }
    const bool is_load_wanted = wants_load(table);
    for (uint32_t position = 0; position < table.servers.size(); ++position) {
        const RealServerSlot& server = table.servers[position];
        ServerTally& tally = state.server_tallies[index(server.id)];
        tally.service = table.id;
        tally.position = position;
        tally.tunnel = server.tunnel;
        state.outer_headers[index(server.id)] = {};
        tally.is_load_wanted = is_load_wanted;
        tally.has_own_timeouts = has_own_timeouts(state, table.id);
        state.servers_end = std::max(state.servers_end, index(server.id) + 1);
        // A server whose connections are being ended, at the end of a drain, has weight 0.
        tally.is_ending = tally.is_ending && server.weight == 0;
    }
}

[[nodiscard]] bool fits(const Worker::State& state, const ServiceTable& table) {
    for (const RealServerSlot& server : table.servers) {
        if (index(server.id) >= state.settings.real_servers_max) {
            return false;
        }
    }
    return index(table.id) < state.settings.services_max && table.scheduler < schedulers().size();
}

// Services by rule have no key: their rules are in the tables.
[[nodiscard]] bool is_found_by_key(const ServiceKey& key) {
    return key.mark == 0;
}

void note_wide_services(Worker::State& state) {
    state.has_wide_services = state.any_port_services != 0 || state.ftp_services != 0 ||
                              (state.tables != nullptr && !state.tables->match_rules.empty());
}

// False when the key is taken, or the map is full.
[[nodiscard]] bool add_key(Worker::State& state, const ServiceTable& table) {
    if (!is_found_by_key(table.key)) {
        return true;
    }
    const FlowEnd key = flow_end_of(state.settings.hash_key, table.key);
    if (state.service_ids.find(key) != nullptr || !state.service_ids.put(key, table.id)) {
        return false;
    }
    state.any_port_services += table.key.port == Be16{} ? 1U : 0U;
    note_wide_services(state);
    return true;
}

void remove_key(Worker::State& state, const ServiceKey& key) {
    if (is_found_by_key(key)) {
        state.service_ids.erase(flow_end_of(state.settings.hash_key, key));
        state.any_port_services -= key.port == Be16{} ? 1U : 0U;
        note_wide_services(state);
    }
}

// An FTP service's data connections come to its address, whatever the port. Of several at one
// address any will do: it only tells that a packet comes from a client.
void note_ftp(Worker::State& state, ServiceSlot& slot, const ServiceKey& key, bool has_ftp) {
    if (slot.has_ftp == has_ftp) {
        return;
    }
    slot.has_ftp = has_ftp;
    state.ftp_services += has_ftp ? 1U : ~0U;
    note_wide_services(state);
    if (!is_found_by_key(key) || key.port == Be16{}) {
        return;
    }
    const FlowEnd address = flow_end_of(state.settings.hash_key, key).without_port();
    state.ftp_addresses.erase(address);
    for (size_t i = 0; i < state.services.size(); ++i) {
        const ServiceSlot& other = state.services[i];
        const bool is_there = other.has_ftp && is_found_by_key(other.key) &&
                              other.key.address == key.address && other.key.port != Be16{};
        if (is_there) {
            static_cast<void>(
                state.ftp_addresses.put(address, ServiceId{static_cast<uint16_t>(i)}));
            return;
        }
    }
}

// What the servers' methods mean for the service.
void note_methods(Worker::State& state, ServiceSlot& slot) {
    bool has_tunnels = false;
    slot.sees_answers = false;
    if (slot.table != nullptr) {
        for (const RealServerSlot& server : slot.table->servers) {
            has_tunnels = has_tunnels || server.forwarding == ForwardingMethod::kTunnel;
            slot.sees_answers = slot.sees_answers || are_answers_seen(server.forwarding);
        }
    }
    state.tunnel_services += (has_tunnels ? 1U : 0U) - (slot.has_tunnels ? 1U : 0U);
    slot.has_tunnels = has_tunnels;
}

void put_service(Worker::State& state, const Command& command) {
    ServiceTable& table = *command.service_table;
    if (!fits(state, table)) {
        // The sender gets its table back either way.
        give_back(state, command, &table);
        return;
    }
    ServiceSlot& slot = state.services[index(table.id)];
    if (slot.is_known && !(slot.key == table.key)) {
        give_back(state, command, &table);
        return;
    }
    if (!slot.is_known && !add_key(state, table)) {
        give_back(state, command, &table);
        return;
    }
    set_own_timeouts(state, table.id, table.options.timeouts);
    describe_servers(state, table, slot.table);
    fill_in_loads(state, table);
    start_round(state, table);
    schedulers()[table.scheduler].adopt(table, slot.table);
    give_back(state, command, slot.table);
    slot.table = &table;
    slot.key = table.key;
    slot.is_known = true;
    note_methods(state, slot);
    // Once it was one, its data connections come to other ports as long as it is known.
    note_ftp(state, slot, table.key, slot.has_ftp || table.options.has_ftp_helper);
    state.services_end = std::max(state.services_end, index(table.id) + 1);
}

[[nodiscard]] ServiceSlot* known_slot(Worker::State& state, ServiceId service) {
    if (index(service) >= state.services.size() || !state.services[index(service)].is_known) {
        return nullptr;
    }
    return &state.services[index(service)];
}

void retire_service(Worker::State& state, const Command& command) {
    ServiceSlot* const slot = known_slot(state, command.service);
    if (slot == nullptr) {
        refuse(state, command);
        return;
    }
    give_back(state, command, slot->table);
    slot->table = nullptr;
}

void forget_service(Worker::State& state, const Command& command) {
    ServiceSlot* const slot = known_slot(state, command.service);
    if (slot == nullptr || slot->table != nullptr ||
        state.service_counters[index(command.service)].connections != 0) {
        refuse(state, command);
        return;
    }
    remove_key(state, slot->key);
    note_ftp(state, *slot, slot->key, false);
    note_methods(state, *slot);
    *slot = {};
    set_own_timeouts(state, command.service, {});
    state.service_counters[index(command.service)] = {};
    SynWatch& watch = state.syn_watches[index(command.service)];
    state.counters.services_under_attack -= watch.attack.is_under_attack() ? 1U : 0U;
    watch = {};
}

void set_server_weight(Worker::State& state, const Command& command) {
    const auto& wanted = command.set_weight;
    ServiceSlot* const slot = known_slot(state, wanted.service);
    ServiceTable* const table = slot != nullptr ? slot->table : nullptr;
    if (table == nullptr || wanted.position >= table->servers.size() ||
        table->servers[wanted.position].id != wanted.server) {
        refuse(state, command);
        return;
    }
    set_weight(*table, wanted.position, wanted.weight);
    schedulers()[table->scheduler].adopt(*table, table);
}

void forget_real_server(Worker::State& state, const Command& command) {
    if (index(command.server) >= state.settings.real_servers_max) {
        refuse(state, command);
        return;
    }
    ServerTally& counters = state.server_tallies[index(command.server)];
    if (counters.active != 0 || counters.inactive != 0) {
        refuse(state, command);
        return;
    }
    counters = {};
    state.server_signs[index(command.server)] = {};
}

void put_tables(Worker::State& state, const Command& command) {
    if (state.tables != nullptr) {
        report(state, command, EventKind::kTablesReturned).tables = state.tables;
    }
    state.tables = command.tables;
    state.has_had_match_rules = state.has_had_match_rules || !state.tables->match_rules.empty();
    state.looks_by_source = state.has_had_match_rules || !state.tables->source_nat.empty();
    for (const SourceNatRule& rule : state.tables->source_nat) {
        if (index(rule.server) < state.settings.real_servers_max) {
            ServerTally& tally = state.server_tallies[index(rule.server)];
            tally.service = rule.service;
            tally.position = kNoPosition;
            tally.is_ending = false;
            tally.has_own_timeouts = has_own_timeouts(state, rule.service);
        }
    }
    note_wide_services(state);
}

void give_back(Worker::State& state, const Command& command, LocalPool* pool) {
    if (pool != nullptr) {
        report(state, command, EventKind::kLocalPoolReturned).local_pool = pool;
    }
}

void put_local_pool(Worker::State& state, const Command& command) {
    LocalPool* const pool = command.local_pool;
    if (pool->id == 0 || pool->id >= kLocalPoolsMax) {
        give_back(state, command, pool);
        return;
    }
    LocalPool*& place = state.local_pools[pool->id];
    if (place != nullptr) {
        adopt_local_ports(*pool, *place);
    }
    give_back(state, command, place);
    place = pool;
}

[[nodiscard]] bool end_connections(Worker::State& state, const ConnectionsEnd& wanted) {
    if (index(wanted.server) >= state.settings.real_servers_max) {
        return false;
    }
    ServerTally& server = state.server_tallies[index(wanted.server)];
    server.is_ending = true;
    server.when_gone = wanted.how;
    state.sweep.left = state.connections.high_water();
    return true;
}

void put_routes(Worker::State& state, const Command& command) {
    const RouteTable* const previous = state.forwarder.put_routes(command.routes);
    if (previous != nullptr) {
        report(state, command, EventKind::kRoutesReturned).routes = previous;
    }
}

void run_job(Worker::State& state, const Command& command) {
    command.job->worker = state.settings.id;
    state.jobs[state.job_count] = command.job;
    state.job_sequences[state.job_count] = command.sequence;
    ++state.job_count;
}

}  // namespace

bool Worker::can_apply() const {
    // Every command answers with at most one event, every job with one when it is done.
    return state_->event_count + state_->job_count < kEventsMax && state_->job_count < kJobsMax;
}

void Worker::apply(const Command& command, TimePoint now) {
    State& state = *state_;
    DIRECTOR_ASSERT(can_apply());
    state.now = now;
    state.tick = to_tick(now);
    bool is_done = true;
    switch (command.kind) {
        case CommandKind::kPutService:
            put_service(state, command);
            break;
        case CommandKind::kRetireService:
            retire_service(state, command);
            break;
        case CommandKind::kForgetService:
            forget_service(state, command);
            break;
        case CommandKind::kSetWeight:
            set_server_weight(state, command);
            break;
        case CommandKind::kForgetRealServer:
            forget_real_server(state, command);
            break;
        case CommandKind::kSetTimeout:
            is_done = set_timeout(state, command.set_timeout);
            break;
        case CommandKind::kPutInterface:
            is_done = state.forwarder.put_interface(command.put_interface.id,
                                                    command.put_interface.interface);
            break;
        case CommandKind::kSetVirtualMac:
            is_done = state.forwarder.set_virtual_mac(command.set_virtual_mac.interface,
                                                      command.set_virtual_mac.family,
                                                      command.set_virtual_mac.router,
                                                      command.set_virtual_mac.is_ours);
            break;
        case CommandKind::kPutNeighbour:
            is_done = state.forwarder.put_neighbour(command.put_neighbour.key,
                                                    command.put_neighbour.neighbour);
            break;
        case CommandKind::kRemoveNeighbour:
            state.forwarder.remove_neighbour(command.remove_neighbour);
            break;
        case CommandKind::kPutRoutes:
            put_routes(state, command);
            break;
        case CommandKind::kEndConnections:
            is_done = end_connections(state, command.end_connections);
            break;
        case CommandKind::kPutTables:
            put_tables(state, command);
            break;
        case CommandKind::kPutLocalPool:
            put_local_pool(state, command);
            break;
        case CommandKind::kSetSync:
            is_done = state.sync.set_policy(command.set_sync);
            break;
        case CommandKind::kHoldStrays:
            state.strays_held_until = state.now + command.hold_strays;
            break;
        case CommandKind::kRunJob:
            run_job(state, command);
            break;
    }
    if (!is_done) {
        refuse(state, command);
    }
    state.commands_applied = command.sequence;
}

}  // namespace director::dataplane
