// Stage 2: whose packet is this? Sorts packets into those for the kernel, those of a connection's
// possible direction, and those only to be routed; and gives each to the worker that owns it.
#include <array>

#include "common/select.h"
#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/stages/icmp_echo.h"
#include "dataplane/core/stages/packet_addresses.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

// RFC 1812 section 5.3.7: addresses that no router may forward, plus the LAND attack's source equal
// to destination.
[[nodiscard]] bool is_martian_ipv4(const Packet& packet) {
    const Ipv4Address source = packet.source.ipv4();
    const Ipv4Address destination = packet.destination.ipv4();
    const bool has_class_e = source.host() >> 28 == 0xf || destination.host() >> 28 == 0xf;
    return source.is_multicast() || has_class_e || source.is_loopback() ||
           source.is_this_network() || destination.is_loopback() || destination.is_this_network() ||
           source == destination;
}

// The same of IPv6 (RFC 4291 sections 2.5.2, 2.5.3, 2.7); addresses that stand for IPv4 ones are on
// no wire (RFC 6890).
[[nodiscard]] bool is_martian_ipv6(const IpAddress& source, const IpAddress& destination) {
    return source.is_multicast() || source.is_any() || source.is_loopback() || source.is_ipv4() ||
           destination.is_any() || destination.is_loopback() || destination.is_ipv4() ||
           source == destination;
}

[[nodiscard]] bool is_martian(const Packet& packet) {
    return packet.is_ipv4 ? is_martian_ipv4(packet)
                          : is_martian_ipv6(source_address(packet), destination_address(packet));
}

// Frames that the kernel beside the port must see: all but IP, and what is meant for many or for
// this link only. DHCP's source 0.0.0.0 with a broadcast destination is among them (RFC 1812
// section 5.3.7 allows it), and so is IPv6's neighbour discovery.
[[nodiscard]] bool is_for_kernel(const Packet& packet) {
    if (packet.is_group_frame || !(packet.is_ipv4 || packet.is_ipv6)) {
        return true;
    }
    if (packet.is_ipv4) {
        const Ipv4Address destination = packet.destination.ipv4();
        return destination.is_multicast() || destination.is_broadcast();
    }
    const IpAddress destination = destination_address(packet);
    return destination.is_multicast() || destination.is_link_local() ||
           source_address(packet).is_link_local();
}

// kCount = the frame was sent to us and may be looked at.
[[nodiscard]] DropReason check_addressed_to_us(const Worker::State& state, const Packet& packet) {
    const Interface* const interface = state.forwarder.interface_of(packet.in_port, packet.vlan);
    if (interface == nullptr) {
        return DropReason::kUnknownVlan;
    }
    if (!packet.is_group_frame &&
        std::memcmp(packet.data, interface->mac.bytes.data(), interface->mac.bytes.size()) != 0 &&
        !state.forwarder.is_to_virtual_mac(packet.in_port, packet.vlan, packet.data)) {
        return DropReason::kOtherHost;
    }
    return DropReason::kCount;
}

void sort_out(Worker::State& state, Packet& packet) {
    const DropReason reason = check_addressed_to_us(state, packet);
    if (reason != DropReason::kCount) {
        state.drop(packet, reason);
    } else if (is_for_kernel(packet)) {
        state.punt(packet);
    } else if (is_martian(packet)) {
        state.drop(packet, DropReason::kMartian);
    }
}

// By an address's first byte: whether it may be one machine's, and on a wire.
constexpr std::array<bool, 256> kUnicast = [] {
    std::array<bool, 256> table{};
    for (size_t byte = 1; byte < 224; ++byte) {
        table[byte] = byte != 127;
    }
    return table;
}();

// What nearly all packets are, and what sort_out() would find nothing to do for: to our own MAC
// address, from one machine to another.
[[nodiscard]] bool is_ordinary(const Worker::State& state, const Packet& packet) {
    const uint64_t source = packet.source.bits;
    const uint64_t destination = packet.destination.bits;
    const bool are_unicast =
        (uint32_t{kUnicast[source & 0xff]} & uint32_t{kUnicast[destination & 0xff]}) != 0;
    const bool are_two = static_cast<uint32_t>(source ^ destination) != 0;
    return (packet.is_ipv4 & are_unicast & are_two) &&
           state.forwarder.is_plainly_ours(packet.in_port, packet.vlan, packet.data);
}

// The same of IPv6: global unicast (2000::/3) and unique local (fc00::/7) addresses, whose digests
// tell the two apart.
[[nodiscard]] bool is_ordinary_ipv6(const Worker::State& state, const Packet& packet) {
    const auto is_unicast = [](uint8_t first) { return first >> 5 == 1 || first >> 1 == 0x7e; };
    const uint8_t* const ip = packet.data + packet.l3_offset;
    const bool are_two = static_cast<uint32_t>(packet.source.bits ^ packet.destination.bits) != 0;
    return packet.is_ipv6 && is_unicast(ip[kIpv6SourceOffset]) &&
           is_unicast(ip[kIpv6DestinationOffset]) && are_two &&
           state.forwarder.is_plainly_ours(packet.in_port, packet.vlan, packet.data);
}

// The service that an IPv6 packet's destination found is the service's only if the address is too.
[[nodiscard]] bool is_address_of(const Worker::State& state,
                                 ServiceId service,
                                 const Packet& packet) {
    return std::memcmp(state.services[index(service)].key.address.bytes.data(),
                       ipv6_ends_of(packet).destination,
                       kIpv6AddressBytes) == 0;
}

[[nodiscard]] ServiceId service_of(const Worker::State& state, const Packet& packet) {
    const ServiceId exact = state.service_ids.value_or(packet.destination, packet.hash, kNoService);
    if (state.has_wide_services && !is_echo(packet)) {
        return find_wide_service(state, packet, exact);
    }
    const bool is_another =
        packet.destination.is_ipv6() && exact != kNoService && !is_address_of(state, exact, packet);
    return is_another ? kNoService : exact;
}

// A packet to a virtual service comes from its client; any other may be a real server's answer, and
// then its destination is the client. Without branches on the direction: it is as good as random.
void find_client(Worker::State& state, Packet& packet) {
    if (packet.is_outbound) {
        packet.direction = Direction::kClientToServer;
        return;  // the lookup by its destination has failed elsewhere: outbound.cc has it
    }
    const ServiceId service = service_of(state, packet);
    const bool is_from_client = service != kNoService;
    const FlowEnd client{select(is_from_client, packet.source.bits, packet.destination.bits)};
    packet.service = service;
    packet.direction = static_cast<Direction>(!is_from_client);
    packet.hash = state.connections.hash(client);
    state.connections.prefetch_bucket(packet.hash);
    if (state.tunnel_services != 0 && is_from_client &&
        state.services[index(service)].has_tunnels) {
        __builtin_prefetch(packet.data - OuterHeader::kBytes, 1);  // where outer headers will be
    }
    if (state.settings.worker_count > 1 && !packet.is_handed_over) {
        const bool is_ftp = is_from_client && state.services[index(service)].has_ftp;
        const WorkerId owner =
            state.owners[is_ftp ? client.without_port().shard_bucket() : client.shard_bucket()];
        if (owner != state.settings.id) {
            state.hand_over(packet, owner);
        }
    }
}

[[nodiscard]] bool has_ports_after_all(Worker::State& state, Packet& packet) {
    if (packet.is_fragment) {
        return follow_fragment(state, packet);
    }
    if (pass_on_tunnel_error(state, packet)) {
        return false;
    }
    return adopt_quoted_ends(state, packet) ||
           (state.looks_by_source && adopt_echo_ends(state, packet));
}

}  // namespace

void classify_burst(Worker::State& state, Packets packets) {
    for (Packet& packet : packets) {
        if (packet.verdict != Verdict::kUndecided) {
            continue;
        }
        if (!is_ordinary(state, packet) && !is_ordinary_ipv6(state, packet)) {
            sort_out(state, packet);
        }
        packet.hash = state.service_ids.hash(packet.destination);
        state.service_ids.prefetch(packet.hash);
    }
    for (Packet& packet : packets) {
        if (packet.verdict != Verdict::kUndecided) {
            continue;
        }
        if (packet.has_ports || has_ports_after_all(state, packet)) {
            find_client(state, packet);
        }
    }
}

// Where a packet can go from here:
//
//   no interface for this port and VLAN        drop unknown_vlan
//   destination MAC is not the interface's     drop other_host
//   not IP, or for many, or for this link      punt
//   addresses that belong on no wire           drop martian
//   fragment                                   hold, hand over or drop; with ports:
//   "too big" about one of our tunnel packets  the same about the client's packet inside, route
//   ICMP error about a packet with ports       as an answer to that packet:
//   ICMP echo, where there is source NAT        with its identifier as a port:
//   ports, and another worker owns it          hand over
//   ports, to a virtual service                lookup, client to server, then admit
//   other packets with ports                   lookup, server to client, then route
//   the rest (ICMP, GRE, ...)                  route

}  // namespace director::dataplane
