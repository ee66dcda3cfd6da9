// Rows about traffic that no virtual service takes: what the director routes as a plain router
// would, and what is the kernel's.
#include <gtest/gtest.h>

#include "tests/golden/golden_row.h"

namespace director::test::golden {

using namespace nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using dataplane::DropReason;

namespace {

constexpr uint8_t kSynAck = kTcpSyn | kTcpAck;
constexpr Ipv4Address kUnknownServer = Ipv4Address::of(192, 168, 0, 109);
constexpr Ipv4Address kDeadServer = Ipv4Address::of(192, 168, 0, 66);
constexpr Ipv4Address kNarrowServer = Ipv4Address::of(10, 40, 0, 9);

[[nodiscard]] std::vector<Row> transit_rows() {
    return {
        Row{"RealServerByItsOwnAddress",
            {forwarded(outside(from_client(kClient, kServer107).tcp(2222, 22).tcp_flags(kTcpSyn)),
                       kInside,
                       to_server(kClient, kServer107).tcp(2222, 22).tcp_flags(kTcpSyn).build()),
             forwarded(inside(from_server(kServer107, kClient).tcp(22, 2222).tcp_flags(kSynAck)),
                       kOutside,
                       to_client(kServer107, kClient).tcp(22, 2222).tcp_flags(kSynAck).build()),
             then([](WorkerFleet& fleet) { EXPECT_EQ(fleet.connections().size(), 0U); })}},
        // The same client also has a balanced connection with the same server: each answer goes
        // where it belongs.
        Row{"RealServerByItsOwnAddressBesideABalancedConnection",
            {forwarded(outside(from_client(kClient, kVip).tcp(3333, 80).tcp_flags(kTcpSyn)),
                       kInside,
                       to_server(kClient, kServer108).tcp(3333, 80).tcp_flags(kTcpSyn).build()),
             forwarded(outside(from_client(kClient, kServer108).tcp(3334, 80).tcp_flags(kTcpSyn)),
                       kInside,
                       to_server(kClient, kServer108).tcp(3334, 80).tcp_flags(kTcpSyn).build()),
             forwarded(inside(from_server(kServer108, kClient).tcp(80, 3334).tcp_flags(kSynAck)),
                       kOutside,
                       to_client(kServer108, kClient).tcp(80, 3334).tcp_flags(kSynAck).build()),
             forwarded(inside(from_server(kServer108, kClient).tcp(80, 3333).tcp_flags(kSynAck)),
                       kOutside,
                       to_client(kVip, kClient).tcp(80, 3333).tcp_flags(kSynAck).build()),
             // Another port of the balanced client's server is not the connection's.
             forwarded(inside(from_server(kServer108, kClient).tcp(8080, 3333)),
                       kOutside,
                       to_client(kServer108, kClient).tcp(8080, 3333).build())}},
        Row{"UdpIsRouted",
            {forwarded(outside(from_client(kClient, kServer107).udp(5000, 161).payload("x")),
                       kInside,
                       to_server(kClient, kServer107).udp(5000, 161).payload("x").build())}},
        Row{"IcmpIsRoutedBothWays",
            {forwarded(outside(from_client(kClient, kServer107).icmp_echo(9, 1).payload_size(56)),
                       kInside,
                       to_server(kClient, kServer107).icmp_echo(9, 1).payload_size(56).build()),
             forwarded(inside(from_server(kServer107, kClient).icmp_echo_reply(9, 1)),
                       kOutside,
                       to_client(kServer107, kClient).icmp_echo_reply(9, 1).build())}},
        Row{"OtherProtocolsAreRouted",
            {forwarded(outside(from_client(kClient, kServer107).ip_protocol(47).payload_size(30)),
                       kInside,
                       to_server(kClient, kServer107).ip_protocol(47).payload_size(30).build())}},
        Row{"IcmpFragmentsAreRouted",
            {forwarded(outside(from_client(kClient, kServer107)
                                   .ip_protocol(1)
                                   .fragment_offset(1480)
                                   .payload_size(64)),
                       kInside,
                       to_server(kClient, kServer107)
                           .ip_protocol(1)
                           .fragment_offset(1480)
                           .payload_size(64)
                           .build())}},
        Row{"RoutedBetweenVlans",
            {forwarded(outside(PacketBuilder()
                                   .eth(kVlanClientMac, kDirectorMac)
                                   .vlan(kOutsideVlan)
                                   .ipv4(kVlanClient, kVlanServer)
                                   .udp(1, 2)),
                       kInside,
                       PacketBuilder()
                           .eth(kDirectorMac, kVlanServerMac)
                           .vlan(kInsideVlan)
                           .ipv4(kVlanClient, kVlanServer)
                           .ttl(63)
                           .udp(1, 2)
                           .build())}},
        Row{"RoutedOutOfThePortThatItCameInBy",
            {forwarded(outside(from_client(kClient, kFarClient).udp(1, 2)),
                       kOutside,
                       PacketBuilder()
                           .eth(kDirectorMac, kRouterMac)
                           .ipv4(kClient, kFarClient)
                           .ttl(63)
                           .udp(1, 2)
                           .build())}},
    };
}

[[nodiscard]] std::vector<Row> next_hop_rows() {
    return {
        Row{"NoRoute",
            {dropped(outside(from_client(kClient, ip("8.8.8.8")).udp(1, 2)), DropReason::kNoRoute),
             dropped(outside(from_client(kClient, ip("198.51.100.200")).icmp_echo(1, 1)),
                     DropReason::kNoRoute)}},
        Row{"InterfaceDown",
            {dropped(outside(from_client(kClient, ip("10.30.0.7")).udp(1, 2)),
                     DropReason::kInterfaceDown)}},
        Row{"NeighbourUnknown",
            {asks_for(outside(from_client(kClient, kUnknownServer).udp(1, 2)),
                      kInsideInterface,
                      kInside,
                      kUnknownServer,
                      PacketBuilder()
                          .eth(kDirectorMac, MacAddress{})
                          .ipv4(kClient, kUnknownServer)
                          .ttl(63)
                          .udp(1, 2)
                          .build())}},
        Row{.name = "NeighbourOfABalancedConnectionUnknown",
            .steps = {asks_for(outside(from_client(kClient, kVip).tcp(4444, 80).tcp_flags(kTcpSyn)),
                               kInsideInterface,
                               kInside,
                               kUnknownServer,
                               PacketBuilder()
                                   .eth(kDirectorMac, MacAddress{})
                                   .ipv4(kClient, kUnknownServer)
                                   .ttl(63)
                                   .tcp(4444, 80)
                                   .tcp_flags(kTcpSyn)
                                   .build()),
                      then([](WorkerFleet& fleet) {
                          fleet.put_neighbour(kInsideInterface, kUnknownServer, kServer107Mac);
                      }),
                      forwarded(
                          outside(from_client(kClient, kVip).tcp(4444, 80).tcp_flags(kTcpSyn)),
                          kInside,
                          to_server(kClient, kUnknownServer)
                              .eth(kDirectorMac, kServer107Mac)
                              .tcp(4444, 80)
                              .tcp_flags(kTcpSyn)
                              .build())},
            .configure =
                [](WorkerFleet& fleet) {
                    fleet.put_service(kHttp, "rr", {{at(kUnknownServer, 80)}});
                }},
        Row{"GatewayUnknown",
            {then([](WorkerFleet& fleet) {
                 fleet.remove_neighbour(kOutsideInterface, ip("170.210.122.1"));
             }),
             asks_for(inside(from_server(kServer107, kFarClient).udp(1, 2)),
                      kOutsideInterface,
                      kOutside,
                      ip("170.210.122.1"),
                      PacketBuilder()
                          .eth(kDirectorMac, MacAddress{})
                          .ipv4(kServer107, kFarClient)
                          .ttl(63)
                          .udp(1, 2)
                          .build())}},
        Row{"NeighbourDoesNotAnswer",
            {dropped(outside(from_client(kClient, kDeadServer).udp(1, 2)),
                     DropReason::kNeighbourFailed)}},
        Row{"LongerThanTheNextMtu",
            {dropped(outside(from_client(kClient, kNarrowServer)
                                 .udp(1, 2)
                                 .dont_fragment()
                                 .payload_size(549)),
                     DropReason::kExceedsMtu),
             forwarded(outside(from_client(kClient, kNarrowServer).udp(1, 2).payload_size(548)),
                       kInside,
                       PacketBuilder()
                           .eth(kDirectorMac, kVlanServerMac)
                           .vlan(40)
                           .ipv4(kClient, kNarrowServer)
                           .ttl(63)
                           .udp(1, 2)
                           .payload_size(548)
                           .build())}},
        Row{"RoutedTtlRunsOut",
            {dropped(outside(from_client(kClient, kServer107).ttl(1).udp(1, 2)),
                     DropReason::kTtlExpired),
             dropped(outside(from_client(kClient, kServer107).ttl(0).icmp_echo(1, 1)),
                     DropReason::kTtlExpired),
             forwarded(outside(from_client(kClient, kServer107).ttl(2).udp(1, 2)),
                       kInside,
                       to_server(kClient, kServer107).ttl(1).udp(1, 2).build())}},
        Row{"BalancedTtlRunsOut",
            {dropped(outside(from_client(kClient, kVip).ttl(1).tcp(5555, 80).tcp_flags(kTcpSyn)),
                     DropReason::kTtlExpired),
             then([](WorkerFleet& fleet) { EXPECT_EQ(fleet.connections().size(), 0U); }),
             forwarded(
                 outside(from_client(kClient, kVip).ttl(2).tcp(5555, 80).tcp_flags(kTcpSyn)),
                 kInside,
                 to_server(kClient, kServer108).ttl(1).tcp(5555, 80).tcp_flags(kTcpSyn).build()),
             dropped(
                 inside(from_server(kServer108, kClient).ttl(1).tcp(80, 5555).tcp_flags(kSynAck)),
                 DropReason::kTtlExpired),
             dropped(outside(from_client(kClient, kVip).ttl(0).tcp(5555, 80)),
                     DropReason::kTtlExpired)}},
        // The kernel answers with its own TTL: what ends here needs none left.
        Row{"TtlOneForTheDirectorItselfIsEnough",
            {punted(outside(from_client(kClient, kVip).ttl(1).icmp_echo(1, 1)))}},
    };
}

[[nodiscard]] std::vector<Row> kernel_rows() {
    return {
        Row{"EchoToTheDirector",
            {punted(outside(from_client(kClient, kVip).icmp_echo(1, 1).payload_size(56))),
             punted(inside(from_server(kServer107, kInsideAddress).icmp_echo(1, 1))),
             // From inside to the outer address, as a Linux host answers on any of its own.
             punted(inside(from_server(kServer107, kVip).icmp_echo(1, 1)))}},
        Row{"SshAndDnsAnswersToTheDirector",
            {punted(outside(from_client(kClient, kVip).tcp(6666, 22).tcp_flags(kTcpSyn))),
             punted(inside(from_server(kServer107, kInsideAddress).udp(53, 50000))),
             punted(inside(
                 from_server(kServer107, kInsideAddress).tcp(80, 50001).tcp_flags(kSynAck)))}},
        Row{"ArpIsTheKernels",
            {punted(outside(PacketBuilder().arp_request(kClientMac, kClient, kVip))),
             punted(inside(PacketBuilder().arp_reply(
                 kServer107Mac, kServer107, kDirectorMac, kInsideAddress)))}},
        Row{"BroadcastAndMulticastAreTheKernels",
            {punted(outside(PacketBuilder()
                                .eth(kClientMac, kBroadcastMac)
                                .ipv4("0.0.0.0", "255.255.255.255")
                                .udp(68, 67))),
             punted(outside(PacketBuilder()
                                .eth(kClientMac, kBroadcastMac)
                                .ipv4(kClient, ip("170.210.122.127"))
                                .udp(138, 138))),
             punted(outside(from_client(kClient, ip("170.210.122.127")).udp(138, 138))),
             punted(outside(PacketBuilder()
                                .eth(kClientMac, mac("01:00:5e:00:00:12"))
                                .ipv4(kClient, ip("224.0.0.18"))
                                .ttl(255)
                                .ip_protocol(112)
                                .payload_size(20))),
             punted(outside(PacketBuilder()
                                .eth(kClientMac, kBroadcastMac)
                                .ipv4(kClient, kVip)
                                .tcp(7777, 80)
                                .tcp_flags(kTcpSyn)))}},
        Row{"OtherEtherTypesAreTheKernels",
            {punted(outside(PacketBuilder().eth(kClientMac, kDirectorMac).ether_type(0x8847))),
             punted(outside(PacketBuilder().eth(kClientMac, kBroadcastMac).ether_type(0x88cc)))}},
        Row{.name = "PuntsAreLimited",
            .steps =
                {// A tenth of a second's worth goes through at once.
                 punted(outside(from_client(kClient, kVip).tcp(8888, 22).tcp_flags(kTcpSyn))),
                 punted(outside(from_client(kClient, kVip).tcp(8888, 22).tcp_flags(kTcpSyn))),
                 dropped(outside(from_client(kClient, kVip).tcp(8888, 22).tcp_flags(kTcpSyn)),
                         DropReason::kPuntRateLimited),
                 // Packets that wait for a neighbour have a limit of their own.
                 then([](WorkerFleet& fleet) { fleet.clock.advance(std::chrono::seconds(1)); }),
                 punted(outside(from_client(kClient, kVip).tcp(8888, 22).tcp_flags(kTcpSyn)))},
            .settings =
                [](dataplane::WorkerSettings& settings) { settings.punts_per_second = 10; }},
    };
}

}  // namespace

std::vector<Row> routed_rows() {
    std::vector<Row> rows;
    for (std::vector<Row> part : {transit_rows(), next_hop_rows(), kernel_rows()}) {
        std::move(part.begin(), part.end(), std::back_inserter(rows));
    }
    return rows;
}

}  // namespace director::test::golden
