// The configuration's VRRP on its way to the library: every setting arrives (a new one without a
// row here is found out), and what the library dislikes is told with its place in the file.
#include "controlplane/daemon/vrrp_settings.h"

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "config/parse.h"
#include "config/settings_vrrp.h"

namespace director::daemon {
namespace {

using config::Model;
using config::VrrpGroup;
using config::VrrpInstance;
using config::VrrpTracker;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

// Takes the names of a struct's settings from the one list of them.
class NameCollector {
  public:
    template <typename... Rest>
    void text(std::string_view name, Rest&&... /*rest*/) {
        add(name);
    }
    template <typename... Rest>
    void texts(std::string_view name, Rest&&... /*rest*/) {
        add(name);
    }
    template <typename Integer>
    void number(std::string_view name,
                Integer& /*value*/,
                const config::Range& /*range*/,
                config::Need /*need*/) {
        add(name);
    }
    template <typename... Rest>
    void choice(std::string_view name, Rest&&... /*rest*/) {
        add(name);
    }
    template <typename... Rest>
    void flag(std::string_view name, Rest&&... /*rest*/) {
        add(name);
    }
    template <typename Struct>
    void group(std::string_view name, Struct& value) {
        const std::string outer = std::exchange(prefix_, prefix_ + std::string(name) + ".");
        config::visit_settings(value, *this);
        prefix_ = outer;
    }
    std::set<std::string> names;

  private:
    void add(std::string_view name) { names.insert(prefix_ + std::string(name)); }
    std::string prefix_;
};

template <typename Struct>
std::set<std::string> settings_of() {
    NameCollector collector;
    Struct value;
    config::visit_settings(value, collector);
    return collector.names;
}

// A setting, how to give it another value, and how that looks to the library.
template <typename From, typename To>
struct Row {
    std::string setting;
    std::function<void(From&)> change;
    std::function<bool(const To&)> has_arrived;
};

template <typename From, typename To>
void expect_all_arrive(const std::vector<Row<From, To>>& rows,
                       const From& start,
                       const std::function<To(const From&)>& translate) {
    std::set<std::string> seen;
    for (const Row<From, To>& row : rows) {
        seen.insert(row.setting);
        From changed = start;
        EXPECT_FALSE(row.has_arrived(translate(changed))) << row.setting << " shows nothing";
        row.change(changed);
        EXPECT_TRUE(row.has_arrived(translate(changed))) << row.setting;
    }
    EXPECT_EQ(seen, settings_of<From>());
}

config::VirtualAddress virtual_address(const char* prefix, const char* interface = "") {
    return {IpPrefix::parse(prefix).value(), interface};
}

VrrpInstance instance(const char* name, uint8_t router_id) {
    VrrpInstance one;
    one.name = name;
    one.interface = "outside";
    one.router_id = router_id;
    one.addresses = {virtual_address("192.0.2.100/24")};
    return one;
}

Model model_of(std::vector<VrrpInstance> instances) {
    Model model;
    model.ports.emplace_back().name = "outside";
    model.ports.emplace_back().name = "inside";
    model.ports.back().vlans.emplace_back().id = 10;
    model.vrrp_instances = std::move(instances);
    return model;
}

using InstanceRow = Row<VrrpInstance, vrrp::InstanceConfig>;
using Words = std::vector<std::string>;

const std::vector<InstanceRow>& plain_rows() {
    using In = VrrpInstance;
    using Out = vrrp::InstanceConfig;
    static const std::vector<InstanceRow> kRows{
        {"name", [](In& i) { i.name = "VI_9"; }, [](const Out& o) { return o.name == "VI_9"; }},
        {"interface",
         [](In& i) { i.interface = "inside.10"; },
         [](const Out& o) { return o.interface == "inside.10"; }},
        {"version",
         [](In& i) { i.version = 3; },
         [](const Out& o) { return o.version == vrrp::Version::kV3; }},
        {"router_id", [](In& i) { i.router_id = 200; }, [](const Out& o) { return o.vrid == 200; }},
        {"state",
         [](In& i) { i.state = config::VrrpState::kMaster; },
         [](const Out& o) { return o.starts_as_master; }},
        {"priority",
         [](In& i) { i.priority = 255; },
         [](const Out& o) { return o.priority == 255; }},
        {"advert_interval",
         [](In& i) { i.advert_interval = milliseconds(10); },
         [](const Out& o) { return o.interval == milliseconds(10); }},
        {"down_timer_adverts",
         [](In& i) { i.down_timer_adverts = 7; },
         [](const Out& o) { return o.down_timer_adverts == 7; }},
        {"preempt",
         [](In& i) { i.preempt = false; },
         [](const Out& o) { return !o.is_preempting; }},
        {"preempt_delay",
         [](In& i) { i.preempt_delay = seconds(60); },
         [](const Out& o) { return o.preempt_delay == seconds(60); }},
        {"startup_delay",
         [](In& i) { i.startup_delay = seconds(5); },
         [](const Out& o) { return o.startup_delay == seconds(5); }},
        {"accept",
         [](In& i) { i.accept = false; },
         [](const Out& o) { return !o.accepts_traffic; }},
        {"authentication",
         [](In& i) { i.authentication = config::VrrpAuthentication::kHeader; },
         [](const Out& o) { return o.authentication == vrrp::Authentication::kHeader; }},
        {"password",
         [](In& i) { i.password = "secret"; },
         [](const Out& o) { return o.password == "secret"; }},
        {"source",
         [](In& i) { i.source = "192.0.2.7"; },
         [](const Out& o) { return o.source == IpAddress::parse("192.0.2.7"); }},
        {"unicast_peers",
         [](In& i) { i.unicast_peers = {*IpAddress::parse("192.0.2.2")}; },
         [](const Out& o) {
             return o.is_unicast && o.peers.size() == 1 &&
                    o.peers[0].address == IpAddress::parse("192.0.2.2");
         }},
        {"virtual_mac",
         [](In& i) { i.virtual_mac = true; },
         [](const Out& o) { return o.uses_virtual_mac; }},
        {"strict_addresses",
         [](In& i) { i.strict_addresses = true; },
         [](const Out& o) { return o.address_mismatch == vrrp::AddressMismatch::kRefuse; }},
        {"checksum",
         [](In& i) { i.checksum = config::VrrpChecksum::kOldUnicast; },
         [](const Out& o) { return o.checksum == vrrp::ChecksumChoice::kOldUnicast; }},
        {"track_interface",
         [](In& i) { i.track_interface = false; },
         [](const Out& o) { return !o.tracks_interface; }},
    };
    return kRows;
}

const std::vector<InstanceRow>& list_rows() {
    using In = VrrpInstance;
    using Out = vrrp::InstanceConfig;
    static const std::vector<InstanceRow> kRows{
        {"addresses",
         [](In& i) { i.addresses.push_back(virtual_address("192.0.2.101/32", "inside")); },
         [](const Out& o) {
             return o.addresses.size() == 2 && o.addresses[1].interface == "inside" &&
                    o.addresses[1].prefix == IpPrefix::parse("192.0.2.101/32").value();
         }},
        {"excluded_addresses",
         [](In& i) { i.excluded_addresses = {virtual_address("192.0.2.102/32")}; },
         [](const Out& o) { return o.excluded.size() == 1 && o.excluded[0].interface.empty(); }},
        {"track",
         [](In& i) {
             i.track = {{"upstream", -20, true}, {"disk", {}, false}};
         },
         [](const Out& o) {
             return o.trackers == std::vector<vrrp::TrackEntry>{{"upstream", -20, true},
                                                                {"disk", std::nullopt, false}};
         }},
        {"announcements.repeat",
         [](In& i) { i.announcements.repeat = 2; },
         [](const Out& o) { return o.announcements.repeat == 2; }},
        {"announcements.delay",
         [](In& i) { i.announcements.delay = seconds(9); },
         [](const Out& o) { return o.announcements.delay == seconds(9); }},
        {"announcements.refresh",
         [](In& i) { i.announcements.refresh = seconds(30); },
         [](const Out& o) { return o.announcements.refresh == seconds(30); }},
        {"announcements.refresh_repeat",
         [](In& i) { i.announcements.refresh_repeat = 3; },
         [](const Out& o) { return o.announcements.refresh_repeat == 3; }},
        {"notify.master",
         [](In& i) {
             i.notify.master = {"/bin/m", "1"};
         },
         [](const Out& o) {
             return o.notify.master == Words{"/bin/m", "1"};
         }},
        {"notify.backup",
         [](In& i) { i.notify.backup = {"/bin/b"}; },
         [](const Out& o) { return o.notify.backup == Words{"/bin/b"}; }},
        {"notify.fault",
         [](In& i) { i.notify.fault = {"/bin/f"}; },
         [](const Out& o) { return o.notify.fault == Words{"/bin/f"}; }},
        {"notify.stop",
         [](In& i) { i.notify.stop = {"/bin/s"}; },
         [](const Out& o) { return o.notify.stop == Words{"/bin/s"}; }},
        {"notify.deleted",
         [](In& i) { i.notify.deleted = {"/bin/d"}; },
         [](const Out& o) { return o.notify.deleted == Words{"/bin/d"}; }},
        {"notify.master_rx_lower_pri",
         [](In& i) { i.notify.master_rx_lower_pri = {"/bin/l"}; },
         [](const Out& o) { return o.notify.lower_priority_received == Words{"/bin/l"}; }},
        {"notify.priority_changes",
         [](In& i) { i.notify.priority_changes = true; },
         [](const Out& o) { return o.notify.tells_priority_changes; }},
        {"notify.any",
         [](In& i) { i.notify.any = {"/bin/a"}; },
         [](const Out& o) { return o.notify.any == Words{"/bin/a"}; }},
    };
    return kRows;
}

TEST(VrrpSettingsTest, EverySettingOfAnInstanceArrives) {
    std::vector<InstanceRow> rows = plain_rows();
    rows.insert(rows.end(), list_rows().begin(), list_rows().end());
    expect_all_arrive<VrrpInstance, vrrp::InstanceConfig>(
        rows, instance("VI_1", 51), [](const VrrpInstance& one) {
            return vrrp_settings(model_of({one})).instances.at(0);
        });
}

TEST(VrrpSettingsTest, EverySettingOfAGroupArrives) {
    using In = VrrpGroup;
    using Out = vrrp::GroupConfig;
    const std::vector<Row<In, Out>> rows{
        {"name", [](In& i) { i.name = "VG_9"; }, [](const Out& o) { return o.name == "VG_9"; }},
        {"instances",
         [](In& i) {
             i.instances = {"VI_1", "VI_2"};
         },
         [](const Out& o) {
             return o.members == Words{"VI_1", "VI_2"};
         }},
        {"track",
         [](In& i) {
             i.track = {{"upstream", 5, false}};
         },
         [](const Out& o) {
             return o.trackers == std::vector<vrrp::TrackEntry>{{"upstream", 5, false}};
         }},
        {"use_weights",
         [](In& i) { i.use_weights = true; },
         [](const Out& o) { return o.uses_weights; }},
        {"notify.master",
         [](In& i) { i.notify.master = {"m"}; },
         [](const Out& o) { return o.notify.master == Words{"m"}; }},
        {"notify.backup",
         [](In& i) { i.notify.backup = {"b"}; },
         [](const Out& o) { return o.notify.backup == Words{"b"}; }},
        {"notify.fault",
         [](In& i) { i.notify.fault = {"f"}; },
         [](const Out& o) { return o.notify.fault == Words{"f"}; }},
        {"notify.stop",
         [](In& i) { i.notify.stop = {"s"}; },
         [](const Out& o) { return o.notify.stop == Words{"s"}; }},
        {"notify.deleted",
         [](In& i) { i.notify.deleted = {"d"}; },
         [](const Out& o) { return o.notify.deleted == Words{"d"}; }},
        {"notify.master_rx_lower_pri",
         [](In& i) { i.notify.master_rx_lower_pri = {"l"}; },
         [](const Out& o) { return o.notify.lower_priority_received == Words{"l"}; }},
        {"notify.priority_changes",
         [](In& i) { i.notify.priority_changes = true; },
         [](const Out& o) { return o.notify.tells_priority_changes; }},
        {"notify.any",
         [](In& i) { i.notify.any = {"a"}; },
         [](const Out& o) { return o.notify.any == Words{"a"}; }},
    };
    expect_all_arrive<In, Out>(rows, VrrpGroup{}, [](const VrrpGroup& one) {
        Model model = model_of({});
        model.vrrp_groups = {one};
        return vrrp_settings(model).groups.at(0);
    });
}

TEST(VrrpSettingsTest, EverySettingOfATrackerArrives) {
    using In = VrrpTracker;
    using Out = vrrp::TrackerConfig;
    const std::vector<Row<In, Out>> rows{
        {"name", [](In& i) { i.name = "t"; }, [](const Out& o) { return o.name == "t"; }},
        {"kind",
         [](In& i) { i.kind = config::VrrpTrackerKind::kQuorum; },
         [](const Out& o) { return o.kind == vrrp::TrackerKind::kQuorum; }},
        {"subject",
         [](In& i) { i.subject = "inside"; },
         [](const Out& o) { return o.subject == "inside"; }},
        {"weight", [](In& i) { i.weight = -20; }, [](const Out& o) { return o.weight == -20; }},
        {"command",
         [](In& i) {
             i.command = {"/bin/true", "-v"};
         },
         [](const Out& o) {
             return o.command == Words{"/bin/true", "-v"};
         }},
        {"interval",
         [](In& i) { i.interval = seconds(2); },
         [](const Out& o) { return o.interval == seconds(2); }},
        {"timeout",
         [](In& i) { i.timeout = milliseconds(300); },
         [](const Out& o) { return o.timeout == milliseconds(300); }},
        {"rise", [](In& i) { i.rise = 3; }, [](const Out& o) { return o.rise == 3; }},
        {"fall", [](In& i) { i.fall = 4; }, [](const Out& o) { return o.fall == 4; }},
        {"starts_failed",
         [](In& i) { i.starts_failed = true; },
         [](const Out& o) { return o.starts_failed; }},
    };
    expect_all_arrive<In, Out>(rows, VrrpTracker{}, [](const VrrpTracker& one) {
        Model model = model_of({});
        model.vrrp_trackers = {one};
        return vrrp_settings(model).trackers.at(0);
    });
}

TEST(VrrpSettingsTest, ChoicesAreNotMixedUp) {
    VrrpInstance one = instance("VI_1", 51);
    const auto translated = [&one] { return vrrp_settings(model_of({one})).instances.at(0); };
    one.authentication = config::VrrpAuthentication::kPassword;
    EXPECT_EQ(translated().authentication, vrrp::Authentication::kPassword);
    one.checksum = config::VrrpChecksum::kPseudoHeader;
    EXPECT_EQ(translated().checksum, vrrp::ChecksumChoice::kPseudoHeader);
    one.checksum = config::VrrpChecksum::kMessageOnly;
    EXPECT_EQ(translated().checksum, vrrp::ChecksumChoice::kMessageOnly);
    Model model = model_of({});
    model.vrrp_trackers.resize(3);
    model.vrrp_trackers[0].kind = config::VrrpTrackerKind::kInterface;
    model.vrrp_trackers[1].kind = config::VrrpTrackerKind::kScript;
    model.vrrp_trackers[2].kind = config::VrrpTrackerKind::kFile;
    const auto trackers = vrrp_settings(model).trackers;
    EXPECT_EQ(trackers.at(0).kind, vrrp::TrackerKind::kInterface);
    EXPECT_EQ(trackers.at(1).kind, vrrp::TrackerKind::kScript);
    EXPECT_EQ(trackers.at(2).kind, vrrp::TrackerKind::kFile);
}

TEST(VrrpSettingsTest, FamilyIsThatOfTheAddresses) {
    VrrpInstance one = instance("VI_1", 51);
    const auto family = [&one] { return vrrp_settings(model_of({one})).instances.at(0).family; };
    EXPECT_EQ(family(), Family::kIpv4);
    one.addresses = {virtual_address("2001:db8::100/64")};
    EXPECT_EQ(family(), Family::kIpv6);
    one.excluded_addresses = std::exchange(one.addresses, {});
    EXPECT_EQ(family(), Family::kIpv6);
}

// In order of the file's settings: "PATH: MESSAGE".
std::vector<std::string> mistakes(const Model& model) {
    std::vector<std::string> lines;
    for (const config::Finding& finding : validate_vrrp(model)) {
        lines.push_back(finding.path + ": " + finding.message);
    }
    return lines;
}

TEST(VrrpSettingsTest, AGoodModelHasNoMistakes) {
    Model model = model_of({instance("VI_1", 51), instance("VI_2", 52)});
    model.vrrp_instances[1].interface = "inside.10";
    model.vrrp_groups = {{"VG_1", {"VI_1", "VI_2"}, {}, false, {}}};
    EXPECT_THAT(mistakes(model), IsEmpty());
}

TEST(VrrpSettingsTest, InterfacesThatDoNotExistAreTold) {
    Model model = model_of({instance("VI_1", 51), instance("VI_2", 52)});
    model.vrrp_instances[0].addresses.push_back(virtual_address("192.0.2.101/32", "dmz"));
    model.vrrp_instances[1].interface = "inside.11";
    EXPECT_THAT(mistakes(model),
                ElementsAre("vrrp_instances[0].addresses[1]: expected one of inside, inside.10, "
                            "outside, found \"dmz\"",
                            "vrrp_instances[1].interface: expected one of inside, inside.10, "
                            "outside, found \"inside.11\""));
    model = model_of({instance("VI_1", 51)});
    model.vrrp_instances[0].excluded_addresses = {virtual_address("192.0.2.101/32", "dmz")};
    EXPECT_THAT(mistakes(model),
                ElementsAre("vrrp_instances[0].excluded_addresses[0]: expected one of inside, "
                            "inside.10, outside, found \"dmz\""));
}

TEST(VrrpSettingsTest, MistakesNameTheInstanceGroupOrTracker) {
    // Names of which one is the other's beginning.
    Model model = model_of({instance("VI_10", 51), instance("VI_1", 52)});
    model.vrrp_instances[1].advert_interval = milliseconds(500);
    model.vrrp_groups = {{"VG_1", {"VI_3"}, {}, false, {}}};
    model.vrrp_trackers.emplace_back().name = "upstream";
    EXPECT_THAT(
        mistakes(model),
        ElementsAre("vrrp_instances[1]: instance VI_1: interval: expected 1..255 whole seconds "
                    "(version 2), found 0.5 s",
                    "vrrp_trackers[0]: tracker upstream: command: expected one, found none",
                    "vrrp_groups[0]: group VG_1: members: expected the name of an instance, found "
                    "VI_3"));
}

TEST(VrrpSettingsTest, MistakesHaveTheirLineInTheFile) {
    config::Vocabulary words;
    words.further = &validate_vrrp;
    const auto result = config::parse_text(
        R"(ports = ( { name = "p"; device = "net_null0"; addresses = ["192.0.2.1/24"]; } );
vrrp_instances = (
  { name = "VI_1"; interface = "p"; router_id = 51; addresses = ["192.0.2.100/24"]; },
  { name = "VI_2"; interface = "q"; router_id = 52; addresses = ["192.0.2.101/24"]; },
  { name = "VI_3"; interface = "p"; router_id = 51;
    addresses = ["192.0.2.102/24"]; }
);
)",
        "t.conf",
        words);
    ASSERT_FALSE(result.has_value());
    std::vector<std::string> lines;
    for (const config::Diagnostic& diagnostic : result.error()) {
        lines.push_back(to_string(diagnostic));
    }
    EXPECT_THAT(lines,
                ElementsAre("t.conf:4: vrrp_instances[1].interface: expected one of p, found \"q\"",
                            "t.conf:5: vrrp_instances[2]: instance VI_3: vrid: expected a number "
                            "of its own on interface p, found 51 again"));
}

}  // namespace
}  // namespace director::daemon
