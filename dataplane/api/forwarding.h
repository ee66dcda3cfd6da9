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
    uint16_t vlan = 0;        // 802.1Q VLAN id; 0 = untagged
    uint16_t outer_vlan = 0;  // 802.1ad: the outer id of QinQ; 0 = one tag at most
    uint16_t mtu_bytes = 1500;
    bool is_up = false;
    MacAddress mac;
    // Its primary addresses, or the "any" of their family: the source of tunnels and ICMP errors.
    IpAddress ipv4 = Ipv4Address();
    IpAddress ipv6 = IpAddress();
};

// A machine on the link. Exists in a worker's table only while its MAC address is known, or while
// it is known not to answer.
enum class NeighbourState : uint8_t { kReachable, kFailed };

struct NeighbourKey {
    IpAddress address;
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
    IpAddress gateway;  // of either family: IPv4 routes may have IPv6 next hops (RFC 8950)

    friend constexpr bool operator==(const Route&, const Route&) = default;
};

// Longest-prefix matches over addresses, several at once, behind functions so that the dataplane
// core needs no DPDK. Each writes a number of 16 bits per address; 0 where no prefix fits.
struct PrefixLookup {
    // IPv4 addresses in host order.
    using Ipv4 = void (*)(const void* fib,
                          const uint32_t* addresses,
                          uint16_t* numbers,
                          uint32_t count);
    using Ipv6 = void (*)(const void* fib,
                          const IpAddress* addresses,
                          uint16_t* numbers,
                          uint32_t count);

    const void* fib = nullptr;
    Ipv4 ipv4 = nullptr;  // nullptr: there is no IPv4 prefix
    Ipv6 ipv6 = nullptr;  // nullptr: there is no IPv6 prefix
};

// All routes, read-only once installed. Built by the control plane, handed to every worker by
// pointer with CommandKind::kPutRoutes, and freed when each has handed it back
// (EventKind::kRoutesReturned). `lookup` answers an index into `routes`; index 0 is always
// RouteKind::kNone.
struct RouteTable {
    PrefixLookup lookup;
    std::vector<Route> routes;
};

}  // namespace director::dataplane
