// ipvsadm's rules and the scripts around them -> a configuration that loads and means the same.
// That it serves the same is shown in tests/unit/daemon/import_rules_test.cc.
#include "cli/import_rules.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"
#include "tests/unit/cli/numeric_resolve.h"

namespace director::cli {
namespace {

using config::Gravity;
using config::Imported;
using config::Model;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string read_data(const std::string& name) {
    std::ifstream file(std::string(DIRECTOR_TEST_DATA "/") + name);
    EXPECT_TRUE(file.good()) << name;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

config::Machine machine() {
    config::Machine machine;
    machine.interfaces["eth0"] = {"0000:03:00.0", {*IpPrefix::parse("192.0.2.2/24")}};
    return machine;
}

Imported import(std::string_view text) {
    Imported imported =
        import_rules(config::read_shell_text(text, "rules"), machine(), numeric_resolve);
    // What is printed is read again, and says the same.
    const config::Vocabulary vocabulary{
        {"rr", "wrr", "wlc", "sh", "mh", "sed", "lblcr"}, 64, 63, {}};
    const auto again =
        config::parse_text(config::print_imported(imported, "x"), "imported", vocabulary);
    EXPECT_TRUE(again.has_value()) << (again ? "" : config::to_string(again.error().front()));
    EXPECT_TRUE(again && *again == imported.model);
    return imported;
}

// "3 not imported: ...", as far as it is not only remarked.
std::vector<std::string> losses(const Imported& imported) {
    std::vector<std::string> out;
    for (const config::Note& note : imported.notes) {
        if (note.gravity != Gravity::kRemark) {
            out.push_back(std::to_string(note.place.line) + " " + note.message);
        }
    }
    return out;
}

TEST(ImportRules, TheReportsScriptIsImported) {
    const Imported imported = import(read_data("import/lvs-nat.rc.firewall"));
    EXPECT_THAT(losses(imported),
                ElementsAre(HasSubstr("7 -j MASQUERADE: write source_nat = ( { from = "
                                      "\"192.168.0.0/25\"")));
    ASSERT_EQ(imported.model.virtual_services.size(), 1U);
    const config::VirtualService& service = imported.model.virtual_services[0];
    EXPECT_EQ(to_string(service.endpoint), "170.210.122.104:80");
    EXPECT_EQ(service.scheduler, "rr");
    ASSERT_EQ(service.real_servers.size(), 2U);
    EXPECT_EQ(to_string(service.real_servers[0].endpoint), "192.168.0.108:80");
    EXPECT_EQ(service.real_servers[0].forwarding, config::ForwardingMethod::kNat);
    ASSERT_EQ(imported.model.ports.size(), 1U);
    EXPECT_EQ(imported.model.ports[0].device, "0000:03:00.0");
}

TEST(ImportRules, WhatDirectorDoesNotHaveIsListedWithItsLine) {
    const Imported imported = import(
        "-A -u 10.0.0.1:5060 -s mh -p 600 --pe sip\n"
        "-a -u 10.0.0.1:5060 -r 10.1.1.7:5060 -m -w 1\n"
        "-A -f 1 -s wrr -p 1800 -M 255.255.255.0\n"
        "-a -f 1 -r 192.168.10.5:0 -g -w 100\n"
        "-a -t 10.9.9.9:80 -r 10.1.1.1:80 -m\n"
        "-A -t 10.0.0.2:80 -s strange\n"
        "-A -t 10.0.0.3\n"
        "-X\n");
    EXPECT_THAT(losses(imported),
                ElementsAre(HasSubstr("1 --pe sip: has no counterpart"),
                            HasSubstr("3 fwmark 1: which packets have this mark"),
                            HasSubstr("5 there is no service TCP 10.9.9.9:80"),
                            HasSubstr("6 there is no scheduler \"strange\""),
                            HasSubstr("7 Zero port specified"),
                            HasSubstr("8 ipvsadm refuses it: ")));
    EXPECT_EQ(imported.model.virtual_services.size(), 1U);
    EXPECT_EQ(imported.model.virtual_services[0].persistence.timeout, 600U);
    ASSERT_EQ(imported.drafts.size(), 1U);
    EXPECT_EQ(imported.drafts[0].real_servers.size(), 1U);
    EXPECT_THAT(config::print_imported(imported, "rules"), HasSubstr("#         mark = 1;"));
}

TEST(ImportRules, TheFirewallsMarksAreWhatTheServiceMatches) {
    const Imported imported = import(
        "iptables -t mangle -A PREROUTING -d 192.0.2.80 -p tcp -m multiport --dports 80,8000:8010 "
        "-j MARK --set-mark 1\n"
        "ip6tables -t mangle -A PREROUTING -d 2001:db8::/64 -j MARK --set-xmark 0x2/0xffffffff\n"
        "ipvsadm -A -f 1 -s rr -p 300\n"
        "ipvsadm -a -f 1 -r 10.1.1.1:0 -m\n"
        "ipvsadm -A -f 2 -6 -s rr\n"
        "ipvsadm -a -f 2 -6 -r [2001:db8:1::1]:0 -g\n");
    EXPECT_THAT(losses(imported), IsEmpty());
    EXPECT_THAT(imported.drafts, IsEmpty());
    ASSERT_EQ(imported.model.virtual_services.size(), 2U);
    const config::VirtualService& web = imported.model.virtual_services[0];
    const config::AddressRange one{Ipv4Address::of(192, 0, 2, 80), Ipv4Address::of(192, 0, 2, 80)};
    EXPECT_THAT(web.match,
                ElementsAre(config::Match{one, {80, 80}, Protocol::kTcp},
                            config::Match{one, {8000, 8010}, Protocol::kTcp}));
    EXPECT_EQ(imported.model.virtual_services[1].match.at(0).protocol, Protocol::kAny);
    EXPECT_EQ(imported.model.virtual_services[1].family(), Family::kIpv6);

    EXPECT_THAT(losses(import("iptables -t mangle -A PREROUTING -i eth0 -d 192.0.2.80 -j MARK "
                              "--set-mark 1\n-A -t 10.0.0.1:80")),
                ElementsAre(HasSubstr("1 a mark: -i: `match` has no word for it")));
}

TEST(ImportRules, SysctlsOfIpvsAreSettings) {
    const Imported imported = import(
        "echo 1 > /proc/sys/net/ipv4/vs/expire_nodest_conn\n"
        "sysctl -w net.ipv4.vs.sloppy_tcp=1 net.ipv4.vs.secure_tcp=1\n"
        "echo 1 > /proc/sys/net/ipv4/ip_forward\n"
        "ip addr add 192.0.2.80/24 dev eth0\n"
        "ipvsadm -A -t 192.0.2.80:80\n"
        "ipvsadm --set 1000 0 33\n"
        "ipvsadm --start-daemon master --mcast-interface eth0 --syncid 7\n");
    EXPECT_THAT(losses(imported),
                ElementsAre(HasSubstr("2 net/ipv4/vs/secure_tcp: write syn_proxy"),
                            HasSubstr("4 ip: write addresses")));
    const config::VirtualService& service = imported.model.virtual_services.at(0);
    EXPECT_EQ(service.when_server_gone, config::WhenServerGone::kExpire);
    EXPECT_TRUE(service.sloppy_tcp);
    EXPECT_EQ(imported.model.timeouts.tcp_established, 1000U);
    EXPECT_EQ(imported.model.timeouts.udp, 33U);
    EXPECT_EQ(imported.model.sync.role, config::SyncRole::kMaster);
    EXPECT_EQ(imported.model.sync.interface, "eth0");
}

TEST(ImportRules, WhatIsClearedAndDeletedIsNotThere) {
    const Imported imported = import(
        "ipvsadm -D -t 10.0.0.1:80 2>/dev/null\n-A -t 10.0.0.1:80\n-C\n-A -t 10.0.0.2:80\n"
        "-A -t 10.0.0.3:80\n-D -t 10.0.0.3:80\n-L -n\n-Z\n"
        "ipvsadm-restore <<EOF\n-A -t 10.0.0.4:80\nEOF\nipvsadm -R < more.rules\n");
    EXPECT_THAT(losses(imported), ElementsAre(HasSubstr("12 rules from more.rules")));
    ASSERT_EQ(imported.model.virtual_services.size(), 2U);
    EXPECT_EQ(to_string(imported.model.virtual_services[0].endpoint), "10.0.0.2:80");
    EXPECT_EQ(to_string(imported.model.virtual_services[1].endpoint), "10.0.0.4:80");
}

TEST(ImportRules, PortsThatNobodyKnowsAreListed) {
    const Imported imported =
        import_rules(config::read_shell_text("-A -t 10.0.0.1:80", "r"), {}, numeric_resolve);
    EXPECT_THAT(losses(imported), ElementsAre(HasSubstr("--device eth0=0000:03:00.0")));
    EXPECT_THAT(losses(import_rules(config::read_shell_text("", "r"), {}, numeric_resolve)),
                testing::Contains(HasSubstr("they leave no service")));
}

}  // namespace
}  // namespace director::cli
