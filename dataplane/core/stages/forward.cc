// Stage 7: the next hop. A connection remembers its own in each direction; a packet without one is
// routed as a plain router would, or is the kernel's.
#include <algorithm>

#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/stages/packet_addresses.h"
#include "dataplane/core/stages/wrap.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

// Where the packet goes on to: its destination, or for a method that leaves that alone, the real
// server.
[[nodiscard]] IpAddress destination_of(const Worker::State& state, const Packet& packet) {
    if (packet.connection != kNoConnection && packet.direction == Direction::kClientToServer) {
        const Connection& connection = state.connections[packet.connection];
        if (connection.translation == Translation::kNone) {
            return state.connections.endpoint(connection, Side::kInside, Role::kServer).address;
        }
    }
    return destination_address(packet);
}

[[nodiscard]] uint32_t tags_of(VlanTags vlan) {
    return (vlan.inner != 0 ? 1U : 0U) + (vlan.outer != 0 ? 1U : 0U);
}

// Writes a tag's type and VLAN id and answers where the next type goes.
[[nodiscard]] uint8_t* write_tag(uint8_t* type, uint16_t ether_type, uint16_t vlan) {
    store_raw16(type, __builtin_bswap16(ether_type));
    store_raw16(type + 2, __builtin_bswap16(vlan));
    return type + kVlanTagBytes;
}

// Puts the Ethernet header that `adjacency` wants in front of the IP header; VLAN tags may come, go
// or change. False when there is no room before the frame.
[[nodiscard]] bool write_ethernet(Packet& packet, const Adjacency& adjacency) {
    const uint32_t header_bytes = kEthernetBytes + tags_of(adjacency.vlan) * kVlanTagBytes;
    const int32_t growth = static_cast<int32_t>(header_bytes) - packet.l3_offset;
    if (growth > static_cast<int32_t>(packet.headroom_bytes)) {
        return false;
    }
    uint8_t* const start = packet.data - growth;
    std::memcpy(start, adjacency.macs.data(), adjacency.macs.size());
    uint8_t* type = start + kEtherTypeOffset;
    if (adjacency.vlan.outer != 0) {
        type = write_tag(type, kEtherTypeOuterVlan, adjacency.vlan.outer);
    }
    if (adjacency.vlan.inner != 0) {
        type = write_tag(type, kEtherTypeVlan, adjacency.vlan.inner);
    }
    store_raw16(type, __builtin_bswap16(packet.is_ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6));
    packet.data = start;
    packet.length_bytes += static_cast<uint32_t>(growth);
    packet.contiguous_bytes += static_cast<uint32_t>(growth);
    packet.headroom_bytes -= static_cast<uint32_t>(growth);
    packet.l3_offset = static_cast<uint16_t>(header_bytes);
    packet.l4_offset = static_cast<uint16_t>(packet.l4_offset + growth);
    return true;
}

// Whether a packet that is too long may be cut into fragments: IPv4 if it does not forbid it (RFC
// 791), IPv6 only by who sent it (RFC 8200 section 4.5). What may not be, its sender has to know.
[[nodiscard]] bool may_be_cut(const Worker::State& state, const Packet& packet) {
    if (packet.is_ipv4) {
        const uint8_t* const ip = packet.data + packet.l3_offset;
        return (load_be16(ip + kIpFragmentOffset) & kIpDontFragment) == 0;
    }
    if (packet.connection == kNoConnection) {
        return false;
    }
    const Connection& connection = state.connections[packet.connection];
    const bool is_ours =
        (connection.translation == Translation::kSixToFour && !packet.is_icmp_error) ||
        (connection.forwarding == ForwardingMethod::kTunnel &&
         packet.direction == Direction::kClientToServer);
    return is_ours && packet.may_be_cut;
}

// Whether something stands against sending `packet` through `adjacency`: it has been dropped then,
// or has become an answer that needs a next hop of its own.
[[nodiscard]] bool stops_at(Worker::State& state, Packet& packet, const Adjacency& adjacency) {
    packet.fragment_mtu = 0;
    if (!adjacency.is_up) {
        state.drop(packet, DropReason::kInterfaceDown);
    } else if (adjacency.is_failed) {
        refuse(state, packet, DropReason::kNeighbourFailed, IcmpCause::kHostUnreachable);
    } else if (packet.ip_length <= adjacency.mtu_bytes) {
        return false;
    } else if (may_be_cut(state, packet)) {
        packet.fragment_mtu = adjacency.mtu_bytes;
        return false;
    } else {
        refuse(state, packet, DropReason::kExceedsMtu, IcmpCause::kTooBig, adjacency.mtu_bytes);
    }
    return true;
}

// Nearly always nothing stands against sending, and the EtherType is where it has to be: then it is
// done here. False = see send().
[[nodiscard]] bool send_plainly(Worker::State& state, Packet& packet, const Adjacency& adjacency) {
    if (packet.ip_length > adjacency.plain_mtu_bytes || packet.l3_offset != kEthernetBytes) {
        return false;
    }
    std::memcpy(packet.data, adjacency.macs.data(), adjacency.macs.size());
    state.forward(packet, adjacency.port);
    return true;
}

void send(Worker::State& state, Packet& packet, const Adjacency& adjacency) {
    if (stops_at(state, packet, adjacency)) {
        return;
    }
    if (!write_ethernet(packet, adjacency)) {
        state.drop(packet, DropReason::kNoHeadroom);
    } else if (packet.fragment_mtu != 0) {
        state.forward_cut(packet, adjacency.port);
    } else {
        state.forward(packet, adjacency.port);
    }
}

// A router takes one from the TTL (RFC 1812 section 5.3.1); a balanced packet has had that done.
[[nodiscard]] bool route_one_hop(Worker::State& state, Packet& packet) {
    if (packet.is_answer) {
        return true;
    }
    if (ttl_of(packet) <= 1) {
        refuse(state, packet, DropReason::kTtlExpired, IcmpCause::kTimeExceeded);
        return false;
    }
    take_ttl(packet);
    return true;
}

// The frame is complete but for the destination MAC address, which stays zero.
void wait_for_neighbour(Worker::State& state, Packet& packet, const NextHop& hop) {
    const Interface& interface = state.forwarder.interface(hop.interface);
    Adjacency adjacency{.vlan = {interface.vlan, interface.outer_vlan},
                        .mtu_bytes = interface.mtu_bytes,
                        .port = interface.port,
                        .interface = hop.interface,
                        .is_up = interface.is_up};
    std::memcpy(adjacency.macs.data() + 6, interface.mac.bytes.data(), interface.mac.bytes.size());
    if (stops_at(state, packet, adjacency)) {
        return;
    }
    if (!write_ethernet(packet, adjacency)) {
        state.drop(packet, DropReason::kNoHeadroom);
    } else {
        packet.out_port = adjacency.port;
        state.punt_for_neighbour(packet, hop);
    }
}

void remember(Worker::State& state, const Packet& packet, uint16_t adjacency) {
    Connection& connection = state.connections[packet.connection];
    if (connection.generation != state.forwarder.generation()) {
        connection.generation = state.forwarder.generation();
        connection.adjacency = {kNoAdjacency, kNoAdjacency};
    }
    connection.adjacency[static_cast<size_t>(packet.direction)] = adjacency;
}

void follow(Worker::State& state, Packet& packet, const NextHop& hop) {
    const bool is_balanced = packet.connection != kNoConnection;
    if (hop.kind == NextHop::Kind::kNone || (hop.kind == NextHop::Kind::kLocal && is_balanced)) {
        refuse(state, packet, DropReason::kNoRoute, IcmpCause::kNetUnreachable);
        return;
    }
    if (hop.kind == NextHop::Kind::kLocal) {
        state.punt(packet);
        return;
    }
    if (is_balanced) {
        if (hop.kind == NextHop::Kind::kAdjacent) {
            remember(state, packet, hop.adjacency);
        }
        if (!prepare_for(state, packet, hop.interface)) {
            return;
        }
    } else if (!route_one_hop(state, packet)) {
        return;
    }
    if (hop.kind == NextHop::Kind::kUnknownMac) {
        wait_for_neighbour(state, packet, hop);
    } else {
        send(state, packet, state.forwarder.adjacency(hop.adjacency));
    }
}

// Whether this machine itself is the connection's real server (ipvsadm "Local").
[[nodiscard]] bool is_local(const Connection& connection, const Packet& packet) {
    return connection.forwarding == ForwardingMethod::kLocal &&
           packet.direction == Direction::kClientToServer;
}

// Sends a packet by the adjacency that its connection remembers. False when there is none.
[[nodiscard]] bool send_as_before(Worker::State& state, Packet& packet) {
    const Connection& connection = state.connections[packet.connection];
    const uint16_t number = connection.generation == state.forwarder.generation()
                                ? connection.adjacency[static_cast<size_t>(packet.direction)]
                                : kNoAdjacency;
    if (number == kNoAdjacency) {
        return false;
    }
    const Adjacency& hop = state.forwarder.adjacency(number);
    if (!prepare_for(state, packet, hop.interface)) {
        return true;
    }
    if (!send_plainly(state, packet, hop)) {
        send(state, packet, hop);
    }
    return true;
}

void find_way(Worker::State& state, std::span<Packet* const> packets) {
    constexpr size_t kAtOnce = 8;  // a group of a burst: what is not needed need not be set up
    std::array<IpAddress, kAtOnce> destinations;
    std::array<NextHop, kAtOnce> hops;
    for (size_t start = 0; start < packets.size(); start += kAtOnce) {
        const auto some = packets.subspan(start, std::min(kAtOnce, packets.size() - start));
        for (size_t i = 0; i < some.size(); ++i) {
            destinations[i] = destination_of(state, *some[i]);
        }
        state.forwarder.resolve({destinations.data(), some.size()}, hops);
        for (size_t i = 0; i < some.size(); ++i) {
            follow(state, *some[i], hops[i]);
        }
    }
}

void forward_once(Worker::State& state, Packets packets) {
    // Filled as far as `count` says.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
    std::array<Packet*, kBurstMax> unresolved;
    uint32_t count = 0;
    for (Packet& packet : packets) {
        if (packet.verdict != Verdict::kUndecided) {
            continue;
        }
        const bool has_connection = packet.connection != kNoConnection;
        if (has_connection && is_local(state.connections[packet.connection], packet)) {
            state.punt(packet);
        } else if (!has_connection || !send_as_before(state, packet)) {
            unresolved[count++] = &packet;
        }
    }
    if (count != 0) {
        find_way(state, {unresolved.data(), count});
    }
}

}  // namespace

void forward_burst(Worker::State& state, Packets packets) {
    const uint64_t answered = state.counters.answered;
    forward_once(state, packets);
    if (state.counters.answered != answered) {
        forward_once(state, packets);  // what became an answer meanwhile
    }
}

// Where a packet can go from here:
//
//   of a connection: to the remembered or resolved next hop    forward
//   no connection, route to one of our own addresses           punt
//   no connection, any other route                             TTL - 1, forward
//   too long, and may be cut                                   forward in fragments
//   next hop's MAC address unknown                             punt, to be sent when it is known
//   no route, MTU, interface down, neighbour dead, TTL         drop

}  // namespace director::dataplane
