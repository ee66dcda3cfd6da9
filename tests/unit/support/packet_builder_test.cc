// The frame builder and the frame reader against each other, and both against frames that others
// made (a published report; checksums printed there).
#include "tests/support/packet_builder.h"

#include <array>

#include <gmock/gmock.h>

#include "tests/support/frame_assertions.h"
#include "tests/support/packet_reader.h"
#include "tests/support/pcap_file.h"

namespace director::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PacketBuilder tcp_packet() {
    return PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").tcp(1234, 80);
}

TEST(PacketBuilder, TcpReadsBack) {
    constexpr std::array<uint8_t, 3> kWindowScale{3, 3, 7};
    const Frame frame = tcp_packet()
                            .vlan(7, 3)
                            .ttl(9)
                            .ip_id(0xbeef)
                            .tos(0x10)
                            .dont_fragment()
                            .tcp_flags(kTcpSyn | kTcpAck)
                            .seq(0x01020304)
                            .ack(0xfffefdfc)
                            .window(4096)
                            .tcp_options(kWindowScale)
                            .payload("hello")
                            .pad_to(90)
                            .build();
    const DecodedFrame decoded = decode(frame);
    EXPECT_EQ(decoded.problem, "");
    EXPECT_EQ(frame.size(), 90U);
    EXPECT_THAT(decoded.ethernet->vlans, ElementsAre(7));
    EXPECT_EQ(decoded.ipv4->ttl, 9);
    EXPECT_EQ(decoded.ipv4->id, 0xbeef);
    EXPECT_EQ(decoded.ipv4->tos, 0x10);
    EXPECT_TRUE(decoded.ipv4->dont_fragment);
    EXPECT_EQ(to_string(decoded.source()), "10.0.0.1:1234");
    EXPECT_EQ(to_string(decoded.destination()), "10.0.0.2:80");
    EXPECT_EQ(decoded.tcp->seq, 0x01020304U);
    EXPECT_EQ(decoded.tcp->ack, 0xfffefdfcU);
    EXPECT_EQ(decoded.tcp->window, 4096);
    EXPECT_EQ(decoded.tcp->flags, kTcpSyn | kTcpAck);
    EXPECT_THAT(decoded.tcp->options, ElementsAre(3, 3, 7, 0));
    EXPECT_EQ(std::string(decoded.payload.begin(), decoded.payload.end()), "hello");
    EXPECT_EQ(decoded.padding_bytes, 90U - 18 - 20 - 24 - 5);
    EXPECT_TRUE(has_good_checksums(frame));
}

// Every single-bit error in what the checksums cover is reported.
TEST(PacketReader, EveryBitCounts) {
    for (const bool is_udp : {false, true}) {
        PacketBuilder builder = tcp_packet().payload("odd");
        if (is_udp) {
            builder.udp(53, 53);
        }
        const Frame good = builder.build();
        ASSERT_TRUE(has_good_checksums(good));
        for (size_t bit = size_t{14} * 8; bit < good.size() * 8; ++bit) {
            Frame bad = good;
            bad[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
            EXPECT_FALSE(has_good_checksums(bad)) << "bit " << bit;
        }
    }
}

TEST(PacketBuilder, UdpAndItsMissingChecksum) {
    const auto builder = PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").udp(5353, 53).payload("q");
    const Frame frame = builder.build();
    EXPECT_EQ(decode(frame).udp->length, 9);
    EXPECT_TRUE(has_good_checksums(frame));

    const Frame without = PacketBuilder(builder).no_udp_checksum().build();
    EXPECT_EQ(decode(without).udp->checksum, 0);
    EXPECT_TRUE(has_good_checksums(without));
}

// RFC 768: a sum that comes out as zero is sent as all ones.
TEST(PacketBuilder, UdpChecksumIsNeverZero) {
    int all_ones = 0;
    for (uint32_t word = 0; word < 0x10000; ++word) {
        const std::array<uint8_t, 2> payload{static_cast<uint8_t>(word >> 8),
                                             static_cast<uint8_t>(word)};
        const Frame frame =
            PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(payload).build();
        const uint16_t checksum = decode(frame).udp->checksum;
        ASSERT_NE(checksum, 0) << word;
        all_ones += checksum == 0xffff ? 1 : 0;
    }
    EXPECT_EQ(all_ones, 1);  // exactly the word that makes the sum zero
}

TEST(PacketBuilder, IcmpEcho) {
    const Frame frame =
        PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").icmp_echo(77, 3).payload("ping").build();
    const DecodedFrame decoded = decode(frame);
    EXPECT_EQ(decoded.icmp->type, 8);
    EXPECT_EQ(decoded.icmp->rest, 77U << 16 | 3);
    EXPECT_TRUE(has_good_checksums(frame));
    EXPECT_FALSE(has_good_checksums(
        PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").icmp_echo(1, 1).bad_l4_checksum().build()));
}

TEST(PacketBuilder, Arp) {
    const MacAddress asker = mac("02:00:00:00:00:aa");
    const Frame request =
        PacketBuilder().arp_request(asker, ip("10.0.0.1"), ip("10.0.0.2")).pad_to(60).build();
    EXPECT_EQ(request.size(), 60U);
    const DecodedFrame decoded = decode(request);
    EXPECT_EQ(decoded.ethernet->destination, kBroadcastMac);
    EXPECT_EQ(decoded.ethernet->source, asker);
    EXPECT_EQ(decoded.arp->operation, 1);
    EXPECT_EQ(decoded.arp->sender, asker);
    EXPECT_EQ(decoded.arp->target_address, ip("10.0.0.2"));

    const MacAddress owner = mac("02:00:00:00:00:bb");
    const Frame reply =
        PacketBuilder().arp_reply(owner, ip("10.0.0.2"), asker, ip("10.0.0.1")).build();
    EXPECT_EQ(decode(reply).arp->operation, 2);
    EXPECT_EQ(decode(reply).ethernet->destination, asker);
}

// What is told to be wrong is wrong, and only that.
TEST(PacketBuilder, Mistakes) {
    EXPECT_THAT(bad_checksums(tcp_packet().bad_ip_checksum().build()),
                ElementsAre(HasSubstr("IP checksum")));
    EXPECT_THAT(bad_checksums(tcp_packet().bad_l4_checksum().build()),
                ElementsAre(HasSubstr("TCP checksum")));
    EXPECT_EQ(decode(tcp_packet().ip_version(6).build()).problem, "IPv4 header does not fit");
    EXPECT_EQ(decode(tcp_packet().ip_header_words(4).build()).problem, "IPv4 header does not fit");
    EXPECT_EQ(decode(tcp_packet().ip_total_length(41).build()).problem, "IPv4 header does not fit");
    EXPECT_EQ(decode(tcp_packet().ip_total_length(39).build()).problem, "TCP header does not fit");
    EXPECT_EQ(decode(tcp_packet().tcp_header_words(4).build()).problem, "TCP header does not fit");
    EXPECT_EQ(decode(tcp_packet().tcp_header_words(6).build()).problem, "TCP header does not fit");
    EXPECT_EQ(decode(tcp_packet().udp(1, 2).udp_length(9).build()).problem,
              "UDP header does not fit");
    EXPECT_EQ(decode(tcp_packet().truncate_to(13).build()).problem, "Ethernet header does not fit");
}

TEST(PacketBuilder, Fragments) {
    const Frame first = tcp_packet().more_fragments().payload_size(24).build();
    EXPECT_TRUE(decode(first).ipv4->more_fragments);
    EXPECT_TRUE(decode(first).tcp.has_value());
    const Frame later = PacketBuilder()
                            .ipv4("10.0.0.1", "10.0.0.2")
                            .ip_protocol(6)
                            .fragment_offset(1480)
                            .payload_size(8)
                            .build();
    EXPECT_EQ(decode(later).ipv4->fragment_offset, 1480);
    EXPECT_FALSE(decode(later).tcp.has_value());
    EXPECT_TRUE(has_good_checksums(later));
}

// The reader on frames that somebody else made: nothing wrong in all 24, and the values that the
// report prints for frame 3, the client's SYN.
TEST(PacketReader, FramesOfTheReport) {
    const auto frames = read_pcap_file(test_data("pcaps/lvs-nat-24-frames.pcap"));
    ASSERT_TRUE(frames.has_value()) << frames.error().message;
    ASSERT_EQ(frames->size(), 24U);
    for (const CapturedFrame& frame : *frames) {
        EXPECT_TRUE(has_good_checksums(frame.bytes));
    }
    const DecodedFrame syn = decode(frames->at(2).bytes);
    EXPECT_EQ(syn.ipv4->checksum, 33860);
    EXPECT_EQ(syn.ipv4->ttl, 128);
    EXPECT_EQ(to_string(syn.destination()), "170.210.122.104:80");
}

// The builder makes the report's SYN from its fields, to the byte.
TEST(PacketBuilder, MakesTheReportsSyn) {
    const auto frames = read_pcap_file(test_data("pcaps/lvs-nat-24-frames.pcap"));
    ASSERT_TRUE(frames.has_value());
    const Frame& printed = frames->at(2).bytes;
    const DecodedFrame d = decode(printed);
    const Frame built = PacketBuilder()
                            .eth(d.ethernet->source, d.ethernet->destination)
                            .ipv4("170.210.122.101", "170.210.122.104")
                            .ttl(128)
                            .ip_id(d.ipv4->id)
                            .dont_fragment()
                            .tcp(d.tcp->source_port, 80)
                            .tcp_flags(kTcpSyn)
                            .seq(d.tcp->seq)
                            .ack(d.tcp->ack)
                            .window(d.tcp->window)
                            .tcp_options(d.tcp->options)
                            .pad_to(60)
                            .build();
    EXPECT_TRUE(same_frame(printed, built));
}

TEST(PacketReader, DifferenceNamesTheByte) {
    const Frame one = tcp_packet().build();
    Frame other = one;
    other[22] ^= 1;
    EXPECT_EQ(difference(one, one), "");
    EXPECT_THAT(difference(one, other), HasSubstr("from byte 22 on"));
    other = one;
    other.push_back(0);
    EXPECT_THAT(difference(one, other), HasSubstr("from byte 54 on"));
}

TEST(PacketReader, SummaryIsReadable) {
    EXPECT_EQ(summary(tcp_packet().vlan(5).tcp_flags(kTcpSyn).seq(1).payload("x").build()),
              "02:00:00:00:00:01 > 02:00:00:00:00:02 vlan 5 tcp 10.0.0.1:1234 > 10.0.0.2:80 [S] "
              "seq 1 ack 0 win 65535 ttl 64 id 0 len 1");
    EXPECT_EQ(summary(Frame{1, 2}), "2 bytes: Ethernet header does not fit");
}

}  // namespace
}  // namespace director::test
