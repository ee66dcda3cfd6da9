// Rows about frames that are broken, forged or not for us.
#include <gtest/gtest.h>

#include "tests/golden/golden_row.h"

namespace director::test::golden {

using namespace nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using dataplane::ChecksumCheck;
using dataplane::DropReason;
using dataplane::Packet;

namespace {

[[nodiscard]] PacketBuilder syn(uint16_t port = 40000) {
    return from_client(kClient, kVip).tcp(port, 80).tcp_flags(kTcpSyn);
}

[[nodiscard]] Step syn_forwarded(uint16_t port) {
    return forwarded(outside(syn(port)),
                     kInside,
                     to_server(kClient, kServer108).tcp(port, 80).tcp_flags(kTcpSyn).build());
}

// The same, with what the port found out about the frame.
[[nodiscard]] FrameIn seen_by_port(const PacketBuilder& frame,
                                   ChecksumCheck ip_checksum,
                                   ChecksumCheck l4_checksum) {
    FrameIn in = outside(frame);
    in.touch = [=](Packet& packet) {
        packet.ip_checksum = ip_checksum;
        packet.l4_checksum = l4_checksum;
    };
    return in;
}

[[nodiscard]] FrameIn in_pieces(const PacketBuilder& frame, uint32_t first_piece_bytes) {
    FrameIn in = outside(frame);
    in.touch = [=](Packet& packet) { packet.contiguous_bytes = first_piece_bytes; };
    return in;
}

[[nodiscard]] std::vector<Row> not_for_us_rows() {
    return {
        Row{"NotOurMac",
            {dropped(outside(syn().eth(kClientMac, kServer107Mac)), DropReason::kOtherHost),
             dropped(outside(PacketBuilder()
                                 .eth(kClientMac, kServer107Mac)
                                 .ether_type(0x8847)
                                 .payload_size(40)),
                     DropReason::kOtherHost)}},
        Row{"VlanWithoutInterface",
            {// Two tags: neither the inner nor the outer one alone says whose it is.
             dropped(outside(PacketBuilder()
                                 .eth(kClientMac, kDirectorMac)
                                 .vlan(kOutsideVlan)
                                 .vlan(7)
                                 .ipv4(kClient, kVip)
                                 .udp(1, 2)),
                     DropReason::kUnknownVlan),
             dropped(outside(PacketBuilder()
                                 .eth(kClientMac, kDirectorMac)
                                 .vlan(99)
                                 .ipv4(kClient, kVip)
                                 .tcp(1, 80)),
                     DropReason::kUnknownVlan),
             dropped(inside(PacketBuilder()
                                .eth(kClientMac, kDirectorMac)
                                .vlan(kOutsideVlan)
                                .ipv4(kClient, kVip)
                                .tcp(1, 80)),
                     DropReason::kUnknownVlan)}},
        Row{"LengthInsteadOfEtherType",
            {dropped(
                 outside(
                     PacketBuilder().eth(kClientMac, kBroadcastMac).ether_type(0x0026).pad_to(60)),
                 DropReason::kNotEthernetII),
             dropped(
                 outside(
                     PacketBuilder().eth(kClientMac, kBroadcastMac).ether_type(0x05ff).pad_to(60)),
                 DropReason::kNotEthernetII)}},
        Row{"Martians",
            {dropped(outside(from_client(ip("127.0.0.1"), kVip).tcp(1, 80).tcp_flags(kTcpSyn)),
                     DropReason::kMartian),
             dropped(outside(from_client(ip("0.0.0.5"), kVip).tcp(1, 80).tcp_flags(kTcpSyn)),
                     DropReason::kMartian),
             dropped(outside(from_client(ip("224.0.0.5"), kVip).tcp(1, 80).tcp_flags(kTcpSyn)),
                     DropReason::kMartian),
             dropped(outside(from_client(ip("240.0.0.1"), kVip).tcp(1, 80).tcp_flags(kTcpSyn)),
                     DropReason::kMartian),
             dropped(outside(from_client(ip("255.255.255.255"), kVip).icmp_echo(1, 1)),
                     DropReason::kMartian),
             dropped(outside(from_client(kVip, kVip).tcp(80, 80).tcp_flags(kTcpSyn)),
                     DropReason::kMartian),
             dropped(outside(from_client(kClient, ip("127.0.0.1")).udp(1, 2)),
                     DropReason::kMartian),
             dropped(outside(from_client(kClient, ip("0.0.0.0")).udp(1, 2)), DropReason::kMartian),
             dropped(outside(from_client(kClient, ip("240.0.0.1")).udp(1, 2)),
                     DropReason::kMartian)}},
    };
}

[[nodiscard]] std::vector<Row> broken_rows() {
    return {
        Row{"TruncatedHeaders",
            {dropped(outside(syn().truncate_to(0)), DropReason::kTruncated),
             dropped(outside(syn().truncate_to(13)), DropReason::kTruncated),
             dropped(outside(syn().truncate_to(14)), DropReason::kTruncated),
             dropped(outside(syn().truncate_to(33)), DropReason::kTruncated),
             // From here on the IP header says that there is more than the frame holds.
             dropped(outside(syn().truncate_to(34)), DropReason::kBadIpLength),
             dropped(outside(syn().truncate_to(53)), DropReason::kBadIpLength)}},
        Row{"HeadersInPieces",
            {dropped(in_pieces(syn(), 20), DropReason::kTruncated),
             dropped(in_pieces(syn(), 53), DropReason::kTruncated),
             dropped(in_pieces(from_client(kClient, kVip).udp(1, 53).payload_size(99), 41),
                     DropReason::kTruncated)}},
        Row{"BadIpHeaders",
            {dropped(outside(syn().ip_version(6)), DropReason::kBadIpHeader),
             dropped(outside(syn().ip_version(0)), DropReason::kBadIpHeader),
             dropped(outside(syn().ip_header_words(4)), DropReason::kBadIpHeader),
             dropped(outside(syn().ip_header_words(0)), DropReason::kBadIpHeader),
             dropped(outside(syn().ip_header_words(15)), DropReason::kBadIpLength),
             dropped(outside(syn().ip_total_length(19)), DropReason::kBadIpLength),
             dropped(outside(syn().ip_total_length(41)), DropReason::kBadIpLength),
             dropped(outside(syn().ip_total_length(0xffff)), DropReason::kBadIpLength)}},
        Row{"BadTcpAndUdpHeaders",
            {dropped(outside(syn().tcp_header_words(4)), DropReason::kBadL4Header),
             dropped(outside(syn().tcp_header_words(6)), DropReason::kBadL4Header),
             dropped(outside(syn().ip_total_length(39)), DropReason::kBadL4Header),
             dropped(outside(from_client(kClient, kVip).udp(1, 53).udp_length(7)),
                     DropReason::kBadL4Header),
             dropped(outside(from_client(kClient, kVip).udp(1, 53).udp_length(9)),
                     DropReason::kBadL4Header),
             dropped(outside(from_client(kClient, kVip).udp(1, 53).ip_total_length(27)),
                     DropReason::kBadL4Header)}},
        Row{"Fragments",
            {// Its length is no multiple of eight.
             dropped(outside(syn().more_fragments().payload_size(7)), DropReason::kFragmentBad),
             dropped(
                 outside(
                     from_client(kClient, kVip).ip_protocol(6).fragment_offset(8).payload_size(32)),
                 DropReason::kFragmentTiny),
             // The ports, and not the rest of TCP's header.
             dropped(outside(from_client(kClient, kVip)
                                 .ip_protocol(6)
                                 .ip_id(2)
                                 .more_fragments()
                                 .payload_size(8)),
                     DropReason::kFragmentTiny)}},
    };
}

[[nodiscard]] std::vector<Row> checksum_rows() {
    constexpr auto kUnknown = ChecksumCheck::kUnknown;
    constexpr auto kGood = ChecksumCheck::kGood;
    constexpr auto kBad = ChecksumCheck::kBad;
    return {
        Row{"BadIpChecksum",
            {dropped(outside(syn().bad_ip_checksum()), DropReason::kBadIpChecksum),
             dropped(outside(from_client(kClient, kServer107).bad_ip_checksum().icmp_echo(1, 1)),
                     DropReason::kBadIpChecksum),
             dropped(seen_by_port(syn(), kBad, kUnknown), DropReason::kBadIpChecksum)}},
        Row{"SynWithBadChecksumOpensNothing",
            {dropped(outside(syn().bad_l4_checksum()), DropReason::kBadL4Checksum),
             dropped(seen_by_port(syn(), kGood, kBad), DropReason::kBadL4Checksum),
             then([](WorkerFleet& fleet) {
                 EXPECT_EQ(fleet.connections().size(), 0U);
                 EXPECT_EQ(fleet.report().services.at(0).dropped[static_cast<size_t>(
                               DropReason::kBadL4Checksum)],
                           2U);
             })}},
        Row{.name = "UdpWithBadChecksumOpensNothing",
            .steps = {dropped(outside(from_client(kClient, kVip).udp(1, 53).bad_l4_checksum()),
                              DropReason::kBadL4Checksum),
                      then([](WorkerFleet& fleet) { EXPECT_EQ(fleet.connections().size(), 0U); })},
            .configure =
                [](WorkerFleet& fleet) { fleet.put_service(kDns, "rr", {{at(kServer107, 53)}}); }},
        // Nobody computes the checksum of plain data; what is wrong stays wrong for the server.
        Row{"BadDataOfAConnectionStaysBad",
            {syn_forwarded(40000),
             forwarded(
                 outside(from_client(kClient, kVip).tcp(40000, 80).payload("x").bad_l4_checksum()),
                 kInside,
                 to_server(kClient, kServer108)
                     .tcp(40000, 80)
                     .payload("x")
                     .bad_l4_checksum()
                     .build()),
             dropped(
                 seen_by_port(from_client(kClient, kVip).tcp(40000, 80).payload("x"), kGood, kBad),
                 DropReason::kBadL4Checksum)}},
        Row{"BadFinAndRstMoveNoState",
            {syn_forwarded(40000),
             dropped(outside(syn().tcp_flags(kTcpRst).bad_l4_checksum()),
                     DropReason::kBadL4Checksum),
             dropped(inside(from_server(kServer108, kClient)
                                .tcp(80, 40000)
                                .tcp_flags(kTcpRst)
                                .bad_l4_checksum()),
                     DropReason::kBadL4Checksum),
             dropped(outside(syn().tcp_flags(kTcpFin | kTcpAck).bad_l4_checksum()),
                     DropReason::kBadL4Checksum),
             then([](WorkerFleet& fleet) {
                 ASSERT_EQ(fleet.connections().size(), 1U);
                 EXPECT_EQ(fleet.connections()[0].state, dataplane::ConnState::kSynRecv);
             })}},
        Row{"BadChecksumOfTransitIsNotOurs",
            {forwarded(outside(from_client(kClient, kServer107).udp(1, 2).bad_l4_checksum()),
                       kInside,
                       to_server(kClient, kServer107).udp(1, 2).bad_l4_checksum().build())}},
    };
}

}  // namespace

std::vector<Row> hostile_rows() {
    std::vector<Row> rows;
    for (std::vector<Row> part : {not_for_us_rows(), broken_rows(), checksum_rows()}) {
        std::move(part.begin(), part.end(), std::back_inserter(rows));
    }
    return rows;
}

}  // namespace director::test::golden
