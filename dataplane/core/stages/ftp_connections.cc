#include "dataplane/core/stages/ftp_connections.h"

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
            table.endpoint(control, Side::kInside, Role::kServer)};
}

// What a data connection has of the one that announced it.
void become_ftp_data(Worker::State& state, NewConnection& wanted, const ConnectionDetails& from) {
    wanted.details.ftp = from.ftp;
    wanted.details.ftp_role = FtpRole::kData;
    wanted.details.local_pool = from.local_pool;
    wanted.has_details = true;
    state.ftps.hold(from.ftp);
}

// Puts an announced connection into the table. Nothing is taken out of it for that: other packets
// of the burst have been looked up already.
[[nodiscard]] DropReason announce(Worker::State& state,
                                  const Connection& control,
                                  const FtpExpectation& expectation) {
    const EndpointPair outside{expectation.client, expectation.virtual_end};
    const EndpointPair inside{expectation.client, expectation.real_end};
    const bool is_active = expectation.client.port != Be16{};
    if (is_active && control.translation == Translation::kSixToFour) {
        return DropReason::kCount;  // the server cannot reach such a client by itself
    }
    const uint32_t known = find_outside(state, Protocol::kTcp, outside);
    if (known != kNoConnection) {
        const Connection& entry = state.connections[known];
        const bool is_same =
            entry.server == control.server &&
            state.connections.endpoint(entry, Side::kInside, Role::kServer) == inside.server;
        if (is_same && is_reusable(entry.state)) {
            change_state(state, known, ConnState::kListen);
        }
        return DropReason::kCount;
    }
    const ForwardingMethod method = is_active ? ForwardingMethod::kNat : control.forwarding;
    NewConnection wanted =
        make_connection(state.settings.hash_key, Protocol::kTcp, outside, inside, method);
    wanted.entry.server = control.server;
    wanted.entry.state = ConnState::kListen;
    wanted.entry.traits |= control.traits & kClampsMss;
    const ConnectionDetails& details = state.connections.details(control);
    become_ftp_data(state, wanted, details);
    if (insert_if_room(state, wanted) == kNoConnection) {
        state.ftps.release(details.ftp);
        return DropReason::kConnTableFull;
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
        const DropReason reason = announce(state, control, *reply.expectation);
        if (reason != DropReason::kCount) {
            return reason;
        }
    }
    if (reply.action == FtpAction::kAnswer) {
        state.count_dropped(packet, DropReason::kFtpHeld);
        become_answer(state, packet, DropReason::kFtpHeld);
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
    return table.options.has_ftp_helper &&
           port == (table.key.port != Be16{} ? table.key.port : kFtpPort);
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
    if (packet.protocol != Protocol::kTcp || is_ftp_control(table, packet.destination.port())) {
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
    if (packet.direction == Direction::kServerToClient) {
        return follow_server(state, control, packet);
    }
    const FrameBytes frame = frame_of(packet);
    const auto expectation = ftp_from_client(state.ftps[state.connections.details(control).ftp],
                                             ends_of(state, control),
                                             wire::load32(frame.l4() + kTcpSequence),
                                             frame.tcp_payload());
    return expectation ? announce(state, control, *expectation) : DropReason::kCount;
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
