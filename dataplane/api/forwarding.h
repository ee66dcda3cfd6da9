// What a worker needs to know to send a packet on: interfaces, neighbours and routes. The kernel
// owns these facts; the control plane mirrors them here.
#pragma once

#include <cstdint>
#include <vector>

#include "common/address.h"
#include "dataplane/api/ids.h"

namespace director::dataplane {

// A port, or one VLAN on a port, as seen by the IP layer.
struct Interface {
    PortId port{};
    uint16_t vlan = 0;  // 802.1Q VLAN id; 0 = untagged
    uint16_t mtu_bytes = 1500;
    bool is_up = false;
    MacAddress mac;
};

// A machine on the link. Exists in a worker's table only while its MAC address is known, or while
// it is known not to answer.
enum class NeighbourState : uint8_t { kReachable, kFailed };

struct NeighbourKey {
    Ipv4Address address;
    InterfaceId interface {};

    friend constexpr bool operator==(const NeighbourKey&, const NeighbourKey&) = default;
};

struct Neighbour {
    MacAddress mac;
    NeighbourState state = NeighbourState::kReachable;
};

enum class RouteKind : uint8_t {
    kNone,     // no route: drop
    kOnLink,   // the destination itself is the next hop
    kGateway,  // `gateway` is the next hop
    kLocal,    // one of this machine's own addresses, or a broadcast address: the kernel's
    kDiscard,  // blackhole, unreachable, prohibit
};

struct Route {
    RouteKind kind = RouteKind::kNone;
    InterfaceId interface {};
    Ipv4Address gateway;

    friend constexpr bool operator==(const Route&, const Route&) = default;
};

// All routes, read-only once installed. Built by the control plane, handed to every worker by
// pointer with CommandKind::kPutRoutes, and freed when each has handed it back
// (EventKind::kRoutesReturned). The longest-prefix match is behind a function so that the dataplane
// core needs no DPDK: `lookup` writes for each address (host order) an index into `routes`; index 0
// is always RouteKind::kNone.
struct RouteTable {
    using Lookup = void (*)(const void* fib,
                            const uint32_t* addresses,
                            uint16_t* route_indexes,
                            uint32_t count);

    const void* fib = nullptr;
    Lookup lookup = nullptr;
    std::vector<Route> routes;
};

}  // namespace director::dataplane
