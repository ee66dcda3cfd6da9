// The mirror against the real kernel: what `ip` does to a tap in a namespace is told, in order, and
// what was lost is found again.
#include <net/if.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "controlplane/kernel/mirror.h"
#include "controlplane/kernel/tap.h"
#include "tests/unit/kernel/namespace_fixture.h"

namespace director::kernel {
namespace {

using dataplane::Interface;
using dataplane::InterfaceId;
using dataplane::Neighbour;
using dataplane::NeighbourKey;
using dataplane::NeighbourState;
using dataplane::PortId;
using dataplane::Route;
using dataplane::RouteKind;

constexpr InterfaceId kOut{0};
constexpr InterfaceId kIn{1};

// Keeps what it is told, as a worker's tables would.
class TableSink final : public MirrorSink {
  public:
    void interface_changed(InterfaceId id, const Interface& interface) override {
        order += order.ends_with('i') ? "" : "i";
        interfaces[id] = interface;
    }
    void neighbour_changed(const NeighbourKey& key, const Neighbour& neighbour) override {
        order += order.ends_with('n') ? "" : "n";
        neighbours[to_string(key.address)] = neighbour;
    }
    void neighbour_removed(const NeighbourKey& key) override {
        neighbours.erase(to_string(key.address));
    }
    void routes_changed(const std::vector<PrefixRoute>& list) override {
        order += "r";
        ++deliveries;
        routes.clear();
        for (const PrefixRoute& entry : list) {
            routes[to_string(entry.to)] = entry.route;
        }
    }
    void synced() override { order += "s"; }

    [[nodiscard]] bool has_route(const std::string& to, const Route& route) const {
        const auto it = routes.find(to);
        return it != routes.end() && it->second == route;
    }
    [[nodiscard]] bool is_failed(const std::string& address) const {
        const auto it = neighbours.find(address);
        return it != neighbours.end() && it->second.state == NeighbourState::kFailed;
    }

    std::string order;  // what came when, a letter each, repetitions left out
    int deliveries = 0;
    std::map<InterfaceId, Interface> interfaces;
    std::map<std::string, Neighbour> neighbours;
    std::map<std::string, Route> routes;
};

class MirrorTest : public NamespaceTest {
  protected:
    void SetUp() override {
        NamespaceTest::SetUp();
        out_ = create("out", {{2, 0, 0, 0, 0, 1}});
        in_ = create("in", {{2, 0, 0, 0, 0, 2}});
        ASSERT_TRUE(out_ && in_);
    }
    std::unique_ptr<Tap> create(const std::string& name, const MacAddress& mac) {
        auto tap = Tap::create(io_, {.name = name, .mac = mac});
        EXPECT_TRUE(tap) << tap.error().message;
        return tap ? std::move(*tap) : nullptr;
    }
    void start() {
        auto mirror = KernelMirror::start(
            io_, {{out_->ifindex(), PortId{0}, kOut}, {in_->ifindex(), PortId{1}, kIn}}, sink_);
        ASSERT_TRUE(mirror) << mirror.error().message;
        mirror_ = std::move(*mirror);
        ASSERT_TRUE(await([&] { return sink_.order.ends_with('s'); }));
    }

    std::unique_ptr<Tap> out_;
    std::unique_ptr<Tap> in_;
    TableSink sink_;
    std::unique_ptr<KernelMirror> mirror_;
};

TEST_F(MirrorTest, TellsWhatIsThereInterfacesFirst) {
    run("ip addr add 10.0.0.1/24 dev out");
    run("ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:09 dev out");
    run("ip route add default via 10.0.0.254");
    start();
    EXPECT_EQ(sink_.order, "irns");
    EXPECT_TRUE(sink_.interfaces.at(kOut).is_up);
    EXPECT_EQ(sink_.interfaces.at(kIn).mac, (MacAddress{{2, 0, 0, 0, 0, 2}}));
    EXPECT_EQ(sink_.neighbours.at("10.0.0.2").mac, (MacAddress{{2, 0, 0, 0, 0, 9}}));
    EXPECT_TRUE(sink_.has_route("10.0.0.0/24", {RouteKind::kOnLink, kOut, {}}));
    EXPECT_TRUE(sink_.has_route("0.0.0.0/0",
                                {RouteKind::kGateway, kOut, *Ipv4Address::parse("10.0.0.254")}));
    EXPECT_TRUE(sink_.has_route("10.0.0.1/32", {RouteKind::kLocal, {}, {}}));
    EXPECT_TRUE(sink_.has_route("10.0.0.255/32", {RouteKind::kLocal, {}, {}}));
    EXPECT_TRUE(sink_.has_route("127.0.0.0/8", {RouteKind::kLocal, {}, {}}));
    EXPECT_EQ(mirror_->ifindex_of(kIn), in_->ifindex());
}

TEST_F(MirrorTest, FollowsAddresses) {
    start();
    run("ip addr add 10.0.0.1/24 dev out");
    EXPECT_TRUE(await([&] {
        return sink_.has_route("10.0.0.0/24", {RouteKind::kOnLink, kOut, {}}) &&
               sink_.has_route("10.0.0.1/32", {RouteKind::kLocal, {}, {}});
    }));
    run("ip addr add 10.5.0.1/32 dev lo");
    EXPECT_TRUE(await([&] { return sink_.has_route("10.5.0.1/32", {RouteKind::kLocal, {}, {}}); }));
    run("ip addr del 10.0.0.1/24 dev out");
    EXPECT_TRUE(await([&] {
        return !sink_.routes.contains("10.0.0.0/24") && !sink_.routes.contains("10.0.0.1/32");
    }));
}

// The kernel does not say that it drops the routes whose source address goes.
TEST_F(MirrorTest, FindsRoutesThatVanishedWithoutAWord) {
    run("ip addr add 10.0.0.1/24 dev out");
    run("ip addr add 10.9.0.1/32 dev out");
    run("ip route add 10.1.0.0/16 via 10.0.0.254 src 10.9.0.1");
    start();
    ASSERT_TRUE(sink_.routes.contains("10.1.0.0/16"));
    run("ip addr del 10.9.0.1/32 dev out");
    EXPECT_TRUE(await([&] { return !sink_.routes.contains("10.1.0.0/16"); }));
    EXPECT_TRUE(sink_.routes.contains("10.0.0.0/24"));
}

TEST_F(MirrorTest, FollowsRoutes) {
    run("ip addr add 10.0.0.1/24 dev out");
    start();
    const auto via = [](const char* gateway) {
        return Route{RouteKind::kGateway, kOut, *Ipv4Address::parse(gateway)};
    };
    run("ip route add 10.1.0.0/16 via 10.0.0.2");
    EXPECT_TRUE(await([&] { return sink_.has_route("10.1.0.0/16", via("10.0.0.2")); }));
    run("ip route replace 10.1.0.0/16 via 10.0.0.3");
    EXPECT_TRUE(await([&] { return sink_.has_route("10.1.0.0/16", via("10.0.0.3")); }));
    run("ip route replace blackhole 10.1.0.0/16");
    EXPECT_TRUE(await([&] {
        return sink_.has_route("10.1.0.0/16", {RouteKind::kDiscard, {}, {}});
    }));
    run("ip route del blackhole 10.1.0.0/16");
    EXPECT_TRUE(await([&] { return !sink_.routes.contains("10.1.0.0/16"); }));
    run("ip route add 10.1.0.0/16 nexthop via 10.0.0.4 nexthop via 10.0.0.5");
    EXPECT_TRUE(await([&] { return sink_.has_route("10.1.0.0/16", via("10.0.0.4")); }));
}

TEST_F(MirrorTest, TakesRoutesThroughOtherInterfacesForNone) {
    run("ip link add mgmt type veth peer name peer && ip link set peer up && ip link set mgmt up");
    run("ip addr add 172.16.0.1/24 dev mgmt");
    start();
    EXPECT_TRUE(sink_.has_route("172.16.0.0/24", {RouteKind::kNone, {}, {}}));
    EXPECT_TRUE(sink_.has_route("172.16.0.1/32", {RouteKind::kLocal, {}, {}}));
}

TEST_F(MirrorTest, TellsABurstOfRoutesOnce) {
    run("ip addr add 10.0.0.1/24 dev out");
    start();
    const int before = sink_.deliveries;
    // One process, so that all 500 come within the delay of a few milliseconds or few of them.
    run("for i in $(seq 1 250); do echo route add 10.1.$i.0/24 via 10.0.0.2; "
        "echo route add 10.2.$i.0/24 via 10.0.0.2; done | ip -batch -");
    EXPECT_TRUE(await([&] { return sink_.routes.contains("10.2.250.0/24"); }));
    EXPECT_EQ(
        std::count_if(sink_.routes.begin(),
                      sink_.routes.end(),
                      [](const auto& entry) { return entry.second.kind == RouteKind::kGateway; }),
        500);
    EXPECT_LE(sink_.deliveries - before, 50);
}

TEST_F(MirrorTest, FollowsNeighbours) {
    run("ip addr add 10.0.0.1/24 dev out");
    start();
    run("ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:08 dev out");
    EXPECT_TRUE(await([&] { return sink_.neighbours.contains("10.0.0.2"); }));
    run("ip neigh change 10.0.0.2 lladdr 02:00:00:00:00:09 dev out nud stale");
    EXPECT_TRUE(await([&] {
        return sink_.neighbours.at("10.0.0.2").mac == MacAddress{{2, 0, 0, 0, 0, 9}};
    }));
    run("ip neigh del 10.0.0.2 dev out");
    EXPECT_TRUE(await([&] { return !sink_.neighbours.contains("10.0.0.2"); }));
    // Nobody answers on this wire: three requests a second apart, as fast as the kernel may.
    run("echo 50 > /proc/sys/net/ipv4/neigh/out/retrans_time_ms");
    run("ip neigh add 10.0.0.3 dev out use");
    EXPECT_TRUE(await([&] { return sink_.is_failed("10.0.0.3"); }));
}

TEST_F(MirrorTest, TellsWhatAnInterfaceSendsWith) {
    run("ip addr add 10.0.0.1/24 dev out && ip addr add 10.0.0.2/24 dev out");
    start();
    const auto own = [&](const char* ipv4, const char* ipv6) {
        const Interface& out = sink_.interfaces.at(kOut);
        return out.ipv4 == *IpAddress::parse(ipv4) && out.ipv6 == *IpAddress::parse(ipv6);
    };
    // The kernel makes the link-local one of the MAC address 02:00:00:00:00:01.
    EXPECT_TRUE(await([&] { return own("10.0.0.1", "fe80::ff:fe00:1"); }));
    run("ip -6 addr add 2001:db8::1/64 dev out nodad");
    EXPECT_TRUE(await([&] { return own("10.0.0.1", "2001:db8::1"); }));
    run("ip addr del 10.0.0.1/24 dev out");
    EXPECT_TRUE(await([&] { return own("10.0.0.2", "2001:db8::1"); }));
    run("ip addr flush dev out");
    EXPECT_TRUE(await([&] { return own("0.0.0.0", "::"); }));
}

TEST_F(MirrorTest, FollowsIpv6) {
    start();
    const auto ip = [](const char* text) { return *IpAddress::parse(text); };
    run("ip -6 addr add 2001:db8::1/64 dev out nodad");
    EXPECT_TRUE(await([&] {
        return sink_.has_route("2001:db8::/64", {RouteKind::kOnLink, kOut, {}}) &&
               sink_.has_route("2001:db8::1/128", {RouteKind::kLocal, {}, {}});
    }));
    run("ip -6 route add default via 2001:db8::ff");
    EXPECT_TRUE(await([&] {
        return sink_.has_route("::/0", {RouteKind::kGateway, kOut, ip("2001:db8::ff")});
    }));
    run("ip -6 route add 2001:db8:1::/48 via 2001:db8::2");
    run("ip -6 route append 2001:db8:1::/48 via 2001:db8::3");
    EXPECT_TRUE(await([&] {
        return sink_.has_route("2001:db8:1::/48", {RouteKind::kGateway, kOut, ip("2001:db8::2")});
    }));
    run("ip -6 route del 2001:db8:1::/48 via 2001:db8::2");
    EXPECT_TRUE(await([&] {
        return sink_.has_route("2001:db8:1::/48", {RouteKind::kGateway, kOut, ip("2001:db8::3")});
    }));
    run("ip -6 route del 2001:db8:1::/48");
    EXPECT_TRUE(await([&] { return !sink_.routes.contains("2001:db8:1::/48"); }));
    run("ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:08 dev out");
    EXPECT_TRUE(await([&] { return sink_.neighbours.contains("2001:db8::2"); }));
    run("ip -6 addr del 2001:db8::1/64 dev out");
    EXPECT_TRUE(await([&] { return !sink_.routes.contains("2001:db8::/64"); }));
}

TEST_F(MirrorTest, FollowsTheLink) {
    run("ip addr add 10.0.0.1/24 dev out");
    run("ip addr add 10.1.0.1/24 dev in");
    run("ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:08 dev out");
    start();
    run("ip link set out down");
    EXPECT_TRUE(await([&] {
        return !sink_.interfaces.at(kOut).is_up && !sink_.routes.contains("10.0.0.0/24") &&
               !sink_.neighbours.contains("10.0.0.2");
    }));
    EXPECT_TRUE(sink_.routes.contains("10.1.0.0/24"));
    run("ip link set out up mtu 1300");
    EXPECT_TRUE(await([&] {
        return sink_.interfaces.at(kOut).is_up && sink_.interfaces.at(kOut).mtu_bytes == 1300 &&
               sink_.routes.contains("10.0.0.0/24");
    }));
    run("ip link del in");
    EXPECT_TRUE(await(
        [&] { return !sink_.interfaces.at(kIn).is_up && !sink_.routes.contains("10.1.0.0/24"); }));
    EXPECT_EQ(mirror_->ifindex_of(kIn), std::nullopt);
}

TEST_F(MirrorTest, FindsAVlanThatTheAdministratorMakes) {
    start();
    if (!succeeds("ip link add link out name v100 type vlan id 100")) {
        GTEST_SKIP() << "this kernel has no 8021q";
    }
    run("ip link set v100 up && ip addr add 10.3.0.1/24 dev v100");
    const InterfaceId vlan{2};
    EXPECT_TRUE(await([&] {
        return sink_.has_route("10.3.0.0/24", {RouteKind::kOnLink, vlan, {}});
    }));
    EXPECT_EQ(sink_.interfaces.at(vlan).vlan, 100);
    EXPECT_EQ(sink_.interfaces.at(vlan).port, PortId{0});
}

// A receive buffer of the smallest size overruns under 2,000 routes; the picture ends up right.
TEST_F(MirrorTest, ReadsEverythingAnewAfterLosingNotifications) {
    run("ip addr add 10.0.0.1/24 dev out");
    run("ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:08 dev out");
    start();
    mirror_->shrink_receive_buffer(1);
    run("for i in $(seq 1 250); do for j in $(seq 1 8); do "
        "echo route add 10.$j.$i.0/24 via 10.0.0.2; done; done | ip -batch -");
    run("ip neigh del 10.0.0.2 dev out");
    run("ip neigh add 10.0.0.3 lladdr 02:00:00:00:00:08 dev out");
    run("ip link set in mtu 1200");
    EXPECT_TRUE(await([&] {
        return std::count_if(sink_.routes.begin(),
                             sink_.routes.end(),
                             [](const auto& entry) {
                                 return entry.second.kind == RouteKind::kGateway;
                             }) == 2000 &&
               sink_.interfaces.at(kIn).mtu_bytes == 1200 &&
               !sink_.neighbours.contains("10.0.0.2") && sink_.neighbours.contains("10.0.0.3");
    }));
    EXPECT_GE(mirror_->resyncs(), 1U);
    EXPECT_EQ(std::count(sink_.order.begin(), sink_.order.end(), 's'), 1);
}

// A handler that is queued when the mirror goes must not touch it (AddressSanitizer would tell).
TEST_F(MirrorTest, MayBeDestroyedAtAnyTime) {
    start();
    run("ip addr add 10.0.0.1/24 dev out");
    mirror_.reset();
    io_.restart();
    io_.poll();
}

}  // namespace
}  // namespace director::kernel
