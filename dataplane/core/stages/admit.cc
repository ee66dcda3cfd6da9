// Stage 4, misses only: a client's first packet gets a real server and an entry in the table.
#include "dataplane/core/schedulers/schedulers.h"
#include "dataplane/core/stages/adjust.h"
#include "dataplane/core/stages/choose_server.h"
#include "dataplane/core/stages/ftp_connections.h"
#include "dataplane/core/stages/new_connection.h"
#include "dataplane/core/stages/sctp_state.h"
#include "dataplane/core/stages/syn_proxy.h"
#include "dataplane/core/stages/tcp_state.h"
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
    return packet.protocol == Protocol::kTcp && opens_connection(packet) && !packet.is_icmp_error &&
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

// What a new connection holds before it has a place.
struct Admission {
    ServerChoice server = {};
    LimitRef limit_ref = kNoLimit;
    const SynCookieClient* proven = nullptr;  // of the SYN proxy, or nullptr
    bool is_stateless = false;                // ends with its packet: the table is full
};

// Opens the connection of `packet` to the server at `choice`; kCount when it has a place.
[[nodiscard]] DropReason open(Worker::State& state,
                              Packet& packet,
                              const ServiceTable& table,
                              const Admission& choice) {
    const RealServerSlot& server = table.servers[choice.server.position];
    const EndpointPair outside = endpoints_of(packet);
    EndpointPair inside{outside.client, server.endpoint};
    if (server.endpoint.port == Be16{}) {
        inside.server.port = outside.server.port;
    }
    if (server.forwarding == ForwardingMethod::kFullNat &&
        !translate_client(state, packet.protocol, table.options.local_pool, inside)) {
        return DropReason::kNoLocalPort;
    }
    NewConnection wanted = make_connection(
        state.settings.hash_key, packet.protocol, outside, inside, server.forwarding);
    wanted.may_use_reserve = choice.is_stateless;
    wanted.entry.server = server.id;
    wanted.entry.state = first_state(packet, server.forwarding);
    wanted.entry.traits |= table.options.clamp_mss ? kClampsMss : 0;
    wanted.details.local_pool = table.options.local_pool;
    if (needs_adjustment(table.options, wanted.entry)) {
        wanted.entry.traits |= kHasAdjustment;
        wanted.details.client_address = table.options.client_address;
        wanted.has_details = true;
    }
    if (choice.proven != nullptr) {
        wanted.entry.state = ConnState::kSynRecv;
        wanted.entry.traits |= kHasAdjustment;
        await_server(wanted.details, *choice.proven, table.options.syn_proxy_offer.window_scale);
        wanted.has_details = true;
    }
    if (choice.server.template_ref != kNoTemplate) {
        wanted.entry.traits |= kHasTemplate;
        wanted.details.template_ref = choice.server.template_ref;
        wanted.has_details = true;
    }
    if (choice.limit_ref != kNoLimit) {
        wanted.entry.traits |= kIsLimited;
        wanted.details.limit_ref = choice.limit_ref;
        wanted.has_details = true;
    }
    if (is_ftp_control(table, outside.server.port) &&
        wanted.entry.translation != Translation::kNone && !become_ftp_control(state, wanted)) {
        abandon(state, wanted, inside);
        return DropReason::kFtpTableFull;
    }
    packet.connection = insert_connection(state, wanted);
    if (packet.connection == kNoConnection) {
        if (wanted.details.ftp_role != FtpRole::kNone) {
            state.ftps.release(wanted.details.ftp);
        }
        abandon(state, wanted, inside);
        return DropReason::kConnTableFull;
    }
    return DropReason::kCount;
}

[[nodiscard]] uint32_t find_again(const ConnTable& table, const Packet& packet) {
    return table.find(packet.hash, connection_key_of(packet), table.candidate(packet.hash));
}

void release(Worker::State& state, const ServiceTable& table, const Admission& admission) {
    if (admission.server.template_ref != kNoTemplate) {
        state.settings.templates->release(admission.server.template_ref, state.tick);
    }
    if (admission.limit_ref != kNoLimit) {
        state.settings.limits->release(table.id, admission.limit_ref);
    }
}

// What stands against the connection that `packet` opens; kCount when it is open.
[[nodiscard]] DropReason try_to_open(Worker::State& state,
                                     Packet& packet,
                                     ServiceTable& table,
                                     Admission admission) {
    if (!is_l4_checksum_good(packet)) {
        return DropReason::kBadL4Checksum;
    }
    const LetIn answer = let_in(state, table, packet);
    if (answer.reason != DropReason::kCount) {
        return answer.reason;
    }
    admission.server = choose_server(state, table, packet, admission.is_stateless);
    admission.limit_ref = answer.limit_ref;
    DropReason reason = DropReason::kNoServerAvailable;
    if (admission.server.position != kNoPosition) {
        const RealServerSlot& server = table.servers[admission.server.position];
        reason = ttl_runs_out(state, server.forwarding, packet)
                     ? DropReason::kTtlExpired
                     : open(state, packet, table, admission);
    }
    if (reason != DropReason::kCount) {
        release(state, table, admission);
    }
    return reason;
}

// Data connections of FTP have been announced: they need no proof.
[[nodiscard]] bool has_syn_proxy(const Worker::State& state,
                                 const ServiceTable& table,
                                 const Packet& packet) {
    return table.options.syn_proxy != SynProxy::kOff && packet.protocol == Protocol::kTcp &&
           !may_be_ftp_data(state, table, packet);
}

// The end of a handshake that a cookie proves; the client must hear when it was in vain.
void admit_proven(Worker::State& state,
                  Packet& packet,
                  ServiceTable& table,
                  const SynCookieClient& client) {
    const DropReason reason = try_to_open(state, packet, table, {.proven = &client});
    mirror_before_replacement(state, packet);
    if (reason != DropReason::kCount) {
        refuse_with_reset(state, packet, reason);
    } else if (!become_syn(packet, client)) {
        end_connection(state, packet.connection);
        ++state.counters.connections_expired;
        state.drop(packet, DropReason::kNoHeadroom);
    }
}

// In the midst of a connection that another director may have scheduled; with a hashing scheduler
// it gets the same server here (net.ipv4.vs.sloppy_tcp).
[[nodiscard]] bool is_taken_up(const ServiceTable& table, const Packet& packet) {
    return table.options.is_sloppy && packet.protocol == Protocol::kTcp && !packet.is_icmp_error &&
           (packet.tcp_flags & (kTcpSyn | kTcpRst)) == 0;
}

// The kernel would reset such a connection, which the twin knows and may carry on in a moment.
[[nodiscard]] bool is_held(const Worker::State& state, const Packet& packet) {
    return state.now < state.strays_held_until && !packet.is_icmp_error;
}

void admit(Worker::State& state, Packet& packet) {
    ServiceTable* const table = state.services[index(packet.service)].table;
    if (table == nullptr) {
        static_cast<void>(hand_over_ftp_stray(state, packet));
        return;  // retired service: the kernel's if the address is
    }
    if (has_syn_proxy(state, *table, packet)) {
        const auto proven = greet(state, *table, packet);
        if (proven) {
            admit_proven(state, packet, *table, *proven);
        }
        // A SYN that was answered with a cookie is nobody's packet any more.
        if (proven || packet.is_answer || packet.verdict != Verdict::kUndecided) {
            return;
        }
    }
    const bool is_stateless = goes_stateless(state, *table);
    if (!opens_connection(packet) && !is_stateless && !is_taken_up(*table, packet)) {
        if (!hand_over_ftp_stray(state, packet) && is_held(state, packet)) {
            state.drop(packet, DropReason::kStrayHeld);
        }
        return;  // no connection of ours: the kernel's if the address is
    }
    if (admit_ftp_data(state, *table, packet)) {
        return;
    }
    const DropReason reason = try_to_open(state, packet, *table, {.is_stateless = is_stateless});
    switch (reason) {
        case DropReason::kCount:
            if (table->options.is_one_packet || is_stateless) {
                state.one_packets[state.one_packet_count++] = packet.connection;
            }
            state.counters.stateless += is_stateless ? 1U : 0U;
            break;
        case DropReason::kNoServerAvailable:
            refuse(state, packet, reason, IcmpCause::kPortUnreachable);
            break;
        case DropReason::kTtlExpired:
            refuse(state, packet, reason, IcmpCause::kTimeExceeded);
            break;
        case DropReason::kNotAllowed:
            refuse(state, packet, reason, IcmpCause::kProhibited);
            break;
        default:
            state.drop(packet, reason);
    }
}

// Every packet of such a service is scheduled anew, whatever came before.
[[nodiscard]] bool is_one_packet(const Worker::State& state, const Packet& packet) {
    const ServiceTable* const table = state.services[index(packet.service)].table;
    return table != nullptr && table->options.is_one_packet;
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

void count_opened(Worker::State& state, const Connection& connection) {
    ServerTally& server = state.server_tallies[index(connection.server)];
    ++server.connections;
    ++(is_active(connection.state) ? server.active : server.inactive);
    ++state.service_counters[index(server.service)].connections;
    ++state.counters.connections_created;
    if (is_half_open(connection.state)) {
        note_half_open(state, connection, 1);
    }
    note_load(state, connection.server);
}

}  // namespace

bool translate_client(Worker::State& state,
                      Protocol protocol,
                      uint16_t pool_number,
                      EndpointPair& inside) {
    LocalPool* const pool = pool_number < kLocalPoolsMax ? state.local_pools[pool_number] : nullptr;
    if (pool == nullptr) {
        return false;
    }
    const auto local = take_local_port(
        *pool, local_port_group(protocol, inside.server), inside.server.address.family());
    inside.client = local.value_or(inside.client);
    return local.has_value();
}

void abandon(Worker::State& state, const NewConnection& wanted, const EndpointPair& inside) {
    if (wanted.entry.has(kHasSecondPlace)) {
        give_back_local_port(*state.local_pools[wanted.details.local_pool],
                             inside.client,
                             local_port_group(wanted.entry.protocol(), inside.server));
    }
}

uint32_t insert_if_room(Worker::State& state, const NewConnection& wanted, ConnTable::Room room) {
    ConnTable& table = state.connections;
    const uint32_t index =
        table.insert(wanted.entry, wanted.has_details ? &wanted.details : nullptr, room);
    if (index != kNoConnection) {
        state.sync.forget(index);
        set_deadline(state, table[index]);
        arm_timer(state, index);
        count_opened(state, table[index]);
    }
    return index;
}

uint32_t insert_connection(Worker::State& state, const NewConnection& wanted) {
    uint32_t index = insert_if_room(state, wanted);
    if (index == kNoConnection && state.connections.is_full(wanted.has_details) &&
        make_room(state)) {
        index = insert_if_room(state, wanted);
    }
    return index == kNoConnection && wanted.may_use_reserve
               ? insert_if_room(state, wanted, ConnTable::Room::kReserved)
               : index;
}

void admit_burst(Worker::State& state, Packets packets) {
    ConnTable& table = state.connections;
    const uint64_t removals = table.removals();
    for (Packet& packet : packets) {
        // First what nearly all packets have in common, whichever their direction.
        const bool is_settled = packet.connection != kNoConnection &&
                                (packet.tcp_flags & kTcpSyn) == 0 && table.removals() == removals;
        if (is_settled || packet.verdict != Verdict::kUndecided) {
            continue;
        }
        if (packet.service == kNoService) {
            if (packet.connection == kNoConnection && hand_over_ftp_answer(state, packet)) {
                continue;
            }
            if (packet.connection == kNoConnection && state.now < state.strays_held_until) {
                pick_up_answer(state, packet);
            }
            if (state.looks_by_source && packet.connection == kNoConnection && packet.has_ports &&
                !packet.is_icmp_error) {
                admit_by_source(state, packet);
            }
            continue;
        }
        // An earlier packet of these may have opened this very connection, or ended it.
        if (packet.connection == kNoConnection || table.removals() != removals) {
            packet.connection =
                is_one_packet(state, packet) ? kNoConnection : find_again(table, packet);
        }
        if (packet.connection != kNoConnection &&
            replaces(state, table[packet.connection], packet)) {
            end_connection(state, packet.connection);
            ++state.counters.connections_expired;
            packet.connection = kNoConnection;
        }
        if (packet.connection == kNoConnection) {
            if (packet.is_icmp_error) {
                static_cast<void>(hand_over_ftp_stray(state, packet));
            } else {
                admit(state, packet);
            }
        }
    }
    if (table.removals() != removals) {
        look_again(state, packets);
    }
}

}  // namespace director::dataplane
