// The picture of the kernel's state and the differences it tells: events in, calls of the sink out,
// written down as text by a recording sink.
#include "controlplane/kernel/mirror_model.h"

#include <fmt/format.h>
#include <linux/rtnetlink.h>

#include <string>
#include <vector>

#include <gmock/gmock.h>

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
using testing::ElementsAre;
using testing::IsEmpty;
using Part = MirrorModel::Part;

constexpr uint32_t kLoopback = 1;
constexpr uint32_t kOut = 2;  // InterfaceId 0
constexpr uint32_t kIn = 3;   // InterfaceId 1
constexpr uint32_t kManagement = 9;
constexpr InterfaceId kOutId{0};
constexpr InterfaceId kInId{1};
const MacAddress kMac{{2, 0, 0, 0, 0, 1}};
const MacAddress kOtherMac{{2, 0, 0, 0, 0, 2}};

class RecordingSink final : public MirrorSink {
  public:
    void interface_changed(InterfaceId id, const Interface& interface) override {
        calls.push_back(fmt::format("interface {} port={} vlan={} mtu={} {}",
                                    index(id),
                                    index(interface.port),
                                    interface.vlan,
                                    interface.mtu_bytes,
                                    interface.is_up ? "up" : "down"));
    }
    void neighbour_changed(const NeighbourKey& key, const Neighbour& neighbour) override {
        calls.push_back(fmt::format(
            "neighbour {} on {} {}",
            to_string(key.address),
            index(key.interface),
            neighbour.state == NeighbourState::kFailed ? "failed" : to_string(neighbour.mac)));
    }
    void neighbour_removed(const NeighbourKey& key) override {
        calls.push_back(
            fmt::format("no neighbour {} on {}", to_string(key.address), index(key.interface)));
    }
    void routes_changed(const std::vector<PrefixRoute>& list) override {
        calls.emplace_back("routes");
        routes.clear();
        for (const PrefixRoute& entry : list) {
            routes.push_back(to_string(entry.to) + " " + describe(entry.route));
        }
    }
    void synced() override { calls.emplace_back("synced"); }

    std::vector<std::string> take() { return std::exchange(calls, {}); }

    std::vector<std::string> calls;
    std::vector<std::string> routes;

  private:
    static std::string describe(const Route& route) {
        switch (route.kind) {
            case RouteKind::kNone:
                return "none";
            case RouteKind::kOnLink:
                return fmt::format("on link {}", index(route.interface));
            case RouteKind::kGateway:
                return fmt::format(
                    "via {} on {}", to_string(route.gateway), index(route.interface));
            case RouteKind::kLocal:
                return "local";
            case RouteKind::kDiscard:
                return "discard";
        }
        return "?";
    }
};

LinkEvent link(uint32_t ifindex, bool is_up = true) {
    return {.is_removed = false,
            .ifindex = ifindex,
            .is_up = is_up,
            .has_carrier = is_up,
            .name = "",
            .mtu_bytes = 1500,
            .mac = kMac,
            .vlan = {}};
}

LinkEvent vlan_link(uint32_t ifindex, uint32_t parent, uint16_t vlan) {
    LinkEvent event = link(ifindex);
    event.vlan = VlanLink{parent, vlan};
    return event;
}

LinkEvent removed(LinkEvent event) {
    event.is_removed = true;
    return event;
}

RouteEvent route(std::string_view to, std::vector<NextHop> next_hops, uint32_t metric = 0) {
    return {.is_removed = false,
            .place = RoutePlace::kFirst,
            .table = RT_TABLE_MAIN,
            .tos = 0,
            .metric = metric,
            .to = *IpPrefix::parse(to),
            .action = RouteAction::kUnicast,
            .next_hops = std::move(next_hops)};
}

RouteEvent local_route(std::string_view to, uint32_t ifindex) {
    RouteEvent event = route(to, {{ifindex, {}, true}});
    event.table = RT_TABLE_LOCAL;
    event.action = RouteAction::kLocal;
    return event;
}

RouteEvent discarding(std::string_view to, uint32_t metric = 0) {
    RouteEvent event = route(to, {}, metric);
    event.action = RouteAction::kDiscard;
    return event;
}

RouteEvent removed(RouteEvent event) {
    event.is_removed = true;
    return event;
}

NextHop via(std::string_view gateway, uint32_t ifindex) {
    return {ifindex, Ipv4Address::parse(gateway), true};
}

NextHop on_link(uint32_t ifindex) {
    return {ifindex, {}, true};
}

NeighbourEvent neighbour(std::string_view address,
                         NeighbourKnowledge knowledge,
                         MacAddress mac = kMac,
                         uint32_t ifindex = kOut) {
    return {false, ifindex, *Ipv4Address::parse(address), knowledge, mac};
}

// A director with ports "out" and "in", both up.
class MirrorModelTest : public testing::Test {
  protected:
    MirrorModelTest() {
        apply(link(kLoopback));
        apply(link(kOut));
        apply(link(kIn));
        apply(link(kManagement));
        model_.deliver_routes(sink_);
        sink_.take();
    }

    void apply(const KernelEvent& event) { model_.apply(event, sink_); }

    std::vector<std::string> routes() {
        model_.deliver_routes(sink_);
        return sink_.routes;
    }

    MirrorModel model_{{{kOut, PortId{0}, kOutId}, {kIn, PortId{1}, kInId}}};
    RecordingSink sink_;
};

// --- Interfaces

TEST(MirrorModel, TellsOurInterfacesAndNoOthers) {
    MirrorModel model({{kOut, PortId{4}, InterfaceId{7}}});
    RecordingSink sink;
    model.apply(link(kLoopback), sink);
    model.apply(link(kOut), sink);
    EXPECT_THAT(sink.calls, ElementsAre("interface 7 port=4 vlan=0 mtu=1500 up"));
    EXPECT_EQ(model.ifindex_of(InterfaceId{7}), kOut);
    EXPECT_EQ(model.ifindex_of(InterfaceId{8}), std::nullopt);
}

TEST_F(MirrorModelTest, TellsChangesOfAnInterfaceOnly) {
    apply(link(kOut));
    EXPECT_THAT(sink_.take(), IsEmpty());
    LinkEvent event = link(kOut);
    event.mtu_bytes = 9000;
    apply(event);
    EXPECT_THAT(sink_.take(), ElementsAre("interface 0 port=0 vlan=0 mtu=9000 up"));
    event.mac = kOtherMac;
    apply(event);
    EXPECT_EQ(sink_.take().size(), 1U);
    event.has_carrier = false;
    apply(event);
    EXPECT_THAT(sink_.take(), ElementsAre("interface 0 port=0 vlan=0 mtu=9000 down"));
}

TEST_F(MirrorModelTest, KeepsWhatAPartialNotificationDoesNotSay) {
    LinkEvent event = link(kOut);
    event.mtu_bytes.reset();
    event.mac.reset();
    apply(event);
    EXPECT_THAT(sink_.take(), IsEmpty());
}

TEST_F(MirrorModelTest, FindsVlansOnOurPorts) {
    apply(vlan_link(20, kIn, 100));
    EXPECT_THAT(sink_.take(), ElementsAre("interface 2 port=1 vlan=100 mtu=1500 up"));
    EXPECT_EQ(model_.ifindex_of(InterfaceId{2}), 20U);
}

TEST_F(MirrorModelTest, LeavesVlansElsewhereAlone) {
    apply(vlan_link(20, kManagement, 100));
    apply(vlan_link(21, kIn, 100));
    sink_.take();
    apply(vlan_link(22, 21, 5));  // a VLAN in a VLAN
    EXPECT_THAT(sink_.take(), IsEmpty());
}

TEST_F(MirrorModelTest, AVlanThatComesBackKeepsItsId) {
    apply(vlan_link(20, kIn, 100));
    apply(vlan_link(21, kIn, 200));
    sink_.take();
    apply(removed(vlan_link(20, kIn, 100)));
    EXPECT_THAT(sink_.take(), ElementsAre("interface 2 port=1 vlan=100 mtu=1500 down"));
    EXPECT_EQ(model_.ifindex_of(InterfaceId{2}), std::nullopt);
    apply(vlan_link(30, kOut, 300));
    EXPECT_THAT(sink_.take(), ElementsAre("interface 4 port=0 vlan=300 mtu=1500 up"));
    apply(vlan_link(31, kIn, 100));
    EXPECT_THAT(sink_.take(), ElementsAre("interface 2 port=1 vlan=100 mtu=1500 up"));
}

TEST_F(MirrorModelTest, ReusesTheIdOfAVanishedVlanWhenNoneIsLeft) {
    const uint16_t room = dataplane::kInterfacesMax - 2;
    for (uint16_t i = 0; i < room; ++i) {
        apply(vlan_link(100U + i, kOut, static_cast<uint16_t>(i + 1)));
    }
    EXPECT_EQ(sink_.take().size(), room);
    apply(vlan_link(500, kOut, 500));  // one too many: ignored
    EXPECT_THAT(sink_.take(), IsEmpty());
    apply(removed(vlan_link(110, kOut, 11)));
    sink_.take();
    apply(vlan_link(501, kOut, 501));
    EXPECT_THAT(sink_.take(), ElementsAre("interface 12 port=0 vlan=501 mtu=1500 up"));
}

TEST_F(MirrorModelTest, ALinkThatADumpDoesNotListIsGone) {
    model_.begin_dump(Part::kLinks);
    apply(link(kOut));
    model_.end_dump(Part::kLinks, sink_);
    EXPECT_THAT(sink_.take(), ElementsAre("interface 1 port=1 vlan=0 mtu=1500 down"));
}

// --- Neighbours

TEST_F(MirrorModelTest, TellsNeighboursComeChangeAndGo) {
    apply(neighbour("10.0.0.1", NeighbourKnowledge::kKnown));
    EXPECT_THAT(sink_.take(), ElementsAre("neighbour 10.0.0.1 on 0 02:00:00:00:00:01"));
    apply(neighbour("10.0.0.1", NeighbourKnowledge::kKnown));  // reachable became stale
    EXPECT_THAT(sink_.take(), IsEmpty());
    apply(neighbour("10.0.0.1", NeighbourKnowledge::kKnown, kOtherMac));
    EXPECT_THAT(sink_.take(), ElementsAre("neighbour 10.0.0.1 on 0 02:00:00:00:00:02"));
    apply(neighbour("10.0.0.1", NeighbourKnowledge::kFailed));
    EXPECT_THAT(sink_.take(), ElementsAre("neighbour 10.0.0.1 on 0 failed"));
    apply(neighbour("10.0.0.1", NeighbourKnowledge::kUnknown));
    EXPECT_THAT(sink_.take(), ElementsAre("no neighbour 10.0.0.1 on 0"));
    apply(neighbour("10.0.0.1", NeighbourKnowledge::kUnknown));
    EXPECT_THAT(sink_.take(), IsEmpty());
}

TEST_F(MirrorModelTest, ARemovedNeighbourIsRemoved) {
    NeighbourEvent event = neighbour("10.0.0.1", NeighbourKnowledge::kKnown);
    apply(event);
    sink_.take();
    event.is_removed = true;
    apply(event);
    EXPECT_THAT(sink_.take(), ElementsAre("no neighbour 10.0.0.1 on 0"));
}

TEST_F(MirrorModelTest, IgnoresNeighboursOnOtherInterfaces) {
    apply(neighbour("10.0.0.1", NeighbourKnowledge::kKnown, kMac, kManagement));
    apply(neighbour("10.0.0.1", NeighbourKnowledge::kKnown, kMac, 77));
    EXPECT_THAT(sink_.take(), IsEmpty());
}

TEST_F(MirrorModelTest, NeighboursGoWithTheirInterface) {
    apply(neighbour("10.0.0.1", NeighbourKnowledge::kKnown, kMac, kIn));
    apply(neighbour("10.0.0.2", NeighbourKnowledge::kKnown, kMac, kOut));
    sink_.take();
    apply(removed(link(kIn)));
    EXPECT_THAT(
        sink_.take(),
        ElementsAre("no neighbour 10.0.0.1 on 1", "interface 1 port=1 vlan=0 mtu=1500 down"));
}

TEST_F(MirrorModelTest, ANeighbourThatADumpDoesNotListIsGone) {
    apply(neighbour("10.0.0.1", NeighbourKnowledge::kKnown));
    apply(neighbour("10.0.0.2", NeighbourKnowledge::kKnown));
    sink_.take();
    model_.begin_dump(Part::kNeighbours);
    apply(neighbour("10.0.0.2", NeighbourKnowledge::kKnown));
    apply(neighbour("10.0.0.3", NeighbourKnowledge::kKnown));
    model_.end_dump(Part::kNeighbours, sink_);
    EXPECT_THAT(
        sink_.take(),
        ElementsAre("neighbour 10.0.0.3 on 0 02:00:00:00:00:01", "no neighbour 10.0.0.1 on 0"));
}

// --- Routes

TEST_F(MirrorModelTest, RoutesThroughOurInterfaces) {
    apply(route("192.168.0.0/24", {on_link(kIn)}));
    apply(route("0.0.0.0/0", {via("10.0.0.1", kOut)}));
    EXPECT_TRUE(model_.are_routes_changed());
    EXPECT_THAT(sink_.take(), IsEmpty());  // only when asked
    EXPECT_THAT(routes(), ElementsAre("0.0.0.0/0 via 10.0.0.1 on 0", "192.168.0.0/24 on link 1"));
    EXPECT_FALSE(model_.are_routes_changed());
}

TEST_F(MirrorModelTest, TheFirstListIsToldEvenIfEmptyAndTheSameListNotTwice) {
    MirrorModel model({});
    RecordingSink sink;
    model.deliver_routes(sink);
    EXPECT_THAT(sink.take(), ElementsAre("routes"));
    model.apply(route("10.0.0.0/8", {on_link(kOut)}), sink);
    model.apply(removed(route("10.0.0.0/8", {on_link(kOut)})), sink);
    model.deliver_routes(sink);
    EXPECT_THAT(sink.take(), IsEmpty());
}

TEST_F(MirrorModelTest, AddressesOfAnyInterfaceAreLocal) {
    apply(local_route("127.0.0.0/8", kLoopback));
    apply(local_route("10.9.9.9", kManagement));
    apply(local_route("10.0.0.104", kOut));
    EXPECT_THAT(routes(),
                ElementsAre("10.0.0.104/32 local", "10.9.9.9/32 local", "127.0.0.0/8 local"));
}

TEST_F(MirrorModelTest, AnAddressOnTwoInterfacesStaysLocalUntilBothAreGone) {
    apply(local_route("10.0.0.104", kOut));
    apply(local_route("10.0.0.104", kIn));
    apply(removed(local_route("10.0.0.104", kOut)));
    EXPECT_THAT(routes(), ElementsAre("10.0.0.104/32 local"));
    apply(removed(local_route("10.0.0.104", kIn)));
    EXPECT_THAT(routes(), IsEmpty());
}

TEST_F(MirrorModelTest, DiscardingRoutes) {
    apply(discarding("10.2.0.0/16"));
    EXPECT_THAT(routes(), ElementsAre("10.2.0.0/16 discard"));
}

TEST_F(MirrorModelTest, RoutesThroughOtherInterfacesAreListedAsNone) {
    apply(route("10.0.0.0/8", {via("192.168.0.1", kIn)}));
    apply(route("10.1.0.0/16", {via("172.16.0.1", kManagement)}));
    EXPECT_THAT(routes(), ElementsAre("10.0.0.0/8 via 192.168.0.1 on 1", "10.1.0.0/16 none"));
}

TEST_F(MirrorModelTest, OurDefaultRouteBeatsTheManagementInterfaces) {
    apply(route("0.0.0.0/0", {via("172.16.0.1", kManagement)}, 0));
    EXPECT_THAT(routes(), ElementsAre("0.0.0.0/0 none"));
    apply(route("0.0.0.0/0", {via("10.0.0.1", kOut)}, 100));
    EXPECT_THAT(routes(), ElementsAre("0.0.0.0/0 via 10.0.0.1 on 0"));
}

TEST_F(MirrorModelTest, TheLowestMetricWins) {
    apply(route("10.0.0.0/8", {via("192.168.0.1", kIn)}, 200));
    apply(route("10.0.0.0/8", {via("192.168.0.2", kIn)}, 100));
    apply(discarding("10.0.0.0/8", 300));
    EXPECT_THAT(routes(), ElementsAre("10.0.0.0/8 via 192.168.0.2 on 1"));
    apply(removed(route("10.0.0.0/8", {via("192.168.0.2", kIn)}, 100)));
    EXPECT_THAT(routes(), ElementsAre("10.0.0.0/8 via 192.168.0.1 on 1"));
    apply(removed(route("10.0.0.0/8", {via("192.168.0.1", kIn)}, 200)));
    EXPECT_THAT(routes(), ElementsAre("10.0.0.0/8 discard"));
}

TEST_F(MirrorModelTest, TheFirstUsableNextHopOfAMultipathRouteCounts) {
    NextHop dead = via("192.168.0.1", kIn);
    dead.is_usable = false;
    apply(route("10.0.0.0/8", {dead, via("172.16.0.1", kManagement), via("192.168.0.3", kIn)}));
    EXPECT_THAT(routes(), ElementsAre("10.0.0.0/8 via 192.168.0.3 on 1"));
}

TEST_F(MirrorModelTest, AReplacementTakesThePlaceOfTheFirst) {
    apply(route("10.0.0.0/8", {via("192.168.0.1", kIn)}));
    RouteEvent replacement = route("10.0.0.0/8", {via("192.168.0.2", kIn)});
    replacement.place = RoutePlace::kInsteadOfFirst;
    apply(replacement);
    EXPECT_THAT(routes(), ElementsAre("10.0.0.0/8 via 192.168.0.2 on 1"));
    apply(removed(replacement));
    EXPECT_THAT(routes(), IsEmpty());
    EXPECT_FALSE(model_.are_routes_uncertain());
}

TEST_F(MirrorModelTest, AnAppendedRouteIsSecond) {
    apply(route("10.0.0.0/8", {via("192.168.0.1", kIn)}));
    RouteEvent appended = route("10.0.0.0/8", {via("192.168.0.2", kIn)});
    appended.place = RoutePlace::kLast;
    apply(appended);
    EXPECT_THAT(routes(), ElementsAre("10.0.0.0/8 via 192.168.0.1 on 1"));
    apply(removed(route("10.0.0.0/8", {via("192.168.0.1", kIn)})));
    EXPECT_THAT(routes(), ElementsAre("10.0.0.0/8 via 192.168.0.2 on 1"));
}

TEST_F(MirrorModelTest, TheRemovalOfARouteThatWeHaveOtherwiseCallsForADump) {
    apply(route("10.0.0.0/8", {via("192.168.0.1", kIn)}));
    apply(removed(route("10.0.0.0/8", {via("192.168.0.9", kIn)})));
    EXPECT_TRUE(model_.are_routes_uncertain());
}

TEST_F(MirrorModelTest, OtherTablesAndTypesOfServiceAreTheKernelsAlone) {
    RouteEvent other_table = route("10.0.0.0/8", {via("192.168.0.1", kIn)});
    other_table.table = 100;
    apply(other_table);
    RouteEvent with_tos = route("10.0.0.0/8", {via("192.168.0.1", kIn)});
    with_tos.tos = 8;
    apply(with_tos);
    EXPECT_THAT(routes(), IsEmpty());
}

TEST_F(MirrorModelTest, TableDefaultCountsOnlyWhereMainHasNothing) {
    RouteEvent fallback = route("10.1.0.0/16", {via("192.168.0.1", kIn)});
    fallback.table = RT_TABLE_DEFAULT;
    apply(fallback);
    EXPECT_THAT(routes(), ElementsAre("10.1.0.0/16 via 192.168.0.1 on 1"));
    apply(route("10.0.0.0/8", {via("192.168.0.2", kIn)}));
    EXPECT_THAT(routes(), ElementsAre("10.0.0.0/8 via 192.168.0.2 on 1"));
}

TEST_F(MirrorModelTest, ALinkThatGoesDownOrAnAddressThatGoesCallsForADump) {
    apply(link(kManagement, false));
    EXPECT_TRUE(model_.are_routes_uncertain());
    model_.begin_dump(Part::kRoutes);
    EXPECT_FALSE(model_.are_routes_uncertain());
    apply(AddressEvent{true, kOut, *IpPrefix::parse("10.0.0.1/24")});
    EXPECT_TRUE(model_.are_routes_uncertain());
}

TEST_F(MirrorModelTest, ARouteThatADumpDoesNotListIsGone) {
    apply(route("10.0.0.0/8", {via("192.168.0.1", kIn)}));
    apply(route("10.1.0.0/16", {via("192.168.0.1", kIn)}));
    model_.begin_dump(Part::kRoutes);
    apply(route("10.1.0.0/16", {via("192.168.0.1", kIn)}));
    model_.end_dump(Part::kRoutes, sink_);
    EXPECT_THAT(routes(), ElementsAre("10.1.0.0/16 via 192.168.0.1 on 1"));
}

TEST_F(MirrorModelTest, RoutesOfAnInterfaceThatVanishedAreNone) {
    apply(vlan_link(20, kIn, 100));
    apply(route("10.0.0.0/8", {on_link(20)}));
    EXPECT_THAT(routes(), ElementsAre("10.0.0.0/8 on link 2"));
    apply(removed(vlan_link(20, kIn, 100)));
    EXPECT_THAT(routes(), ElementsAre("10.0.0.0/8 none"));  // until the dump says that it is gone
    EXPECT_TRUE(model_.are_routes_uncertain());
}

}  // namespace
}  // namespace director::kernel
