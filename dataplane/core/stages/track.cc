// Stage 5: what the packet does to its connection: TCP state, deadline, counters.
#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/stages/sctp_state.h"
#include "dataplane/core/stages/server_signs.h"
#include "dataplane/core/stages/syn_proxy.h"
#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

constexpr uint8_t kStateChanging = kTcpSyn | kTcpFin | kTcpRst;

void count_packet(Worker::State& state, const Connection& connection, const Packet& packet) {
    ServerTally& server = state.server_tallies[index(connection.server)];
    const size_t direction = static_cast<size_t>(packet.direction);
    ++server.packets[direction];
    server.bytes[direction] += packet.ip_length;
}

// What nearly all packets are: data or acknowledgement of an established connection.
[[nodiscard]] bool is_plain(const Connection& connection, const Packet& packet) {
    return connection.state == ConnState::kEstablished &&
           (packet.tcp_flags & (kStateChanging | kTcpAck)) == kTcpAck;
}

void follow_tcp(Worker::State& state, Connection& connection, const Packet& packet) {
    note_signs(state, connection, packet);
    const ConnState next = next_tcp_state(
        connection.state, tcp_view(packet.direction, connection.forwarding), packet.tcp_flags);
    if (next != connection.state) {
        change_state(state, packet.connection, next);
    } else if (is_half_open(next)) {
        // The queue is in order of the last packet.
        state.connections.timers().disarm(packet.connection);
        arm_timer(state, packet.connection);
    }
}

void follow_sctp(Worker::State& state, Connection& connection, const Packet& packet) {
    const ConnState next = next_sctp_state(
        connection.state, tcp_view(packet.direction, connection.forwarding), sctp_event_of(packet));
    if (next != connection.state) {
        change_state(state, packet.connection, next);
    }
}

void track(Worker::State& state, Packet& packet) {
    Connection& connection = state.connections[packet.connection];
    packet.service = state.server_tallies[index(connection.server)].service;
    if (ttl_runs_out(state, connection.forwarding, packet)) {
        refuse(state, packet, DropReason::kTtlExpired, IcmpCause::kTimeExceeded);
        return;
    }
    if (packet.is_icmp_error) {
        count_packet(state, connection, packet);
        return;
    }
    if (connection.has(kIsEnding) && !passes_reset(state, packet)) {
        reset_ends(state, packet);
        return;
    }
    if (connection.has(kHasAdjustment) && packet.protocol == Protocol::kTcp &&
        !finish_handshake(state, connection, packet)) {
        return;
    }
    if (packet.l4_checksum == ChecksumCheck::kBad ||
        ((packet.tcp_flags & kStateChanging) != 0 && !is_l4_checksum_good(packet))) {
        state.drop(packet, DropReason::kBadL4Checksum);
        return;
    }
    if (packet.protocol == Protocol::kTcp) {
        if (!is_plain(connection, packet)) {
            follow_tcp(state, connection, packet);
        }
    } else if (packet.protocol == Protocol::kSctp) {
        follow_sctp(state, connection, packet);
    }
    set_deadline(state, connection);
    count_packet(state, connection, packet);
}

}  // namespace

// Moves the timer when the new state's deadline is nearer than the one it was set for; a deadline
// that moves away is found when the old timer fires.
void change_state(Worker::State& state, uint32_t index_in_table, ConnState next) {
    Connection& connection = state.connections[index_in_table];
    const ConnState previous = connection.state;
    ServerTally& server = state.server_tallies[index(connection.server)];
    --(is_active(previous) ? server.active : server.inactive);
    ++(is_active(next) ? server.active : server.inactive);
    connection.state = next;
    if (is_active(previous) != is_active(next)) {
        note_load(state, connection.server);
    }
    if (is_half_open(previous) != is_half_open(next)) {
        note_half_open(state, connection, is_half_open(next) ? 1 : -1);
    }
    set_deadline(state, connection);
    const auto& ticks = timeouts_of(state, connection);
    const bool gets_nearer =
        ticks[static_cast<size_t>(next)] < ticks[static_cast<size_t>(previous)];
    if (gets_nearer || is_half_open(previous) || is_half_open(next)) {
        state.connections.timers().disarm(index_in_table);
        arm_timer(state, index_in_table);
    }
}

void arm_timer(Worker::State& state, uint32_t connection) {
    TimerLists& timers = state.connections.timers();
    const Connection& entry = state.connections[connection];
    if (is_half_open(entry.state) && awaits_server(state, entry)) {
        timers.arm(connection, first_look_at_server(state), state.tick);
    } else if (is_half_open(entry.state)) {
        timers.arm_half_open(connection);
    } else {
        timers.arm(connection, entry.deadline, state.tick);
    }
}

void track_burst(Worker::State& state, Packets packets) {
    for (Packet& packet : packets) {
        if (packet.connection != kNoConnection) {
            track(state, packet);
        }
    }
}

}  // namespace director::dataplane
