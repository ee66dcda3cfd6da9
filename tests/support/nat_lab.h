// The laboratory of the LVS report, as a WorkerFleet sees it: the addresses, MAC addresses, routes
// and neighbours of its director with two networks, and a few more that the tests need.
#pragma once

#include <array>

#include "tests/support/packet_builder.h"
#include "tests/support/worker_fleet.h"

namespace director::test::nat_lab {

inline constexpr dataplane::PortId kOutside{0};
inline constexpr dataplane::PortId kInside{1};

inline constexpr MacAddress kDirectorMac{{0x00, 0x00, 0x21, 0x6c, 0x5a, 0x7f}};
inline constexpr MacAddress kClientMac{{0x00, 0x80, 0xad, 0xc8, 0x19, 0x91}};
inline constexpr MacAddress kServer107Mac{{0x00, 0x80, 0xad, 0xc8, 0x19, 0x73}};
inline constexpr MacAddress kServer108Mac{{0x00, 0x80, 0xad, 0xc8, 0x19, 0x74}};
inline constexpr MacAddress kRouterMac{{0x02, 0, 0, 0, 0, 0x0f}};
inline constexpr MacAddress kVlanServerMac{{0x02, 0, 0, 0, 0, 0x20}};
inline constexpr MacAddress kVlanClientMac{{0x02, 0, 0, 0, 0, 0x10}};

inline constexpr Ipv4Address kClient = Ipv4Address::of(170, 210, 122, 101);
inline constexpr Ipv4Address kVip = Ipv4Address::of(170, 210, 122, 104);
inline constexpr Ipv4Address kInsideAddress = Ipv4Address::of(192, 168, 0, 104);
inline constexpr Ipv4Address kServer107 = Ipv4Address::of(192, 168, 0, 107);
inline constexpr Ipv4Address kServer108 = Ipv4Address::of(192, 168, 0, 108);
// Beyond the router 170.210.122.1, which is the default gateway.
inline constexpr Ipv4Address kFarClient = Ipv4Address::of(198, 51, 100, 7);
inline constexpr Ipv4Address kVlanClient = Ipv4Address::of(10, 10, 0, 9);
inline constexpr Ipv4Address kVlanServer = Ipv4Address::of(10, 20, 0, 9);

// The same machines' IPv6 addresses; the far network is 2001:db8:51::/64.
[[nodiscard]] constexpr IpAddress ipv6_of(uint8_t net, uint16_t host) {
    return IpAddress(std::array<uint8_t, 16>{0x20,
                                             0x01,
                                             0x0d,
                                             0xb8,
                                             0,
                                             net,
                                             0,
                                             0,
                                             0,
                                             0,
                                             0,
                                             0,
                                             0,
                                             0,
                                             static_cast<uint8_t>(host >> 8),
                                             static_cast<uint8_t>(host)});
}
inline constexpr IpAddress kClient6 = ipv6_of(1, 0x101);
inline constexpr IpAddress kVip6 = ipv6_of(1, 0x104);
inline constexpr IpAddress kServer107v6 = ipv6_of(2, 0x107);
inline constexpr IpAddress kServer108v6 = ipv6_of(2, 0x108);
[[nodiscard]] constexpr IpAddress far_client6(uint16_t host) {
    return ipv6_of(0x51, host);
}
// Of full NAT and source NAT: no machine's.
inline constexpr Ipv4Address kLocal = Ipv4Address::of(192, 168, 0, 120);
inline constexpr IpAddress kLocal6 = ipv6_of(2, 0x120);

inline constexpr uint16_t kOutsideVlan = 10;  // 10.10.0.0/24
inline constexpr uint16_t kInsideVlan = 20;   // 10.20.0.0/24

// Interfaces in the order that configure() defines them.
inline constexpr dataplane::InterfaceId kOutsideInterface{0};
inline constexpr dataplane::InterfaceId kInsideInterface{1};
inline constexpr dataplane::InterfaceId kOutsideVlanInterface{2};
inline constexpr dataplane::InterfaceId kInsideVlanInterface{3};
inline constexpr dataplane::InterfaceId kDownInterface{4};    // 10.30.0.0/24, VLAN 30 inside
inline constexpr dataplane::InterfaceId kNarrowInterface{5};  // 10.40.0.0/24, VLAN 40, MTU 576

[[nodiscard]] constexpr Endpoint at(const IpAddress& address, uint16_t port) {
    return {address, Be16::from_host(port)};
}

inline constexpr dataplane::ServiceKey kHttp{kVip, Be16::from_host(80), Protocol::kTcp};
inline constexpr dataplane::ServiceKey kDns{kVip, Be16::from_host(53), Protocol::kUdp};

// Interfaces, neighbours and routes. The interfaces have no addresses: the director has nothing to
// sign an ICMP error with.
void configure(WorkerFleet& fleet);

// Gives the two untagged interfaces their addresses.
void give_addresses(WorkerFleet& fleet);

// Source NAT by a pool: everything from 192.168.0.0/25 and 2001:db8:2::/64 to anywhere.
void put_source_nat(WorkerFleet& fleet, uint16_t local_pool);

// The routes of configure().
[[nodiscard]] std::vector<StaticRoute> routes();

// Starts a frame from a client outside to the director, and from a server inside to the director.
[[nodiscard]] PacketBuilder from_client(const IpAddress& client, const IpAddress& to);
[[nodiscard]] PacketBuilder from_server(const IpAddress& server, const IpAddress& to);
// Starts the frame as the director sends it on.
[[nodiscard]] PacketBuilder to_server(const IpAddress& client, const IpAddress& server);
[[nodiscard]] PacketBuilder to_client(const IpAddress& from, const IpAddress& client);

}  // namespace director::test::nat_lab
