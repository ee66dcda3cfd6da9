#include "dataplane/core/forwarder.h"

#include <algorithm>

#include "common/assert.h"

namespace director::dataplane {

Forwarder::Forwarder(uint32_t neighbours_max, const HashKey& key)
    : neighbours_(neighbours_max, NeighbourHash{key}), adjacencies_(neighbours_max) {
    DIRECTOR_ASSERT(neighbours_max <= kNoAdjacency);  // numbers are of 16 bits
    untagged_.fill(kNoInterface);
    own_macs_.fill(kNoMac);
    free_adjacencies_.reserve(neighbours_max);
    for (uint32_t i = neighbours_max; i > 0; --i) {
        free_adjacencies_.push_back(static_cast<uint16_t>(i - 1));
    }
}

void Forwarder::fill_from_interface(Adjacency& adjacency) const {
    const Interface& facts = interface(adjacency.interface);
    std::copy(facts.mac.bytes.begin(), facts.mac.bytes.end(), adjacency.macs.begin() + 6);
    adjacency.vlan = {facts.vlan, facts.outer_vlan};
    adjacency.mtu_bytes = facts.mtu_bytes;
    adjacency.port = facts.port;
    adjacency.is_up = facts.is_up;
    const bool is_plain = facts.is_up && !adjacency.is_failed && adjacency.vlan.is_untagged();
    adjacency.plain_mtu_bytes = is_plain ? facts.mtu_bytes : 0;
}

uint64_t Forwarder::own_mac_bits(InterfaceId id) const {
    if (id == kNoInterface || interface(id).mac.is_group()) {
        return kNoMac;
    }
    std::array<uint8_t, 8> bytes{};
    std::copy_n(interface(id).mac.bytes.begin(), interface(id).mac.bytes.size(), bytes.begin());
    return mac_bits(bytes.data());
}

bool Forwarder::put_interface(InterfaceId id, const Interface& interface) {
    if (index(id) >= kInterfacesMax) {
        return false;
    }
    interfaces_[index(id)].facts = interface;
    interfaces_[index(id)].is_known = true;
    for (uint16_t port = 0; port < untagged_.size(); ++port) {
        untagged_[port] = search_interface(PortId{port}, {});
        own_macs_[port] = own_mac_bits(untagged_[port]);
    }
    // Unused adjacencies are refreshed too: their number is bounded and the change is rare.
    for (Adjacency& adjacency : adjacencies_) {
        if (adjacency.interface == id) {
            fill_from_interface(adjacency);
        }
    }
    ++generation_;
    return true;
}

bool Forwarder::set_virtual_mac(InterfaceId id, Family family, uint8_t router, bool is_ours) {
    if (index(id) >= kInterfacesMax) {
        return false;
    }
    interfaces_[index(id)].virtual_macs[static_cast<size_t>(family)][router] = is_ours;
    return true;
}

bool Forwarder::is_to_virtual_mac(PortId port, VlanTags vlan, const uint8_t* frame) const {
    constexpr std::array<uint8_t, 4> kPrefix{0x00, 0x00, 0x5e, 0x00};  // RFC 5798 section 7.3
    const InterfaceId id = interface_id_of(port, vlan);
    const uint8_t block = frame[4];  // 1: IPv4, 2: IPv6
    return id != kNoInterface && std::equal(kPrefix.begin(), kPrefix.end(), frame) &&
           (block == 1 || block == 2) &&
           interfaces_[index(id)].virtual_macs[block - size_t{1}][frame[5]];
}

bool Forwarder::put_neighbour(const NeighbourKey& key, const Neighbour& neighbour) {
    if (index(key.interface) >= kInterfacesMax) {
        return false;
    }
    uint16_t number = kNoAdjacency;
    if (const uint16_t* const known = neighbours_.find(key)) {
        number = *known;
    } else if (free_adjacencies_.empty() || !neighbours_.put(key, free_adjacencies_.back())) {
        return false;
    } else {
        number = free_adjacencies_.back();
        free_adjacencies_.pop_back();
    }
    Adjacency& adjacency = adjacencies_[number];
    adjacency.interface = key.interface;
    adjacency.is_failed = neighbour.state == NeighbourState::kFailed;
    std::copy(neighbour.mac.bytes.begin(), neighbour.mac.bytes.end(), adjacency.macs.begin());
    fill_from_interface(adjacency);
    return true;
}

void Forwarder::remove_neighbour(const NeighbourKey& key) {
    if (const uint16_t* const number = neighbours_.find(key)) {
        free_adjacencies_.push_back(*number);
        neighbours_.erase(key);
        ++generation_;
    }
}

const RouteTable* Forwarder::put_routes(const RouteTable* routes) {
    const RouteTable* const previous = routes_;
    routes_ = routes;
    ++generation_;
    return previous;
}

// A linear search: there are few VLANs, and a packet without one does not come here.
InterfaceId Forwarder::search_interface(PortId port, VlanTags vlan) const {
    for (uint16_t i = 0; i < interfaces_.size() && interfaces_[i].is_known; ++i) {
        const Interface& facts = interfaces_[i].facts;
        if (facts.port == port && VlanTags{facts.vlan, facts.outer_vlan} == vlan) {
            return InterfaceId{i};  // ids are handed out densely
        }
    }
    return kNoInterface;
}

NextHop Forwarder::resolve_route(const Route& route, const IpAddress& destination) const {
    switch (route.kind) {
        case RouteKind::kNone:
        case RouteKind::kDiscard:
            return {};
        case RouteKind::kLocal:
            return {NextHop::Kind::kLocal, kNoAdjacency, route.interface, destination};
        case RouteKind::kOnLink:
        case RouteKind::kGateway:
            break;
    }
    const IpAddress hop = route.kind == RouteKind::kGateway ? route.gateway : destination;
    const uint16_t* const number = neighbours_.find(NeighbourKey{hop, route.interface});
    if (number == nullptr) {
        return {NextHop::Kind::kUnknownMac, kNoAdjacency, route.interface, hop};
    }
    return {NextHop::Kind::kAdjacent, *number, route.interface, hop};
}

void Forwarder::resolve_some(std::span<const IpAddress> destinations,
                             std::span<NextHop> answers) const {
    DIRECTOR_HOT_ASSERT(destinations.size() <= kAtOnce);
    if (routes_ == nullptr) {
        std::fill(answers.begin(), answers.end(), NextHop{});
        return;
    }
    // Filled as far as there are destinations of the family.
    // NOLINTBEGIN(cppcoreguidelines-pro-type-member-init)
    std::array<uint32_t, kAtOnce> ipv4;
    std::array<IpAddress, kAtOnce> ipv6;
    std::array<uint16_t, kAtOnce> ipv4_routes;
    std::array<uint16_t, kAtOnce> ipv6_routes;
    // NOLINTEND(cppcoreguidelines-pro-type-member-init)
    uint32_t ipv4_count = 0;
    uint32_t ipv6_count = 0;
    for (const IpAddress& destination : destinations) {
        if (destination.is_ipv4()) {
            ipv4[ipv4_count++] = destination.ipv4().host();
        } else {
            ipv6[ipv6_count++] = destination;
        }
    }
    const PrefixLookup& lookup = routes_->lookup;
    std::fill_n(ipv4_routes.begin(), ipv4_count, uint16_t{0});
    std::fill_n(ipv6_routes.begin(), ipv6_count, uint16_t{0});
    if (ipv4_count != 0 && lookup.ipv4 != nullptr) {
        lookup.ipv4(lookup.fib, ipv4.data(), ipv4_routes.data(), ipv4_count);
    }
    if (ipv6_count != 0 && lookup.ipv6 != nullptr) {
        lookup.ipv6(lookup.fib, ipv6.data(), ipv6_routes.data(), ipv6_count);
    }
    const uint16_t* next_ipv4 = ipv4_routes.data();
    const uint16_t* next_ipv6 = ipv6_routes.data();
    for (size_t i = 0; i < destinations.size(); ++i) {
        const uint16_t route = destinations[i].is_ipv4() ? *next_ipv4++ : *next_ipv6++;
        answers[i] = resolve_route(routes_->routes[route], destinations[i]);
    }
}

void Forwarder::resolve(std::span<const IpAddress> destinations, std::span<NextHop> answers) const {
    DIRECTOR_HOT_ASSERT(answers.size() >= destinations.size());
    for (size_t start = 0; start < destinations.size(); start += kAtOnce) {
        const size_t count = std::min(kAtOnce, destinations.size() - start);
        resolve_some(destinations.subspan(start, count), answers.subspan(start, count));
    }
}

}  // namespace director::dataplane
