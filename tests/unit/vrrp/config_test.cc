// Every mistake that validate() knows: where it is and what was expected.
#include <functional>

#include <gmock/gmock.h>

#include "tests/unit/vrrp/vrrp_support.h"

namespace director::vrrp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;

struct Row {
    const char* name;
    std::function<void(Config&)> spoil;
    const char* where;
    const char* expected;
};

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for.
void PrintTo(const Row& row, std::ostream* out) {
    *out << row.name;
}

Config good_config() {
    Config config;
    config.instances = {test_instance("VI_1", 51), test_instance("VI_2", 52)};
    config.groups = {GroupConfig{"VG", {"VI_1", "VI_2"}, {}, false, {}}};
    TrackerConfig tracker;
    tracker.name = "uplink";
    tracker.subject = "net9";
    config.trackers = {tracker};
    return config;
}

class MistakeTest : public testing::TestWithParam<Row> {};

TEST_P(MistakeTest, IsFoundAndNamed) {
    Config config = good_config();
    GetParam().spoil(config);
    const auto mistakes = validate(config);
    ASSERT_FALSE(mistakes.empty());
    EXPECT_EQ(mistakes[0].where, GetParam().where);
    EXPECT_THAT(mistakes[0].expected, HasSubstr(GetParam().expected));
}

InstanceConfig& one(Config& config) {
    return config.instances[0];
}

const Row kRows[] = {
    {"vrid", [](Config& c) { one(c).vrid = 0; }, "instance VI_1: vrid", "1..255, found 0"},
    {"same_vrid",
     [](Config& c) { one(c).vrid = 52; },
     "instance VI_2: vrid",
     "of its own on interface net0, found 52 again"},
    {"name", [](Config& c) { one(c).name = "VI_2"; }, "instance VI_2: name", "another has"},
    {"interface", [](Config& c) { one(c).interface = ""; }, "instance VI_1: interface", "a name"},
    {"priority", [](Config& c) { one(c).priority = 0; }, "instance VI_1: priority", "1..255"},
    {"ipv6_version_2",
     [](Config& c) {
         one(c).family = Family::kIpv6;
         one(c).addresses = addresses_of({"fe80::100"});
     },
     "instance VI_1: version",
     "expected 3 for IPv6"},
    {"interval_v2",
     [](Config& c) { one(c).interval = milliseconds(1500); },
     "instance VI_1: interval",
     "1..255 whole seconds (version 2), found 1.5 s"},
    {"interval_v3",
     [](Config& c) {
         one(c).version = Version::kV3;
         one(c).interval = milliseconds(5);
     },
     "instance VI_1: interval",
     "0.01..40.95 s"},
    {"password",
     [](Config& c) { one(c).authentication = Authentication::kPassword; },
     "instance VI_1: password",
     "1..8 characters, found 0"},
    {"password_long",
     [](Config& c) {
         one(c).authentication = Authentication::kPassword;
         one(c).password = "123456789";
     },
     "instance VI_1: password",
     "1..8 characters, found 9"},
    {"password_alone",
     [](Config& c) { one(c).password = "secret"; },
     "instance VI_1: password",
     "authentication type"},
    {"authentication_v3",
     [](Config& c) {
         one(c).version = Version::kV3;
         one(c).authentication = Authentication::kPassword;
         one(c).password = "secret";
     },
     "instance VI_1: authentication",
     "expected none"},
    {"no_address",
     [](Config& c) { one(c).addresses.clear(); },
     "instance VI_1: addresses",
     "a virtual address at least"},
    {"other_family",
     [](Config& c) { one(c).excluded = addresses_of({"2001:db8::1"}); },
     "instance VI_1: addresses",
     "one family only, found 2001:db8::1"},
    {"address_twice",
     [](Config& c) { one(c).excluded = addresses_of({"10.9.0.100"}); },
     "instance VI_1: addresses",
     "each once, found 10.9.0.100 again"},
    {"too_many",
     [](Config& c) {
         for (uint32_t i = 0; i < 255; ++i) {
             one(c).addresses.push_back(
                 VirtualAddress{{Ipv4Address::from_host(0x0a0a0000U + i), 32}, {}, {}});
         }
     },
     "instance VI_1: addresses",
     "at most 255, found 256"},
    {"preempt_delay",
     [](Config& c) { one(c).preempt_delay = seconds(1001); },
     "instance VI_1: preempt_delay",
     "0..1000 s, found 1001 s"},
    {"nopreempt_delay",
     [](Config& c) {
         one(c).is_preempting = false;
         one(c).preempt_delay = seconds(1);
     },
     "instance VI_1: preempt_delay",
     "expected none with nopreempt"},
    {"nopreempt_owner",
     [](Config& c) {
         one(c).is_preempting = false;
         one(c).priority = 255;
     },
     "instance VI_1: nopreempt",
     "owner"},
    {"nopreempt_master",
     [](Config& c) {
         one(c).is_preempting = false;
         one(c).starts_as_master = true;
     },
     "instance VI_1: state",
     "expected BACKUP"},
    {"peers",
     [](Config& c) { one(c).peers = {UnicastPeer{Ipv4Address::of(10, 9, 0, 2)}}; },
     "instance VI_1: unicast peers",
     "unicast to be on"},
    {"own_peer",
     [](Config& c) {
         one(c).is_unicast = true;
         one(c).source = Ipv4Address::of(10, 9, 0, 2);
         one(c).peers = {UnicastPeer{Ipv4Address::of(10, 9, 0, 2)}};
     },
     "instance VI_1: unicast peers",
     "found its own address 10.9.0.2"},
    {"down_timer",
     [](Config& c) { one(c).down_timer_adverts = 0; },
     "instance VI_1: down_timer_adverts",
     "1..100, found 0"},
    {"unknown_tracker",
     [](Config& c) {
         one(c).trackers = {TrackEntry{"upling", {}, false}};
     },
     "instance VI_1: track",
     "name of a tracker, found upling"},
    {"tracker_weight",
     [](Config& c) {
         one(c).trackers = {TrackEntry{"uplink", 254, false}};
     },
     "instance VI_1: track",
     "-253..253 for uplink, found 254"},
    {"script",
     [](Config& c) { c.trackers[0].kind = TrackerKind::kScript; },
     "tracker uplink: command",
     "expected one, found none"},
    {"subject",
     [](Config& c) { c.trackers[0].subject = ""; },
     "tracker uplink: subject",
     "an interface, a file or a virtual service"},
    {"rise", [](Config& c) { c.trackers[0].rise = 0; }, "tracker uplink: rise", "1 or more"},
    {"members",
     [](Config& c) { c.groups[0].members.clear(); },
     "group VG: members",
     "an instance at least"},
    {"unknown_member",
     [](Config& c) { c.groups[0].members = {"VI_3"}; },
     "group VG: members",
     "name of an instance, found VI_3"},
    {"member_twice",
     [](Config& c) {
         c.groups[0].members = {"VI_1", "VI_1"};
     },
     "group VG: members",
     "in one group, found VI_1 again"},
};

INSTANTIATE_TEST_SUITE_P(VrrpConfig, MistakeTest, testing::ValuesIn(kRows), [](const auto& row) {
    return row.param.name;
});

TEST(VrrpConfig, GoodOneHasNoMistake) {
    EXPECT_THAT(validate(good_config()), IsEmpty());
    EXPECT_THAT(validate(Config{}), IsEmpty());
}

TEST(VrrpConfig, AllMistakesAreFoundAtOnce) {
    Config config = good_config();
    one(config).priority = 0;
    one(config).interval = Duration(0);
    config.trackers[0].fall = 0;
    EXPECT_EQ(validate(config).size(), 3U);
}

TEST(VrrpConfig, SameNumberOnAnotherInterfaceOrFamilyIsAnotherRouter) {
    Config config = good_config();
    config.instances[1].vrid = 51;
    config.instances[1].interface = "net1";
    EXPECT_THAT(validate(config), IsEmpty());
    config.instances[1].interface = "net0";
    config.instances[1].family = Family::kIpv6;
    config.instances[1].version = Version::kV3;
    config.instances[1].addresses = addresses_of({"fe80::100"});
    EXPECT_THAT(validate(config), IsEmpty());
}

}  // namespace
}  // namespace director::vrrp
