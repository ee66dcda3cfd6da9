// A probe's packet becomes the frame that a worker would send for a client's, by direct routing and
// in every tunnel, of every family; and the server's answer finds its way back. All checksums are
// computed anew.
#include "controlplane/daemon/probe_paths.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/codecs/tunnel.h"
#include "tests/support/packet_builder.h"
#include "tests/support/packet_pieces.h"

namespace director::daemon {
namespace {

using namespace director::test;  // NOLINT(google-build-using-namespace): words of packets
using dataplane::ForwardingMethod;
using dataplane::Tunnel;
using dataplane::TunnelChecksum;
using dataplane::TunnelKind;

constexpr MacAddress kOwnMac{{0x02, 0, 0, 0, 0, 0x77}};

IpAddress address(std::string_view text) {
    return *IpAddress::parse(text);
}

ProbeWay way() {
    ProbeWay way;
    way.id = dataplane::InterfaceId{3};
    way.interface.mac = kOwnMac;
    way.interface.ipv4 = address("192.0.2.1");
    way.interface.ipv6 = address("2001:db8::1");
    way.next_hop = address("192.0.2.9");
    return way;
}

ProbePath direct_to(std::string_view server, std::string_view vip = "198.51.100.4") {
    return {.virtual_address = address(vip),
            .server = address(server),
            .forwarding = ForwardingMethod::kDirect,
            .tunnel = {},
            .source = std::nullopt};
}

ProbePath tunnel_to(std::string_view server,
                    TunnelKind kind,
                    TunnelChecksum checksum = TunnelChecksum::kNone,
                    std::string_view vip = "198.51.100.4") {
    ProbePath path = direct_to(server, vip);
    path.forwarding = ForwardingMethod::kTunnel;
    path.tunnel = {kind, checksum, Be16::from_host(kind == TunnelKind::kGue ? 6080 : 0)};
    return path;
}

// The SYN of a probe of `path`, as it comes out of the probes' network.
Frame syn_of(const ProbePaths& paths, const ProbePath& path, uint16_t port) {
    return ip_packet_of(PacketBuilder()
                            .ip(*paths.inner_address(number_of(path)), path.virtual_address)
                            .tcp(port, 80)
                            .tcp_flags(kTcpSyn)
                            .seq(7)
                            .build());
}

class ProbePathsTest : public testing::Test {
  protected:
    Frame wrapped(const ProbePath& path, const Frame& packet) {
        return paths.wrapped(path, packet, way(), now);
    }
    // The port of ours that the frame, or what is in its tunnel, comes from.
    static uint16_t port_of(const Frame& frame, size_t inner_at, bool is_ipv6 = false) {
        return dataplane::load_be16(&frame.at(inner_at + (is_ipv6 ? 40 : 20)));
    }

    ProbePaths paths;
    TimePoint now;
};

TEST_F(ProbePathsTest, DirectRoutingSendsToTheVirtualAddressFromOurs) {
    const ProbePath path = direct_to("192.0.2.9");
    paths.put({path});
    const Frame syn = syn_of(paths, path, 41000);
    ASSERT_EQ(paths.path_of(syn), paths.path_of(syn));
    ASSERT_TRUE(paths.path_of(syn));
    EXPECT_EQ(*paths.path_of(syn), path);
    const Frame frame = wrapped(path, syn);
    ASSERT_FALSE(frame.empty());
    const uint16_t port = port_of(frame, 14);
    EXPECT_GE(port, ProbePaths::kFirstPort);
    EXPECT_LT(port, 32768) << "Linux's own begin there";
    EXPECT_EQ(frame,
              PacketBuilder()
                  .eth(kOwnMac, MacAddress{})
                  .ipv4("192.0.2.1", "198.51.100.4")
                  .tcp(port, 80)
                  .tcp_flags(kTcpSyn)
                  .seq(7)
                  .build());
}

TEST_F(ProbePathsTest, TheAnswerGoesToWhoAsked) {
    const ProbePath one = direct_to("192.0.2.9");
    const ProbePath two = direct_to("192.0.2.10");
    paths.put({one, two});
    // From the same port of two networks' addresses: told apart by ports of ours.
    const uint16_t port_one = port_of(wrapped(one, syn_of(paths, one, 41000)), 14);
    const uint16_t port_two = port_of(wrapped(two, syn_of(paths, two, 41000)), 14);
    ASSERT_NE(port_one, port_two);
    const auto answer = [](uint16_t port) {
        return PacketBuilder()
            .vlan(7)
            .ipv4("198.51.100.4", "192.0.2.1")
            .tcp(80, port)
            .tcp_flags(kTcpSyn | kTcpAck)
            .pad_to(64)
            .build();
    };
    for (const auto& [path, port] : {std::pair(one, port_one), std::pair(two, port_two)}) {
        const auto packet = paths.answer_in(answer(port), now);
        ASSERT_TRUE(packet);
        EXPECT_EQ(*packet,
                  ip_packet_of(PacketBuilder()
                                   .ip(path.virtual_address, *paths.inner_address(number_of(path)))
                                   .tcp(80, 41000)
                                   .tcp_flags(kTcpSyn | kTcpAck)
                                   .build()));
    }
}

TEST_F(ProbePathsTest, NobodyElsesPacketIsAnAnswer) {
    const ProbePath path = direct_to("192.0.2.9");
    EXPECT_FALSE(paths.answer_in(PacketBuilder().ipv4("1.2.3.4", "5.6.7.8").tcp(1, 2).build(), now))
        << "without any path";
    paths.put({path});
    const uint16_t port = port_of(wrapped(path, syn_of(paths, path, 41000)), 14);
    const auto is_answer = [this](std::string_view from,
                                  std::string_view to,
                                  uint16_t from_port,
                                  uint16_t to_port,
                                  bool is_udp = false) {
        PacketBuilder builder;
        builder.ipv4(from, to);
        is_udp ? builder.udp(from_port, to_port) : builder.tcp(from_port, to_port);
        return paths.answer_in(builder.build(), now).has_value();
    };
    EXPECT_TRUE(is_answer("198.51.100.4", "192.0.2.1", 80, port));
    EXPECT_FALSE(is_answer("198.51.100.5", "192.0.2.1", 80, port)) << "not the virtual address";
    EXPECT_FALSE(is_answer("198.51.100.4", "192.0.2.2", 80, port)) << "not to us";
    EXPECT_FALSE(is_answer("198.51.100.4", "192.0.2.1", 81, port)) << "another service";
    EXPECT_FALSE(is_answer("198.51.100.4", "192.0.2.1", 80, port, true)) << "another protocol";
    for (const uint16_t other : {uint16_t{80}, uint16_t{9999}, uint16_t{32768}, uint16_t{65535}}) {
        EXPECT_FALSE(is_answer("198.51.100.4", "192.0.2.1", 80, other)) << other;
    }
    EXPECT_FALSE(is_answer("198.51.100.4", "192.0.2.1", 80, static_cast<uint16_t>(port + 1)));
    const Frame whole = PacketBuilder().ipv4("198.51.100.4", "192.0.2.1").tcp(80, port).build();
    for (size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(paths.answer_in(std::span(whole).first(length), now)) << length;
    }
    paths.put({});
    EXPECT_FALSE(is_answer("198.51.100.4", "192.0.2.1", 80, port)) << "its path is gone";
}

TEST_F(ProbePathsTest, AnswersToEchoesAndUdpAndIpv6) {
    const ProbePath path = direct_to("2001:db8::9", "2001:db8:1::4");
    paths.put({path});
    const IpAddress inner = *paths.inner_address(number_of(path));
    const IpAddress vip = path.virtual_address;
    const IpAddress own = way().interface.ipv6;

    const Frame ping = wrapped(
        path,
        ip_packet_of(PacketBuilder().ipv6(inner, vip).icmpv6_echo(5, 6).payload("abc").build()));
    ASSERT_FALSE(ping.empty());
    const uint16_t id = dataplane::load_be16(&ping.at(14 + 40 + 4));
    EXPECT_EQ(ping,
              PacketBuilder()
                  .eth(kOwnMac, MacAddress{})
                  .ipv6(own, vip)
                  .icmpv6_echo(id, 6)
                  .payload("abc")
                  .build());
    const auto pong = paths.answer_in(
        PacketBuilder().ipv6(vip, own).icmpv6_echo_reply(id, 6).payload("abc").build(), now);
    ASSERT_TRUE(pong);
    EXPECT_EQ(*pong,
              ip_packet_of(
                  PacketBuilder().ipv6(vip, inner).icmpv6_echo_reply(5, 6).payload("abc").build()));

    const Frame question =
        wrapped(path, ip_packet_of(PacketBuilder().ipv6(inner, vip).udp(5, 53).build()));
    ASSERT_FALSE(question.empty());
    const uint16_t port = port_of(question, 14, true);
    EXPECT_NE(port, id);
    const auto answer =
        paths.answer_in(PacketBuilder().ipv6(vip, own).udp(53, port).payload("x").build(), now);
    ASSERT_TRUE(answer);
    EXPECT_EQ(*answer,
              ip_packet_of(PacketBuilder().ipv6(vip, inner).udp(53, 5).payload("x").build()));
}

struct TunnelRow {
    const char* name;
    const char* server;
    const char* vip;
    TunnelKind kind;
    TunnelChecksum checksum;
    uint32_t outer_bytes;
};

class ProbeTunnelTest : public ProbePathsTest, public testing::WithParamInterface<TunnelRow> {};

// What the codec of the packet path writes is tested there; here, that it is asked the right thing.
TEST_P(ProbeTunnelTest, WrapsTheProbe) {
    const TunnelRow& row = GetParam();
    const ProbePath path = tunnel_to(row.server, row.kind, row.checksum, row.vip);
    paths.put({path});
    const Frame syn = syn_of(paths, path, 41000);
    const Frame frame = wrapped(path, syn);
    ASSERT_EQ(frame.size(), 14 + row.outer_bytes + syn.size());
    const bool is_outer_ipv6 = path.server.family() == Family::kIpv6;
    const bool is_inner_ipv6 = path.virtual_address.family() == Family::kIpv6;
    EXPECT_EQ(dataplane::load_be16(&frame[12]), is_outer_ipv6 ? 0x86dd : 0x0800);
    if (is_outer_ipv6) {
        EXPECT_EQ(IpAddress::load_ipv6(&frame[14 + 8]), way().interface.ipv6);
        EXPECT_EQ(IpAddress::load_ipv6(&frame[14 + 24]), path.server);
    } else {
        EXPECT_EQ(IpAddress(dataplane::load_address(&frame[14 + 12])), way().interface.ipv4);
        EXPECT_EQ(IpAddress(dataplane::load_address(&frame[14 + 16])), path.server);
    }
    const auto payload = dataplane::tunnel_payload_offset(
        frame[14 + (is_outer_ipv6 ? 6 : 9)],
        &frame[14 + (is_outer_ipv6 ? 40U : 20U)],
        static_cast<uint32_t>(frame.size() - 14 - (is_outer_ipv6 ? 40U : 20U)),
        Be16::from_host(6080));
    ASSERT_TRUE(payload);
    const size_t inner_at = 14 + (is_outer_ipv6 ? 40U : 20U) + *payload;
    ASSERT_EQ(inner_at, 14 + row.outer_bytes);
    const uint16_t port = port_of(frame, inner_at, is_inner_ipv6);
    const Frame inner(frame.begin() + static_cast<ptrdiff_t>(inner_at), frame.end());
    const Frame wanted = ip_packet_of(
        PacketBuilder()
            .ip(is_inner_ipv6 ? way().interface.ipv6 : way().interface.ipv4, path.virtual_address)
            .tcp(port, 80)
            .tcp_flags(kTcpSyn)
            .seq(7)
            .build());
    if (row.checksum != TunnelChecksum::kRemote) {  // leaves the inner sum to the receiver
        EXPECT_EQ(inner, wanted);
    }
    EXPECT_TRUE(paths.answer_in(
        PacketBuilder()
            .ip(path.virtual_address, is_inner_ipv6 ? way().interface.ipv6 : way().interface.ipv4)
            .tcp(80, port)
            .build(),
        now))
        << "the answer comes without tunnel";
}

constexpr const char* kVip = "198.51.100.4";
constexpr const char* kVip6 = "2001:db8:1::4";
constexpr auto kNone = TunnelChecksum::kNone;
constexpr auto kFull = TunnelChecksum::kFull;

INSTANTIATE_TEST_SUITE_P(
    EveryKind,
    ProbeTunnelTest,
    testing::Values(
        TunnelRow{"IpIp4in4", "192.0.2.9", kVip, TunnelKind::kIpIp, kNone, 20},
        TunnelRow{"IpIp6in4", "192.0.2.9", kVip6, TunnelKind::kIpIp, kNone, 20},
        TunnelRow{"IpIp4in6", "2001:db8::9", kVip, TunnelKind::kIpIp, kNone, 40},
        TunnelRow{"IpIp6in6", "2001:db8::9", kVip6, TunnelKind::kIpIp, kNone, 40},
        TunnelRow{"Gre4in4", "192.0.2.9", kVip, TunnelKind::kGre, kNone, 24},
        TunnelRow{"Gre6in6", "2001:db8::9", kVip6, TunnelKind::kGre, kNone, 44},
        TunnelRow{"GreChecksum", "192.0.2.9", kVip, TunnelKind::kGre, kFull, 28},
        TunnelRow{"Gue4in4", "192.0.2.9", kVip, TunnelKind::kGue, kNone, 32},
        TunnelRow{"Gue6in6", "2001:db8::9", kVip6, TunnelKind::kGue, kNone, 52},
        TunnelRow{"GueChecksum", "192.0.2.9", kVip, TunnelKind::kGue, kFull, 32},
        TunnelRow{"GueRemote", "192.0.2.9", kVip, TunnelKind::kGue, TunnelChecksum::kRemote, 40}),
    [](const auto& row) { return row.param.name; });

TEST_F(ProbePathsTest, WithoutAnAddressOfTheFamilyNothingIsSent) {
    const ProbePath path = direct_to("2001:db8::9", "2001:db8:1::4");
    paths.put({path});
    ProbeWay bare = way();
    bare.interface.ipv6 = IpAddress();
    EXPECT_TRUE(paths.wrapped(path, syn_of(paths, path, 41000), bare, now).empty());
    ProbePath own = path;
    own.source = address("2001:db8::44");
    paths.put({own});
    const Frame frame = paths.wrapped(own, syn_of(paths, own, 41000), bare, now);
    ASSERT_FALSE(frame.empty()) << "a check's own source";
    EXPECT_EQ(IpAddress::load_ipv6(&frame[14 + 8]), address("2001:db8::44"));
}

TEST_F(ProbePathsTest, PathsThatStayKeepWhatIsUnderWay) {
    const ProbePath one = direct_to("192.0.2.9");
    const ProbePath two = direct_to("192.0.2.10");
    const ProbePath three = direct_to("192.0.2.11");
    paths.put({one, two});
    const IpAddress inner = *paths.inner_address(number_of(two));
    const IpAddress freed = *paths.inner_address(number_of(one));
    const uint16_t port = port_of(wrapped(two, syn_of(paths, two, 41000)), 14);
    paths.put({three, two});
    EXPECT_EQ(paths.inner_address(number_of(two)), inner);
    EXPECT_EQ(paths.inner_address(number_of(one)), std::nullopt);
    EXPECT_EQ(paths.inner_address(number_of(three)), freed) << "addresses are used again";
    EXPECT_TRUE(paths.answer_in(
        PacketBuilder().ipv4("198.51.100.4", "192.0.2.1").tcp(80, port).build(), now));
}

// 5,000 servers each second: a port comes round in 4.5 s.
TEST_F(ProbePathsTest, PortsComeRoundAndThoseInUseAreLeftAlone) {
    const ProbePath path = direct_to("192.0.2.9");
    paths.put({path});
    const uint16_t slow = port_of(wrapped(path, syn_of(paths, path, 1)), 14);
    for (uint32_t i = 0; i < ProbePaths::kPorts - 1; ++i) {
        const auto inner_port = static_cast<uint16_t>(2 + i);
        ASSERT_NE(port_of(wrapped(path, syn_of(paths, path, inner_port)), 14), slow) << i;
    }
    now += ProbePaths::kPortRest;
    EXPECT_EQ(port_of(wrapped(path, syn_of(paths, path, 1)), 14), slow) << "still its own";
    EXPECT_NE(port_of(wrapped(path, syn_of(paths, path, 40000)), 14), slow);
}

TEST(ProbePathNumbers, AreTheSameForEqualPathsAlone) {
    const ProbePath path = tunnel_to("192.0.2.9", TunnelKind::kGue);
    EXPECT_EQ(number_of(path), number_of(path));
    std::vector<ProbePath> others{tunnel_to("192.0.2.10", TunnelKind::kGue),
                                  tunnel_to("192.0.2.9", TunnelKind::kGre),
                                  tunnel_to("192.0.2.9", TunnelKind::kGue, TunnelChecksum::kFull),
                                  tunnel_to("192.0.2.9", TunnelKind::kGue, kNone, "198.51.100.5"),
                                  direct_to("192.0.2.9"),
                                  path};
    others.back().source = address("192.0.2.3");
    for (const ProbePath& other : others) {
        EXPECT_NE(number_of(other), number_of(path));
    }
}

}  // namespace
}  // namespace director::daemon
