// A proven client's SYN, sent to its server once more: ours may have been lost, and a client that
// has nothing to say, because its server speaks first, would wait for ever.
//
// The timing wheel has such connections instead of the queue of half-open ones (arm_timer): the
// first look is after a second, each later one after twice the time (RFC 6298 section 5.5), until
// the connection's deadline.
#include <algorithm>

#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/stages/syn_proxy.h"
#include "dataplane/core/stages/tcp_state.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kFirstLookSeconds = 1;
constexpr uint32_t kHeadroom = 64;  // what translation and VLAN tags may take

// The packet as if it had just come from the client and through the stages before rewrite.
[[nodiscard]] Packet packet_of(Worker::State& state, uint32_t connection, const FrameBytes& frame) {
    const Connection& entry = state.connections[connection];
    const FlowEnds& ends = entry.ends(Side::kOutside);
    Packet packet;
    packet.data = frame.data;
    packet.length_bytes = frame.length_bytes;
    packet.contiguous_bytes = frame.length_bytes;
    packet.headroom_bytes = kHeadroom;
    packet.tailroom_bytes = frame.tailroom_bytes;
    packet.ip_checksum = ChecksumCheck::kGood;
    packet.l4_checksum = ChecksumCheck::kGood;
    packet.direction = Direction::kClientToServer;
    packet.protocol = Protocol::kTcp;
    packet.is_ipv4 = frame.is_ipv4();
    packet.is_ipv6 = !packet.is_ipv4;
    packet.has_ports = true;
    packet.has_l4_header = true;
    packet.tcp_flags = kTcpSyn;
    packet.connection = connection;
    packet.l3_offset = frame.l3_offset;
    packet.l4_offset = frame.l4_offset;
    packet.ip_length = static_cast<uint16_t>(frame.ip_length());
    packet.source = ends.client;
    packet.destination = ends.server;
    packet.is_proven = true;
    return packet;
}

// In the outside's addresses and the client's numbers.
[[nodiscard]] bool compose_syn(Worker::State& state, uint32_t connection, FrameBytes& frame) {
    const Connection& entry = state.connections[connection];
    const bool is_ipv4 =
        state.connections.endpoint(entry, Side::kOutside, Role::kClient).address.is_ipv4();
    frame.l3_offset = kEthernetBytes;
    store_raw16(frame.data + kEtherTypeOffset,
                __builtin_bswap16(is_ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6));
    TcpSegment syn = awaited_syn(state.connections.details(entry));
    syn.source = state.connections.endpoint(entry, Side::kOutside, Role::kClient);
    syn.destination = state.connections.endpoint(entry, Side::kOutside, Role::kServer);
    return compose_tcp(frame, syn);
}

// A frame that cannot be sent has never been: it is no packet that came, and the next try follows.
void repeat_syn(Worker::State& state, uint32_t connection) {
    if (state.made_frame_count == state.made_frames.size()) {
        return;
    }
    MadeFrame& made = state.made_frames[state.made_frame_count];
    made.bytes.fill(0);
    FrameBytes frame;
    frame.data = made.bytes.data() + kHeadroom;
    frame.length_bytes = kEthernetBytes;
    frame.tailroom_bytes = MadeFrame::kBytesMax - kHeadroom - kEthernetBytes;
    if (!compose_syn(state, connection, frame)) {
        return;
    }
    Packet packet = packet_of(state, connection, frame);
    const WorkerCounters before = state.counters;
    rewrite_burst(state, Packets(&packet, 1));
    forward_burst(state, Packets(&packet, 1));
    if (packet.verdict != Verdict::kForward || packet.is_answer) {
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

bool awaits_server(const Worker::State& state, const Connection& connection) {
    return connection.has(kHasAdjustment) &&
           state.connections.details(connection).adjustment.awaits_server;
}

uint32_t first_look_at_server(const Worker::State& state) {
    return state.tick + to_ticks(kFirstLookSeconds);
}

uint32_t look_after_server(Worker::State& state, uint32_t connection) {
    repeat_syn(state, connection);
    const Connection& entry = state.connections[connection];
    const uint32_t timeout = timeouts_of(state, entry)[static_cast<size_t>(entry.state)];
    const uint32_t left = entry.deadline - state.tick;
    const uint32_t waited = left < timeout ? timeout - left : 0;
    return state.tick + std::min(left, std::max(waited, to_ticks(kFirstLookSeconds)));
}

}  // namespace director::dataplane
