// Every rule of the linter: a configuration that it says nothing about, and the smallest change to
// it by which the rule speaks, at that setting.
#include "config/lint.h"

#include <set>

#include "tests/unit/config/config_support.h"

namespace director::config {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

// A director of a pair that nothing can be said against.
constexpr std::string_view kGood = R"(
ports = (
  { name = "out"; device = "net_null0"; addresses = [ "192.0.2.1/24" ]; },
  { name = "in"; device = "net_null1"; addresses = [ "10.0.0.1/24" ]; } );
sync: { role = "both"; interface = "in"; allow = [ "10.0.0.2/32" ]; };
vrrp_instances = (
  { name = "A"; interface = "out"; router_id = 1; priority = 150; state = "master";
    addresses = [ "192.0.2.80/24" ]; track = [ "route" ]; },
  { name = "B"; interface = "in"; router_id = 2; priority = 150; state = "master";
    addresses = [ "10.0.0.80/32" ]; } );
vrrp_groups = ( { name = "G"; instances = [ "A", "B" ]; } );
vrrp_trackers = ( { name = "route"; kind = "script"; command = [ "/bin/true" ]; } );
virtual_services = (
  { address = "192.0.2.80:80"; scheduler = "wrr"; persistence: { timeout = 300; };
    quorum = 2;
    sorry_server: { address = "10.0.0.99:80"; };
    checks = ( { type = "tcp"; interval = "2s"; timeout = "1s"; retries = 1; } );
    real_servers = (
      { address = "10.0.0.11:80"; weight = 10; slow_start: { duration = "30s"; }; },
      { address = "10.0.0.12:80"; weight = 10; } ); } );
)";

struct Change {
    std::string_view rule;
    std::string_view from;  // in kGood
    std::string_view to;
    std::string_view path;
};

constexpr std::string_view kWithoutChecks =
    "checks = ( { type = \"tcp\"; interval = \"2s\"; timeout = \"1s\"; retries = 1; } );";

const Change kChanges[] = {
    {"vrrp-weights",
     "track = [ \"route\" ]",
     "track = [ \"route weight -20\" ]",
     "vrrp_instances[0].track"},
    {"vrrp-weights-nopreempt",
     "state = \"master\";\n    addresses = [ \"192.0.2.80/24\" ]; track = [ \"route\" ]",
     "preempt = false; addresses = [ \"192.0.2.80/24\" ]; track = [ \"route weight -60\" ]",
     "vrrp_instances[0].preempt"},
    {"vrrp-weights-group",
     "track = [ \"route\" ]",
     "track = [ \"route weight -60\" ]",
     "vrrp_instances[0].track[0]"},
    {"vrrp-group-halves",
     "router_id = 2; priority = 150",
     "router_id = 2; priority = 90",
     "vrrp_groups[0].instances"},
    {"vrrp-group-halves",
     "router_id = 2;",
     "router_id = 2; down_timer_adverts = 5;",
     "vrrp_groups[0].instances"},
    {"vrrp-subnet", "\"10.0.0.80/32\"", "\"10.0.1.80/32\"", "vrrp_instances[1].addresses[0]"},
    {"vrrp-prefix-length",
     "\"192.0.2.80/24\"",
     "\"192.0.2.80/25\"",
     "vrrp_instances[0].addresses[0]"},
    {"vrrp-realtime",
     "router_id = 2;",
     "router_id = 2; version = 3; advert_interval = \"50ms\";",
     "vrrp_instances[1].advert_interval"},
    {"vrrp-advert-interval",
     "router_id = 2;",
     "router_id = 2; advert_interval = \"2s\";",
     "vrrp_instances[1].advert_interval"},
    {"vrrp-tracker-timeout",
     "kind = \"script\";",
     "kind = \"script\"; timeout = \"3s\";",
     "vrrp_trackers[0].timeout"},
    {"sync-off", "role = \"both\"", "role = \"off\"", "sync.role"},
    {"sync-one-way", "role = \"both\"", "role = \"master\"", "sync.role"},
    {"sync-open", "allow = [ \"10.0.0.2/32\" ];", "", "sync.allow"},
    {"sync-ttl",
     "interface = \"in\";",
     "interface = \"in\"; peers = [ \"10.7.0.2\" ];",
     "sync.ttl"},
    {"service-subnet",
     "address = \"192.0.2.80:80\"",
     "address = \"203.0.113.80:80\"",
     "virtual_services[0].address"},
    {"service-checks",
     "weight = 10; } ); } );",
     "weight = 10; } ); }, { address = \"192.0.2.80:81\"; real_servers = ( { address = "
     "\"10.0.0.11:81\"; } ); } );",
     "virtual_services[1].checks"},
    {"service-weights",
     "weight = 10; } ); } );",
     "weight = 10; } ); }, { address = \"192.0.2.80:81\"; checks = ( { type = \"tcp\"; interval = "
     "\"2s\"; } ); "
     "real_servers = ( { address = \"10.0.0.11:81\"; weight = 0; } ); } );",
     "virtual_services[1].real_servers"},
    {"check-timeout",
     "timeout = \"1s\"",
     "timeout = \"3s\"",
     "virtual_services[0].checks[0].timeout"},
    {"check-slow",
     "interval = \"2s\"",
     "interval = \"60s\"; fall = 3",
     "virtual_services[0].checks[0].interval"},
    {"quorum", "quorum = 2", "quorum = 21", "virtual_services[0].quorum"},
    {"quorum", kWithoutChecks, "", "virtual_services[0].quorum"},
    {"sorry-server", kWithoutChecks, "", "virtual_services[0].sorry_server"},
    {"slow-start", kWithoutChecks, "", "virtual_services[0].real_servers[0].slow_start"},
    {"slow-start",
     "scheduler = \"wrr\"",
     "scheduler = \"rr\"",
     "virtual_services[0].real_servers[0].slow_start"},
    {"slow-start",
     "weight = 10; slow",
     "weight = 1; slow",
     "virtual_services[0].real_servers[0].slow_start"},
    {"persistence-short",
     "timeout = 300",
     "timeout = 60",
     "virtual_services[0].persistence.timeout"},
    {"server-route", "10.0.0.12:80", "10.5.0.12:80", "virtual_services[0].real_servers[1].address"},
    {"server-direct",
     "\"10.0.0.12:80\";",
     "\"10.5.0.12:80\"; forwarding = \"direct\";",
     "virtual_services[0].real_servers[1].forwarding"},
    {"server-nat",
     "10.0.0.12:80",
     "192.0.2.12:80",
     "virtual_services[0].real_servers[1].forwarding"},
    {"metrics-open",
     "sync:",
     "control: { metrics_address = \"192.0.2.1:9142\"; };\nsync:",
     "control.metrics_address"},
};

std::string changed(const Change& change) {
    std::string text(kGood);
    const size_t at = text.find(change.from);
    DIRECTOR_ASSERT(at != std::string::npos);
    return text.replace(at, change.from.size(), change.to);
}

std::vector<std::string> risks(const std::string& text) {
    const auto model = parse(text);
    EXPECT_THAT(lines_of(model), IsEmpty()) << text;
    std::vector<std::string> out;
    for (const Risk& risk : lint(model.value_or(Model()))) {
        out.push_back(risk.rule + " " + risk.path);
        EXPECT_GT(risk.message.size(), 20U);
    }
    return out;
}

TEST(Lint, NothingIsSaidOfWhatIsRight) {
    EXPECT_THAT(risks(std::string(kGood)), IsEmpty());
}

TEST(Lint, EachRuleSpeaksOfItsOwnSetting) {
    std::set<std::string_view> spoken;
    for (const Change& change : kChanges) {
        SCOPED_TRACE(change.rule);
        EXPECT_THAT(risks(changed(change)),
                    Contains(std::string(change.rule) + " " + std::string(change.path)));
        spoken.insert(change.rule);
    }
    for (const LintRule& rule : lint_rules()) {
        EXPECT_TRUE(spoken.contains(rule.name)) << rule.name << " is never tried";
    }
}

// What is on the edge, and right.
TEST(Lint, RulesKnowWhereTheyEnd) {
    const std::pair<std::string_view, std::string_view> fine[] = {
        {"priority = 150; state = \"master\";\n    addresses = [ \"192.0.2.80/24\" ]; track = [ "
         "\"route\" ]",
         "priority = 150; state = \"master\";\n    addresses = [ \"192.0.2.80/24\" ]; track = [ "
         "\"route weight -60\", \"route\" ]"},
        {"router_id = 2;", "router_id = 2; advert_interval = \"1s\";"},
        {"role = \"both\"; interface = \"in\"; allow = [ \"10.0.0.2/32\" ];",
         "role = \"both\"; peers = [ \"10.0.0.2\" ]; key = \"0123456789abcdef\"; accept_ipvs = "
         "false;"},
        {"timeout = 300", "timeout = 120"},
        {"quorum = 2", "quorum = 20"},
        {"timeout = \"1s\"", "timeout = \"2s\""},
        {"sync:", "control: { metrics_address = \"127.0.0.1:9142\"; };\nsync:"},
        {"sync:", "routes = ( { to = \"10.5.0.0/16\"; via = \"10.0.0.254\"; } );\nsync:"},
    };
    for (const auto& [from, to] : fine) {
        SCOPED_TRACE(to);
        std::vector<std::string> found = risks(changed({"", from, to, ""}));
        std::erase(found, "vrrp-weights-group vrrp_instances[0].track[0]");  // the first one's
        EXPECT_THAT(found, IsEmpty());
    }
}

TEST(Lint, RisksStandAtTheirLines) {
    const TemporaryDirectory folder;
    const std::string file = folder.write("d.conf", changed(kChanges[5]));
    const auto inspected = inspect_file(file, test_vocabulary());
    ASSERT_TRUE(inspected);
    ASSERT_EQ(inspected->risks.size(), 1U);
    EXPECT_EQ(inspected->risks[0].line, 10);
    EXPECT_THAT(to_string(inspected->risks[0]),
                testing::AllOf(testing::HasSubstr(":10: vrrp_instances[1].addresses[0]: risk: "),
                               testing::EndsWith("[vrrp-subnet]")));
    EXPECT_FALSE(inspect_file(folder.write("e.conf", "nothing = 1;"), test_vocabulary()));
}

TEST(Lint, ThePageHasEveryRule) {
    const std::string page = read_whole_file(source_root() / "docs/configuration.md");
    for (const LintRule& rule : lint_rules()) {
        const std::string row =
            "\n| `" + std::string(rule.name) + "` | " + std::string(rule.about) + " |\n";
        EXPECT_NE(page.find(row), std::string::npos) << row;
    }
}

}  // namespace
}  // namespace director::config
