// Verdicts on checksums: right, wrong, left to a NIC, none, or not to be told. Frames come from the
// tests' own builder, which sums up in its own slow way.
#include <gtest/gtest.h>

#include "tests/unit/diagnostics/packet/decode_support.h"

namespace director::diagnostics {
namespace {

using test::Frame;
using test::PacketBuilder;

[[nodiscard]] std::vector<PacketBuilder> builders() {
    std::vector<PacketBuilder> all;
    for (const size_t bytes : {0U, 1U, 7U, 1000U}) {
        const auto four = [] { return PacketBuilder().ipv4("192.0.2.1", "198.51.100.2"); };
        const auto six = [] { return PacketBuilder().ipv6("2001:db8::1", "2001:db8::2"); };
        all.push_back(four().tcp(1, 2).payload_size(bytes));
        all.push_back(six().tcp(1, 2).payload_size(bytes));
        all.push_back(four().udp(1, 2).payload_size(bytes));
        all.push_back(six().udp(1, 2).payload_size(bytes));
        all.push_back(four().sctp(1, 2).payload_size(bytes));
        all.push_back(six().sctp(1, 2).payload_size(bytes));
        all.push_back(four().icmp_echo(1, 2).payload_size(bytes));
        all.push_back(six().icmpv6_echo(1, 2).payload_size(bytes));
    }
    return all;
}

TEST(Checksums, GoodAndBad) {
    for (PacketBuilder builder : builders()) {
        const Headers good = decode_frame(builder.build());
        EXPECT_EQ(good.l4_checksum.verdict, ChecksumVerdict::kGood);
        EXPECT_EQ(good.l4_checksum.found, good.l4_checksum.computed);
        const Headers bad = decode_frame(builder.bad_l4_checksum().build());
        EXPECT_EQ(bad.l4_checksum.verdict, ChecksumVerdict::kBad);
        EXPECT_EQ(bad.l4_checksum.computed, good.l4_checksum.found);
    }
}

TEST(Checksums, OnlyAsFarAsAsked) {
    const Frame frame = PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2).build();
    const Headers none = decode_frame(frame, {ChecksumMode::kNone, false});
    EXPECT_EQ(none.ip.checksum.verdict, ChecksumVerdict::kUnverified);
    EXPECT_EQ(none.l4_checksum.verdict, ChecksumVerdict::kUnverified);
    const Headers layer3 = decode_frame(frame, {ChecksumMode::kLayer3, false});
    EXPECT_EQ(layer3.ip.checksum.verdict, ChecksumVerdict::kGood);
    EXPECT_EQ(layer3.l4_checksum.verdict, ChecksumVerdict::kUnverified);
}

TEST(Checksums, OfIpv4Headers) {
    const auto builder = [] { return PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2); };
    EXPECT_EQ(decode_frame(builder().bad_ip_checksum().build()).ip.checksum.verdict,
              ChecksumVerdict::kBad);
    const std::vector<uint8_t> alert = {148, 4, 0, 0};
    EXPECT_EQ(decode_frame(builder().ip_options(alert).build()).ip.checksum.verdict,
              ChecksumVerdict::kGood);
    Frame unset = builder().build();
    unset[24] = unset[25] = 0;
    EXPECT_EQ(decode_frame(unset).ip.checksum.verdict, ChecksumVerdict::kOffloaded);
}

TEST(Checksums, NoneOverIpv4IsAbsentOverIpv6Bad) {
    const Frame four =
        PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).no_udp_checksum().build();
    EXPECT_EQ(decode_frame(four).l4_checksum.verdict, ChecksumVerdict::kAbsent);
    const Frame six =
        PacketBuilder().ipv6("fe80::1", "fe80::2").udp(1, 2).no_udp_checksum().build();
    EXPECT_EQ(decode_frame(six).l4_checksum.verdict, ChecksumVerdict::kBad);
}

// What Linux and BSD leave in the field: the pseudo header's sum, not complemented. Computed here
// by hand, in 16-bit words.
[[nodiscard]] uint16_t plain_pseudo_sum(const Frame& frame, uint32_t length) {
    uint32_t sum = 6 + length;
    for (size_t at = 26; at < 34; at += 2) {
        sum += static_cast<uint32_t>(frame[at] << 8 | frame[at + 1]);
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<uint16_t>(sum);
}

TEST(Checksums, LeftToANic) {
    Frame frame =
        PacketBuilder().ipv4("192.168.1.5", "10.9.8.7").tcp(1, 2).payload_size(2000).build();
    for (const uint32_t length : {2020U, 0U}) {
        const uint16_t partial = plain_pseudo_sum(frame, length);
        frame[50] = static_cast<uint8_t>(partial >> 8);
        frame[51] = static_cast<uint8_t>(partial);
        EXPECT_EQ(decode_frame(frame).l4_checksum.verdict, ChecksumVerdict::kOffloaded) << length;
        frame[51] ^= 1;
        EXPECT_EQ(decode_frame(frame).l4_checksum.verdict, ChecksumVerdict::kBad) << length;
    }
}

TEST(Checksums, SctpLeftToANicIsZero) {
    Frame frame = PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").sctp(1, 2).payload_size(8).build();
    frame[42] = frame[43] = frame[44] = frame[45] = 0;
    EXPECT_EQ(decode_frame(frame).l4_checksum.verdict, ChecksumVerdict::kOffloaded);
}

// UDP-Lite: the length's place is the coverage, the pseudo header has the whole length (RFC 3828).
[[nodiscard]] Frame udp_lite(uint16_t coverage, size_t payload_bytes, size_t covered) {
    Frame frame = PacketBuilder()
                      .ipv4("10.0.0.1", "10.0.0.2")
                      .udp(1000, 2000)
                      .ip_protocol(136)
                      .payload_size(payload_bytes)
                      .build();
    frame[38] = static_cast<uint8_t>(coverage >> 8);
    frame[39] = static_cast<uint8_t>(coverage);
    frame[40] = frame[41] = 0;
    uint32_t sum = 136 + 8 + static_cast<uint32_t>(payload_bytes);
    for (size_t at = 26; at < 34; at += 2) {
        sum += static_cast<uint32_t>(frame[at] << 8 | frame[at + 1]);
    }
    for (size_t at = 34; at < 34 + covered; ++at) {
        sum += at % 2 == 0 ? static_cast<uint32_t>(frame[at] << 8) : frame[at];
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    const uint32_t checksum = ~sum & 0xffff;
    frame[40] = static_cast<uint8_t>(checksum >> 8);
    frame[41] = static_cast<uint8_t>(checksum);
    return frame;
}

TEST(Checksums, UdpLiteCoversWhatItSays) {
    Frame part = udp_lite(20, 100, 20);
    Headers headers = decode_frame(part);
    EXPECT_EQ(headers.layer4, Layer4::kUdpLite);
    EXPECT_EQ(headers.destination_port, 2000);
    EXPECT_EQ(headers.l4_checksum.verdict, ChecksumVerdict::kGood);
    EXPECT_EQ(headers.payload_wire_bytes, 100U);
    part[34 + 30] ^= 1;  // not covered
    EXPECT_EQ(decode_frame(part).l4_checksum.verdict, ChecksumVerdict::kGood);
    part[34 + 19] ^= 1;
    EXPECT_EQ(decode_frame(part).l4_checksum.verdict, ChecksumVerdict::kBad);
    EXPECT_EQ(decode_frame(udp_lite(0, 101, 109)).l4_checksum.verdict, ChecksumVerdict::kGood);
    headers = decode_frame(udp_lite(7, 100, 20));
    EXPECT_EQ(headers.faults, kFaultCoverage);
    EXPECT_EQ(headers.l4_checksum.verdict, ChecksumVerdict::kUnverified);
    headers = decode_frame(udp_lite(500, 100, 20));
    EXPECT_EQ(headers.faults, kFaultCoverage | kFaultUdpLength);
}

TEST(Checksums, ASourceRoutesEndIsTheDestination) {
    // Loose source route, pointer at its only address: 10.0.0.9 is where the packet goes at last.
    const std::vector<uint8_t> route = {131, 7, 4, 10, 0, 0, 9, 0};
    Frame frame = PacketBuilder()
                      .ipv4("10.0.0.1", "10.0.0.2")
                      .ip_options(route)
                      .udp(1, 2)
                      .payload_size(4)
                      .build();
    EXPECT_EQ(decode_frame(frame).l4_checksum.verdict, ChecksumVerdict::kBad);
    // As 10.0.0.9 is 7 more than 10.0.0.2, the right checksum is 7 less (no carry here).
    const uint32_t found = decode_frame(frame).l4_checksum.found;
    EXPECT_EQ(decode_frame(frame).l4_checksum.computed, found - 7);
    frame[36] = 8;  // the pointer behind its end: the route is used up
    frame[24] = frame[25] = 0;
    EXPECT_EQ(decode_frame(frame).l4_checksum.verdict, ChecksumVerdict::kGood);
}

}  // namespace
}  // namespace director::diagnostics
