#include "tests/support/nat_lab.h"

namespace director::test::nat_lab {

using namespace dataplane;  // NOLINT(google-build-using-namespace): a test's helper

namespace {

[[nodiscard]] StaticRoute on_link(std::string_view prefix, InterfaceId interface) {
    return {Ipv4Prefix::parse(prefix).value(), {RouteKind::kOnLink, interface, {}}};
}

[[nodiscard]] StaticRoute local(std::string_view address, InterfaceId interface) {
    return {Ipv4Prefix::parse(address).value(), {RouteKind::kLocal, interface, {}}};
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
        {Ipv4Prefix::parse("198.51.100.0/24").value(),
         {RouteKind::kGateway, kOutsideInterface, Ipv4Address::of(170, 210, 122, 1)}},
        {Ipv4Prefix::parse("198.51.100.128/25").value(),
         {RouteKind::kDiscard, kOutsideInterface, {}}},
    };
}

void configure(WorkerFleet& fleet) {
    fleet.add_interface({kOutside, 0, 1500, true, kDirectorMac});
    fleet.add_interface({kInside, 0, 1500, true, kDirectorMac});
    fleet.add_interface({kOutside, kOutsideVlan, 1500, true, kDirectorMac});
    fleet.add_interface({kInside, kInsideVlan, 1500, true, kDirectorMac});
    fleet.add_interface({kInside, 30, 1500, false, kDirectorMac});
    fleet.add_interface({kInside, 40, 576, true, kDirectorMac});
    fleet.put_routes(routes());
    fleet.put_neighbour(kOutsideInterface, kClient, kClientMac);
    fleet.put_neighbour(kOutsideInterface, Ipv4Address::of(170, 210, 122, 1), kRouterMac);
    fleet.put_neighbour(kOutsideVlanInterface, kVlanClient, kVlanClientMac);
    fleet.put_neighbour(kInsideInterface, kServer107, kServer107Mac);
    fleet.put_neighbour(kInsideInterface, kServer108, kServer108Mac);
    fleet.put_neighbour(kInsideVlanInterface, kVlanServer, kVlanServerMac);
    fleet.put_neighbour(kNarrowInterface, Ipv4Address::of(10, 40, 0, 9), kVlanServerMac);
    fleet.put_neighbour(
        kInsideInterface, Ipv4Address::of(192, 168, 0, 66), MacAddress{}, NeighbourState::kFailed);
}

PacketBuilder from_client(Ipv4Address client, Ipv4Address to) {
    return PacketBuilder().eth(kClientMac, kDirectorMac).ipv4(client, to);
}

PacketBuilder from_server(Ipv4Address server, Ipv4Address to) {
    return PacketBuilder()
        .eth(server == kServer107 ? kServer107Mac : kServer108Mac, kDirectorMac)
        .ipv4(server, to);
}

PacketBuilder to_server(Ipv4Address client, Ipv4Address server) {
    return PacketBuilder()
        .eth(kDirectorMac, server == kServer107 ? kServer107Mac : kServer108Mac)
        .ipv4(client, server)
        .ttl(63);
}

PacketBuilder to_client(Ipv4Address from, Ipv4Address client) {
    return PacketBuilder().eth(kDirectorMac, kClientMac).ipv4(from, client).ttl(63);
}

}  // namespace director::test::nat_lab
