#include "dataplane/core/stages/adjust.h"

#include "common/checksum.h"
#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/codecs/mss_clamp.h"
#include "dataplane/core/codecs/proxy_protocol.h"
#include "dataplane/core/codecs/toa.h"
#include "dataplane/core/codecs/wire.h"
#include "dataplane/core/stages/ftp_connections.h"
#include "dataplane/core/stages/helper_frame.h"
#include "dataplane/core/stages/tcp_state.h"

namespace director::dataplane {
namespace {

[[nodiscard]] Endpoint outside_end(const Worker::State& state,
                                   const Connection& connection,
                                   Role role) {
    return state.connections.endpoint(connection, Side::kOutside, role);
}

// What the client's packets may grow by.
[[nodiscard]] uint16_t growth_of(const Worker::State& state, const Connection& connection) {
    const Endpoint client = outside_end(state, connection, Role::kClient);
    switch (state.connections.details(connection).client_address) {
        case ClientAddressVia::kProxyV2:
            return static_cast<uint16_t>(proxy_header_bytes(client));
        case ClientAddressVia::kTcpOption:
            return client.address.is_ipv4() ? kToaBytesIpv4 : kToaBytesIpv6;
        case ClientAddressVia::kNothing:
            break;
    }
    return 0;
}

// Everything behind the first byte is shifted from the SYN on: a segment may overtake the one that
// gets the header. A SYN with another number, while the handshake lasts, is another try.
void expect_first_byte(const Worker::State& state,
                       const Connection& connection,
                       ConnectionDetails& details,
                       const Packet& packet) {
    SeqAdjust& sent = details.adjustment.sent[static_cast<size_t>(TcpSender::kClient)];
    if (!sent.is_set || is_half_open(connection.state)) {
        sent = {.init_sequence = wire::load32(l4_of(packet) + kTcpSequence) + 1,
                .delta = growth_of(state, connection),
                .previous_delta = 0,
                .is_set = true};
    }
}

// A SYN's own number comes before its data (RFC 7413). Once the shifts are equal, the first byte
// has been acknowledged long ago and its number may be another's.
[[nodiscard]] bool has_first_byte(const Worker::State& state,
                                  const ConnectionDetails& details,
                                  const Packet& packet) {
    if (details.ftp_role == FtpRole::kControl && state.ftps[details.ftp].has_renamed) {
        return false;  // the last resize is a command's
    }
    const SeqAdjust& sent = details.adjustment.sent[static_cast<size_t>(TcpSender::kClient)];
    const uint32_t first =
        wire::load32(l4_of(packet) + kTcpSequence) + ((packet.tcp_flags & kTcpSyn) != 0 ? 1 : 0);
    return sent.is_set && sent.delta != sent.previous_delta && first == sent.init_sequence &&
           tcp_payload_bytes(packet) != 0;
}

// Puts the client's address into the packet. kCount = done.
[[nodiscard]] DropReason add_proxy_header(Worker::State& state,
                                          const Connection& connection,
                                          Packet& packet) {
    if (!is_in_one_piece(packet)) {
        return DropReason::kInPieces;
    }
    const Endpoint client = outside_end(state, connection, Role::kClient);
    const Endpoint service = outside_end(state, connection, Role::kServer);
    FrameBytes frame = frame_of(packet);
    const bool is_done =
        packet.protocol == Protocol::kUdp
            ? insert_proxy_header_udp(frame, client, service)
            : insert_proxy_header(
                  frame, client, service, state.connections.details(connection).adjustment);
    if (!is_done) {
        return DropReason::kNoHeadroom;
    }
    take_over(packet, frame);
    return DropReason::kCount;
}

// Options that leave no room for this one are no reason to lose the segment: another one will.
[[nodiscard]] DropReason add_tcp_option(Worker::State& state,
                                        const Connection& connection,
                                        Packet& packet) {
    if (tcp_header_bytes(packet) + growth_of(state, connection) > kTcpHeaderBytesMax) {
        return DropReason::kCount;
    }
    if (!is_in_one_piece(packet)) {
        return DropReason::kInPieces;
    }
    FrameBytes frame = frame_of(packet);
    if (!insert_toa(frame, outside_end(state, connection, Role::kClient))) {
        return DropReason::kNoHeadroom;
    }
    take_over(packet, frame);
    return DropReason::kCount;
}

[[nodiscard]] bool wants_tcp_option(const ConnectionDetails& details, const Packet& packet) {
    constexpr uint8_t kDeciding = kTcpAck | kTcpSyn | kTcpRst;
    return details.client_address == ClientAddressVia::kTcpOption &&
           (packet.tcp_flags & kDeciding) == kTcpAck &&
           wire::load32(l4_of(packet) + kTcpAcknowledgement) == details.server_sequence;
}

[[nodiscard]] DropReason adjust_from_client(Worker::State& state,
                                            const Connection& connection,
                                            Packet& packet) {
    ConnectionDetails& details = state.connections.details(connection);
    if (details.ftp_role == FtpRole::kControl) {
        const DropReason reason = follow_ftp(state, connection, packet);
        if (reason != DropReason::kCount) {
            return reason;
        }
    }
    if (packet.connection == kNoConnection) {
        return DropReason::kCount;  // it has become an answer
    }
    if (details.client_address == ClientAddressVia::kProxyV2) {
        if ((packet.tcp_flags & (kTcpSyn | kTcpAck)) == kTcpSyn) {
            expect_first_byte(state, connection, details, packet);
        }
        return has_first_byte(state, details, packet) ? add_proxy_header(state, connection, packet)
                                                      : DropReason::kCount;
    }
    return wants_tcp_option(details, packet) ? add_tcp_option(state, connection, packet)
                                             : DropReason::kCount;
}

// Leaves room in the client's segments.
void lower_mss(const Packet& packet, uint16_t growth) {
    const uint32_t header_bytes = tcp_header_bytes(packet);
    uint8_t* const tcp = l4_of(packet);
    const TcpOptions options =
        parse_tcp_options({tcp + kTcpHeaderBytes, header_bytes - kTcpHeaderBytes});
    if (options.mss > growth) {
        static_cast<void>(
            clamp_mss(tcp, header_bytes, static_cast<uint16_t>(options.mss - growth)));
    }
}

[[nodiscard]] DropReason adjust_from_server(Worker::State& state,
                                            const Connection& connection,
                                            Packet& packet) {
    ConnectionDetails& details = state.connections.details(connection);
    if ((packet.tcp_flags & kTcpSyn) != 0) {
        details.server_sequence = wire::load32(l4_of(packet) + kTcpSequence) + 1;
        lower_mss(packet, growth_of(state, connection));
    }
    return details.ftp_role == FtpRole::kControl ? follow_ftp(state, connection, packet)
                                                 : DropReason::kCount;
}

[[nodiscard]] DropReason adjust_segment(Worker::State& state,
                                        const Connection& connection,
                                        Packet& packet) {
    const bool is_from_client = packet.direction == Direction::kClientToServer;
    const DropReason reason = is_from_client ? adjust_from_client(state, connection, packet)
                                             : adjust_from_server(state, connection, packet);
    if (reason == DropReason::kCount && packet.connection != kNoConnection) {
        adjust_tcp(l4_of(packet),
                   tcp_header_bytes(packet),
                   is_from_client ? TcpSender::kClient : TcpSender::kServer,
                   state.connections.details(connection).adjustment);
    }
    return reason;
}

// Writes into an ICMP message, whose checksum may be wrong and stays that way then.
void write_in_icmp(uint8_t* icmp, uint8_t* at, const uint8_t* value, uint32_t bytes) {
    const uint64_t before = checksum_add(0, at, bytes);
    std::memcpy(at, value, bytes);
    const uint16_t delta = checksum_delta(before, checksum_add(0, at, bytes));
    store_raw16(icmp + 2, checksum_apply(load_raw16(icmp + 2), delta));
}

// The MTU field's offset, in two bytes, or 0: not about a packet too big. RFC 1191 section 4,
// RFC 4443 section 3.2; an MTU beyond 65535 does not come here.
[[nodiscard]] uint32_t mtu_offset(const Packet& packet, const uint8_t* icmp) {
    constexpr uint8_t kUnreachable = 3;
    constexpr uint8_t kFragmentationNeeded = 4;
    constexpr uint8_t kTooBig6 = 2;
    const bool is_too_big = packet.is_ipv4
                                ? icmp[0] == kUnreachable && icmp[1] == kFragmentationNeeded
                                : icmp[0] == kTooBig6;
    return is_too_big ? 6 : 0;
}

}  // namespace

bool needs_adjustment(const ServiceOptions& options, const Connection& entry) {
    const bool is_translated = entry.translation != Translation::kNone;
    switch (options.client_address) {
        case ClientAddressVia::kProxyV2:
            return is_translated &&
                   (entry.protocol() == Protocol::kTcp || entry.protocol() == Protocol::kUdp);
        case ClientAddressVia::kTcpOption:
            return is_translated && entry.protocol() == Protocol::kTcp;
        case ClientAddressVia::kNothing:
            break;
    }
    return false;
}

bool adjust(Worker::State& state, const Connection& connection, Packet& packet) {
    DropReason reason = DropReason::kCount;
    if (packet.is_fragment) {
        reason = DropReason::kFragment;
    } else if (packet.protocol == Protocol::kTcp) {
        reason = adjust_segment(state, connection, packet);
    } else if (packet.direction == Direction::kClientToServer) {
        reason = add_proxy_header(state, connection, packet);
    }
    if (reason != DropReason::kCount) {
        state.drop(packet, reason);
        return false;
    }
    return packet.connection != kNoConnection;
}

void adjust_icmp_error(Worker::State& state,
                       const Connection& connection,
                       const Packet& packet,
                       uint32_t quoted_l4_offset) {
    uint8_t* const icmp = l4_of(packet);
    // A server's error is about a packet of the client's, and the other way round.
    const bool is_to_client = packet.direction == Direction::kServerToClient;
    const uint32_t mtu_at = mtu_offset(packet, icmp);
    const uint16_t growth = growth_of(state, connection);
    if (is_to_client && mtu_at != 0 && load_be16(icmp + mtu_at) > growth) {
        const uint16_t mtu =
            __builtin_bswap16(static_cast<uint16_t>(load_be16(icmp + mtu_at) - growth));
        write_in_icmp(icmp, icmp + mtu_at, reinterpret_cast<const uint8_t*>(&mtu), 2);
    }
    if (connection.protocol() != Protocol::kTcp) {
        return;
    }
    const TcpAdjustment& adjustment = state.connections.details(connection).adjustment;
    const SeqAdjust& sent = adjustment.sent[is_to_client ? 0 : 1];
    uint8_t* const at = packet.data + packet.l3_offset + quoted_l4_offset + kTcpSequence;
    // To its sender, in its sender's numbers.
    const uint32_t sequence = __builtin_bswap32(sequence_before(sent, wire::load32(at)));
    write_in_icmp(icmp, at, reinterpret_cast<const uint8_t*>(&sequence), 4);
}

}  // namespace director::dataplane
