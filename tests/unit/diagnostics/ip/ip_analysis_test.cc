// The facts of IP headers, by the tutorial's printed values and by hand, bit by bit.
#include "diagnostics/ip/ip_analysis.h"

#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "diagnostics/files/capture_file.h"
#include "diagnostics/packet/decode.h"
#include "tests/support/packet_builder.h"
#include "tests/support/pcap_file.h"

namespace director::diagnostics {
namespace {

using test::Frame;
using test::PacketBuilder;

class Direction {
  public:
    IpFinding see(const Frame& frame) { return see(frame, time_ns_ += 1000); }
    IpFinding see(const Frame& frame, int64_t time_ns) {
        Packet packet;
        packet.bytes = frame;
        packet.wire_bytes = static_cast<uint32_t>(frame.size());
        return analysis_.update(decode(packet), time_ns);
    }
    [[nodiscard]] const IpFacts& facts() const { return analysis_.facts(); }

  private:
    IpAnalysis analysis_;
    int64_t time_ns_ = 0;
};

[[nodiscard]] PacketBuilder four(uint16_t id = 1) {
    return PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").ip_id(id).tcp(1, 2);
}
[[nodiscard]] PacketBuilder six() {
    return PacketBuilder().ipv6("fe80::1", "fe80::2").tcp(1, 2);
}

TEST(IpAnalysis, EachBitByItself) {
    struct Row {
        const char* what;
        Frame frame;
        uint16_t flags;
    };
    const std::vector<uint8_t> past_end = {7, 40, 4, 0};
    for (const Row& row :
         {Row{"nothing", four().build(), 0},
          Row{"options corrupt", four().ip_options(past_end).build(), kIpOptionsCorrupt},
          Row{"more fragments", four().more_fragments().payload_size(28).build(), kIpMoreFragments},
          Row{"do not fragment", four().dont_fragment().build(), kIpDontFragment},
          Row{"L3 checksum", four().bad_ip_checksum().build(), kIpL3Checksum},
          Row{"L4 checksum", four().bad_l4_checksum().build(), kIpL4Checksum},
          Row{"L4 checksum, IPv6", six().bad_l4_checksum().build(), kIpL4Checksum},
          Row{"length below", four().pad_to(100).build(), kIpLengthBelow},
          Row{"UDP length",
              PacketBuilder()
                  .ipv4("10.0.0.1", "10.0.0.2")
                  .udp(1, 2)
                  .payload_size(9)
                  .udp_length(40)
                  .build(),
              kIpUdpLength}}) {
        Direction direction;
        EXPECT_EQ(direction.see(row.frame).flags, row.flags) << row.what;
        EXPECT_EQ(direction.facts().flags, row.flags) << row.what;
    }
    Frame reserved = four().build();
    reserved[20] |= 0x80;
    reserved[24] = reserved[25] = 0;  // a checksum left to a NIC is no error
    EXPECT_EQ(Direction().see(reserved).flags, kIpReserved);
}

TEST(IpAnalysis, TimeBetweenPackets) {
    Direction direction;
    EXPECT_EQ(direction.see(four(1).build(), 100).flags, 0);
    EXPECT_EQ(direction.see(four(2).build(), 100).flags, kIpGapZero);
    EXPECT_EQ(direction.see(four(3).build(), 99).flags, kIpGapNegative);
    EXPECT_EQ(direction.see(four(4).build(), 100).flags, 0);
}

TEST(IpAnalysis, IdentificationsRiseFallAndRollOver) {
    Direction direction;
    EXPECT_EQ(direction.see(four(100).build()).id_difference, 0);
    EXPECT_EQ(direction.see(four(103).build()).id_difference, 3);
    const IpFinding overtaken = direction.see(four(101).build());
    EXPECT_EQ(overtaken.id_difference, -2);
    EXPECT_EQ(overtaken.flags, kIpOutOfOrder);
    EXPECT_EQ(direction.see(four(65000).build()).id_difference, 64899);
    const IpFinding over = direction.see(four(10).build());
    EXPECT_EQ(over.id_difference, -64990);
    EXPECT_EQ(over.flags, kIpIdRollover);
    EXPECT_EQ(direction.facts().id_difference_min, 3);
    EXPECT_EQ(direction.facts().id_difference_max, 64899);
    // The threshold itself is still out of order.
    Direction edge;
    (void)edge.see(four(0x3000).build());
    EXPECT_EQ(edge.see(four(0x1000).build()).flags, kIpOutOfOrder);
    (void)edge.see(four(0x3001).build());
    EXPECT_EQ(edge.see(four(0x1000).build()).flags, kIpIdRollover);
}

TEST(IpAnalysis, OnePacketHasNoDifferences) {
    Direction direction;
    (void)direction.see(four(7).build());
    EXPECT_EQ(direction.facts().id_difference_min, 65535);
    EXPECT_EQ(direction.facts().id_difference_max, 0);
    Direction ipv6;
    (void)ipv6.see(six().build());
    (void)ipv6.see(six().build());
    EXPECT_EQ(ipv6.facts().id_difference_min, 65535);
}

TEST(IpAnalysis, HowAHostNumbersItsPackets) {
    const auto behaviour = [](const std::vector<uint16_t>& ids) {
        Direction direction;
        for (const uint16_t id : ids) {
            (void)direction.see(four(id).build());
        }
        return direction.facts();
    };
    EXPECT_EQ(behaviour({1, 2, 3}).id_behaviour, IdBehaviour::kUnknown);
    EXPECT_EQ(behaviour({0, 0, 0, 0, 0}).id_behaviour, IdBehaviour::kConstant);
    EXPECT_EQ(behaviour({9, 40000, 3, 60000, 20000, 50000}).id_behaviour, IdBehaviour::kRandom);
    // 1,000 packets a second over all flows, 100 of them ours; across 65535.
    const IpFacts counter = behaviour({65500, 65510, 65520, 65530, 4, 14, 12, 24});
    EXPECT_EQ(counter.id_behaviour, IdBehaviour::kCounter);
    EXPECT_EQ(counter.id_advance, 60U);
    EXPECT_DOUBLE_EQ(counter.host_packets_per_second(0.06), 1000);
    EXPECT_EQ(behaviour({0, 0, 0, 0, 0}).host_packets_per_second(1), 0);
    EXPECT_EQ(to_string(counter.id_behaviour), "counter");
}

TEST(IpAnalysis, TtlAndTos) {
    Direction direction;
    for (const uint8_t ttl : std::vector<uint8_t>{64, 64, 57, 64}) {
        (void)direction.see(four().ttl(ttl).tos(ttl == 57 ? uint8_t{0xb8} : uint8_t{0x02}).build());
    }
    EXPECT_EQ(direction.facts().ttl_min, 57);
    EXPECT_EQ(direction.facts().ttl_max, 64);
    EXPECT_EQ(direction.facts().ttl_changes, 2);
    EXPECT_EQ(direction.facts().tos, 0xba);
}

// The tutorial's check: router alert, option 148, is 0x10_0x00100000.
TEST(IpAnalysis, Ipv4Options) {
    Direction direction;
    const std::vector<uint8_t> router_alert = {148, 4, 0, 0};
    (void)direction.see(four().ip_options(router_alert).build());
    EXPECT_EQ(direction.facts().options, 1U);
    EXPECT_EQ(direction.facts().option_classes, 0x10);
    EXPECT_EQ(direction.facts().option_numbers, 0x00100000U);
}

TEST(IpAnalysis, Ipv6Options) {
    Direction direction;
    const std::vector<uint8_t> router_alert = {5, 2, 0, 0, 1, 0};  // PadN behind it
    const std::vector<uint8_t> home_address = {1, 2, 0, 0, 0xc9, 4, 1, 2, 3, 4};
    (void)direction.see(
        six().extension_header(0, router_alert).extension_header(60, home_address).build());
    EXPECT_EQ(direction.facts().hop_by_hop_options, 1U);
    EXPECT_EQ(direction.facts().hop_by_hop_types, 1U << 5);
    EXPECT_EQ(direction.facts().destination_options, 1U);
    EXPECT_EQ(direction.facts().destination_types, 1U << (0xc9 & 31));
}

// One row of a table with a header, by column.
using TableRow = std::map<std::string, std::string>;
[[nodiscard]] std::vector<TableRow> read_table(const std::string& path) {
    const auto cells = [](const std::string& line) {
        std::vector<std::string> parts;
        std::istringstream stream(line);
        for (std::string part; std::getline(stream, part, '\t');) {
            parts.push_back(part);
        }
        return parts;
    };
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    const auto names = cells(line);
    std::vector<TableRow> rows;
    while (std::getline(file, line)) {
        const auto values = cells(line);
        TableRow row;
        for (size_t i = 0; i < std::min(names.size(), values.size()); ++i) {
            row[names[i]] = values[i];
        }
        rows.push_back(row);
    }
    return rows;
}

// Flow 36 of the tutorial, as far as it is printed: ipFlags as there, but for what we do not call a
// rollover; ipIDDiff where the packet before it is printed as well.
TEST(IpAnalysis, TheTutorialsZeroWindowEpisode) {
    const auto rows = read_table(test::test_data("captures/expected/t2-faf-flow36-expected.tsv"));
    auto file = CaptureFile::open(test::test_data("captures/t2-faf-flow36-headers.pcap"));
    ASSERT_TRUE(file);
    ASSERT_EQ(rows.size(), 40U);
    std::map<std::string, IpAnalysis> directions;
    int overtaken = 0;
    for (const TableRow& row : rows) {
        const Packet* packet = file->next();
        ASSERT_NE(packet, nullptr);
        const IpFinding found = directions[row.at("dir")].update(decode(*packet), packet->time_ns);
        const auto theirs = static_cast<uint16_t>(std::stoul(row.at("ipFlags"), nullptr, 16));
        const int difference = std::stoi(row.at("ipIDDiff"));
        // A fall by 2, 8 or 10 is a packet overtaken, not a counter's rollover.
        const bool is_overtaken = difference < 0 && difference > -100;
        overtaken += is_overtaken ? 1 : 0;
        EXPECT_EQ(found.flags, is_overtaken ? (theirs & ~kIpIdRollover) | kIpOutOfOrder : theirs)
            << row.at("pktNo");
        if (found.id_difference != difference) {
            EXPECT_GT(found.id_difference, difference) << row.at("pktNo");  // packets between
        }
    }
    EXPECT_EQ(overtaken, 4);
    EXPECT_EQ(directions["A"].facts().ttl_min, 128);
    EXPECT_EQ(directions["B"].facts().ttl_max, 111);
    EXPECT_EQ(directions["A"].facts().flags, 0x0040);
    EXPECT_EQ(directions["B"].facts().flags, 0x0046);  // printed: 0x0044
    EXPECT_EQ(directions["A"].facts().os, OsGuess::kWindows);
}

// What tshark prints as ip.opt.type of the seven packets.
TEST(IpAnalysis, OptionsOfACapture) {
    auto file = CaptureFile::open(test::test_data("captures/ipopt/ipv4-options.pcap"));
    ASSERT_TRUE(file);
    IpAnalysis analysis;
    while (const Packet* packet = file->next()) {
        (void)analysis.update(decode(*packet), packet->time_ns);
    }
    // Numbers 0, 1, 3, 4, 7, 9, 20 of types 0/1/131/134/137/148/68/7: 134 is number 6.
    EXPECT_EQ(analysis.facts().option_numbers,
              1U << 0 | 1U << 1 | 1U << 3 | 1U << 4 | 1U << 6 | 1U << 7 | 1U << 9 | 1U << 20);
    // Copied or not, class 0; class 2 of the timestamp (68).
    EXPECT_EQ(analysis.facts().option_classes, 1U << 0 | 1U << 2 | 1U << 4);
}

}  // namespace
}  // namespace director::diagnostics
