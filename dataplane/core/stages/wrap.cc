#include "dataplane/core/stages/wrap.h"

#include "dataplane/core/codecs/mss_clamp.h"
#include "dataplane/core/codecs/tunnel.h"

namespace director::dataplane {
namespace {

void clamp(const Packet& packet, uint32_t mtu) {
    if (packet.has_l4_header && packet.protocol == Protocol::kTcp) {
        clamp_mss(packet.data + packet.l4_offset,
                  packet.contiguous_bytes - packet.l4_offset,
                  mss_for_mtu(mtu, packet.is_ipv6));
    }
}

// The IP header begins `growth` bytes earlier, and is of this family. Its EtherType stays to be
// written.
void grow_ip_packet(Packet& packet, uint32_t growth, bool is_ipv6) {
    packet.data -= growth;
    packet.length_bytes += growth;
    packet.contiguous_bytes += growth;
    packet.headroom_bytes -= growth;
    packet.ip_length = static_cast<uint16_t>(packet.ip_length + growth);
    packet.is_ipv4 = !is_ipv6;
    packet.is_ipv6 = is_ipv6;
}

[[nodiscard]] Encapsulation encapsulation_of(const Packet& packet,
                                             const Tunnel& tunnel,
                                             const IpAddress& source,
                                             const IpAddress& destination) {
    Encapsulation how{.tunnel = tunnel, .source = source, .destination = destination};
    how.flow_hash = static_cast<uint32_t>(packet.hash >> 32);
    how.id = static_cast<uint16_t>(packet.fragment_id);
    if (packet.has_l4_header &&
        (packet.protocol == Protocol::kTcp || packet.protocol == Protocol::kUdp)) {
        how.is_inner_checksum_good = packet.l4_checksum == ChecksumCheck::kGood;
        how.inner_protocol = static_cast<uint8_t>(packet.protocol);
        how.inner_l4_offset = static_cast<uint16_t>(packet.l4_offset - packet.l3_offset);
    }
    return how;
}

[[nodiscard]] bool is_made_for(const Worker::State& state,
                               const OuterHeader& outer,
                               const Packet& packet,
                               InterfaceId interface) {
    return outer.generation == state.forwarder.generation() && outer.interface == interface &&
           outer.is_inner_ipv6 == packet.is_ipv6;
}

// What nearly all packets of a tunnel need. False: nothing has been done.
[[nodiscard]] bool wrap_plainly(Worker::State& state,
                                const Connection& connection,
                                Packet& packet,
                                InterfaceId interface) {
    const OuterHeader& outer = state.outer_headers[index(connection.server)];
    const bool is_plain = is_made_for(state, outer, packet, interface) &&
                          packet.ip_length <= outer.inner_mtu &&
                          packet.headroom_bytes >= OuterHeader::kBytes &&
                          !(connection.has(kClampsMss) && (packet.tcp_flags & kTcpSyn) != 0);
    if (is_plain) {
        put_outer_header(outer,
                         static_cast<uint32_t>(packet.hash >> 32),
                         static_cast<uint16_t>(state.tunnel_id),
                         packet.data + packet.l3_offset,
                         packet.ip_length);
        state.tunnel_id += state.settings.worker_count;
        grow_ip_packet(packet, outer.header_bytes, outer.is_ipv6);
    }
    return is_plain;
}

[[nodiscard]] bool wrap(Worker::State& state, Packet& packet, InterfaceId interface_id) {
    const Interface& interface = state.forwarder.interface(interface_id);
    const Connection& connection = state.connections[packet.connection];
    const Tunnel& tunnel = state.server_tallies[index(connection.server)].tunnel;
    const IpAddress destination =
        state.connections.endpoint(connection, Side::kInside, Role::kServer).address;
    const Family family = destination.family();
    const IpAddress source = family == Family::kIpv4 ? interface.ipv4 : interface.ipv6;
    if (source.is_any()) {
        state.drop(packet, DropReason::kNoSourceAddress);
        return false;
    }
    uint8_t* const inner = packet.data + packet.l3_offset;
    const uint32_t mtu = tunnel_mtu(tunnel, family, interface.mtu_bytes);
    if (connection.has(kClampsMss)) {
        clamp(packet, mtu);
    }
    OuterHeader& outer = state.outer_headers[index(connection.server)];
    if (!is_made_for(state, outer, packet, interface_id)) {
        outer = make_outer_header({.tunnel = tunnel, .source = source, .destination = destination},
                                  packet.is_ipv6,
                                  interface.mtu_bytes);
        outer.interface = interface_id;
        outer.generation = state.forwarder.generation();
    }
    // What needs fragments, the way out cuts once it is wrapped.
    if (fits_tunnel(inner, packet.ip_length, mtu, true) == TunnelFit::kTooBig) {
        refuse(state, packet, DropReason::kExceedsMtu, IcmpCause::kTooBig, mtu);
        return false;
    }
    const uint32_t room = packet.headroom_bytes + packet.l3_offset;
    if (room < tunnel_header_bytes(tunnel, family) + packet.l3_offset) {
        state.drop(packet, DropReason::kNoHeadroom);
        return false;
    }
    // What is not at hand cannot be summed up.
    if (sums_inner(tunnel) &&
        packet.contiguous_bytes < packet.l3_offset + uint32_t{packet.ip_length}) {
        state.drop(packet, DropReason::kInPieces);
        return false;
    }
    packet.may_be_cut = true;
    packet.fragment_id = state.tunnel_id;
    state.tunnel_id += state.settings.worker_count;
    const uint32_t growth =
        encapsulate(encapsulation_of(packet, tunnel, source, destination), inner, packet.ip_length);
    if (growth == 0) {
        state.drop(packet, DropReason::kExceedsMtu);
        return false;
    }
    grow_ip_packet(packet, growth, family == Family::kIpv6);
    store_raw16(packet.data + packet.l3_offset - 2,
                __builtin_bswap16(packet.is_ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6));
    return true;
}

}  // namespace

bool wrap_for(Worker::State& state,
              const Connection& connection,
              Packet& packet,
              InterfaceId interface) {
    return wrap_plainly(state, connection, packet, interface) || wrap(state, packet, interface);
}

void clamp_for(const Worker::State& state, const Packet& packet, InterfaceId interface) {
    clamp(packet, state.forwarder.interface(interface).mtu_bytes);
}

}  // namespace director::dataplane
