#include "tests/support/nat_lab.h"

namespace director::test::nat_lab {

using namespace dataplane;  // NOLINT(google-build-using-namespace): a test's helper

namespace {

[[nodiscard]] StaticRoute on_link(std::string_view prefix, InterfaceId interface) {
    return {IpPrefix::parse(prefix).value(), {RouteKind::kOnLink, interface, {}}};
}

[[nodiscard]] StaticRoute local(std::string_view address, InterfaceId interface) {
    return {IpPrefix::parse(address).value(), {RouteKind::kLocal, interface, {}}};
}

[[nodiscard]] MacAddress mac_of(const IpAddress& server) {
    return server == kServer107 || server == kServer107v6 ? kServer107Mac : kServer108Mac;
}

}  // namespace

std::vector<StaticRoute> routes() {
    return {
        on_link("170.210.122.0/25", kOutsideInterface),
        local("170.210.122.104", kOutsideInterface),
        local("170.210.122.127", kOutsideInterface),
        on_link("192.168.0.0/25", kInsideInterface),
        local("192.168.0.104", kInsideInterface),
        local("192.168.0.127", kInsideInterface),
        on_link("10.10.0.0/24", kOutsideVlanInterface),
        on_link("10.20.0.0/24", kInsideVlanInterface),
        on_link("10.30.0.0/24", kDownInterface),
        on_link("10.40.0.0/24", kNarrowInterface),
        on_link("2001:db8:1::/64", kOutsideInterface),
        local("2001:db8:1::104", kOutsideInterface),
        on_link("2001:db8:2::/64", kInsideInterface),
        on_link("2001:db8:40::/64", kNarrowInterface),
        {IpPrefix::parse("2001:db8:51::/64").value(),
         {RouteKind::kGateway, kOutsideInterface, ipv6_of(1, 1)}},
        {IpPrefix::parse("198.51.100.0/24").value(),
         {RouteKind::kGateway, kOutsideInterface, Ipv4Address::of(170, 210, 122, 1)}},
        {IpPrefix::parse("198.51.100.128/25").value(),
         {RouteKind::kDiscard, kOutsideInterface, {}}},
    };
}

void put_source_nat(WorkerFleet& fleet, uint16_t local_pool) {
    const Endpoint any{Ipv4Address(), {}};
    const auto service =
        fleet.put_service({Ipv4Address(), {}, Protocol::kAny, 99}, "rr", {{any, 0}});
    Tables tables;
    for (const auto& [source, destination] :
         {std::pair("192.168.0.0/25", "0.0.0.0/0"), std::pair("2001:db8:2::/64", "::/0")}) {
        tables.source_nat.push_back({.source = IpPrefix::parse(source).value(),
                                     .destination = IpPrefix::parse(destination).value(),
                                     .local_pool = local_pool,
                                     .service = service,
                                     .server = fleet.server_id(service, any)});
    }
    fleet.put_tables(tables);
}

void configure(WorkerFleet& fleet) {
    fleet.add_interface({.port = kOutside, .mtu_bytes = 1500, .is_up = true, .mac = kDirectorMac});
    fleet.add_interface({.port = kInside, .mtu_bytes = 1500, .is_up = true, .mac = kDirectorMac});
    fleet.add_interface({.port = kOutside,
                         .vlan = kOutsideVlan,
                         .mtu_bytes = 1500,
                         .is_up = true,
                         .mac = kDirectorMac});
    fleet.add_interface({.port = kInside,
                         .vlan = kInsideVlan,
                         .mtu_bytes = 1500,
                         .is_up = true,
                         .mac = kDirectorMac});
    fleet.add_interface(
        {.port = kInside, .vlan = 30, .mtu_bytes = 1500, .is_up = false, .mac = kDirectorMac});
    fleet.add_interface(
        {.port = kInside, .vlan = 40, .mtu_bytes = 576, .is_up = true, .mac = kDirectorMac});
    fleet.put_routes(routes());
    fleet.put_neighbour(kOutsideInterface, kClient, kClientMac);
    fleet.put_neighbour(kOutsideInterface, Ipv4Address::of(170, 210, 122, 1), kRouterMac);
    fleet.put_neighbour(kOutsideInterface, kClient6, kClientMac);
    fleet.put_neighbour(kOutsideInterface, ipv6_of(1, 1), kRouterMac);
    fleet.put_neighbour(kInsideInterface, kServer107v6, kServer107Mac);
    fleet.put_neighbour(kInsideInterface, kServer108v6, kServer108Mac);
    fleet.put_neighbour(kNarrowInterface, ipv6_of(0x40, 9), kVlanServerMac);
    fleet.put_neighbour(kOutsideVlanInterface, kVlanClient, kVlanClientMac);
    fleet.put_neighbour(kInsideInterface, kServer107, kServer107Mac);
    fleet.put_neighbour(kInsideInterface, kServer108, kServer108Mac);
    fleet.put_neighbour(kInsideVlanInterface, kVlanServer, kVlanServerMac);
    fleet.put_neighbour(kNarrowInterface, Ipv4Address::of(10, 40, 0, 9), kVlanServerMac);
    fleet.put_neighbour(
        kInsideInterface, Ipv4Address::of(192, 168, 0, 66), MacAddress{}, NeighbourState::kFailed);
}

void give_addresses(WorkerFleet& fleet) {
    fleet.change_interface(kOutsideInterface,
                           {.port = kOutside,
                            .mtu_bytes = 1500,
                            .is_up = true,
                            .mac = kDirectorMac,
                            .ipv4 = Ipv4Address::of(170, 210, 122, 126),
                            .ipv6 = ipv6_of(1, 0x126)});
    fleet.change_interface(kInsideInterface,
                           {.port = kInside,
                            .mtu_bytes = 1500,
                            .is_up = true,
                            .mac = kDirectorMac,
                            .ipv4 = kInsideAddress,
                            .ipv6 = ipv6_of(2, 0x126)});
}

PacketBuilder from_client(const IpAddress& client, const IpAddress& to) {
    return PacketBuilder().eth(kClientMac, kDirectorMac).ip(client, to);
}

PacketBuilder from_server(const IpAddress& server, const IpAddress& to) {
    return PacketBuilder().eth(mac_of(server), kDirectorMac).ip(server, to);
}

PacketBuilder to_server(const IpAddress& client, const IpAddress& server) {
    return PacketBuilder().eth(kDirectorMac, mac_of(server)).ip(client, server).ttl(63);
}

PacketBuilder to_client(const IpAddress& from, const IpAddress& client) {
    return PacketBuilder().eth(kDirectorMac, kClientMac).ip(from, client).ttl(63);
}

}  // namespace director::test::nat_lab
