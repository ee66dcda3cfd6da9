// One IP packet behind every link layer: whatever lies before it, the headers are the same.
#include <gtest/gtest.h>

#include "tests/unit/diagnostics/packet/decode_support.h"

namespace director::diagnostics {
namespace {

using test::Frame;
using test::PacketBuilder;

[[nodiscard]] Frame ip_packet(Family family) {
    PacketBuilder builder;
    if (family == Family::kIpv4) {
        builder.ipv4("192.0.2.1", "198.51.100.2");
    } else {
        builder.ipv6("2001:db8::1", "2001:db8::2");
    }
    const Frame frame = builder.tcp(1234, 80).payload("hello").build();
    return {frame.begin() + kEthernetHeaderBytes, frame.end()};
}

struct Row {
    const char* name;
    LinkType link;
    Frame before;
    Family family = Family::kIpv4;
    bool has_macs = false;
};

// 802.11: data, to the distribution system, QoS where the second digit says so.
const Frame kWirelessAddresses = {0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3, 0, 0};
const Frame kSnap4 = {0xaa, 0xaa, 3, 0, 0, 0, 8, 0};

[[nodiscard]] Frame joined(std::initializer_list<Frame> parts) {
    Frame all;
    for (const Frame& part : parts) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

[[nodiscard]] Frame macs_and(const Frame& rest) {
    return joined({{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, rest});
}

[[nodiscard]] std::vector<Row> rows() {
    const Frame tag1 = {0x81, 0, 0x20, 5};
    const Frame outer = {0x88, 0xa8, 0, 9};
    return {
        {"Ethernet", LinkType::kEthernet, macs_and({8, 0}), Family::kIpv4, true},
        {"Ethernet 6", LinkType::kEthernet, macs_and({0x86, 0xdd}), Family::kIpv6, true},
        {"VLAN", LinkType::kEthernet, macs_and(joined({tag1, {8, 0}})), Family::kIpv4, true},
        {"QinQ", LinkType::kEthernet, macs_and(joined({outer, tag1, {8, 0}})), Family::kIpv4, true},
        {"SNAP", LinkType::kEthernet, macs_and(joined({{0, 60}, kSnap4})), Family::kIpv4, true},
        {"PPPoE",
         LinkType::kEthernet,
         macs_and({0x88, 0x64, 0x11, 0, 0, 1, 0, 50, 0, 0x57}),
         Family::kIpv6,
         true},
        {"MPLS",
         LinkType::kEthernet,
         macs_and({0x88, 0x47, 0, 1, 0x10, 64, 0, 1, 0x21, 64}),
         Family::kIpv6,
         true},
        {"loopback little", LinkType::kNull, {2, 0, 0, 0}},
        {"loopback big", LinkType::kNull, {0, 0, 0, 30}, Family::kIpv6},
        {"loopback OpenBSD", LinkType::kLoop, {0, 0, 0, 24}, Family::kIpv6},
        {"raw", LinkType::kRaw, {}},
        {"raw 6", LinkType::kRaw, {}, Family::kIpv6},
        {"raw BSD", LinkType::kRawBsd, {}},
        {"IPv4", LinkType::kIpv4, {}},
        {"IPv6", LinkType::kIpv6, {}, Family::kIpv6},
        {"PPP", LinkType::kPpp, {0, 0x21}},
        {"PPP short", LinkType::kPpp, {0x21}},
        {"PPP framed", LinkType::kPpp, {0xff, 3, 0, 0x57}, Family::kIpv6},
        {"PPP HDLC", LinkType::kPppHdlc, {0xff, 3, 0, 0x21}},
        {"Cisco HDLC", LinkType::kPppHdlc, {0x0f, 0, 8, 0}},
        {"Cisco HDLC 104", LinkType::kCiscoHdlc, {0x8f, 0, 0x86, 0xdd}, Family::kIpv6},
        {"PPPoE alone", LinkType::kPppEthernet, {0x11, 0, 0, 1, 0, 50, 0, 0x21}},
        {"frame relay", LinkType::kFrameRelay, {0x18, 0x41, 3, 0xcc}},
        {"frame relay padded", LinkType::kFrameRelay, {0x18, 0x41, 3, 0, 0x8e}, Family::kIpv6},
        {"frame relay SNAP", LinkType::kFrameRelay, {0x18, 0x41, 3, 0x80, 0, 0, 0, 8, 0}},
        {"frame relay Cisco", LinkType::kFrameRelay, {0x80, 0xea, 0x9d, 8, 0}},
        {"cooked",
         LinkType::kLinuxCooked,
         {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0},
         Family::kIpv4,
         true},
        {"cooked loopback",
         LinkType::kLinuxCooked,
         {0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x86, 0xdd},
         Family::kIpv6},
        {"cooked 2",
         LinkType::kLinuxCookedV2,
         {8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0},
         Family::kIpv4,
         true},
        {"802.11",
         LinkType::kIeee80211,
         joined({{0x08, 1}, kWirelessAddresses, kSnap4}),
         Family::kIpv4,
         true},
        {"802.11 QoS",
         LinkType::kIeee80211,
         joined({{0x88, 1}, kWirelessAddresses, {0, 0}, kSnap4}),
         Family::kIpv4,
         true},
        {"802.11 aggregated",
         LinkType::kIeee80211,
         joined({{0x88, 1}, kWirelessAddresses, {0x80, 0}, Frame(14), kSnap4}),
         Family::kIpv4,
         true},
        {"radiotap",
         LinkType::kRadiotap,
         joined({{0, 0, 9, 0, 2, 0, 0, 0, 0}, {0x08, 1}, kWirelessAddresses, kSnap4}),
         Family::kIpv4,
         true},
        {"radiotap padded",
         LinkType::kRadiotap,
         joined({{0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0},
                 {0, 0, 0, 0, 0, 0, 0, 0, 0x20},
                 {0x88, 1},
                 kWirelessAddresses,
                 {0, 0, 0, 0},
                 kSnap4}),
         Family::kIpv4,
         true},
        // The second attribute; its length follows below.
        {"netfilter log",
         LinkType::kNetfilterLog,
         {2, 0, 0, 0, 6, 0, 1, 0, 1, 2, 0, 0, 49, 0, 9, 0}},
    };
}

TEST(LinkLayer, LeadsToTheSamePacket) {
    for (const Row& row : rows()) {
        const Frame ip = ip_packet(row.family);
        const Frame frame = joined({row.before, ip});
        const Headers headers = decode(packet_of(frame, row.link));
        EXPECT_EQ(headers.layer3, row.family == Family::kIpv4 ? Layer3::kIpv4 : Layer3::kIpv6)
            << row.name;
        EXPECT_EQ(headers.l3_offset, row.before.size()) << row.name;
        EXPECT_EQ(headers.destination_port, 80) << row.name;
        EXPECT_EQ(headers.payload_wire_bytes, 5U) << row.name;
        EXPECT_EQ(headers.l4_checksum.verdict, ChecksumVerdict::kGood) << row.name;
        EXPECT_EQ(headers.faults, 0) << row.name;
        EXPECT_EQ(headers.has_macs, row.has_macs) << row.name;
        if (row.has_macs) {
            EXPECT_EQ(headers.source_mac[5],
                      row.link == LinkType::kIeee80211 || row.link == LinkType::kRadiotap ? 2 : 1)
                << row.name;
        }
    }
}

TEST(LinkLayer, EveryCutIsAFaultAndNothingElse) {
    for (const Row& row : rows()) {
        const Frame frame = joined({row.before, ip_packet(row.family)});
        for (size_t kept = 0; kept < row.before.size(); ++kept) {
            // On the heap to the byte, so that a sanitizer sees a byte too far.
            const Frame cut(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(kept));
            Packet packet = packet_of(cut, row.link);
            packet.wire_bytes = static_cast<uint32_t>(frame.size());
            const Headers headers = decode(packet);
            EXPECT_FALSE(headers.is_ip()) << row.name << ", " << kept << " bytes";
        }
    }
}

TEST(LinkLayer, VlansOutermostFirst) {
    const Headers headers = decode_frame(
        PacketBuilder().outer_vlan(9).vlan(5, 3).ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).build());
    EXPECT_EQ(headers.vlan_count, 2);
    EXPECT_EQ(headers.vlans[0], 9);
    EXPECT_EQ(headers.vlans[1], 5);
    EXPECT_EQ(headers.ether_type, 0x0800);
}

TEST(LinkLayer, OthersAreOthers) {
    const Frame arp =
        PacketBuilder()
            .arp_request(test::mac("02:00:00:00:00:01"), test::ip("10.0.0.1"), test::ip("10.0.0.2"))
            .build();
    EXPECT_EQ(decode_frame(arp).layer3, Layer3::kArp);
    // Spanning tree: LLC without SNAP.
    EXPECT_EQ(decode_frame(macs_and({0, 38, 0x42, 0x42, 3, 0, 0, 0})).layer3, Layer3::kOther);
    // An encrypted and a management frame of 802.11.
    EXPECT_EQ(
        decode(packet_of(joined({{0x08, 0x41}, kWirelessAddresses, kSnap4}), LinkType::kIeee80211))
            .layer3,
        Layer3::kOther);
    EXPECT_EQ(
        decode(packet_of(joined({{0x80, 0}, kWirelessAddresses}), LinkType::kIeee80211)).layer3,
        Layer3::kOther);
    EXPECT_EQ(decode(packet_of(Frame(40), static_cast<LinkType>(9999))).layer3, Layer3::kOther);
    EXPECT_EQ(decode_frame({}).layer3, Layer3::kNone);
}

}  // namespace
}  // namespace director::diagnostics
