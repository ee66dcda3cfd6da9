// The builder's newer parts (IPv6 and its extension headers, SCTP, QinQ, quotes, tunnels,
// fragments) against the reader, and against values that others published.
#include "tests/support/packet_pieces.h"

#include <array>
#include <string_view>

#include <gmock/gmock.h>

#include "tests/support/frame_assertions.h"
#include "tests/support/packet_bytes.h"

namespace director::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::array<uint8_t, 5> kOption{1, 3, 0, 0, 0};  // PadN of three

PacketBuilder between_ipv6() {
    return PacketBuilder().ipv6("2001:db8::1", "2001:db8:7::2");
}

// RFC 3720 appendix B.4: what CRC-32C makes of 32 zeros, 32 ones, and 0 to 31.
TEST(SlowCrc32c, PublishedValues) {
    // Bytes 8 to 11 count as zero: RFC 9260's checksum field.
    EXPECT_EQ(slow_crc32c(Frame(32, 0)), 0x8a9136aaU);
    Frame field_filled(32, 0);
    field_filled[9] = 0x55;
    EXPECT_EQ(slow_crc32c(field_filled), 0x8a9136aaU);
    constexpr std::string_view kDigits = "12345678";
    EXPECT_EQ(slow_crc32c(Frame(kDigits.begin(), kDigits.end())), 0x6087809aU);
}

TEST(PacketBuilder, Ipv6ReadsBack) {
    const Frame frame =
        between_ipv6().tos(0xb9).flow_label(0xabcde).ttl(3).tcp(1, 80).payload("hello").build();
    const DecodedFrame decoded = decode(frame);
    ASSERT_TRUE(decoded.ipv6 && decoded.tcp) << describe(frame);
    EXPECT_EQ(decoded.ipv6->traffic_class, 0xb9);
    EXPECT_EQ(decoded.ipv6->flow_label, 0xabcdeU);
    EXPECT_EQ(decoded.ttl(), 3);
    EXPECT_EQ(decoded.source(), endpoint("[2001:db8::1]:1"));
    EXPECT_EQ(decoded.destination(), endpoint("[2001:db8:7::2]:80"));
    EXPECT_EQ(decoded.payload, (Frame{'h', 'e', 'l', 'l', 'o'}));
    EXPECT_TRUE(has_good_checksums(frame));
}

TEST(PacketBuilder, EveryIpv6ChecksumIsThereAndCanBeWrong) {
    const PacketBuilder kinds[] = {between_ipv6().tcp(1, 2).payload_size(7),
                                   between_ipv6().udp(1, 2).payload_size(7),
                                   between_ipv6().sctp(1, 2).chunk(0, 3, kOption),
                                   between_ipv6().icmpv6_echo(1, 2).payload_size(7)};
    for (const PacketBuilder& kind : kinds) {
        EXPECT_TRUE(has_good_checksums(kind.build()));
        PacketBuilder wrong = kind;
        EXPECT_THAT(bad_checksums(wrong.bad_l4_checksum().build()), Not(IsEmpty()));
        PacketBuilder behind_headers = kind;
        EXPECT_TRUE(has_good_checksums(
            behind_headers.extension_header(0, kOption).extension_header(60).build()));
    }
    EXPECT_THAT(bad_checksums(between_ipv6().udp(1, 2).no_udp_checksum().build()), Not(IsEmpty()));
}

TEST(PacketBuilder, ExtensionHeadersNameTheirNext) {
    const Frame frame = between_ipv6()
                            .extension_header(0, kOption)
                            .extension_header(43, Frame{0, 0})
                            .extension_header(60, Frame(9, 0))
                            .extension_header(51, Frame(10, 0))
                            .fragment_id(0x01020304)
                            .udp(1, 2)
                            .build();
    const DecodedFrame decoded = decode(frame);
    ASSERT_TRUE(decoded.udp) << describe(frame);
    EXPECT_THAT(decoded.ipv6->extensions, ElementsAre(0, 43, 60, 51, 44));
    EXPECT_EQ(decoded.ipv6->header_bytes, 40 + 8 + 8 + 16 + 16 + 8);
    EXPECT_EQ(decoded.ipv6->fragment_id, 0x01020304U);
    EXPECT_FALSE(decoded.has_more_fragments());
    EXPECT_TRUE(has_good_checksums(frame));
}

TEST(PacketBuilder, SctpAndQinqReadBack) {
    const Frame frame = PacketBuilder()
                            .outer_vlan(100, 3)
                            .vlan(7)
                            .ipv4("10.0.0.1", "10.0.0.2")
                            .sctp(1000, 2000)
                            .verification_tag(0xdeadbeef)
                            .chunk(1, 0, Frame(16, 9))
                            .build();
    const DecodedFrame decoded = decode(frame);
    ASSERT_TRUE(decoded.sctp) << describe(frame);
    EXPECT_THAT(decoded.ethernet->vlans, ElementsAre(100, 7));
    EXPECT_THAT(decoded.ethernet->vlan_types, ElementsAre(0x88a8, 0x8100));
    EXPECT_EQ(decoded.sctp->verification_tag, 0xdeadbeefU);
    EXPECT_EQ(decoded.payload.size(), 20U);
    EXPECT_TRUE(has_good_checksums(frame));
}

TEST(PacketPieces, AQuoteReadsBackHoweverShort) {
    const Frame big = between_ipv6().tcp(5, 80).seq(77).payload_size(1000).build();
    const Frame error = PacketBuilder()
                            .ipv6("2001:db8:9::9", "2001:db8::1")
                            .icmp(2, 0, 1280)
                            .payload(ip_packet_of(big, 48))
                            .build();
    EXPECT_TRUE(has_good_checksums(error));
    const DecodedFrame quoted = decode_quote(decode(error).payload);
    ASSERT_TRUE(quoted.tcp) << quoted.problem;
    EXPECT_EQ(quoted.source(), endpoint("[2001:db8::1]:5"));
    EXPECT_EQ(quoted.tcp->seq, 77U);
}

TEST(PacketPieces, ChecksumsWithinTunnelsCount) {
    for (const bool is_bad : {false, true}) {
        PacketBuilder inner_builder = between_ipv6().tcp(5, 80).payload_size(3);
        if (is_bad) {
            inner_builder.bad_l4_checksum();
        }
        const Frame inner = ip_packet_of(inner_builder.build());
        const Frame tunnels[] = {
            PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").ip_protocol(41).payload(inner).build(),
            PacketBuilder()
                .ipv4("10.0.0.1", "10.0.0.2")
                .ip_protocol(47)
                .payload(gre_of(0x86dd, inner, GreChecksum::kThere))
                .build(),
            between_ipv6().ip_protocol(47).payload(gre_of(0x86dd, inner)).build()};
        for (const Frame& tunnel : tunnels) {
            EXPECT_EQ(bad_checksums(tunnel).empty(), !is_bad) << describe(tunnel);
        }
    }
}

TEST(PacketPieces, FragmentsAreTheWholeAgain) {
    const Frame whole_frames[] = {
        PacketBuilder().vlan(9).ipv4("10.0.0.1", "10.0.0.2").udp(5, 53).payload_size(100).build(),
        between_ipv6().extension_header(60, kOption).udp(5, 53).payload_size(100).build()};
    for (const Frame& whole : whole_frames) {
        const Frame packet = ip_packet_of(whole);
        const size_t header = decode(whole).ip_header_bytes();
        Frame data;
        const std::vector<Frame> fragments = fragments_of(whole, 48, 4711);
        ASSERT_EQ(fragments.size(), 3U);
        for (size_t i = 0; i < fragments.size(); ++i) {
            const DecodedFrame decoded = decode(fragments[i]);
            ASSERT_TRUE(decoded.is_ip()) << describe(fragments[i]);
            EXPECT_EQ(decoded.protocol(), 17);
            EXPECT_EQ(decoded.has_more_fragments(), i < 2);
            EXPECT_EQ(decoded.is_later_fragment(), i > 0);
            EXPECT_TRUE(has_good_checksums(fragments[i]));
            const Frame piece = ip_packet_of(fragments[i]);
            put_bytes(data, std::span(piece).subspan(decoded.ip_header_bytes()));
        }
        EXPECT_EQ(data, Frame(packet.begin() + static_cast<std::ptrdiff_t>(header), packet.end()));
    }
}

}  // namespace
}  // namespace director::test
