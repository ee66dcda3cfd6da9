// Interfaces, neighbours and routes: what a destination resolves to, when remembered answers become
// void, and that a slot which changes hands misdelivers nothing.
#include "dataplane/core/forwarder.h"

#include <gtest/gtest.h>

#include "tests/support/nat_lab.h"
#include "tests/support/packet_reader.h"

namespace director::dataplane {
namespace {

using namespace test::nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using test::PacketBuilder;
using test::StaticRoutes;
using test::WorkerFleet;

constexpr MacAddress kMac1{{2, 0, 0, 0, 1, 1}};
constexpr MacAddress kMac2{{2, 0, 0, 0, 1, 2}};
constexpr InterfaceId kEth0{0};
constexpr InterfaceId kEth1{1};

[[nodiscard]] Ipv4Address address(uint8_t last) {
    return Ipv4Address::of(10, 0, 0, last);
}

class ForwarderTest : public ::testing::Test {
  protected:
    ForwarderTest() {
        EXPECT_TRUE(forwarder_.put_interface(
            kEth0, {.port = PortId{0}, .mtu_bytes = 1500, .is_up = true, .mac = kMac1}));
        EXPECT_TRUE(forwarder_.put_interface(
            kEth1, {.port = PortId{1}, .vlan = 7, .mtu_bytes = 9000, .is_up = true, .mac = kMac2}));
        EXPECT_EQ(forwarder_.put_routes(routes_.table()), nullptr);
    }

    [[nodiscard]] NextHop resolve(const IpAddress& destination) const {
        NextHop answer;
        forwarder_.resolve({&destination, 1}, {&answer, 1});
        return answer;
    }

    Forwarder forwarder_{3, HashKey{}};
    StaticRoutes routes_{{
        {IpPrefix::parse("10.0.0.0/24").value(), {RouteKind::kOnLink, kEth0, {}}},
        {IpPrefix::parse("10.0.0.1").value(), {RouteKind::kLocal, kEth0, {}}},
        {IpPrefix::parse("10.9.0.0/16").value(), {RouteKind::kGateway, kEth1, address(254)}},
        {IpPrefix::parse("10.9.9.0/24").value(), {RouteKind::kDiscard, kEth1, {}}},
        {IpPrefix::parse("10.8.0.0/16").value(), {RouteKind::kNone, kEth1, {}}},
    }};
};

TEST_F(ForwarderTest, EveryKindOfRoute) {
    ASSERT_TRUE(forwarder_.put_neighbour({address(5), kEth0}, {kMac2}));
    EXPECT_EQ(resolve(address(5)).kind, NextHop::Kind::kAdjacent);
    EXPECT_EQ(resolve(address(6)).kind, NextHop::Kind::kUnknownMac);
    EXPECT_EQ(resolve(address(6)).address, address(6));
    EXPECT_EQ(resolve(address(6)).interface, kEth0);
    EXPECT_EQ(resolve(address(1)).kind, NextHop::Kind::kLocal);
    EXPECT_EQ(resolve(test::ip("10.9.1.1")).kind, NextHop::Kind::kUnknownMac);
    EXPECT_EQ(resolve(test::ip("10.9.1.1")).address, address(254));
    EXPECT_EQ(resolve(test::ip("10.9.9.1")).kind, NextHop::Kind::kNone);
    EXPECT_EQ(resolve(test::ip("10.8.0.1")).kind, NextHop::Kind::kNone);
    EXPECT_EQ(resolve(test::ip("172.16.0.1")).kind, NextHop::Kind::kNone);
}

TEST_F(ForwarderTest, WithoutRoutesNothingIsReachable) {
    EXPECT_EQ(forwarder_.put_routes(nullptr), routes_.table());
    EXPECT_EQ(resolve(address(5)).kind, NextHop::Kind::kNone);
}

TEST_F(ForwarderTest, TheSameAddressOnAnotherInterfaceIsAnotherNeighbour) {
    ASSERT_TRUE(forwarder_.put_neighbour({address(254), kEth0}, {kMac1}));
    EXPECT_EQ(resolve(test::ip("10.9.1.1")).kind, NextHop::Kind::kUnknownMac);
    ASSERT_TRUE(forwarder_.put_neighbour({address(254), kEth1}, {kMac2}));
    EXPECT_EQ(resolve(test::ip("10.9.1.1")).kind, NextHop::Kind::kAdjacent);
}

TEST_F(ForwarderTest, AnAdjacencyHoldsAllThatIsWritten) {
    ASSERT_TRUE(forwarder_.put_neighbour({address(254), kEth1}, {kMac1}));
    const Adjacency& adjacency = forwarder_.adjacency(resolve(test::ip("10.9.1.1")).adjacency);
    EXPECT_EQ(adjacency.macs, (std::array<uint8_t, 12>{2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 2}));
    EXPECT_EQ(adjacency.port, PortId{1});
    EXPECT_EQ(adjacency.vlan, (VlanTags{7, 0}));
    EXPECT_EQ(adjacency.mtu_bytes, 9000);
    EXPECT_TRUE(adjacency.is_up);
    EXPECT_FALSE(adjacency.is_failed);
}

TEST_F(ForwarderTest, ChangesOfAnInterfaceReachItsNeighbours) {
    ASSERT_TRUE(forwarder_.put_neighbour({address(5), kEth0}, {kMac2}));
    const uint16_t number = resolve(address(5)).adjacency;
    ASSERT_TRUE(forwarder_.put_interface(
        kEth0, {.port = PortId{3}, .vlan = 9, .mtu_bytes = 1400, .is_up = false, .mac = kMac2}));
    const Adjacency& adjacency = forwarder_.adjacency(number);
    EXPECT_EQ(adjacency.port, PortId{3});
    EXPECT_EQ(adjacency.vlan, (VlanTags{9, 0}));
    EXPECT_EQ(adjacency.mtu_bytes, 1400);
    EXPECT_FALSE(adjacency.is_up);
    EXPECT_EQ(adjacency.macs, (std::array<uint8_t, 12>{2, 0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 2}));
}

TEST_F(ForwarderTest, ChangesOfANeighbourKeepItsNumber) {
    ASSERT_TRUE(forwarder_.put_neighbour({address(5), kEth0}, {kMac1}));
    const uint16_t number = resolve(address(5)).adjacency;
    const uint32_t generation = forwarder_.generation();
    ASSERT_TRUE(forwarder_.put_neighbour({address(5), kEth0}, {kMac2, NeighbourState::kFailed}));
    EXPECT_EQ(resolve(address(5)).adjacency, number);
    EXPECT_TRUE(forwarder_.adjacency(number).is_failed);
    ASSERT_TRUE(forwarder_.put_neighbour({address(5), kEth0}, {kMac2}));
    EXPECT_FALSE(forwarder_.adjacency(number).is_failed);
    EXPECT_EQ(forwarder_.adjacency(number).macs[5], 2);
    EXPECT_EQ(forwarder_.generation(), generation);  // what is remembered is still right
}

TEST_F(ForwarderTest, WhatIsRememberedBecomesVoid) {
    ASSERT_TRUE(forwarder_.put_neighbour({address(5), kEth0}, {kMac1}));
    const uint32_t before = forwarder_.generation();
    EXPECT_NE(before, 0U);  // what a new connection has
    forwarder_.remove_neighbour({address(6), kEth0});
    EXPECT_EQ(forwarder_.generation(), before);  // there was none
    forwarder_.remove_neighbour({address(5), kEth0});
    const uint32_t after_removal = forwarder_.generation();
    EXPECT_NE(after_removal, before);
    EXPECT_EQ(resolve(address(5)).kind, NextHop::Kind::kUnknownMac);
    EXPECT_EQ(forwarder_.put_routes(routes_.table()), routes_.table());
    EXPECT_NE(forwarder_.generation(), after_removal);
}

TEST_F(ForwarderTest, Limits) {
    for (uint8_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(forwarder_.put_neighbour({address(i), kEth0}, {kMac1}));
    }
    EXPECT_FALSE(forwarder_.put_neighbour({address(9), kEth0}, {kMac1}));
    EXPECT_TRUE(forwarder_.put_neighbour({address(2), kEth0}, {kMac2}));  // a known one may change
    forwarder_.remove_neighbour({address(1), kEth0});
    EXPECT_TRUE(forwarder_.put_neighbour({address(9), kEth0}, {kMac1}));
    EXPECT_FALSE(forwarder_.put_interface(InterfaceId{kInterfacesMax}, {}));
    EXPECT_FALSE(forwarder_.put_neighbour({address(1), InterfaceId{kInterfacesMax}}, {}));
}

// As many as the 16-bit numbers can tell apart, and as the configuration allows.
TEST_F(ForwarderTest, EveryNeighbourOfTheLargestTableHasANumberOfItsOwn) {
    constexpr uint32_t kMost = kNoAdjacency;
    Forwarder large(kMost, HashKey{});
    ASSERT_TRUE(large.put_interface(
        kEth0, {.port = PortId{0}, .mtu_bytes = 1500, .is_up = true, .mac = kMac1}));
    const StaticRoutes all{
        {{IpPrefix::parse("10.0.0.0/8").value(), {RouteKind::kOnLink, kEth0, {}}}}};
    ASSERT_EQ(large.put_routes(all.table()), nullptr);
    const auto one = [](uint32_t i) { return Ipv4Address::from_host(0x0a000000 + i); };
    for (uint32_t i = 0; i < kMost; ++i) {
        const MacAddress own{{2, 0, 0, 0, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)}};
        ASSERT_TRUE(large.put_neighbour({one(i), kEth0}, {own}));
    }
    EXPECT_FALSE(large.put_neighbour({one(kMost), kEth0}, {}));
    for (uint32_t i = 0; i < kMost; ++i) {
        const IpAddress destination = one(i);
        NextHop answer;
        large.resolve({&destination, 1}, {&answer, 1});
        ASSERT_EQ(answer.kind, NextHop::Kind::kAdjacent);
        ASSERT_NE(answer.adjacency, kNoAdjacency);
        const auto& macs = large.adjacency(answer.adjacency).macs;
        ASSERT_EQ(uint32_t{macs[4]} << 8 | macs[5], i);
    }
}

TEST_F(ForwarderTest, InterfacesByPortAndVlan) {
    ASSERT_NE(forwarder_.interface_of(PortId{1}, {7, 0}), nullptr);
    EXPECT_EQ(forwarder_.interface_of(PortId{1}, {7, 0})->mac, kMac2);
    EXPECT_EQ(forwarder_.interface_of(PortId{1}, {0, 0}), nullptr);
    EXPECT_EQ(forwarder_.interface_of(PortId{0}, {7, 0}), nullptr);
    EXPECT_EQ(forwarder_.interface_of(PortId{9}, {0, 0}), nullptr);
}

// --- Through a worker: what connections remember ---

class Remembering : public ::testing::Test {
  protected:
    Remembering() {
        configure(fleet_);
        fleet_.put_service(kHttp, "rr", {{at(kServer108, 80)}});
        EXPECT_EQ(client_says().verdict, Verdict::kForward);
        EXPECT_EQ(server_says().verdict, Verdict::kForward);
    }

    test::Outcome client_says() {
        return fleet_.send_one(
            kOutside, from_client(kClient, kVip).tcp(5, 80).tcp_flags(test::kTcpSyn).build());
    }
    test::Outcome server_says() {
        return fleet_.send_one(kInside, from_server(kServer108, kClient).tcp(80, 5).build());
    }
    static MacAddress to(const test::Outcome& outcome) {
        return test::decode(outcome.bytes).ethernet->destination;
    }

    WorkerFleet fleet_{{}};
};

TEST_F(Remembering, AChangedMacIsUsedAtOnce) {
    fleet_.put_neighbour(kInsideInterface, kServer108, kMac1);
    EXPECT_EQ(to(client_says()), kMac1);
    EXPECT_EQ(to(server_says()), kClientMac);
}

TEST_F(Remembering, ASlotThatChangesHandsMisdeliversNothing) {
    fleet_.remove_neighbour(kInsideInterface, kServer108);
    // Takes the free slot.
    fleet_.put_neighbour(kInsideInterface, Ipv4Address::of(192, 168, 0, 9), kMac1);
    const test::Outcome asked = client_says();
    EXPECT_EQ(asked.verdict, Verdict::kPuntForNeighbour);
    EXPECT_EQ(asked.next_hop, kServer108);
    EXPECT_EQ(to(asked), MacAddress{});
    EXPECT_EQ(to(server_says()), kClientMac);
    fleet_.put_neighbour(kInsideInterface, kServer108, kMac2);
    EXPECT_EQ(to(client_says()), kMac2);
    EXPECT_EQ(to(server_says()), kClientMac);
}

TEST_F(Remembering, NewRoutesAreFollowedAtOnce) {
    std::vector<test::StaticRoute> others = routes();
    others.push_back({IpPrefix::parse("192.168.0.108").value(),
                      {RouteKind::kGateway, kInsideInterface, kServer107}});
    fleet_.put_routes(others);
    EXPECT_EQ(to(client_says()), kServer107Mac);
    EXPECT_EQ(to(server_says()), kClientMac);
}

TEST_F(Remembering, InterfaceAndNeighbourGoDownAndUp) {
    Interface inside{.port = kInside, .mtu_bytes = 1500, .is_up = false, .mac = kDirectorMac};
    fleet_.change_interface(kInsideInterface, inside);
    EXPECT_EQ(client_says().drop_reason, DropReason::kInterfaceDown);
    EXPECT_EQ(server_says().verdict, Verdict::kForward);
    inside.is_up = true;
    fleet_.change_interface(kInsideInterface, inside);
    EXPECT_EQ(client_says().verdict, Verdict::kForward);
    fleet_.put_neighbour(kInsideInterface, kServer108, kMac1, NeighbourState::kFailed);
    EXPECT_EQ(client_says().drop_reason, DropReason::kNeighbourFailed);
    fleet_.put_neighbour(kInsideInterface, kServer108, kMac1);
    EXPECT_EQ(to(client_says()), kMac1);
}

TEST_F(ForwarderTest, VirtualMacAddressesAreOursWhileTold) {
    const MacAddress ours{{0x00, 0x00, 0x5e, 0x00, 0x01, 51}};
    const MacAddress ipv6{{0x00, 0x00, 0x5e, 0x00, 0x02, 51}};
    const auto is_ours = [this](PortId port, VlanTags vlan, const MacAddress& mac) {
        return forwarder_.is_to_virtual_mac(port, vlan, mac.bytes.data());
    };
    EXPECT_FALSE(is_ours(PortId{0}, {}, ours));
    ASSERT_TRUE(forwarder_.set_virtual_mac(kEth0, Family::kIpv4, 51, true));
    EXPECT_TRUE(is_ours(PortId{0}, {}, ours));
    EXPECT_FALSE(is_ours(PortId{0}, {}, ipv6));
    EXPECT_FALSE(is_ours(PortId{0}, {}, {{0x00, 0x00, 0x5e, 0x00, 0x01, 52}}));
    EXPECT_FALSE(is_ours(PortId{0}, {}, {{0x00, 0x00, 0x5e, 0x01, 0x01, 51}}));
    EXPECT_FALSE(is_ours(PortId{1}, {7, 0}, ours)) << "another interface's";
    // What else is told of the interface leaves them alone.
    ASSERT_TRUE(forwarder_.put_interface(
        kEth0, {.port = PortId{0}, .mtu_bytes = 1400, .is_up = true, .mac = kMac1}));
    EXPECT_TRUE(is_ours(PortId{0}, {}, ours));
    ASSERT_TRUE(forwarder_.set_virtual_mac(kEth0, Family::kIpv4, 51, false));
    EXPECT_FALSE(is_ours(PortId{0}, {}, ours));
    EXPECT_FALSE(forwarder_.set_virtual_mac(InterfaceId{kInterfacesMax}, Family::kIpv4, 1, true));
}

}  // namespace
}  // namespace director::dataplane
