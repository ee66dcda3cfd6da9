// The twin's connections become entries of this worker's: an ordinary connection, used as soon as
// traffic arrives. The rules are ip_vs_proc_conn()'s (net/netfilter/ipvs/ip_vs_sync.c), but that a
// connection whose packets come here is not changed by what the twin says.
#include <algorithm>

#include "dataplane/core/stages/adjust.h"
#include "dataplane/core/stages/choose_server.h"
#include "dataplane/core/stages/ftp_connections.h"
#include "dataplane/core/stages/new_connection.h"
#include "dataplane/core/sync_jobs.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kRecordsPerPoll = 32;
// No timeout is longer than the longest persistence that the configuration allows, 31 days.
constexpr uint32_t kTimeoutMax = 31 * 86400;
// A connection that had a packet here so lately is ours, whatever a datagram says of it. A page of
// the twin's table says nothing of one whose last news are our own packets.
constexpr uint32_t kOwnSeconds = 2;

[[nodiscard]] bool is_state_of(Protocol protocol, ConnState state) {
    switch (protocol) {
        case Protocol::kTcp:
            return state <= ConnState::kSynAck;
        case Protocol::kUdp:
            return state == ConnState::kUdp;
        case Protocol::kSctp:
            return state >= ConnState::kSctpNone && state <= ConnState::kSctpClosed;
        default:
            return false;
    }
}

// Where a record's server stands here, or why it does not.
struct Place {
    SyncOutcome reason = SyncOutcome::kCount;  // kCount: it does
    ServiceTable* table = nullptr;
    const RealServerSlot* server = nullptr;
};

[[nodiscard]] Place place_of(Worker::State& state, const SyncRecord& record) {
    ServiceTable* const table = index(record.service) < state.services.size()
                                    ? state.services[index(record.service)].table
                                    : nullptr;
    if (table == nullptr) {
        return {SyncOutcome::kUnknownService};
    }
    const uint32_t position = index(record.server) < state.settings.real_servers_max
                                  ? state.server_tallies[index(record.server)].position
                                  : kNoPosition;
    if (position >= table->servers.size() || table->servers[position].id != record.server ||
        table->servers[position].endpoint.address != record.real_server.address) {
        return {SyncOutcome::kUnknownServer};
    }
    return {SyncOutcome::kCount, table, &table->servers[position]};
}

[[nodiscard]] bool is_possible(const SyncRecord& record, const Place& place) {
    const bool has_local = record.forwarding == ForwardingMethod::kFullNat;
    const bool needs_local = place.server->forwarding == ForwardingMethod::kFullNat;
    return has_local == needs_local && needs_local == !(record.local == record.client) &&
           !place.table->options.is_one_packet && is_state_of(record.protocol, record.state) &&
           record.client.port != Be16{} &&
           record.client.address.family() == record.virtual_service.address.family() &&
           record.local.address.family() ==
               (needs_local ? record.real_server.address : record.client.address).family();
}

[[nodiscard]] SeqAdjust taken(const SyncSequence& sequence) {
    return {sequence.initial, sequence.delta, sequence.previous_delta, sequence.is_set};
}

void take_adjustment(const SyncAdjustment& from, ConnectionDetails& details) {
    details.adjustment.sent = {taken(from.client), taken(from.server)};
    details.adjustment.timestamp_delta = from.timestamp_delta;
    details.adjustment.window_shift = from.window_shift;
    details.adjustment.awaits_server = false;
    details.server_sequence = from.server_sequence;
}

void arm_for(Worker::State& state, uint32_t connection, uint32_t timeout_seconds) {
    Connection& entry = state.connections[connection];
    if (timeout_seconds != 0) {
        entry.deadline = state.tick + to_ticks(std::min(timeout_seconds, kTimeoutMax));
    } else {
        set_deadline(state, entry);
    }
    state.connections.timers().disarm(connection);
    arm_timer(state, connection);
}

[[nodiscard]] bool is_ours(const Worker::State& state,
                           uint32_t connection,
                           const SyncRecord& record) {
    const Connection& entry = state.connections[connection];
    const uint32_t last =
        entry.deadline - timeouts_of(state, entry)[static_cast<size_t>(entry.state)];
    return state.sync.is_seen_here(connection) &&
           (record.is_of_table ||
            static_cast<int32_t>(state.tick - last) < static_cast<int32_t>(to_ticks(kOwnSeconds)));
}

[[nodiscard]] bool is_same(const Worker::State& state,
                           const Connection& entry,
                           const SyncRecord& record) {
    const ConnTable& table = state.connections;
    return entry.server == record.server &&
           table.endpoint(entry, Side::kInside, Role::kServer) == record.real_server &&
           table.endpoint(entry, Side::kInside, Role::kClient) == record.local &&
           (!record.has_adjustment || entry.has(kHasAdjustment));
}

void update(Worker::State& state, uint32_t connection, const SyncRecord& record) {
    Connection& entry = state.connections[connection];
    if (record.has_adjustment) {
        take_adjustment(record.adjustment, state.connections.details(entry));
    }
    if (entry.state != record.state) {
        change_state(state, connection, record.state);
    }
    arm_for(state, connection, record.timeout_seconds);
    state.sync.adopt(connection, record.state);
}

// The template that the connection refers to, if the service has them and it names this server.
void refer_to_template(Worker::State& state, const Place& place, NewConnection& wanted) {
    TemplateTable* const templates = state.settings.templates;
    if (place.table->options.persistence_seconds == 0 || templates == nullptr) {
        return;
    }
    const IpAddress client = wanted.has_details && wanted.entry.has(kIsIpv6)
                                 ? wanted.details.addresses[0][0]
                                 : IpAddress(wanted.entry.sides[0].client.ipv4());
    const TemplateUse use = templates->insert(template_key(*place.table, client),
                                              place.server->id,
                                              state.tick,
                                              to_ticks(place.table->options.persistence_seconds));
    if (use.ref == kNoTemplate) {
        return;
    }
    if (use.server != place.server->id) {
        templates->release(use.ref, state.tick);
        return;
    }
    wanted.entry.traits |= kHasTemplate;
    wanted.details.template_ref = use.ref;
    wanted.has_details = true;
}

// Takes the local end that the twin had chosen; its replies must come to this worker.
[[nodiscard]] SyncOutcome hold_local(Worker::State& state,
                                     const SyncRecord& record,
                                     uint16_t pool_number) {
    LocalPool* const pool = pool_number < kLocalPoolsMax ? state.local_pools[pool_number] : nullptr;
    if (pool == nullptr ||
        owner_of(record.local, state.settings.worker_count) != state.settings.id) {
        return SyncOutcome::kLocalPortElsewhere;
    }
    const uint32_t group = local_port_group(record.protocol, record.real_server);
    return hold_local_port(*pool, record.local, group) ? SyncOutcome::kCount
                                                       : SyncOutcome::kLocalPortTaken;
}

void give_back_unused(Worker::State& state,
                      const NewConnection& wanted,
                      const EndpointPair& inside) {
    abandon(state, wanted, inside);
    if (wanted.entry.has(kHasTemplate)) {
        state.settings.templates->release(wanted.details.template_ref, state.tick);
    }
    if (wanted.details.ftp_role != FtpRole::kNone) {
        state.ftps.release(wanted.details.ftp);
    }
}

[[nodiscard]] SyncOutcome create(Worker::State& state,
                                 const SyncRecord& record,
                                 const Place& place) {
    const ServiceOptions& options = place.table->options;
    const ForwardingMethod method = place.server->forwarding;
    const EndpointPair inside{record.local, record.real_server};
    if (method == ForwardingMethod::kFullNat) {
        const SyncOutcome reason = hold_local(state, record, options.local_pool);
        if (reason != SyncOutcome::kCount) {
            return reason;
        }
    }
    NewConnection wanted = make_connection(state.settings.hash_key,
                                           record.protocol,
                                           {record.client, record.virtual_service},
                                           inside,
                                           method);
    wanted.entry.server = record.server;
    wanted.entry.state = record.state;
    wanted.entry.traits |= kIsHeard;  // if it was, the twin knows
    wanted.entry.traits |= options.clamp_mss ? kClampsMss : 0;
    wanted.details.local_pool = options.local_pool;
    if (record.has_adjustment || needs_adjustment(options, wanted.entry)) {
        wanted.entry.traits |= kHasAdjustment;
        wanted.details.client_address = options.client_address;
        wanted.has_details = true;
        take_adjustment(record.adjustment, wanted.details);
    }
    // Without a place for the helper the connection goes on, and opens no data connections.
    if (is_ftp_control(*place.table, record.virtual_service.port) &&
        wanted.entry.translation != Translation::kNone) {
        static_cast<void>(become_ftp_control(state, wanted));
    }
    refer_to_template(state, place, wanted);
    const uint32_t connection = insert_if_room(state, wanted);
    if (connection == kNoConnection) {
        give_back_unused(state, wanted, inside);
        return SyncOutcome::kTableFull;
    }
    // IPVS counts a connection with the director that has scheduled it.
    --state.server_tallies[index(record.server)].connections;
    arm_for(state, connection, record.timeout_seconds);
    state.sync.adopt(connection, record.state);
    return SyncOutcome::kInstalled;
}

[[nodiscard]] SyncOutcome install_template(Worker::State& state,
                                           const SyncRecord& record,
                                           const Place& place) {
    TemplateTable* const templates = state.settings.templates;
    const uint32_t own_seconds = place.table->options.persistence_seconds;
    if (templates == nullptr || own_seconds == 0) {
        return SyncOutcome::kNotSupported;
    }
    const uint32_t seconds =
        record.timeout_seconds != 0 ? std::min(record.timeout_seconds, kTimeoutMax) : own_seconds;
    const TemplateUse use = templates->insert(template_key(*place.table, record.client.address),
                                              record.server,
                                              state.tick,
                                              to_ticks(seconds));
    SyncOutcome outcome =
        use.ref != kNoTemplate ? SyncOutcome::kInstalled : SyncOutcome::kTableFull;
    if (use.ref != kNoTemplate && use.server != record.server) {
        static_cast<void>(templates->replace(use.ref, use.server, record.server));
        outcome = SyncOutcome::kReplaced;
    }
    templates->release(use.ref, state.tick);
    return outcome;
}

[[nodiscard]] bool is_owner(const Worker::State& state, const SyncRecord& record) {
    const FlowEnd client = FlowEnd::of(
        state.settings.hash_key, record.protocol, record.client.address, record.client.port);
    const bool is_ftp = state.services[index(record.service)].has_ftp;
    return state.owners[is_ftp ? client.without_port().shard_bucket() : client.shard_bucket()] ==
           state.settings.id;
}

[[nodiscard]] SyncOutcome install_one(Worker::State& state, const SyncRecord& record) {
    const Place place = place_of(state, record);
    if (place.reason != SyncOutcome::kCount) {
        return place.reason;
    }
    if (record.is_template) {
        return install_template(state, record, place);
    }
    if (!is_possible(record, place)) {
        return SyncOutcome::kNotSupported;
    }
    if (!is_owner(state, record)) {
        return SyncOutcome::kWrongWorker;
    }
    const uint32_t known =
        find_outside(state, record.protocol, {record.client, record.virtual_service});
    if (known == kNoConnection) {
        return create(state, record, place);
    }
    if (is_ours(state, known, record)) {
        return SyncOutcome::kKeptOwn;
    }
    if (is_same(state, state.connections[known], record)) {
        update(state, known, record);
        return SyncOutcome::kUpdated;
    }
    // A late message about a connection that has been replaced.
    if (!is_active(record.state)) {
        return SyncOutcome::kIgnoredInactive;
    }
    end_connection(state, known);
    ++state.counters.connections_expired;
    const SyncOutcome outcome = create(state, record, place);
    return outcome == SyncOutcome::kInstalled ? SyncOutcome::kReplaced : outcome;
}

}  // namespace

bool install(Worker::State& state, SyncInstallation& job) {
    const size_t end = std::min<size_t>(job.records.size(), size_t{job.cursor} + kRecordsPerPoll);
    for (; job.cursor < end; ++job.cursor) {
        ++job.outcomes[static_cast<size_t>(install_one(state, job.records[job.cursor]))];
    }
    return job.cursor == job.records.size();
}

}  // namespace director::dataplane
