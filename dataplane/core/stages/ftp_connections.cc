#include "dataplane/core/stages/ftp_connections.h"

#include <optional>

#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/codecs/wire.h"
#include "dataplane/core/stages/helper_frame.h"
#include "dataplane/core/stages/tcp_state.h"

namespace director::dataplane {
namespace {

constexpr Be16 kFtpPort = Be16::from_host(21);

[[nodiscard]] FtpEnds ends_of(const Worker::State& state, const Connection& control) {
    const ConnTable& table = state.connections;
    return {table.endpoint(control, Side::kOutside, Role::kClient),
            table.endpoint(control, Side::kOutside, Role::kServer),
            table.endpoint(control, Side::kInside, Role::kServer),
            table.endpoint(control, Side::kInside, Role::kClient)};
}

[[nodiscard]] Be16 control_port(const ServiceTable& table) {
    return table.key.port != Be16{} ? table.key.port : kFtpPort;
}

// What a data connection has of the one that announced it.
void become_ftp_data(Worker::State& state, NewConnection& wanted, const ConnectionDetails& from) {
    wanted.details.ftp = from.ftp;
    wanted.details.ftp_role = FtpRole::kData;
    wanted.details.local_pool = from.local_pool;
    wanted.has_details = true;
    state.ftps.hold(from.ftp);
}

// Where the server of an active connection finds its client: for full NAT a port of the address
// that the control connection comes from, because servers connect to their client alone.
[[nodiscard]] bool take_active_port(Worker::State& state,
                                    const Connection& control,
                                    EndpointPair& inside) {
    LocalPool* const pool = state.local_pools[state.connections.details(control).local_pool];
    const Endpoint seen = state.connections.endpoint(control, Side::kInside, Role::kClient);
    const auto local =
        pool != nullptr ? take_local_port_of(
                              *pool, seen.address, local_port_group(Protocol::kTcp, inside.server))
                        : std::nullopt;
    inside.client = local.value_or(inside.client);
    return local.has_value();
}

// What became of an announcement.
struct Announced {
    DropReason reason = DropReason::kCount;  // kCount: nothing stands against it
    std::optional<Endpoint> inside_client;   // of an active one: where its server connects to
};

// Another connection has these ends: the same announced again, or one that is in the way.
[[nodiscard]] Announced announce_again(Worker::State& state,
                                       const Connection& control,
                                       const Endpoint& real_end,
                                       uint32_t known) {
    const Connection& entry = state.connections[known];
    const ConnTable& table = state.connections;
    if (entry.server != control.server ||
        table.endpoint(entry, Side::kInside, Role::kServer) != real_end) {
        return {};
    }
    if (is_reusable(entry.state)) {
        change_state(state, known, ConnState::kListen);
    }
    return {DropReason::kCount, table.endpoint(entry, Side::kInside, Role::kClient)};
}

// Puts an announced connection into the table. Nothing is taken out of it for that: other packets
// of the burst have been looked up already.
[[nodiscard]] Announced announce(Worker::State& state,
                                 const Connection& control,
                                 const FtpExpectation& expectation) {
    const EndpointPair outside{expectation.client, expectation.virtual_end};
    EndpointPair inside{expectation.client, expectation.real_end};
    const uint32_t known = find_outside(state, Protocol::kTcp, outside);
    if (known != kNoConnection) {
        return announce_again(state, control, inside.server, known);
    }
    const bool is_active = expectation.client.port != Be16{};
    if (is_active && control.forwarding == ForwardingMethod::kFullNat &&
        !take_active_port(state, control, inside)) {
        return {DropReason::kNoLocalPort, std::nullopt};
    }
    NewConnection wanted = make_connection(
        state.settings.hash_key, Protocol::kTcp, outside, inside, control.forwarding);
    wanted.entry.server = control.server;
    wanted.entry.state = ConnState::kListen;
    wanted.entry.traits |= control.traits & kClampsMss;
    const ConnectionDetails& details = state.connections.details(control);
    become_ftp_data(state, wanted, details);
    if (insert_if_room(state, wanted) == kNoConnection) {
        state.ftps.release(details.ftp);
        abandon(state, wanted, inside);
        return {DropReason::kConnTableFull, std::nullopt};
    }
    return {DropReason::kCount, inside.client};
}

void answer_for_peer(Worker::State& state, Packet& packet) {
    state.count_dropped(packet, DropReason::kFtpHeld);
    become_answer(state, packet, DropReason::kFtpHeld);
}

[[nodiscard]] DropReason follow_client(Worker::State& state,
                                       const Connection& control,
                                       Packet& packet) {
    ConnectionDetails& details = state.connections.details(control);
    const FtpEnds ends = ends_of(state, control);
    FtpControl& ftp = state.ftps[details.ftp];
    FrameBytes frame = frame_of(packet);
    const FtpRequest request = ftp_from_client(ftp, ends, frame);
    if (request.is_spoiled) {
        return DropReason::kNoHeadroom;
    }
    if (request.expectation) {
        const Announced announced = announce(state, control, *request.expectation);
        if (announced.reason != DropReason::kCount) {
            return announced.reason;
        }
        if (ends.is_client_renamed() && announced.inside_client &&
            !ftp_rename_client(ftp, frame, request, *announced.inside_client, details.adjustment)) {
            return DropReason::kNoHeadroom;
        }
    }
    take_over(packet, frame);
    if (request.action == FtpAction::kAnswer) {
        answer_for_peer(state, packet);
    }
    return DropReason::kCount;
}

[[nodiscard]] DropReason follow_server(Worker::State& state,
                                       const Connection& control,
                                       Packet& packet) {
    ConnectionDetails& details = state.connections.details(control);
    FrameBytes frame = frame_of(packet);
    const FtpReply reply = ftp_from_server(
        state.ftps[details.ftp], ends_of(state, control), frame, details.adjustment);
    if (reply.is_spoiled) {
        return DropReason::kNoHeadroom;
    }
    take_over(packet, frame);
    if (reply.expectation) {
        const Announced announced = announce(state, control, *reply.expectation);
        if (announced.reason != DropReason::kCount) {
            return announced.reason;
        }
    }
    if (reply.action == FtpAction::kAnswer) {
        answer_for_peer(state, packet);
    }
    return DropReason::kCount;
}

// The announced connection that a SYN to a passive port opens, under its client's own port.
void open_passive(Worker::State& state, Packet& packet, uint32_t announced) {
    const Connection entry = state.connections[announced];
    const ConnectionDetails details = state.connections.details(entry);
    const EndpointPair outside = endpoints_of(packet);
    EndpointPair inside{outside.client,
                        state.connections.endpoint(entry, Side::kInside, Role::kServer)};
    if (entry.forwarding == ForwardingMethod::kFullNat &&
        !translate_client(state, Protocol::kTcp, details.local_pool, inside)) {
        state.drop(packet, DropReason::kNoLocalPort);
        return;
    }
    NewConnection wanted =
        make_connection(state.settings.hash_key, Protocol::kTcp, outside, inside, entry.forwarding);
    wanted.entry.server = entry.server;
    wanted.entry.state =
        next_tcp_state(ConnState::kListen, TcpView::kClientToServer, packet.tcp_flags);
    wanted.entry.traits |= entry.traits & kClampsMss;
    become_ftp_data(state, wanted, details);
    end_connection(state, announced);
    ++state.counters.connections_expired;
    packet.connection = insert_connection(state, wanted);
    if (packet.connection == kNoConnection) {
        state.ftps.release(details.ftp);
        abandon(state, wanted, inside);
        state.drop(packet, DropReason::kConnTableFull);
    }
}

}  // namespace

bool is_ftp_control(const ServiceTable& table, Be16 port) {
    return table.options.has_ftp_helper && port == control_port(table);
}

bool may_be_ftp_data(const Worker::State& state, const ServiceTable& table, const Packet& packet) {
    return state.services[index(table.id)].has_ftp && packet.protocol == Protocol::kTcp &&
           packet.destination.port() != control_port(table);
}

bool become_ftp_control(Worker::State& state, NewConnection& wanted) {
    const uint32_t place = state.ftps.take();
    if (place == kNoFtp) {
        return false;
    }
    wanted.entry.traits |= kHasAdjustment;
    wanted.details.ftp = place;
    wanted.details.ftp_role = FtpRole::kControl;
    wanted.has_details = true;
    return true;
}

bool admit_ftp_data(Worker::State& state, const ServiceTable& table, Packet& packet) {
    if (!may_be_ftp_data(state, table, packet)) {
        return false;
    }
    EndpointPair outside = endpoints_of(packet);
    outside.client.port = Be16{};
    const uint32_t announced = find_outside(state, Protocol::kTcp, outside);
    if (announced == kNoConnection) {
        return table.key.port != Be16{};  // no connection of ours; a service for any port goes on
    }
    if (!is_l4_checksum_good(packet)) {
        state.drop(packet, DropReason::kBadL4Checksum);
    } else {
        open_passive(state, packet, announced);
    }
    return true;
}

DropReason follow_ftp(Worker::State& state, const Connection& control, Packet& packet) {
    if (tcp_payload_bytes(packet) == 0) {
        return DropReason::kCount;
    }
    if (!is_in_one_piece(packet)) {
        return DropReason::kInPieces;
    }
    return packet.direction == Direction::kServerToClient ? follow_server(state, control, packet)
                                                          : follow_client(state, control, packet);
}

bool hand_over_ftp_stray(Worker::State& state, Packet& packet) {
    if (state.ftp_services == 0 || !state.services[index(packet.service)].has_ftp ||
        packet.destination.protocol() != Protocol::kTcp) {
        return false;
    }
    const WorkerId owner = state.owners[packet.source.shard_bucket()];
    if (owner == state.settings.id) {
        return false;
    }
    state.hand_over(packet, owner);
    return true;
}

// A packet that was handed to this worker already goes on to that one, which keeps it.
bool hand_over_ftp_answer(Worker::State& state, Packet& packet) {
    if (state.ftp_services == 0 || packet.is_outbound || !packet.has_ports ||
        packet.destination.protocol() != Protocol::kTcp) {
        return false;
    }
    const WorkerId owner = state.owners[packet.destination.without_port().shard_bucket()];
    if (owner == state.settings.id) {
        return false;
    }
    state.hand_over(packet, owner);
    return true;
}

}  // namespace director::dataplane
