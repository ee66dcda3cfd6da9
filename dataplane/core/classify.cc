// Stage 2: whose packet is this? Sorts packets into those for the kernel, those of a connection's
// possible direction, and those only to be routed; and gives each to the worker that owns it.
#include "dataplane/core/frame.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

// RFC 1812 section 5.3.7: addresses that no router may forward, plus the LAND attack's source equal
// to destination.
[[nodiscard]] bool is_martian(const Packet& packet) {
    const Ipv4Address source = packet.source.address;
    const Ipv4Address destination = packet.destination.address;
    const bool has_class_e = source.host() >> 28 == 0xf || destination.host() >> 28 == 0xf;
    return source.is_multicast() || has_class_e || source.is_loopback() ||
           source.is_this_network() || destination.is_loopback() || destination.is_this_network() ||
           source == destination;
}

// Frames that the kernel beside the port must see: all but IPv4, and what is meant for many. DHCP's
// source 0.0.0.0 with a broadcast destination is among them (RFC 1812 section 5.3.7 allows it).
[[nodiscard]] bool is_for_kernel(const Packet& packet) {
    return !packet.is_ipv4 || packet.is_group_frame || packet.destination.address.is_multicast() ||
           packet.destination.address.is_broadcast();
}

// kCount = the frame was sent to us and may be looked at.
[[nodiscard]] DropReason check_addressed_to_us(const Worker::State& state, const Packet& packet) {
    const Interface* const interface = state.forwarder.interface_of(packet.in_port, packet.vlan);
    if (interface == nullptr) {
        return DropReason::kUnknownVlan;
    }
    if (!packet.is_group_frame &&
        std::memcmp(packet.data, interface->mac.bytes.data(), interface->mac.bytes.size()) != 0) {
        return DropReason::kOtherHost;
    }
    return DropReason::kCount;
}

// A packet to a virtual service comes from its client; any other may be a real server's answer, and
// then its destination is the client.
void find_client(Worker::State& state, Packet& packet) {
    const ServiceKey key{packet.destination.address, packet.destination.port, packet.protocol};
    const ServiceId* const service = state.service_ids.find(key);
    packet.direction = service != nullptr ? Direction::kClientToServer : Direction::kServerToClient;
    packet.service = service != nullptr ? *service : kNoService;
    const Endpoint& client = service != nullptr ? packet.source : packet.destination;
    if (state.settings.worker_count > 1 && !packet.is_handed_over) {
        const WorkerId owner = state.owners[shard_bucket(client)];
        if (owner != state.settings.id) {
            state.hand_over(packet, owner);
            return;
        }
    }
    packet.hash = state.connections.hash(packet.protocol, client);
}

}  // namespace

void classify_burst(Worker::State& state, Burst& burst) {
    for (Packet& packet : burst) {
        if (packet.verdict != Verdict::kUndecided) {
            continue;
        }
        const DropReason reason = check_addressed_to_us(state, packet);
        if (reason != DropReason::kCount) {
            state.drop(packet, reason);
        } else if (is_for_kernel(packet)) {
            state.punt(packet);
        } else if (is_martian(packet)) {
            state.drop(packet, DropReason::kMartian);
        } else if (packet.has_ports) {
            find_client(state, packet);
        }
    }
}

// Where a packet can go from here:
//
//   no interface for this port and VLAN        drop unknown_vlan
//   destination MAC is not the interface's     drop other_host
//   not IPv4, or broadcast or multicast        punt
//   addresses that belong on no wire           drop martian
//   TCP or UDP that another worker owns        hand over
//   TCP or UDP to a virtual service            lookup, client to server, then admit
//   other TCP or UDP                           lookup, server to client, then route
//   the rest (ICMP, GRE, ...)                  route

}  // namespace director::dataplane
