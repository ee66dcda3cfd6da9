// Packets that Director sends itself in place of one that it drops: ICMP errors and TCP resets.
#include "dataplane/core/codecs/icmp_translate.h"
#include "dataplane/core/codecs/tcp_reset.h"
#include "dataplane/core/stages/packet_addresses.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

// Who speaks: the virtual service about packets to it, else the interface that the packet came in
// by (RFC 1812 section 4.3.2.4). "Any" when that has no address.
[[nodiscard]] IpAddress speaker(const Worker::State& state, const Packet& packet) {
    if (packet.service != kNoService && packet.direction == Direction::kClientToServer) {
        return destination_address(packet);
    }
    const Interface* const interface = state.forwarder.interface_of(packet.in_port, packet.vlan);
    if (interface == nullptr) {
        return {};
    }
    return packet.is_ipv4 ? interface->ipv4 : interface->ipv6;
}

[[nodiscard]] uint32_t build_error(Worker::State& state,
                                   const Packet& packet,
                                   IcmpCause cause,
                                   uint32_t mtu) {
    const IpAddress source = speaker(state, packet);
    if (source.is_any()) {
        return 0;
    }
    const OffendingPacket offending{.ip = packet.data + packet.l3_offset,
                                    .available_bytes = packet.contiguous_bytes - packet.l3_offset,
                                    .ip_length = packet.ip_length,
                                    .l4_offset = uint32_t{packet.l4_offset} - packet.l3_offset,
                                    .is_group_frame = packet.is_group_frame,
                                    .is_later_fragment = packet.has_ports && !packet.has_l4_header,
                                    .protocol = static_cast<uint8_t>(packet.protocol)};
    const IcmpError error{.cause = cause, .mtu = mtu, .source = source};
    return build_icmp_error(error, offending, state.scratch.data());
}

// An error about a translated packet quotes what its sender never sent: it is translated as one
// that came back from where the packet would have gone.
void translate_back(Worker::State& state, Packet& packet, const Connection& connection) {
    packet.direction = packet.direction == Direction::kClientToServer ? Direction::kServerToClient
                                                                      : Direction::kClientToServer;
    rewrite_icmp_error(state, connection, packet);
}

void give_up(Packet& packet, DropReason reason) {
    packet.verdict = Verdict::kDrop;
    packet.drop_reason = reason;
    packet.connection = kNoConnection;
}

}  // namespace

void become_answer(Worker::State& state, Packet& packet, DropReason reason) {
    ++state.counters.answered;
    packet.is_answer = true;
    packet.answered_reason = reason;
    packet.connection = kNoConnection;
    packet.service = kNoService;
    packet.has_ports = false;
    packet.tcp_flags = 0;
}

void count_answer(Worker::State& state, Packet& packet, DropReason reason) {
    state.count_dropped(packet, reason);
    ++state.counters.answered;
    packet.is_answer = true;
    packet.answered_reason = reason;
}

bool replace_ip_packet(Packet& packet, const uint8_t* bytes, uint32_t length) {
    const uint32_t room = packet.contiguous_bytes - packet.l3_offset + packet.tailroom_bytes;
    if (length > room) {
        return false;
    }
    uint8_t* const ip = packet.data + packet.l3_offset;
    std::memcpy(ip, bytes, length);
    packet.is_ipv4 = ip[0] >> 4 == 4;
    packet.is_ipv6 = !packet.is_ipv4;
    store_raw16(ip - 2, __builtin_bswap16(packet.is_ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6));
    packet.tailroom_bytes = room - length;
    packet.contiguous_bytes = packet.l3_offset + length;
    packet.length_bytes = packet.contiguous_bytes;
    packet.ip_length = static_cast<uint16_t>(length);
    packet.protocol =
        static_cast<Protocol>(ip[packet.is_ipv4 ? kIpProtocolOffset : kIpv6NextHeaderOffset]);
    packet.l4_offset =
        static_cast<uint16_t>(packet.l3_offset + (packet.is_ipv4 ? kIpv4Bytes : kIpv6Bytes));
    return true;
}

void refuse(
    Worker::State& state, Packet& packet, DropReason reason, IcmpCause cause, uint32_t mtu) {
    state.count_dropped(packet, reason);
    if (packet.is_answer || packet.is_icmp_error || !state.answers.admits(state.now)) {
        give_up(packet, reason);
        return;
    }
    const uint32_t length = build_error(state, packet, cause, mtu);
    mirror_before_replacement(state, packet);
    if (length == 0 || !replace_ip_packet(packet, state.scratch.data(), length)) {
        give_up(packet, reason);
        return;
    }
    const uint32_t connection = packet.connection;
    become_answer(state, packet, reason);
    if (packet.is_translated && connection != kNoConnection) {
        translate_back(state, packet, state.connections[connection]);
    }
}

void refuse_with_reset(Worker::State& state, Packet& packet, DropReason reason) {
    if (state.answers.admits(state.now)) {
        reset_sender(state, packet, reason);
    } else {
        state.drop(packet, reason);
    }
}

void reset_sender(Worker::State& state, Packet& packet, DropReason reason) {
    state.count_dropped(packet, reason);
    mirror_before_replacement(state, packet);
    const bool is_whole = packet.l3_offset + uint32_t{packet.ip_length} <= packet.contiguous_bytes;
    const uint32_t length =
        is_whole ? answer_with_tcp_reset(packet.data + packet.l3_offset,
                                         packet.ip_length,
                                         uint32_t{packet.l4_offset} - packet.l3_offset,
                                         state.scratch.data())
                 : 0;
    if (length == 0 || !replace_ip_packet(packet, state.scratch.data(), length)) {
        give_up(packet, reason);
        return;
    }
    become_answer(state, packet, reason);
}

}  // namespace director::dataplane
