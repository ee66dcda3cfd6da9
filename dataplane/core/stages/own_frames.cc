#include "dataplane/core/stages/own_frames.h"

#include "dataplane/core/codecs/frame.h"

namespace director::dataplane {
namespace {

// What translation, a tunnel (IPv6, UDP, GUE with a checksum) and VLAN tags may take.
constexpr uint32_t kHeadroom = 96;

// As parsed, but nobody's yet.
[[nodiscard]] Packet packet_of(const FrameBytes& frame, const TcpSegment& segment) {
    Packet packet;
    packet.data = frame.data;
    packet.length_bytes = frame.length_bytes;
    packet.contiguous_bytes = frame.length_bytes;
    packet.headroom_bytes = kHeadroom;
    packet.tailroom_bytes = frame.tailroom_bytes;
    packet.ip_checksum = ChecksumCheck::kGood;
    packet.l4_checksum = ChecksumCheck::kGood;
    packet.protocol = Protocol::kTcp;
    packet.is_ipv4 = frame.is_ipv4();
    packet.is_ipv6 = !packet.is_ipv4;
    packet.has_l4_header = true;
    packet.l3_offset = frame.l3_offset;
    packet.l4_offset = frame.l4_offset;
    packet.ip_length = static_cast<uint16_t>(frame.ip_length());
    packet.tcp_flags = segment.flags;
    return packet;
}

[[nodiscard]] bool compose(MadeFrame& made, const TcpSegment& segment, FrameBytes& frame) {
    made.bytes.fill(0);
    frame.data = made.bytes.data() + kHeadroom;
    frame.length_bytes = kEthernetBytes;
    frame.tailroom_bytes = MadeFrame::kBytesMax - kHeadroom - kEthernetBytes;
    frame.l3_offset = kEthernetBytes;
    const bool is_ipv4 = segment.source.address.is_ipv4();
    store_raw16(frame.data + kEtherTypeOffset,
                __builtin_bswap16(is_ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6));
    return compose_tcp(frame, segment);
}

// The packet is in the first made frame that is free. Without a connection it takes the way of our
// answers.
void send(Worker::State& state, Packet& packet, uint32_t connection) {
    MadeFrame& made = state.made_frames[state.made_frame_count];
    const WorkerCounters before = state.counters;
    packet.connection = connection;
    packet.is_answer = connection == kNoConnection;
    rewrite_burst(state, Packets(&packet, 1));
    forward_burst(state, Packets(&packet, 1));
    const bool is_refused = connection != kNoConnection && packet.is_answer;
    if (packet.verdict != Verdict::kForward || is_refused) {
        state.counters = before;
        return;
    }
    std::memmove(made.bytes.data(), packet.data, packet.length_bytes);
    made.length_bytes = packet.length_bytes;
    made.out_port = packet.out_port;
    ++state.made_frame_count;
    ++state.counters.answered;
}

}  // namespace

bool has_room_for_own(const Worker::State& state, uint32_t count) {
    return state.made_frame_count + count <= state.made_frames.size();
}

void send_own(Worker::State& state, const TcpSegment& segment) {
    FrameBytes frame;
    if (!has_room_for_own(state, 1) ||
        !compose(state.made_frames[state.made_frame_count], segment, frame)) {
        return;
    }
    Packet packet = packet_of(frame, segment);
    send(state, packet, kNoConnection);
}

void send_as_client(Worker::State& state, uint32_t connection, TcpSegment segment) {
    const Connection& entry = state.connections[connection];
    segment.source = state.connections.endpoint(entry, Side::kOutside, Role::kClient);
    segment.destination = state.connections.endpoint(entry, Side::kOutside, Role::kServer);
    FrameBytes frame;
    if (!has_room_for_own(state, 1) ||
        !compose(state.made_frames[state.made_frame_count], segment, frame)) {
        return;
    }
    Packet packet = packet_of(frame, segment);
    packet.direction = Direction::kClientToServer;
    packet.has_ports = true;
    packet.source = entry.ends(Side::kOutside).client;
    packet.destination = entry.ends(Side::kOutside).server;
    packet.is_proven = (segment.flags & kTcpFlagSyn) != 0;
    send(state, packet, connection);
}

}  // namespace director::dataplane
