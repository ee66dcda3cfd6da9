// Stage 4, misses only: a client's first packet gets a real server and an entry in the table.
#include "dataplane/core/new_connection.h"
#include "dataplane/core/schedulers.h"
#include "dataplane/core/sctp_state.h"
#include "dataplane/core/tcp_state.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

[[nodiscard]] bool opens_connection(const Packet& packet) {
    constexpr uint8_t kDeciding = kTcpSyn | kTcpAck | kTcpRst | kTcpFin;
    switch (packet.protocol) {
        case Protocol::kTcp:
            return (packet.tcp_flags & kDeciding) == kTcpSyn;
        case Protocol::kSctp:
            return sctp_event_of(packet) == SctpEvent::kInit;
        default:
            return true;
    }
}

// A SYN may take the place of a connection that is over (IPVS conn_reuse_mode 1), unless it is one
// that will be dropped.
[[nodiscard]] bool replaces(const Worker::State& state,
                            const Connection& connection,
                            const Packet& packet) {
    return packet.protocol == Protocol::kTcp && opens_connection(packet) &&
           is_reusable(connection.state) && !ttl_runs_out(state, connection.forwarding, packet) &&
           is_l4_checksum_good(packet);
}

[[nodiscard]] ConnState first_state(const Packet& packet, ForwardingMethod method) {
    switch (packet.protocol) {
        case Protocol::kTcp:
            return next_tcp_state(
                ConnState::kNone, tcp_view(packet.direction, method), packet.tcp_flags);
        case Protocol::kSctp:
            return next_sctp_state(
                ConnState::kSctpNone, tcp_view(packet.direction, method), sctp_event_of(packet));
        default:
            return ConnState::kUdp;
    }
}

// Room for one more, by policy: the half-open connection that has been silent longest goes.
[[nodiscard]] bool make_room(Worker::State& state) {
    const uint32_t oldest = state.connections.timers().oldest_half_open();
    if (state.settings.when_full != WhenFull::kEvictHalfOpen || oldest == TimerLists::kNone) {
        return false;
    }
    end_connection(state, oldest);
    ++state.counters.connections_evicted;
    return true;
}

[[nodiscard]] uint32_t insert(Worker::State& state, const NewConnection& wanted) {
    ConnTable& table = state.connections;
    const ConnectionDetails* const details = wanted.has_details ? &wanted.details : nullptr;
    uint32_t index = table.insert(wanted.entry, details);
    if (index == kNoConnection && table.is_full(wanted.has_details) && make_room(state)) {
        index = table.insert(wanted.entry, details);
    }
    return index;
}

// The connection of `packet` to `server`, but for the local end that full NAT gives it.
[[nodiscard]] NewConnection plan(const Worker::State& state,
                                 const Packet& packet,
                                 const RealServerSlot& server) {
    const EndpointPair outside = endpoints_of(packet);
    EndpointPair inside{outside.client, server.endpoint};
    if (server.endpoint.port == Be16{}) {
        inside.server.port = outside.server.port;
    }
    NewConnection made = make_connection(
        state.settings.hash_key, packet.protocol, outside, inside, server.forwarding);
    made.entry.server = server.id;
    made.entry.state = first_state(packet, server.forwarding);
    return made;
}

[[nodiscard]] uint32_t find_again(const ConnTable& table, const Packet& packet) {
    return table.find(packet.hash, connection_key_of(packet), table.candidate(packet.hash));
}

void count_opened(Worker::State& state, const Connection& connection) {
    ServerTally& server = state.server_tallies[index(connection.server)];
    ++server.connections;
    ++(is_active(connection.state) ? server.active : server.inactive);
    ++state.service_counters[index(server.service)].connections;
    ++state.counters.connections_created;
}

void admit(Worker::State& state, Packet& packet) {
    ServiceTable* const table = state.services[index(packet.service)].table;
    if (table == nullptr || !opens_connection(packet)) {
        return;  // retired service, or no connection of ours: the kernel's if the address is
    }
    if (!is_l4_checksum_good(packet)) {
        state.drop(packet, DropReason::kBadL4Checksum);
        return;
    }
    const uint32_t position = schedulers()[table->scheduler].pick(*table, packet);
    if (position == kNoServer) {
        state.drop(packet, DropReason::kNoServerAvailable);
        return;
    }
    const RealServerSlot& server = table->servers[position];
    if (ttl_runs_out(state, server.forwarding, packet)) {
        state.drop(packet, DropReason::kTtlExpired);
        return;
    }
    const NewConnection wanted = plan(state, packet, server);
    packet.connection = insert(state, wanted);
    if (packet.connection == kNoConnection) {
        state.drop(packet, DropReason::kConnTableFull);
        return;
    }
    set_deadline(state, state.connections[packet.connection]);
    arm_timer(state, packet.connection);
    count_opened(state, state.connections[packet.connection]);
}

// A connection that was replaced or evicted meanwhile may have been some packet's: looks again for
// all of them, so that none is translated by an entry that now belongs to another.
void look_again(Worker::State& state, Packets packets) {
    ConnTable& table = state.connections;
    for (Packet& packet : packets) {
        if (packet.verdict != Verdict::kUndecided || packet.connection == kNoConnection) {
            continue;
        }
        packet.connection = find_again(table, packet);
        if (packet.connection == kNoConnection && packet.service != kNoService) {
            state.drop(packet, DropReason::kConnTableFull);
        }
    }
}

}  // namespace

void admit_burst(Worker::State& state, Packets packets) {
    ConnTable& table = state.connections;
    const uint64_t removals = table.removals();
    for (Packet& packet : packets) {
        // First what nearly all packets have in common, whichever their direction.
        const bool is_settled = packet.connection != kNoConnection &&
                                (packet.tcp_flags & kTcpSyn) == 0 && table.removals() == removals;
        if (is_settled || packet.verdict != Verdict::kUndecided || packet.service == kNoService) {
            continue;
        }
        // An earlier packet of these may have opened this very connection, or ended it.
        if (packet.connection == kNoConnection || table.removals() != removals) {
            packet.connection = find_again(table, packet);
        }
        if (packet.connection != kNoConnection &&
            replaces(state, table[packet.connection], packet)) {
            end_connection(state, packet.connection);
            ++state.counters.connections_expired;
            packet.connection = kNoConnection;
        }
        if (packet.connection == kNoConnection) {
            admit(state, packet);
        }
    }
    if (table.removals() != removals) {
        look_again(state, packets);
    }
}

}  // namespace director::dataplane
