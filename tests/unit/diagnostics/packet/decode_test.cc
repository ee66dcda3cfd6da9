// IP, extension headers, tunnels, fragments, and packets that are cut or contradict themselves.
#include "diagnostics/packet/decode.h"

#include <gtest/gtest.h>

#include "common/random.h"
#include "tests/unit/diagnostics/packet/decode_support.h"

namespace director::diagnostics {
namespace {

using test::Frame;
using test::PacketBuilder;

[[nodiscard]] PacketBuilder tcp4() {
    return PacketBuilder().ipv4("192.0.2.1", "198.51.100.2").tcp(1234, 80);
}
[[nodiscard]] PacketBuilder tcp6() {
    return PacketBuilder().ipv6("2001:db8::1", "2001:db8::2").tcp(1234, 80);
}

TEST(Decode, EveryFieldOfIpv4AndTcp) {
    const Frame frame = tcp4()
                            .ttl(57)
                            .tos(0xb9)
                            .ip_id(0xbeef)
                            .dont_fragment()
                            .seq(0x01020304)
                            .ack(0x05060708)
                            .tcp_flags(kSyn | kPsh | kUrg)
                            .window(4321)
                            .urgent_pointer(7)
                            .payload("abc")
                            .build();
    const Headers headers = decode_frame(frame);
    EXPECT_EQ(headers.layer3, Layer3::kIpv4);
    EXPECT_EQ(to_string(headers.ip.source), "192.0.2.1");
    EXPECT_EQ(to_string(headers.ip.destination), "198.51.100.2");
    EXPECT_EQ(headers.ip.ttl, 57);
    EXPECT_EQ(headers.ip.tos, 0xb9);
    EXPECT_EQ(headers.ip.identification, 0xbeefU);
    EXPECT_TRUE(headers.ip.has_dont_fragment);
    EXPECT_FALSE(headers.ip.is_fragment);
    EXPECT_EQ(headers.ip.flags_and_offset, 0x4000);
    EXPECT_EQ(headers.ip.header_bytes, 20);
    EXPECT_EQ(headers.ip.payload_bytes, 23U);
    EXPECT_EQ(headers.ip.protocol, 6);
    EXPECT_EQ(headers.ip.checksum.verdict, ChecksumVerdict::kGood);
    EXPECT_EQ(headers.l3_offset, 14U);
    EXPECT_EQ(headers.l4_offset, 34U);
    EXPECT_EQ(headers.source_port, 1234);
    EXPECT_EQ(headers.destination_port, 80);
    EXPECT_EQ(headers.tcp.sequence, 0x01020304U);
    EXPECT_EQ(headers.tcp.acknowledgement, 0x05060708U);
    EXPECT_EQ(headers.tcp.flags, kSyn | kPsh | kUrg);
    EXPECT_EQ(headers.tcp.window, 4321);
    EXPECT_EQ(headers.tcp.urgent, 7);
    EXPECT_EQ(headers.tcp.header_bytes, 20);
    EXPECT_EQ(std::string(headers.payload.begin(), headers.payload.end()), "abc");
    EXPECT_EQ(headers.faults, 0);
}

TEST(Decode, EveryFieldOfIpv6) {
    const Headers headers =
        decode_frame(tcp6().tos(0x5a).flow_label(0xabcde).ttl(3).payload("abcd").build());
    EXPECT_EQ(headers.layer3, Layer3::kIpv6);
    EXPECT_EQ(to_string(headers.ip.destination), "2001:db8::2");
    EXPECT_EQ(headers.ip.tos, 0x5a);
    EXPECT_EQ(headers.ip.flow_label, 0xabcdeU);
    EXPECT_EQ(headers.ip.ttl, 3);
    EXPECT_EQ(headers.ip.header_bytes, 40);
    EXPECT_EQ(headers.ip.payload_bytes, 24U);
    EXPECT_EQ(headers.ip.checksum.verdict, ChecksumVerdict::kAbsent);
    EXPECT_EQ(headers.l4_checksum.verdict, ChecksumVerdict::kGood);
}

TEST(Decode, PaddingIsNoPayload) {
    const Headers headers = decode_frame(tcp4().pad_to(60).build());
    EXPECT_EQ(headers.payload_wire_bytes, 0U);
    EXPECT_EQ(headers.faults, 0);
    // More than an Ethernet card pads: IP's length is below what is there.
    EXPECT_EQ(decode_frame(tcp4().pad_to(80).build()).faults, kFaultLength);
}

TEST(Decode, ExtensionHeadersAreSteppedOver) {
    const std::vector<uint8_t> router_alert = {5, 2, 0, 0, 1, 0};
    const Frame frame =
        tcp6().extension_header(0, router_alert).extension_header(60).extension_header(43).build();
    const Headers headers = decode_frame(frame);
    EXPECT_EQ(headers.layer4, Layer4::kTcp);
    EXPECT_EQ(headers.ip.header_bytes, 64);
    EXPECT_EQ(headers.ip.hop_by_hop.size(), 8U);
    EXPECT_EQ(headers.ip.hop_by_hop[2], 5);
    EXPECT_EQ(headers.ip.destination_options.size(), 8U);
    EXPECT_EQ(headers.l4_offset, 14U + 64);
    EXPECT_EQ(headers.l4_checksum.verdict, ChecksumVerdict::kGood);
}

TEST(Decode, AChainThatDoesNotEndIsAFault) {
    PacketBuilder builder = tcp6();
    for (int i = 0; i < 30; ++i) {
        builder.extension_header(60);
    }
    const Headers headers = decode_frame(builder.build());
    EXPECT_EQ(headers.layer4, Layer4::kNone);
    EXPECT_NE(headers.faults & kFaultExtensions, 0);
}

TEST(Decode, FirstFragmentHasPortsLaterOnesNot) {
    const Headers first = decode_frame(tcp4().more_fragments().payload_size(28).build());
    EXPECT_TRUE(first.ip.is_fragment);
    EXPECT_EQ(first.destination_port, 80);
    EXPECT_EQ(first.ip.fragment_bytes, 48U);
    EXPECT_EQ(first.payload_wire_bytes, 28U);
    EXPECT_EQ(first.l4_checksum.verdict, ChecksumVerdict::kUnverified);
    const Headers later = decode_frame(PacketBuilder()
                                           .ipv4("192.0.2.1", "198.51.100.2")
                                           .ip_protocol(6)
                                           .fragment_offset(48)
                                           .payload_size(100)
                                           .build());
    EXPECT_TRUE(later.ip.is_fragment);
    EXPECT_EQ(later.ip.fragment_offset, 48U);
    EXPECT_EQ(later.layer4, Layer4::kNone);
    EXPECT_EQ(later.source_port, 0);
    EXPECT_EQ(later.payload_wire_bytes, 100U);
}

TEST(Decode, Ipv6FragmentsAndAtomicOnes) {
    const Headers first =
        decode_frame(tcp6().fragment_id(77).more_fragments().payload_size(28).build());
    EXPECT_TRUE(first.ip.is_fragment);
    EXPECT_EQ(first.ip.identification, 77U);
    EXPECT_EQ(first.ip.fragment_bytes, 48U);
    EXPECT_EQ(first.destination_port, 80);
    // RFC 6946: a fragment header on a whole datagram.
    const Headers atomic = decode_frame(tcp6().fragment_id(78).payload("x").build());
    EXPECT_FALSE(atomic.ip.is_fragment);
    EXPECT_EQ(atomic.l4_checksum.verdict, ChecksumVerdict::kGood);
}

TEST(Decode, LengthsThatContradict) {
    EXPECT_NE(decode_frame(tcp4().ip_total_length(15).build()).faults & kFaultLength, 0);
    EXPECT_NE(decode_frame(tcp4().ip_header_words(4).build()).faults & kFaultLength, 0);
    const Headers beyond = decode_frame(tcp4().ip_total_length(1000).payload("x").build());
    EXPECT_NE(beyond.faults & kFaultLengthBeyond, 0);
    EXPECT_EQ(beyond.l4_checksum.verdict, ChecksumVerdict::kUnverified);
    EXPECT_EQ(beyond.payload_wire_bytes, 1U);
    EXPECT_EQ(decode_frame(tcp4().tcp_header_words(4).build()).faults, kFaultTcpHeader);
    EXPECT_EQ(decode_frame(tcp4().tcp_header_words(15).build()).faults, kFaultTcpHeader);
    const std::vector<uint8_t> past_end = {7, 40, 4, 0};
    EXPECT_EQ(decode_frame(tcp4().ip_options(past_end).build()).faults, kFaultIpOptions);
}

// What a sender's stack passes to its NIC to be cut into segments.
TEST(Decode, ASuperFrameHasNoLength) {
    const Headers headers = decode_frame(tcp4().ip_total_length(0).payload_size(3000).build());
    EXPECT_EQ(headers.payload_wire_bytes, 3000U);
    EXPECT_EQ(headers.faults, 0);
}

TEST(Decode, UdpLengths) {
    const auto udp = [](uint16_t length) {
        return decode_frame(PacketBuilder()
                                .ipv4("10.0.0.1", "10.0.0.2")
                                .udp(53, 5353)
                                .payload_size(20)
                                .udp_length(length)
                                .build());
    };
    EXPECT_EQ(udp(28).faults, 0);
    EXPECT_EQ(udp(18).faults, kFaultUdpLength | kFaultLength);
    EXPECT_EQ(udp(18).payload_wire_bytes, 10U);
    EXPECT_EQ(udp(300).faults, kFaultUdpLength | kFaultLengthBeyond);
    EXPECT_EQ(udp(300).l4_checksum.verdict, ChecksumVerdict::kUnverified);
    EXPECT_EQ(udp(3).faults, kFaultUdpLength | kFaultLength);
}

TEST(Decode, IcmpTypesAndIds) {
    const Headers four =
        decode_frame(PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").icmp_echo(4711, 2).build());
    EXPECT_EQ(four.layer4, Layer4::kIcmp);
    EXPECT_EQ(four.icmp_type, 8);
    EXPECT_EQ(four.icmp_id, 4711);
    EXPECT_EQ(four.source_port, 0);
    const Headers six =
        decode_frame(PacketBuilder().ipv6("fe80::1", "fe80::2").icmpv6_echo(4712, 2).build());
    EXPECT_EQ(six.layer4, Layer4::kIcmpv6);
    EXPECT_EQ(six.icmp_type, 128);
    EXPECT_EQ(six.icmp_id, 4712);
}

[[nodiscard]] Frame inner_ip() {
    const Frame inner = tcp6().payload("inside").build();
    return {inner.begin() + kEthernetHeaderBytes, inner.end()};
}

[[nodiscard]] Frame behind(std::initializer_list<uint8_t> header, const Frame& rest) {
    Frame all(header);
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
}

TEST(Decode, TunnelsWhenAsked) {
    const Frame inner_frame = tcp6().payload("inside").build();
    const PacketBuilder outer = PacketBuilder().ipv4("10.0.0.1", "10.0.0.2");
    const auto with = [&outer](uint8_t protocol, const Frame& payload) {
        return PacketBuilder(outer).ip_protocol(protocol).payload(payload).build();
    };
    const auto gue = [&outer](const Frame& payload) {
        return PacketBuilder(outer).udp(40000, 6080).payload(payload).build();
    };
    const std::vector<Frame> tunnels = {
        with(41, inner_ip()),
        with(47, behind({0, 0, 0x86, 0xdd}, inner_ip())),
        with(47, behind({0xb0, 0, 0x86, 0xdd, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, inner_ip())),
        with(47, behind({0, 0, 0x65, 0x58}, inner_frame)),
        gue(behind({1, 41, 0, 0, 9, 9, 9, 9}, inner_ip())),
        gue(inner_ip()),
    };
    for (size_t i = 0; i < tunnels.size(); ++i) {
        const Headers outside = decode_frame(tunnels[i]);
        EXPECT_EQ(outside.tunnel_depth, 0) << i;
        EXPECT_EQ(outside.layer3, Layer3::kIpv4) << i;
        const Headers inside = decode_frame(tunnels[i], {ChecksumMode::kAll, true});
        EXPECT_EQ(inside.tunnel_depth, 1) << i;
        EXPECT_EQ(inside.layer3, Layer3::kIpv6) << i;
        EXPECT_EQ(inside.destination_port, 80) << i;
        EXPECT_EQ(inside.l4_checksum.verdict, ChecksumVerdict::kGood) << i;
        EXPECT_EQ(inside.payload_wire_bytes, 6U) << i;
    }
    // What only looks like one stays what it is.
    const Headers not_gue = decode_frame(gue(Frame(20, 0xff)), {ChecksumMode::kAll, true});
    EXPECT_EQ(not_gue.tunnel_depth, 0);
    EXPECT_EQ(not_gue.layer4, Layer4::kUdp);
}

TEST(Decode, EveryCutKeepsWhatThereWas) {
    const Frame whole =
        tcp4().tcp_options(std::vector<uint8_t>{2, 4, 5, 0xb4}).payload("ab").build();
    const Headers uncut = decode_frame(whole);
    for (size_t kept = 0; kept < whole.size(); ++kept) {
        const Frame cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(kept));
        Packet packet = packet_of(cut);
        packet.wire_bytes = static_cast<uint32_t>(whole.size());
        const Headers headers = decode(packet);
        EXPECT_EQ((headers.faults & kFaultCut) != 0, kept < 14 + 20 + 24) << kept;
        EXPECT_EQ(headers.faults & ~kFaultCut, 0) << kept;
        EXPECT_EQ(headers.is_ip(), kept >= 34) << kept;
        EXPECT_EQ(headers.destination_port, kept >= 38 ? 80 : 0) << kept;
        if (kept >= 58) {
            EXPECT_EQ(headers.tcp.mss, uncut.tcp.mss) << kept;
            EXPECT_EQ(headers.payload_wire_bytes, 2U) << kept;
            EXPECT_EQ(headers.l4_checksum.verdict, ChecksumVerdict::kUnverified) << kept;
        }
    }
}

// Whatever the bytes are, spans lie within them; a sanitizer tells of a byte too far.
TEST(Decode, RandomBytesAreNeverReadPast) {
    Random random(42);
    const std::vector<Frame> seeds = {
        tcp4().payload_size(40).build(),
        tcp6().extension_header(0).extension_header(60).build(),
        PacketBuilder().ipv4("1.2.3.4", "4.3.2.1").sctp(1, 2).build()};
    for (int round = 0; round < 20'000; ++round) {
        Frame frame = seeds[random.below(seeds.size())];
        for (uint64_t i = 0; i < 4; ++i) {
            frame[random.below(frame.size())] = static_cast<uint8_t>(random.below(256));
        }
        frame.resize(random.below(frame.size() + 1));
        frame.shrink_to_fit();
        const Headers headers = decode_frame(frame, {ChecksumMode::kAll, true});
        for (const auto& span : {headers.payload, headers.ip.options, headers.tcp.options}) {
            ASSERT_TRUE(span.empty() || (span.data() >= frame.data() &&
                                         span.data() + span.size() <= frame.data() + frame.size()));
        }
    }
}

}  // namespace
}  // namespace director::diagnostics
