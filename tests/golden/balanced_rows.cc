// Rows about traffic of virtual services: translation both ways, VLANs, states that refuse or
// quiesce, what is the kernel's although it is sent to a virtual address.
#include <gtest/gtest.h>

#include "tests/golden/golden_row.h"

namespace director::test::golden {

using namespace nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using dataplane::DropReason;
using dataplane::ServiceId;

namespace {

constexpr uint8_t kSynAck = kTcpSyn | kTcpAck;
constexpr ServiceId kFirst{0};

[[nodiscard]] PacketBuilder syn(uint16_t port, uint16_t to_port = 80) {
    return from_client(kClient, kVip).tcp(port, to_port).tcp_flags(kTcpSyn).seq(1000);
}

// The handshake of one client with 192.168.0.108:80.
[[nodiscard]] std::vector<Step> handshake(uint16_t port) {
    return {
        forwarded(
            outside(syn(port)),
            kInside,
            to_server(kClient, kServer108).tcp(port, 80).tcp_flags(kTcpSyn).seq(1000).build()),
        forwarded(
            inside(from_server(kServer108, kClient)
                       .tcp(80, port)
                       .tcp_flags(kSynAck)
                       .seq(5000)
                       .ack(1001)),
            kOutside,
            to_client(kVip, kClient).tcp(80, port).tcp_flags(kSynAck).seq(5000).ack(1001).build()),
        forwarded(outside(from_client(kClient, kVip).tcp(port, 80).seq(1001).ack(5001)),
                  kInside,
                  to_server(kClient, kServer108).tcp(port, 80).seq(1001).ack(5001).build()),
    };
}

[[nodiscard]] std::vector<Step> operator+(std::vector<Step> first, std::vector<Step> second) {
    std::move(second.begin(), second.end(), std::back_inserter(first));
    return first;
}

void expect_service_drops(WorkerFleet& fleet, DropReason reason, uint64_t count) {
    EXPECT_EQ(fleet.report().services.at(0).dropped[static_cast<size_t>(reason)], count);
}

[[nodiscard]] std::vector<Row> translation_rows() {
    const std::vector<uint8_t> options{2, 4, 5, 180, 1, 1, 4, 2};
    const std::vector<uint8_t> record_route{7, 7, 4, 0, 0, 0, 0, 0};
    return {
        Row{"TcpHandshakeBothWays", handshake(40000)},
        Row{"TcpDataBothWays",
            handshake(40000) +
                std::vector<Step>{forwarded(outside(from_client(kClient, kVip)
                                                        .tcp(40000, 80)
                                                        .tcp_flags(kTcpPsh | kTcpAck)
                                                        .seq(1001)
                                                        .ack(5001)
                                                        .payload("GET / HTTP/1.1\r\n\r\n")),
                                            kInside,
                                            to_server(kClient, kServer108)
                                                .tcp(40000, 80)
                                                .tcp_flags(kTcpPsh | kTcpAck)
                                                .seq(1001)
                                                .ack(5001)
                                                .payload("GET / HTTP/1.1\r\n\r\n")
                                                .build()),
                                  forwarded(inside(from_server(kServer108, kClient)
                                                       .tcp(80, 40000)
                                                       .seq(5001)
                                                       .ack(1019)
                                                       .payload_size(1459)),
                                            kOutside,
                                            to_client(kVip, kClient)
                                                .tcp(80, 40000)
                                                .seq(5001)
                                                .ack(1019)
                                                .payload_size(1459)
                                                .build()),
                                  then([](WorkerFleet& fleet) {
                                      const auto counted =
                                          fleet.server_counters(kFirst, at(kServer108, 80));
                                      EXPECT_EQ(counted.connections, 1U);
                                      EXPECT_EQ(counted.active, 1U);
                                      EXPECT_EQ(counted.inactive, 0U);
                                      EXPECT_EQ(counted.packets_in, 3U);
                                      EXPECT_EQ(counted.packets_out, 2U);
                                      EXPECT_EQ(counted.bytes_in, 40U + 40 + 58);
                                      EXPECT_EQ(counted.bytes_out, 40U + 1499);
                                  })}},
        Row{"OptionsOfIpAndTcpStay",
            {forwarded(outside(syn(40001).tcp_options(options).ip_options(record_route)),
                       kInside,
                       to_server(kClient, kServer108)
                           .ip_options(record_route)
                           .tcp(40001, 80)
                           .tcp_flags(kTcpSyn)
                           .seq(1000)
                           .tcp_options(options)
                           .build())}},
        Row{"AllOtherFieldsStay",
            handshake(40002) +
                std::vector<Step>{forwarded(outside(from_client(kClient, kVip)
                                                        .ip_id(0xbeef)
                                                        .tos(0xb8)
                                                        .dont_fragment()
                                                        .tcp(40002, 80)
                                                        .tcp_flags(kTcpAck | kTcpUrg | kTcpPsh)
                                                        .window(17)
                                                        .urgent_pointer(3)
                                                        .payload("abc")),
                                            kInside,
                                            to_server(kClient, kServer108)
                                                .ip_id(0xbeef)
                                                .tos(0xb8)
                                                .dont_fragment()
                                                .tcp(40002, 80)
                                                .tcp_flags(kTcpAck | kTcpUrg | kTcpPsh)
                                                .window(17)
                                                .urgent_pointer(3)
                                                .payload("abc")
                                                .build())}},
        Row{"EthernetPaddingStays",
            {forwarded(outside(syn(40003).pad_to(60)),
                       kInside,
                       to_server(kClient, kServer108)
                           .tcp(40003, 80)
                           .tcp_flags(kTcpSyn)
                           .seq(1000)
                           .pad_to(60)
                           .build())}},
        Row{.name = "PortIsTranslatedToo",
            .steps = {forwarded(outside(syn(40004)),
                                kInside,
                                to_server(kClient, kServer107)
                                    .tcp(40004, 8080)
                                    .tcp_flags(kTcpSyn)
                                    .seq(1000)
                                    .build()),
                      forwarded(
                          inside(
                              from_server(kServer107, kClient).tcp(8080, 40004).tcp_flags(kTcpRst)),
                          kOutside,
                          to_client(kVip, kClient).tcp(80, 40004).tcp_flags(kTcpRst).build())},
            .configure =
                [](WorkerFleet& fleet) {
                    fleet.put_service(kHttp, "wrr", {{at(kServer107, 8080), 3}});
                }},
        Row{.name = "FarClientThroughTheGateway",
            .steps =
                {forwarded(
                     outside(PacketBuilder()
                                 .eth(kRouterMac, kDirectorMac)
                                 .ipv4(kFarClient, kVip)
                                 .tcp(40005, 80)
                                 .tcp_flags(kTcpSyn)),
                     kInside,
                     to_server(kFarClient, kServer108).tcp(40005, 80).tcp_flags(kTcpSyn).build()),
                 forwarded(
                     inside(from_server(kServer108, kFarClient).tcp(80, 40005).tcp_flags(kSynAck)),
                     kOutside,
                     to_client(kVip, kFarClient)
                         .eth(kDirectorMac, kRouterMac)
                         .tcp(80, 40005)
                         .tcp_flags(kSynAck)
                         .build())}},
    };
}

void configure_dns(WorkerFleet& fleet) {
    fleet.put_service(kDns, "rr", {{at(kServer107, 5353)}});
}

[[nodiscard]] std::vector<Row> udp_rows() {
    return {
        Row{.name = "UdpBothWays",
            .steps = {forwarded(
                          outside(from_client(kClient, kVip).udp(5000, 53).payload("who?")),
                          kInside,
                          to_server(kClient, kServer107).udp(5000, 5353).payload("who?").build()),
                      forwarded(
                          inside(from_server(kServer107, kClient).udp(5353, 5000).payload("me!")),
                          kOutside,
                          to_client(kVip, kClient).udp(53, 5000).payload("me!").build()),
                      then([](WorkerFleet& fleet) {
                          const auto counted = fleet.server_counters(kFirst, at(kServer107, 5353));
                          EXPECT_EQ(counted.active, 0U);  // UDP never is
                          EXPECT_EQ(counted.inactive, 1U);
                          EXPECT_EQ(counted.bytes_in, 32U);
                          EXPECT_EQ(counted.bytes_out, 31U);
                      })},
            .configure = configure_dns},
        Row{.name = "UdpWithoutChecksumStaysWithout",
            .steps = {forwarded(
                          outside(from_client(kClient, kVip).udp(5000, 53).no_udp_checksum()),
                          kInside,
                          to_server(kClient, kServer107).udp(5000, 5353).no_udp_checksum().build()),
                      forwarded(
                          inside(
                              from_server(kServer107, kClient).udp(5353, 5000).no_udp_checksum()),
                          kOutside,
                          to_client(kVip, kClient).udp(53, 5000).no_udp_checksum().build())},
            .configure = configure_dns},
        Row{.name = "TcpAndUdpOfOneEndpointAreTwoConnections",
            .steps = {forwarded(outside(from_client(kClient, kVip).udp(5000, 53)),
                                kInside,
                                to_server(kClient, kServer107).udp(5000, 53).build()),
                      forwarded(
                          outside(from_client(kClient, kVip).tcp(5000, 53).tcp_flags(kTcpSyn)),
                          kInside,
                          to_server(kClient, kServer108).tcp(5000, 53).tcp_flags(kTcpSyn).build()),
                      then([](WorkerFleet& fleet) { EXPECT_EQ(fleet.connections().size(), 2U); })},
            .configure =
                [](WorkerFleet& fleet) {
                    fleet.put_service(kDns, "rr", {{at(kServer107, 53)}});
                    fleet.put_service(
                        {kVip, Be16::from_host(53), Protocol::kTcp}, "rr", {{at(kServer108, 53)}});
                }},
    };
}

// Services of the VLAN rows: port 80 on a plain server, port 81 on one behind VLAN 20.
void configure_vlans(WorkerFleet& fleet) {
    fleet.put_service(kHttp, "rr", {{at(kServer108, 80)}});
    fleet.put_service({kVip, Be16::from_host(81), Protocol::kTcp}, "rr", {{at(kVlanServer, 80)}});
}

[[nodiscard]] PacketBuilder vlan_client_syn(uint16_t port, uint16_t to_port) {
    return PacketBuilder()
        .eth(kVlanClientMac, kDirectorMac)
        .vlan(kOutsideVlan, 5)
        .ipv4(kVlanClient, kVip)
        .tcp(port, to_port)
        .tcp_flags(kTcpSyn);
}

[[nodiscard]] PacketBuilder to_vlan_server(Ipv4Address client) {
    return PacketBuilder()
        .eth(kDirectorMac, kVlanServerMac)
        .vlan(kInsideVlan)
        .ipv4(client, kVlanServer)
        .ttl(63);
}

[[nodiscard]] Step vlan_server_answers(Ipv4Address client,
                                       uint16_t port,
                                       const PacketBuilder& out) {
    return forwarded(inside(PacketBuilder()
                                .eth(kVlanServerMac, kDirectorMac)
                                .vlan(kInsideVlan)
                                .ipv4(kVlanServer, client)
                                .tcp(80, port)
                                .tcp_flags(kSynAck)),
                     kOutside,
                     out.build());
}

[[nodiscard]] PacketBuilder to_vlan_client(uint16_t from_port, uint16_t port) {
    return PacketBuilder()
        .eth(kDirectorMac, kVlanClientMac)
        .vlan(kOutsideVlan)
        .ipv4(kVip, kVlanClient)
        .ttl(63)
        .tcp(from_port, port)
        .tcp_flags(kSynAck);
}

[[nodiscard]] std::vector<Row> vlan_rows() {
    const std::vector<Step> tag_removed{
        forwarded(outside(vlan_client_syn(1111, 80)),
                  kInside,
                  to_server(kVlanClient, kServer108).tcp(1111, 80).tcp_flags(kTcpSyn).build()),
        forwarded(inside(from_server(kServer108, kVlanClient).tcp(80, 1111).tcp_flags(kSynAck)),
                  kOutside,
                  to_vlan_client(80, 1111).build())};
    const std::vector<Step> tag_added{
        forwarded(outside(from_client(kClient, kVip).tcp(1112, 81).tcp_flags(kTcpSyn)),
                  kInside,
                  to_vlan_server(kClient).tcp(1112, 80).tcp_flags(kTcpSyn).build()),
        vlan_server_answers(
            kClient, 1112, to_client(kVip, kClient).tcp(81, 1112).tcp_flags(kSynAck))};
    const std::vector<Step> tag_changed{
        forwarded(outside(vlan_client_syn(1113, 81)),
                  kInside,
                  to_vlan_server(kVlanClient).tcp(1113, 80).tcp_flags(kTcpSyn).build()),
        vlan_server_answers(kVlanClient, 1113, to_vlan_client(81, 1113))};
    return {
        Row{.name = "VlanTagRemovedAndAddedOnTheWayBack",
            .steps = tag_removed,
            .configure = configure_vlans},
        Row{.name = "VlanTagAddedAndRemovedOnTheWayBack",
            .steps = tag_added,
            .configure = configure_vlans},
        Row{.name = "VlanTagChanged", .steps = tag_changed, .configure = configure_vlans},
        Row{.name = "TaggedAndPlainFramesInOneBurst",
            .steps = {tag_added[0],
                      tag_changed[0],
                      handshake(1114)[0],
                      tag_removed[0],
                      tag_removed[1],
                      handshake(1114)[1],
                      tag_added[1],
                      tag_changed[1]},
            .configure = configure_vlans},
        // IEEE 802.1Q clause 6.9: a priority tag leaves the frame untagged.
        Row{"PriorityTagIsUntagged",
            {forwarded(outside(PacketBuilder()
                                   .eth(kClientMac, kDirectorMac)
                                   .vlan(0, 7)
                                   .ipv4(kClient, kVip)
                                   .tcp(1115, 80)
                                   .tcp_flags(kTcpSyn)),
                       kInside,
                       to_server(kClient, kServer108).tcp(1115, 80).tcp_flags(kTcpSyn).build())}},
        Row{.name = "NoHeadroomForAVlanTag",
            .steps = {dropped({kOutside,
                               from_client(kClient, kVip).tcp(1116, 81).tcp_flags(kTcpSyn).build(),
                               [](dataplane::Packet& packet) { packet.headroom_bytes = 3; }},
                              DropReason::kNoHeadroom),
                      forwarded(
                          {kOutside,
                           from_client(kClient, kVip).tcp(1117, 81).tcp_flags(kTcpSyn).build(),
                           [](dataplane::Packet& packet) { packet.headroom_bytes = 4; }},
                          kInside,
                          to_vlan_server(kClient).tcp(1117, 80).tcp_flags(kTcpSyn).build())},
            .configure = configure_vlans},
    };
}

[[nodiscard]] std::vector<Row> service_rows() {
    return {
        Row{"NoServiceOnTheAddressIsTheKernels",
            {punted(outside(syn(40000, 8080))),
             punted(outside(from_client(kClient, kVip).udp(40000, 80))),
             punted(outside(from_client(kClient, kVip).icmp_echo(1, 1))),
             punted(outside(from_client(kClient, kVip).ip_protocol(47).payload_size(40)))}},
        Row{"MiddleOfAnUnknownConnectionIsTheKernels",
            {punted(outside(from_client(kClient, kVip).tcp(40000, 80))),
             punted(outside(syn(40001).tcp_flags(kSynAck))),
             punted(outside(syn(40002).tcp_flags(kTcpRst))),
             punted(outside(syn(40003).tcp_flags(kTcpFin | kTcpAck))),
             punted(outside(syn(40004).tcp_flags(0))),
             punted(outside(syn(40005).tcp_flags(kTcpSyn | kTcpFin))),
             then([](WorkerFleet& fleet) { EXPECT_EQ(fleet.connections().size(), 0U); })}},
        Row{.name = "WeightZeroTakesNoNewConnection",
            .steps =
                handshake(40000) +
                std::vector<Step>{
                    then([](WorkerFleet& fleet) {
                        fleet.set_weight(kFirst, at(kServer108, 80), 0);
                    }),
                    dropped(outside(syn(40001)), DropReason::kNoServerAvailable),
                    forwarded(outside(from_client(kClient, kVip).tcp(40000, 80).payload("on")),
                              kInside,
                              to_server(kClient, kServer108).tcp(40000, 80).payload("on").build()),
                    then([](WorkerFleet& fleet) {
                        expect_service_drops(fleet, DropReason::kNoServerAvailable, 1);
                        fleet.set_weight(kFirst, at(kServer108, 80), 1);
                    })} +
                handshake(40002)},
        Row{.name = "ServiceWithoutServers",
            .steps = {dropped(outside(syn(40000)), DropReason::kNoServerAvailable)},
            .configure = [](WorkerFleet& fleet) { fleet.put_service(kHttp, "wrr", {}); }},
        Row{"RetiredServiceKeepsOldConnections",
            handshake(40000) +
                std::vector<Step>{
                    then([](WorkerFleet& fleet) { fleet.retire_service(kFirst); }),
                    punted(outside(syn(40001))),
                    forwarded(inside(from_server(kServer108, kClient).tcp(80, 40000).payload("on")),
                              kOutside,
                              to_client(kVip, kClient).tcp(80, 40000).payload("on").build()),
                    forwarded(outside(from_client(kClient, kVip).tcp(40000, 80).payload("on")),
                              kInside,
                              to_server(kClient, kServer108).tcp(40000, 80).payload("on").build()),
                    then([](WorkerFleet& fleet) {
                        fleet.run_for(std::chrono::seconds(901));
                        EXPECT_TRUE(fleet.forget_service(kFirst));
                        EXPECT_EQ(fleet.put_service(kHttp, "rr", {{at(kServer108, 80)}}), kFirst);
                    })} +
                handshake(40001)},
        Row{.name = "FullTableRefuses",
            .steps = {forwarded(outside(syn(40000)),
                                kInside,
                                to_server(kClient, kServer108)
                                    .tcp(40000, 80)
                                    .tcp_flags(kTcpSyn)
                                    .seq(1000)
                                    .build()),
                      dropped(outside(syn(sibling_port(kClient, 40000))),
                              DropReason::kConnTableFull),
                      then([](WorkerFleet& fleet) {
                          expect_service_drops(fleet, DropReason::kConnTableFull, 1);
                      })},
            .settings =
                [](dataplane::WorkerSettings& settings) {
                    settings.connections_max = 1;
                    settings.when_full = dataplane::WhenFull::kRefuse;
                }},
        // A bad checksum must not end the connection that it pretends to replace.
        Row{.name = "BadSynDoesNotReplaceAClosedConnection",
            .steps =
                handshake(40000) +
                std::vector<Step>{
                    forwarded(
                        inside(from_server(kServer108, kClient).tcp(80, 40000).tcp_flags(kTcpRst)),
                        kOutside,
                        to_client(kVip, kClient).tcp(80, 40000).tcp_flags(kTcpRst).build()),
                    dropped(outside(syn(40000).bad_l4_checksum()), DropReason::kBadL4Checksum),
                    dropped(outside(syn(40000).ttl(1)), DropReason::kTtlExpired),
                    then([](WorkerFleet& fleet) {
                        ASSERT_EQ(fleet.connections().size(), 1U);
                        EXPECT_EQ(fleet.connections()[0].state, dataplane::ConnState::kClose);
                    })}},
    };
}

}  // namespace

std::vector<Row> balanced_rows() {
    std::vector<Row> rows;
    for (std::vector<Row> part : {translation_rows(), udp_rows(), vlan_rows(), service_rows()}) {
        std::move(part.begin(), part.end(), std::back_inserter(rows));
    }
    return rows;
}

}  // namespace director::test::golden
