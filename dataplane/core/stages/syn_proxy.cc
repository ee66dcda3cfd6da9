#include "dataplane/core/stages/syn_proxy.h"

#include <algorithm>

#include "dataplane/core/codecs/tcp_bytes.h"
#include "dataplane/core/codecs/wire.h"
#include "dataplane/core/stages/ftp_connections.h"
#include "dataplane/core/stages/new_connection.h"
#include "dataplane/core/stages/tcp_state.h"

namespace director::dataplane {
namespace {

// How long a cookie may be answered (syn_cookie.h).
constexpr Duration kCookieLife = std::chrono::minutes(2);

// What PROXY protocol or a TCP option add to a client's segment, at most.
constexpr uint16_t kGrowthMax = 60;

[[nodiscard]] SynProxyOffer offer_of(const ServiceOptions& options) {
    SynProxyOffer offer = options.syn_proxy_offer;
    if (options.client_address != ClientAddressVia::kNothing) {
        offer.mss_ipv4 = static_cast<uint16_t>(offer.mss_ipv4 - kGrowthMax);
        offer.mss_ipv6 = static_cast<uint16_t>(offer.mss_ipv6 - kGrowthMax);
    }
    return offer;
}

// Of a connection under way, whose service may have left the configuration meanwhile.
[[nodiscard]] SynProxyOffer offer_of(const Worker::State& state, const Connection& connection) {
    const ServiceId service = state.server_tallies[index(connection.server)].service;
    const ServiceTable* const table =
        service != kNoService ? state.services[index(service)].table : nullptr;
    return offer_of(table != nullptr ? table->options : ServiceOptions{});
}

[[nodiscard]] bool is_in_one_piece(const Packet& packet) {
    return packet.contiguous_bytes == packet.length_bytes;
}

[[nodiscard]] FrameBytes frame_of(const Packet& packet) {
    return {.data = packet.data,
            .length_bytes = packet.length_bytes,
            .headroom_bytes = packet.headroom_bytes,
            .tailroom_bytes = packet.tailroom_bytes,
            .l3_offset = packet.l3_offset,
            .l4_offset = packet.l4_offset};
}

// The packet is what was composed in its frame.
void take_over(Packet& packet, const FrameBytes& frame) {
    packet.length_bytes = frame.length_bytes;
    packet.contiguous_bytes = frame.length_bytes;
    packet.tailroom_bytes = frame.tailroom_bytes;
    packet.l4_offset = frame.l4_offset;
    packet.ip_length = static_cast<uint16_t>(frame.ip_length());
    packet.tcp_flags = frame.l4()[kTcpFlagsByte];
    packet.ip_checksum = ChecksumCheck::kGood;
    packet.l4_checksum = ChecksumCheck::kGood;
}

// Why nothing can be composed in the packet's frame; kCount: it can.
[[nodiscard]] DropReason reason_against(const Packet& packet) {
    if (packet.is_fragment) {
        return DropReason::kFragment;
    }
    if (!is_in_one_piece(packet)) {
        return DropReason::kInPieces;
    }
    return is_l4_checksum_good(packet) ? DropReason::kCount : DropReason::kBadL4Checksum;
}

[[nodiscard]] bool has_flags(const Packet& packet, uint8_t flags) {
    return (packet.tcp_flags & (kTcpSyn | kTcpAck | kTcpRst)) == flags;
}

[[nodiscard]] bool wants_cookie(Worker::State& state, const ServiceTable& table) {
    ++state.syn_watches[index(table.id)].syns;
    return table.options.syn_proxy == SynProxy::kAlways || update_alarm(state, table.id);
}

// Straight back where it came from: senders that nobody has asked for cost no look-up of a route
// or a neighbour.
void send_cookie(Worker::State& state, Packet& packet, const SynProxyOffer& offer) {
    DropReason reason = reason_against(packet);
    FrameBytes frame = frame_of(packet);
    if (reason == DropReason::kCount &&
        !build_syn_ack(frame, state.settings.syn_cookie_key, offer, state.now)) {
        reason = DropReason::kNoHeadroom;
    }
    if (reason != DropReason::kCount) {
        state.drop(packet, reason);
        return;
    }
    SynWatch& watch = state.syn_watches[index(packet.service)];
    watch.has_sent_cookie = true;
    watch.cookie_sent_at = state.now;
    take_over(packet, frame);
    count_answer(state, packet, DropReason::kSynCookieSent);
    packet.connection = kNoConnection;
    state.forward(packet, packet.in_port);
}

// No handshake with whom the service would refuse at its end.
void answer_syn(Worker::State& state,
                const ServiceTable& table,
                Packet& packet,
                const SynProxyOffer& offer) {
    switch (const DropReason reason = foresee_let_in(state, table, packet); reason) {
        case DropReason::kCount:
            send_cookie(state, packet, offer);
            break;
        case DropReason::kNotAllowed:
            refuse(state, packet, reason, IcmpCause::kProhibited);
            break;
        default:
            state.drop(packet, reason);
    }
}

[[nodiscard]] bool may_have_cookie(const Worker::State& state, const ServiceTable& table) {
    const SynWatch& watch = state.syn_watches[index(table.id)];
    return table.options.syn_proxy == SynProxy::kAlways || watch.attack.is_under_attack() ||
           (watch.has_sent_cookie && state.now - watch.cookie_sent_at < kCookieLife);
}

// What a client's ACK proves. It may be a probe of our window of 0, whose number is the one before
// the next (RFC 9293 section 3.8.6.1, as implemented).
[[nodiscard]] std::optional<SynCookieClient> prove(const Worker::State& state,
                                                   const Packet& packet,
                                                   const SynProxyOffer& offer) {
    const FrameBytes frame = frame_of(packet);
    const uint8_t* const tcp = frame.l4();
    SynCookieAck ack{wire::load32(tcp + kTcpSequence),
                     wire::load32(tcp + kTcpAcknowledgement),
                     wire::load16(tcp + kTcpWindow),
                     tcp_options_of(frame)};
    const SynCookieFlow flow{frame.source(), frame.destination()};
    for (int attempt = 0; attempt < 2; ++attempt) {
        const auto client =
            check_syn_cookie(state.settings.syn_cookie_key, flow, ack, offer, state.now);
        if (client) {
            return client;
        }
        ++ack.sequence;
    }
    return std::nullopt;
}

enum PromisedOption : uint32_t { kTimestamps = 1U << 16, kSack = 1U << 17, kScale = 1U << 18 };
// Where two window scales lie beside them: ours, and above it the client's.
constexpr uint32_t kScaleShift = 24;
constexpr uint32_t kClientScaleShift = 28;
constexpr uint32_t kScaleMask = 0xf;

// What await_server() noted, as far as the server's answer asks for it. It lies where the server's
// shift will be, which is not set before.
[[nodiscard]] SynCookieClient awaiting_client(const ConnectionDetails& details) {
    const SeqAdjust& note = details.adjustment.sent[static_cast<size_t>(TcpSender::kServer)];
    const auto rest = static_cast<uint32_t>(note.previous_delta);
    SynCookieClient client;
    client.cookie = note.init_sequence;
    client.window = static_cast<uint16_t>(rest);
    client.options.timestamp_echo = static_cast<uint32_t>(note.delta);
    client.options.has_timestamps = (rest & kTimestamps) != 0;
    client.options.has_sack = (rest & kSack) != 0;
    client.options.has_window_scale = (rest & kScale) != 0;
    return client;
}

// What the client was told, before a reload may have changed it.
[[nodiscard]] uint8_t offered_scale(const ConnectionDetails& details) {
    const SeqAdjust& note = details.adjustment.sent[static_cast<size_t>(TcpSender::kServer)];
    return static_cast<uint8_t>(static_cast<uint32_t>(note.previous_delta) >> kScaleShift &
                                kScaleMask);
}

// From now on the client sees the server's number `sequence` as the one after our SYN-ACK's.
void shift_server(ConnectionDetails& details, const TcpAdjustment& adjustment, uint32_t cookie) {
    constexpr auto kServer = static_cast<size_t>(TcpSender::kServer);
    details.adjustment.awaits_server = false;
    details.server_sequence = cookie + 1;
    details.adjustment.sent[kServer] = adjustment.sent[kServer];
    details.adjustment.timestamp_delta = adjustment.timestamp_delta;
    details.adjustment.window_shift = adjustment.window_shift;
}

// The server's SYN-ACK without what follows its header, to compose a frame in. nullptr without
// room.
[[nodiscard]] MadeFrame* copy_headers(Worker::State& state,
                                      const Packet& packet,
                                      FrameBytes& copy) {
    const FrameBytes frame = frame_of(packet);
    const uint32_t bytes = packet.l4_offset + frame.tcp_header_bytes();
    if (bytes > MadeFrame::kBytesMax) {
        return nullptr;
    }
    DIRECTOR_HOT_ASSERT(state.made_frame_count < state.made_frames.size());
    MadeFrame& made = state.made_frames[state.made_frame_count];
    std::memcpy(made.bytes.data(), packet.data, bytes);
    copy = frame;
    copy.data = made.bytes.data();
    copy.length_bytes = bytes;
    copy.headroom_bytes = 0;
    copy.tailroom_bytes = MadeFrame::kBytesMax - bytes;
    return &made;
}

void send_made(Worker::State& state, MadeFrame& made, const FrameBytes& frame, Packet& cause) {
    made.length_bytes = frame.length_bytes;
    made.out_port = cause.in_port;
    ++state.made_frame_count;
    ++state.counters.answered;
    ++state.counters.forwarded;
}

// Neither end can go on: the server's SYN-ACK becomes a reset for the client, and the server gets
// one of its own.
[[nodiscard]] bool reset_both(Worker::State& state,
                              Packet& packet,
                              ConnectionDetails& details,
                              uint32_t cookie) {
    FrameBytes frame = frame_of(packet);
    const uint32_t sequence = wire::load32(frame.l4() + kTcpSequence);
    const uint32_t acknowledgement = wire::load32(frame.l4() + kTcpAcknowledgement);
    TcpSegment reset;
    reset.source = frame.destination();
    reset.destination = frame.source();
    reset.sequence = acknowledgement;
    reset.flags = kTcpFlagRst;
    FrameBytes copy;
    if (MadeFrame* const made = copy_headers(state, packet, copy);
        made != nullptr && compose_tcp(copy, reset)) {
        swap_mac_addresses(copy);
        send_made(state, *made, copy, packet);
    }
    std::swap(reset.source, reset.destination);
    reset.sequence = sequence + 1;
    reset.acknowledgement = acknowledgement;
    reset.flags = kTcpFlagRst | kTcpFlagAck;
    if (!compose_tcp(frame, reset)) {
        state.drop(packet, DropReason::kSynProxyMismatch);
        return false;
    }
    take_over(packet, frame);
    count_answer(state, packet, DropReason::kSynProxyMismatch);
    TcpAdjustment adjustment;
    adjustment.sent[static_cast<size_t>(TcpSender::kServer)] =
        constant_shift(sequence, cookie - sequence);
    shift_server(details, adjustment, cookie);
    return true;
}

[[nodiscard]] bool join_ends(Worker::State& state, Packet& packet, ConnectionDetails& details) {
    const SynCookieClient client = awaiting_client(details);
    FrameBytes frame = frame_of(packet);
    const auto adjustment = splice(frame, client, offered_scale(details));
    if (!adjustment) {
        return reset_both(state, packet, details, client.cookie);
    }
    FrameBytes copy;
    MadeFrame* const made = copy_headers(state, packet, copy);
    if (made == nullptr || !build_ack_to_server(copy, client) || !build_window_update(frame)) {
        state.drop(packet, DropReason::kNoHeadroom);
        return false;
    }
    send_made(state, *made, copy, packet);
    take_over(packet, frame);
    shift_server(details, *adjustment, client.cookie);
    return true;
}

// A server that refuses says so in numbers that the client has never heard of.
void pass_on_refusal(const Packet& packet, ConnectionDetails& details) {
    const uint32_t sequence = wire::load32(packet.data + packet.l4_offset + kTcpSequence);
    const uint32_t cookie = awaiting_client(details).cookie;
    TcpAdjustment adjustment;
    adjustment.sent[static_cast<size_t>(TcpSender::kServer)] =
        constant_shift(sequence, cookie + 1 - sequence);
    shift_server(details, adjustment, cookie);
}

[[nodiscard]] bool hear_server(Worker::State& state, Packet& packet, ConnectionDetails& details) {
    if (has_flags(packet, kTcpSyn | kTcpAck)) {
        return join_ends(state, packet, details);
    }
    if ((packet.tcp_flags & kTcpRst) != 0) {
        pass_on_refusal(packet, details);
        return true;
    }
    state.drop(packet, DropReason::kSynProxyWaiting);
    return false;
}

[[nodiscard]] bool hear_client(Worker::State& state, const Connection& connection, Packet& packet) {
    ConnectionDetails& details = state.connections.details(connection);
    const SynProxyOffer offer = offer_of(state, connection);
    if ((packet.tcp_flags & kTcpRst) != 0) {
        return true;
    }
    if (has_flags(packet, kTcpSyn)) {
        send_cookie(state, packet, offer);
        return false;
    }
    const auto client = has_flags(packet, kTcpAck) ? prove(state, packet, offer) : std::nullopt;
    if (!client || !become_syn(packet, *client)) {
        state.drop(packet, DropReason::kSynProxyWaiting);
        return false;
    }
    await_server(details, *client, offer.window_scale);
    return true;
}

}  // namespace

std::optional<SynCookieClient> greet(Worker::State& state,
                                     const ServiceTable& table,
                                     Packet& packet) {
    const SynProxyOffer offer = offer_of(table.options);
    if (has_flags(packet, kTcpSyn)) {
        if (wants_cookie(state, table)) {
            answer_syn(state, table, packet, offer);
        }
        return std::nullopt;
    }
    if (!has_flags(packet, kTcpAck) || packet.is_fragment || !may_have_cookie(state, table)) {
        return std::nullopt;
    }
    const auto client = prove(state, packet, offer);
    const bool is_on = table.options.syn_proxy == SynProxy::kAlways ||
                       state.syn_watches[index(table.id)].attack.is_under_attack();
    if (!client) {
        if (!is_on || hand_over_ftp_stray(state, packet)) {
            return std::nullopt;
        }
        if (!is_l4_checksum_good(packet)) {
            state.drop(packet, DropReason::kBadL4Checksum);
        } else {
            // Perhaps a connection that we have forgotten: its client must hear of that.
            refuse_with_reset(state, packet, DropReason::kSynCookieWrong);
        }
        return std::nullopt;
    }
    if (!is_in_one_piece(packet)) {
        state.drop(packet, DropReason::kInPieces);
        return std::nullopt;
    }
    return client;
}

void await_server(ConnectionDetails& details, const SynCookieClient& client, uint8_t scale) {
    const TcpOptions& options = client.options;
    const uint32_t rest =
        uint32_t{client.window} | (options.has_timestamps ? kTimestamps : 0U) |
        (options.has_sack ? kSack : 0U) | (options.has_window_scale ? kScale : 0U) |
        uint32_t{scale} << kScaleShift | uint32_t{options.window_scale} << kClientScaleShift;
    details.server_sequence = client.initial_sequence;
    details.adjustment.timestamp_delta = options.timestamp;
    details.adjustment.awaited_mss = options.mss;
    details.adjustment.awaits_server = true;
    details.adjustment.sent[static_cast<size_t>(TcpSender::kServer)] = {
        .init_sequence = client.cookie,
        .delta = static_cast<int32_t>(options.timestamp_echo),
        .previous_delta = static_cast<int32_t>(rest),
        .is_set = false};
}

TcpSegment awaited_syn(const ConnectionDetails& details) {
    const SeqAdjust& note = details.adjustment.sent[static_cast<size_t>(TcpSender::kServer)];
    SynCookieClient client = awaiting_client(details);
    client.initial_sequence = details.server_sequence;
    client.options.mss = details.adjustment.awaited_mss;
    client.options.timestamp = details.adjustment.timestamp_delta;
    client.options.window_scale =
        static_cast<uint8_t>(static_cast<uint32_t>(note.previous_delta) >> kClientScaleShift);
    return syn_to_server(client);
}

bool become_syn(Packet& packet, const SynCookieClient& client) {
    FrameBytes frame = frame_of(packet);
    if (!is_in_one_piece(packet) || !build_syn_to_server(frame, client)) {
        return false;
    }
    take_over(packet, frame);
    packet.is_proven = true;
    return true;
}

bool finish_handshake(Worker::State& state, Connection& connection, Packet& packet) {
    ConnectionDetails& details = state.connections.details(connection);
    if (!details.adjustment.awaits_server || packet.is_proven) {
        return true;
    }
    if (const DropReason reason = reason_against(packet); reason != DropReason::kCount) {
        state.drop(packet, reason);
        return false;
    }
    return packet.direction == Direction::kClientToServer ? hear_client(state, connection, packet)
                                                          : hear_server(state, packet, details);
}

}  // namespace director::dataplane
