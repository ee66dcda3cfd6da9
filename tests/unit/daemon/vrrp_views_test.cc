// What the control socket says of VRRP, from the library's picture of a moment.
#include "controlplane/daemon/vrrp_views.h"

#include <chrono>

#include <gmock/gmock.h>

namespace director::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::Pair;

constexpr TimePoint kNow{std::chrono::hours(1)};

vrrp::InstanceStatus backup() {
    vrrp::InstanceStatus status;
    status.name = "VI_1";
    status.interface = "outside";
    status.group = "VG_1";
    status.family = Family::kIpv6;
    status.version = vrrp::Version::kV3;
    status.vrid = 51;
    status.state = vrrp::State::kBackup;
    status.priority = 80;
    status.configured_priority = 100;
    status.interval = seconds(1);
    status.master_interval = milliseconds(10);
    status.master_down_interval = std::chrono::microseconds(36875);
    status.master = IpAddress::parse("fe80::1");
    status.deadline = kNow + milliseconds(25);
    status.addresses = {{IpPrefix::parse("2001:db8::100/64").value(), "", ""},
                        {IpPrefix::parse("2001:db8:1::100/64").value(), "inside", ""}};
    status.excluded = {{IpPrefix::parse("2001:db8::101/128").value(), "", ""}};
    vrrp::Peer peer;
    peer.address = *status.master;
    peer.heard_at = kNow - milliseconds(12);
    peer.adverts = 7;
    peer.priority = 150;
    peer.interval = milliseconds(10);
    peer.has_other_addresses = true;
    status.peers = {peer};
    status.counters.adverts_sent = 1;
    status.counters.adverts_received = 2;
    status.counters.goodbyes_sent = 3;
    status.counters.goodbyes_received = 4;
    status.counters.lower_priority_received = 5;
    status.counters.became_master = 6;
    status.counters.left_master = 7;
    status.counters.starved = 8;
    status.counters.entered = {9, 10, 11, 12};
    status.counters.refused[static_cast<size_t>(vrrp::Refusal::kPassword)] = 13;
    return status;
}

vrrp::Status status_of(const vrrp::InstanceStatus& instance) {
    vrrp::Status status;
    status.instances = {instance};
    return status;
}

TEST(VrrpViewsTest, AnInstance) {
    const auto view = vrrp_view(status_of(backup()), kNow).instances.at(0);
    EXPECT_EQ(view.name, "VI_1");
    EXPECT_EQ(view.interface, "outside");
    EXPECT_EQ(view.group, "VG_1");
    EXPECT_EQ(view.family, "ipv6");
    EXPECT_EQ(view.version, 3U);
    EXPECT_EQ(view.router_id, 51U);
    EXPECT_EQ(view.state, "BACKUP");
    EXPECT_EQ(view.fault, "");
    EXPECT_EQ(view.priority, 80U);
    EXPECT_EQ(view.configured_priority, 100U);
    EXPECT_EQ(view.advert_interval_ms, 1000);
    EXPECT_EQ(view.master_interval_ms, 10);
    EXPECT_EQ(view.master_down_ms, 36.875);
    EXPECT_EQ(view.next_ms, 25);
    EXPECT_EQ(view.master, "fe80::1");
    EXPECT_THAT(view.addresses, ElementsAre("2001:db8::100/64", "2001:db8:1::100/64 dev inside"));
    EXPECT_THAT(view.excluded_addresses, ElementsAre("2001:db8::101/128"));
    ASSERT_EQ(view.peers.size(), 1U);
    EXPECT_EQ(view.peers[0].address, "fe80::1");
    EXPECT_EQ(view.peers[0].priority, 150U);
    EXPECT_EQ(view.peers[0].heard_ms_ago, 12);
    EXPECT_EQ(view.peers[0].advert_interval_ms, 10);
    EXPECT_EQ(view.peers[0].adverts, 7U);
    EXPECT_TRUE(view.peers[0].has_other_addresses);
}

TEST(VrrpViewsTest, AnInstancesCounters) {
    const auto view = vrrp_view(status_of(backup()), kNow).instances.at(0);
    EXPECT_EQ(view.adverts_sent, 1U);
    EXPECT_EQ(view.adverts_received, 2U);
    EXPECT_EQ(view.goodbyes_sent, 3U);
    EXPECT_EQ(view.goodbyes_received, 4U);
    EXPECT_EQ(view.lower_priority_received, 5U);
    EXPECT_EQ(view.became_master, 6U);
    EXPECT_EQ(view.left_master, 7U);
    EXPECT_EQ(view.starved, 8U);
    EXPECT_THAT(
        view.transitions,
        ElementsAre(Pair("BACKUP", 10), Pair("FAULT", 12), Pair("INIT", 9), Pair("MASTER", 11)));
    EXPECT_EQ(view.refused.size(), vrrp::kRefusalCount);
    EXPECT_EQ(view.refused.at("password"), 13U);
    EXPECT_EQ(view.refused.at("checksum"), 0U);
}

TEST(VrrpViewsTest, TimersThatAreNotDueAndThatAreOverdue) {
    vrrp::InstanceStatus status = backup();
    status.deadline = vrrp::kNever;
    EXPECT_EQ(vrrp_view(status_of(status), kNow).instances.at(0).next_ms, -1);
    status.deadline = kNow - seconds(1);
    EXPECT_EQ(vrrp_view(status_of(status), kNow).instances.at(0).next_ms, 0);
}

TEST(VrrpViewsTest, GroupsTrackersAndStrangersPackets) {
    vrrp::Status status;
    status.groups = {{"VG_1", vrrp::State::kMaster, {"VI_1", "VI_2"}}};
    status.trackers = {{"new", vrrp::TrackerKind::kScript, std::nullopt, 0, 0, 0, 0, 0},
                       {"upstream", vrrp::TrackerKind::kScript, false, 0, 2, 20, 4, 3},
                       {"drain", vrrp::TrackerKind::kFile, true, -7, 0, 0, 0, 0},
                       {"cable", vrrp::TrackerKind::kInterface, true, 0, 0, 0, 0, 0},
                       {"web", vrrp::TrackerKind::kQuorum, true, 0, 0, 0, 0, 0}};
    status.refused[static_cast<size_t>(vrrp::Refusal::kUnknownInstance)] = 5;
    const auto view = vrrp_view(status, kNow);
    ASSERT_EQ(view.groups.size(), 1U);
    EXPECT_EQ(view.groups[0].state, "MASTER");
    EXPECT_THAT(view.groups[0].instances, ElementsAre("VI_1", "VI_2"));
    ASSERT_EQ(view.trackers.size(), 5U);
    EXPECT_EQ(view.trackers[0].state, "unknown");
    EXPECT_EQ(view.trackers[1].state, "down");
    EXPECT_EQ(view.trackers[1].kind, "script");
    EXPECT_EQ(view.trackers[1].streak, 2U);
    EXPECT_EQ(view.trackers[1].runs, 20U);
    EXPECT_EQ(view.trackers[1].failures, 4U);
    EXPECT_EQ(view.trackers[1].timeouts, 3U);
    EXPECT_EQ(view.trackers[2].kind, "file");
    EXPECT_EQ(view.trackers[2].value, -7);
    EXPECT_EQ(view.trackers[3].kind, "interface");
    EXPECT_EQ(view.trackers[3].state, "up");
    EXPECT_EQ(view.trackers[4].kind, "quorum");
    ASSERT_EQ(view.refused.size(), vrrp::kRefusalCount);
    const auto& unknown = view.refused[static_cast<size_t>(vrrp::Refusal::kUnknownInstance)];
    EXPECT_EQ(unknown.name, "unknown_instance");
    EXPECT_EQ(unknown.help, "no instance has this VRID on this interface");
    EXPECT_EQ(unknown.packets, 5U);
}

TEST(VrrpViewsTest, StatusNamesGroupsAndTheInstancesWithoutOne) {
    vrrp::Status status;
    status.instances = {backup(), backup(), backup()};
    status.instances[1].name = "VI_2";
    status.instances[1].state = vrrp::State::kFault;
    status.instances[1].fault = "interface inside is down";
    status.instances[2].name = "VI_3";
    status.instances[2].group = "";
    status.groups = {{"VG_1", vrrp::State::kFault, {"VI_1", "VI_2"}}};
    const auto states = vrrp_states(status);
    ASSERT_EQ(states.size(), 2U);
    EXPECT_EQ(states[0].name, "VG_1");
    EXPECT_EQ(states[0].state, "FAULT");
    EXPECT_EQ(states[0].fault, "interface inside is down");
    EXPECT_EQ(states[1].name, "VI_3");
    EXPECT_EQ(states[1].state, "BACKUP");
    EXPECT_EQ(states[1].fault, "");
}

}  // namespace
}  // namespace director::daemon
