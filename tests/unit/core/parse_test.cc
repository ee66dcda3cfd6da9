// Every bound of every header that the stages read: fields take all their values, frames are cut at
// every byte and lie in pieces of every length. FrameBurst puts each frame at the end of a heap
// block, so that AddressSanitizer sees a read beyond it.
#include <fmt/format.h>

#include <gtest/gtest.h>

#include "dataplane/core/worker_state.h"
#include "tests/support/frame_burst.h"

namespace director::dataplane {
namespace {

using test::Frame;
using test::FrameBurst;
using test::PacketBuilder;

constexpr uint32_t kEthernet = 14;

class Parse : public ::testing::Test {
  protected:
    // The packet after the stage; it points into `burst_`.
    Packet parse(const Frame& frame) { return parse(frame, static_cast<uint32_t>(frame.size())); }

    Packet parse(const Frame& frame, uint32_t contiguous_bytes) {
        burst_.clear();
        burst_.add(frame).contiguous_bytes = contiguous_bytes;
        parse_burst(state_, burst_.burst());
        return burst_.packet(0);
    }

    // kCount: not dropped.
    DropReason reason(const Frame& frame) { return reason_of(parse(frame)); }

    static DropReason reason_of(const Packet& packet) {
        EXPECT_TRUE(packet.verdict == Verdict::kDrop || packet.verdict == Verdict::kUndecided);
        return packet.verdict == Verdict::kDrop ? packet.drop_reason : DropReason::kCount;
    }

    Worker::State state_{WorkerSettings{}};
    FrameBurst burst_;
};

[[nodiscard]] PacketBuilder tcp() {
    return PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").tcp(1234, 80);
}

[[nodiscard]] PacketBuilder udp() {
    return PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").udp(1234, 53);
}

TEST_F(Parse, TakesTcp) {
    const Frame frame = tcp().tcp_flags(test::kTcpSyn | test::kTcpPsh).payload_size(7).build();
    const Packet packet = parse(frame);
    EXPECT_EQ(packet.verdict, Verdict::kUndecided);
    EXPECT_TRUE(packet.is_ipv4);
    EXPECT_TRUE(packet.has_ports);
    EXPECT_FALSE(packet.is_group_frame);
    EXPECT_EQ(packet.vlan, VlanTags{});
    EXPECT_EQ(packet.l3_offset, kEthernet);
    EXPECT_EQ(packet.l4_offset, kEthernet + 20);
    EXPECT_EQ(packet.ip_length, 47);
    EXPECT_EQ(packet.protocol, Protocol::kTcp);
    EXPECT_EQ(packet.tcp_flags, test::kTcpSyn | test::kTcpPsh);
    EXPECT_EQ(packet.source,
              FlowEnd::of(Protocol::kTcp, test::ip("10.0.0.1"), Be16::from_host(1234)));
    EXPECT_EQ(packet.destination,
              FlowEnd::of(Protocol::kTcp, test::ip("10.0.0.2"), Be16::from_host(80)));
}

TEST_F(Parse, TakesUdpBehindATagAndOptions) {
    const std::vector<uint8_t> options(40, 1);
    const Packet packet = parse(PacketBuilder()
                                    .vlan(4095, 7)
                                    .ipv4("10.0.0.1", "10.0.0.2")
                                    .ip_options(options)
                                    .udp(1, 65535)
                                    .build());
    EXPECT_EQ(packet.verdict, Verdict::kUndecided);
    EXPECT_TRUE(packet.has_ports);
    EXPECT_EQ(packet.vlan, (VlanTags{4095, 0}));
    EXPECT_EQ(packet.l3_offset, kEthernet + 4);
    EXPECT_EQ(packet.l4_offset, kEthernet + 4 + 60);
    EXPECT_EQ(packet.destination,
              FlowEnd::of(Protocol::kUdp, test::ip("10.0.0.2"), Be16::from_host(65535)));
}

TEST_F(Parse, TakesAPriorityTagAsUntagged) {
    const Packet packet = parse(PacketBuilder().vlan(0, 5).ipv4("10.0.0.1", "10.0.0.2").build());
    EXPECT_EQ(packet.vlan, VlanTags{});
    EXPECT_EQ(packet.l3_offset, kEthernet + 4);
    EXPECT_TRUE(packet.is_ipv4);
}

TEST_F(Parse, LeavesOtherProtocolsAndTheirFragmentsWithoutPorts) {
    for (const uint8_t protocol : std::initializer_list<uint8_t>{0, 1, 2, 47, 50, 255}) {
        const Packet packet = parse(PacketBuilder()
                                        .ipv4("10.0.0.1", "10.0.0.2")
                                        .ip_protocol(protocol)
                                        .more_fragments()
                                        .payload_size(1)
                                        .build());
        EXPECT_EQ(packet.verdict, Verdict::kUndecided);
        EXPECT_TRUE(packet.is_ipv4);
        EXPECT_FALSE(packet.has_ports);
    }
}

TEST_F(Parse, LeavesWhatIsNotIpUnread) {
    for (const uint16_t type :
         std::initializer_list<uint16_t>{0x0600, 0x0806, 0x8864, 0x8847, 0xffff}) {
        const Packet packet = parse(PacketBuilder().ether_type(type).build());
        EXPECT_EQ(packet.verdict, Verdict::kUndecided) << type;
        EXPECT_FALSE(packet.is_ipv4);
        EXPECT_FALSE(packet.is_ipv6);
        EXPECT_FALSE(packet.has_ports);
    }
}

TEST_F(Parse, NothingOfThePacketBeforeStays) {
    FrameBurst frames;
    Packet& packet = frames.add(PacketBuilder().ether_type(0x0806).build());
    packet.has_ports = true;
    packet.is_ipv4 = true;
    packet.connection = 3;
    packet.service = ServiceId{3};
    packet.tcp_flags = 0xff;
    packet.vlan = {9, 8};
    packet.verdict = Verdict::kForward;
    parse_burst(state_, frames.burst());
    EXPECT_EQ(packet.verdict, Verdict::kUndecided);
    EXPECT_FALSE(packet.has_ports);
    EXPECT_FALSE(packet.is_ipv4);
    EXPECT_EQ(packet.connection, kNoConnection);
    EXPECT_EQ(packet.service, kNoService);
    EXPECT_EQ(packet.tcp_flags, 0);
    EXPECT_EQ(packet.vlan, VlanTags{});
}

TEST_F(Parse, GroupBitOfTheDestination) {
    EXPECT_TRUE(parse(PacketBuilder().eth({}, test::kBroadcastMac).build()).is_group_frame);
    EXPECT_TRUE(
        parse(PacketBuilder().eth({}, test::mac("01:00:5e:00:00:01")).build()).is_group_frame);
    EXPECT_FALSE(
        parse(PacketBuilder().eth({}, test::mac("02:00:5e:00:00:01")).build()).is_group_frame);
}

// --- Cut and in pieces ---

TEST_F(Parse, EveryTypeBelow0x600IsALength) {
    for (uint16_t type = 0; type < 0x600; ++type) {
        ASSERT_EQ(reason(PacketBuilder().ether_type(type).build()), DropReason::kNotEthernetII);
    }
    EXPECT_EQ(reason(PacketBuilder().vlan(3).ether_type(0x05ff).build()),
              DropReason::kNotEthernetII);
}

TEST_F(Parse, CutAtEveryByte) {
    const std::vector<uint8_t> options{1, 1, 1, 0};
    for (const bool is_tagged : {false, true}) {
        for (const bool is_tcp : {false, true}) {
            PacketBuilder builder;
            if (is_tagged) {
                builder.vlan(7);
            }
            builder.ipv4("10.0.0.1", "10.0.0.2").ip_options(options);
            is_tcp ? builder.tcp(1, 2).tcp_options(options) : builder.udp(1, 2);
            const Frame whole = builder.payload_size(9).build();
            const uint32_t l3 = is_tagged ? 18 : 14;
            for (size_t length = 0; length < whole.size(); ++length) {
                const DropReason expected =
                    length < l3 + 20 ? DropReason::kTruncated : DropReason::kBadIpLength;
                ASSERT_EQ(reason(PacketBuilder(builder).truncate_to(length).build()), expected)
                    << length;
            }
            EXPECT_EQ(reason(whole), DropReason::kCount);
        }
    }
}

TEST_F(Parse, InPiecesOfEveryLength) {
    const std::vector<uint8_t> options{1, 1, 1, 0};
    for (const bool is_tcp : {false, true}) {
        PacketBuilder builder;
        builder.vlan(7).ipv4("10.0.0.1", "10.0.0.2").ip_options(options);
        is_tcp ? builder.tcp(1, 2).tcp_options(options) : builder.udp(1, 2);
        const Frame whole = builder.payload_size(40).build();
        const uint32_t needed = 18 + 24 + (is_tcp ? 20 : 8);
        for (uint32_t piece = 0; piece <= whole.size(); ++piece) {
            ASSERT_EQ(reason_of(parse(whole, piece)),
                      piece < needed ? DropReason::kTruncated : DropReason::kCount)
                << piece;
        }
    }
}

// --- Fields ---

TEST_F(Parse, EveryVersionAndHeaderLength) {
    for (uint8_t version = 0; version < 16; ++version) {
        for (uint8_t words = 0; words < 16; ++words) {
            // Long enough for any header; a checksum over the claimed length is wrong unless the
            // port vouches for it.
            const Frame frame =
                udp().payload_size(60).ip_version(version).ip_header_words(words).build();
            burst_.clear();
            burst_.add(frame).ip_checksum = ChecksumCheck::kGood;
            parse_burst(state_, burst_.burst());
            const DropReason got = reason_of(burst_.packet(0));
            if (version != 4 || words < 5) {
                ASSERT_EQ(got, DropReason::kBadIpHeader) << int{version} << " " << int{words};
            } else {
                ASSERT_NE(got, DropReason::kBadIpHeader) << int{version} << " " << int{words};
            }
        }
    }
}

TEST_F(Parse, EveryTotalLength) {
    const Frame whole = udp().payload_size(10).pad_to(60).build();  // 38 bytes of IP, 8 of padding
    for (uint32_t total = 0; total <= 0xffff; total += total < 100 ? 1 : 37) {
        const DropReason got = reason(udp()
                                          .payload_size(10)
                                          .pad_to(60)
                                          .udp_length(8)
                                          .ip_total_length(static_cast<uint16_t>(total))
                                          .build());
        const DropReason expected = total < 20 || total > 46 ? DropReason::kBadIpLength
                                    : total < 28             ? DropReason::kBadL4Header
                                                             : DropReason::kCount;
        ASSERT_EQ(got, expected) << total;
    }
    EXPECT_EQ(reason(whole), DropReason::kCount);
}

TEST_F(Parse, EveryDataOffset) {
    for (uint32_t room = 0; room <= 44; room += 4) {
        for (uint8_t words = 0; words < 16; ++words) {
            const DropReason got = reason(tcp().payload_size(room).tcp_header_words(words).build());
            const bool fits = words >= 5 && words * 4U <= 20 + room;
            ASSERT_EQ(got, fits ? DropReason::kCount : DropReason::kBadL4Header)
                << int{words} << " with " << room;
        }
    }
}

TEST_F(Parse, EveryUdpLength) {
    for (uint32_t length = 0; length < 64; ++length) {
        const DropReason got =
            reason(udp().payload_size(20).udp_length(static_cast<uint16_t>(length)).build());
        ASSERT_EQ(got, length < 8 || length > 28 ? DropReason::kBadL4Header : DropReason::kCount)
            << length;
    }
    EXPECT_EQ(reason(udp().udp_length(0xffff).build()), DropReason::kBadL4Header);
}

TEST_F(Parse, EveryFragmentField) {
    const auto is_fragment = [&](const Frame& frame) {
        const Packet packet = parse(frame);
        EXPECT_EQ(reason_of(packet), DropReason::kCount);
        EXPECT_NE(packet.is_fragment, packet.has_ports);
        return packet.is_fragment;
    };
    EXPECT_FALSE(is_fragment(tcp().dont_fragment().build()));
    EXPECT_TRUE(is_fragment(tcp().more_fragments().build()));
    EXPECT_TRUE(is_fragment(udp().more_fragments().build()));
    for (uint32_t offset = 8; offset <= 65528; offset *= 2) {
        EXPECT_TRUE(is_fragment(PacketBuilder()
                                    .ipv4("10.0.0.1", "10.0.0.2")
                                    .ip_protocol(17)
                                    .fragment_offset(static_cast<uint16_t>(offset))
                                    .payload_size(8)
                                    .build()))
            << offset;
    }
    // A later fragment may be shorter than any header.
    EXPECT_TRUE(is_fragment(PacketBuilder()
                                .ipv4("10.0.0.1", "10.0.0.2")
                                .ip_protocol(6)
                                .fragment_offset(1480)
                                .payload_size(1)
                                .build()));
    const auto ipv6 = [] { return PacketBuilder().ipv6("2001:db8::1", "2001:db8::2"); };
    EXPECT_FALSE(is_fragment(ipv6().udp(1, 2).build()));
    EXPECT_FALSE(is_fragment(ipv6().fragment_id(1).udp(1, 2).build()));  // atomic: RFC 6946
    EXPECT_TRUE(
        is_fragment(ipv6().fragment_id(1).more_fragments().udp(1, 2).payload_size(8).build()));
    EXPECT_TRUE(is_fragment(
        ipv6().fragment_id(1).fragment_offset(8).ip_protocol(17).payload_size(8).build()));
}

TEST_F(Parse, AnyWrongBitOfTheIpHeaderIsSeen) {
    const Frame whole = tcp().build();
    for (size_t bit = kEthernet * 8; bit < (kEthernet + 20) * 8; ++bit) {
        Frame frame = whole;
        frame[bit / 8] = static_cast<uint8_t>(frame[bit / 8] ^ (0x80U >> bit % 8));
        ASSERT_NE(reason(frame), DropReason::kCount) << bit;
    }
}

TEST_F(Parse, BelievesThePortAboutTheIpChecksum) {
    for (const bool is_right : {false, true}) {
        const Frame frame = is_right ? tcp().build() : tcp().bad_ip_checksum().build();
        const auto with = [&](ChecksumCheck check) {
            burst_.clear();
            burst_.add(frame).ip_checksum = check;
            parse_burst(state_, burst_.burst());
            return reason_of(burst_.packet(0));
        };
        EXPECT_EQ(with(ChecksumCheck::kGood), DropReason::kCount);
        EXPECT_EQ(with(ChecksumCheck::kBad), DropReason::kBadIpChecksum);
        EXPECT_EQ(with(ChecksumCheck::kUnknown),
                  is_right ? DropReason::kCount : DropReason::kBadIpChecksum);
    }
}

}  // namespace
}  // namespace director::dataplane
