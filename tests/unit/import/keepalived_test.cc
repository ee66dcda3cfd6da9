// keepalived.conf -> a configuration that loads and means the same.
//
// Regenerate the golden file with DIRECTOR_REGENERATE=1 in the environment of this program.
#include "config/import/keepalived.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/parse.h"
#include "tests/unit/config/config_support.h"

namespace director::config {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::filesystem::path kData = std::filesystem::path(DIRECTOR_TEST_DATA) / "import";

Vocabulary all_schedulers() {
    return Vocabulary{{"rr", "wrr", "wlc", "mh"}, 64};
}

Machine machine_of(std::string_view outside, std::string_view inside) {
    Machine machine;
    machine.interfaces["enp0s3"] = {"0000:00:03.0", {*IpPrefix::parse(outside)}};
    machine.interfaces["enp0s8"] = {"0000:00:08.0", {*IpPrefix::parse(inside)}};
    return machine;
}

// What is printed is read again, and says the same.
Model reread(const Imported& imported) {
    const auto again = parse_text(print_imported(imported, "x"), "imported", all_schedulers());
    EXPECT_THAT(lines_of(again), IsEmpty());
    EXPECT_TRUE(again && *again == imported.model);
    return again ? *again : Model();
}

Imported import_text(std::string_view text) {
    return import_keepalived(read_keepalived_text(text, "t", "here"), Machine());
}

std::vector<std::string> losses(const Imported& imported) {
    std::vector<std::string> out;
    for (const Note& note : imported.notes) {
        if (note.gravity != Gravity::kRemark) {
            out.push_back(note.message);
        }
    }
    return out;
}

TEST(ImportKeepalived, TheMaquetteIsImportedWhole) {
    const struct {
        const char* file;
        Machine machine;
        VrrpState state;
        uint8_t priority;
        std::string outside;
        std::string inside;
    } directors[] = {
        {"director1.keepalived.conf",
         machine_of("192.168.10.1/24", "192.168.2.1/24"),
         VrrpState::kMaster,
         150,
         "192.168.10.100/25",
         "192.168.2.100/32"},
        {"director2.keepalived.conf",
         machine_of("192.168.10.2/24", "192.168.2.2/24"),
         VrrpState::kBackup,
         100,
         "192.168.10.100/24",
         "192.168.2.100/24"},
    };
    for (const auto& director : directors) {
        const Imported imported = import_keepalived(
            read_keepalived_file((kData / director.file).string(), "here"), director.machine);
        EXPECT_THAT(imported.notes, IsEmpty()) << to_string(imported.notes.front());
        const Model model = reread(imported);
        ASSERT_EQ(model.ports.size(), 2U);
        EXPECT_EQ(model.ports[0].device, "0000:00:03.0");
        ASSERT_EQ(model.vrrp_instances.size(), 2U);
        const VrrpInstance& outside = model.vrrp_instances[0];
        EXPECT_EQ(outside.state, director.state);
        EXPECT_EQ(outside.priority, director.priority);
        EXPECT_EQ(outside.router_id, 51);
        EXPECT_EQ(outside.interface, "enp0s3");
        EXPECT_EQ(outside.authentication, VrrpAuthentication::kPassword);
        EXPECT_EQ(outside.password, "123");
        EXPECT_EQ(to_string(outside.addresses.at(0).address), director.outside);
        EXPECT_EQ(to_string(model.vrrp_instances[1].addresses.at(0).address), director.inside);

        ASSERT_EQ(model.virtual_services.size(), 1U);
        const VirtualService& service = model.virtual_services[0];
        EXPECT_EQ(to_string(service.endpoint), "192.168.10.100:80");
        EXPECT_EQ(service.scheduler, "rr");
        EXPECT_EQ(service.persistence.timeout, 0U);
        EXPECT_EQ(to_string(service.sorry_server.endpoint), "192.168.2.15:80");
        ASSERT_EQ(service.real_servers.size(), 2U);
        EXPECT_EQ(to_string(service.real_servers[1].endpoint), "192.168.2.14:80");
        ASSERT_EQ(service.health.checks.size(), 1U);
        const HealthCheck& check = service.health.checks[0];
        EXPECT_EQ(check.type, CheckType::kTcp);
        EXPECT_EQ(check.interval, seconds(2));
        EXPECT_EQ(check.timeout, seconds(1));
        EXPECT_EQ(check.retries, 1);
        EXPECT_EQ(check.retry_delay, seconds(1));
    }
}

TEST(ImportKeepalived, EveryKeywordHasItsResult) {
    Machine machine;
    machine.interfaces["eth0"] = {"0000:03:00.0",
                                  {*IpPrefix::parse("192.0.2.1/24"),
                                   *IpPrefix::parse("192.0.2.100/24"),
                                   *IpPrefix::parse("2001:db8::1/64")}};
    machine.interfaces["eth1"] = {"0000:03:00.1", {*IpPrefix::parse("198.51.100.2/24")}};
    machine.routes = {{{Ipv4Address(), 0}, Ipv4Address::of(192, 0, 2, 254)},
                      {{Ipv4Address::of(10, 9, 0, 0), 16}, Ipv4Address::of(10, 8, 0, 1)}};
    auto lines = read_keepalived_file((kData / "every-keyword.conf").string(), "here");
    for (KeepalivedLine& line : lines.lines) {
        line.place.file = "keepalived.conf";
    }
    const Imported imported = import_keepalived(lines, machine);
    reread(imported);
    const std::string text = print_imported(imported, "keepalived.conf");
    const auto golden = kData / "every-keyword.golden";
    if (std::getenv("DIRECTOR_REGENERATE") != nullptr) {
        std::ofstream(golden) << text;
    }
    EXPECT_EQ(text, read_whole_file(golden));
}

TEST(ImportKeepalived, PortsThatNobodyKnowsAreListed) {
    const Imported imported = import_text(
        "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n"
        "192.0.2.9\n}\n}\n");
    EXPECT_THAT(losses(imported),
                ElementsAre(HasSubstr("--device eth0=0000:03:00.0"),
                            HasSubstr("--address eth0=192.0.2.2/24")));
    EXPECT_EQ(imported.model.ports.at(0).device, "net_af_packet0,iface=eth0");
}

TEST(ImportKeepalived, MarksBecomeDraftsThatNobodyLoads) {
    const Imported imported =
        import_text("virtual_server fwmark 3 {\n lb_algo rr\n real_server 10.0.0.1 80 {\n }\n}\n");
    EXPECT_THAT(losses(imported), ElementsAre(HasSubstr("fwmark 3")));
    EXPECT_THAT(imported.model.virtual_services, IsEmpty());
    EXPECT_THAT(print_imported(imported, "x"), HasSubstr("#         mark = 3;"));
}

TEST(ImportKeepalived, WhatIsWrongIsListedWithItsLine) {
    const Imported imported = import_text(
        "virtual_server 192.0.2.1 80 {\n"
        "  protocol TCP\n"
        "  delay_loop soon\n"
        "  lb_kind ROUTE\n"
        "  real_server 10.0.0.300 80 {\n  }\n"
        "  real_server 10.0.0.1 80 {\n  wieght 3\n  }\n"
        "}\n");
    std::vector<std::string> seen;
    for (const Note& note : imported.notes) {
        seen.push_back(to_string(note));
    }
    EXPECT_THAT(
        seen,
        ElementsAre(
            "t:3: not imported: delay_loop: expected seconds such as 2 or 0.5, found \"soon\"",
            "t:4: not imported: expected NAT, DR or TUN, found \"ROUTE\"",
            "t:5: not imported: real_server: expected an IP address, found \"10.0.0.300\"",
            "t:8: not imported: unknown keyword \"wieght\"; did you mean \"weight\"?"));
    EXPECT_EQ(imported.model.virtual_services.at(0).real_servers.size(), 1U);
}

TEST(ImportKeepalived, DirectRoutingKeepsTheServicesPort) {
    const Imported imported = import_text(
        "virtual_server 192.0.2.1 80 {\n protocol TCP\n lb_kind DR\n"
        " real_server 10.0.0.1 8080 {\n }\n real_server 10.0.0.2 {\n lvs_method NAT\n }\n"
        " real_server 10.0.0.3 81 {\n lvs_method NAT\n }\n}\n");
    const auto& servers = imported.model.virtual_services.at(0).real_servers;
    ASSERT_EQ(servers.size(), 3U);
    EXPECT_EQ(to_string(servers[0].endpoint), "10.0.0.1:80");
    EXPECT_EQ(to_string(servers[1].endpoint), "10.0.0.2:80");
    EXPECT_EQ(to_string(servers[2].endpoint), "10.0.0.3:81");
}

}  // namespace
}  // namespace director::config
