// Byte for byte what ipvsadm 1.31 printed for the same table (tests/data/ipvsadm/how-made.md).
#include "cli/ipvsadm_listing.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/unit/cli/listing_scenario.h"

namespace director::cli {
namespace {

using server::ServerView;
using server::ServiceView;

std::string golden(const std::string& name) {
    std::ifstream file(std::string(DIRECTOR_TEST_DATA "/ipvsadm/") + name);
    EXPECT_TRUE(file.good()) << name;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

server::ConnectionView connection(std::string protocol,
                                  std::string virtual_address,
                                  uint16_t virtual_port,
                                  std::string real_address,
                                  uint16_t real_port,
                                  bool is_template) {
    server::ConnectionView view;
    view.protocol = std::move(protocol);
    view.virtual_address = std::move(virtual_address);
    view.virtual_port = virtual_port;
    view.real_address = std::move(real_address);
    view.real_port = real_port;
    view.is_template = is_template;
    return view;
}

struct Row {
    const char* file;
    ListingOptions options;
};

class ListingTest : public testing::TestWithParam<Row> {};

TEST_P(ListingTest, IsWhatIpvsadmPrints) {
    NumericNames names;
    TemplateCount templates;
    templates.add(connection("TCP", "192.168.201.15", 80, "10.1.1.3", 8080, true));
    templates.add(connection("TCP", "192.168.201.15", 80, "10.1.1.3", 8080, false));
    EXPECT_EQ(version_line(4096) +
                  list_services(listing_scenario(), GetParam().options, names, templates),
              golden(GetParam().file));
}

INSTANTIATE_TEST_SUITE_P(
    Golden,
    ListingTest,
    testing::Values(Row{"rules.txt", {}},
                    Row{"rules-nosort.txt",
                        {ListingKind::kRules, Numbers::kScaled, Order::kAsTold}},
                    Row{"stats.txt", {ListingKind::kStats, Numbers::kScaled, Order::kSorted}},
                    Row{"stats-exact.txt", {ListingKind::kStats, Numbers::kExact, Order::kSorted}},
                    Row{"rate.txt", {ListingKind::kRates, Numbers::kScaled, Order::kSorted}},
                    Row{"rate-exact.txt", {ListingKind::kRates, Numbers::kExact, Order::kSorted}},
                    Row{"thresholds.txt", {ListingKind::kThresholds}},
                    Row{"persistent.txt", {ListingKind::kPersistent}},
                    Row{"tunnels.txt", {ListingKind::kTunnels}}),
    [](const auto& row) {
        std::string name = row.param.file;
        name.resize(name.find('.'));
        std::replace(name.begin(), name.end(), '-', '_');
        return name;
    });

TEST(ListingTest, OneServiceHasNoVersionLine) {
    NumericNames names;
    auto services = listing_scenario();
    services.resize(1);
    EXPECT_EQ(list_services(services, {}, names), golden("rules-one-service.txt"));
}

// The names that /etc/services gave on the machine where the golden file was made.
class GoldenNames final : public Names {
  public:
    std::string of(const std::string& address, uint16_t port, std::string_view) override {
        const std::map<uint16_t, std::string> ports{{21, "ftp"},
                                                    {53, "domain"},
                                                    {80, "http"},
                                                    {443, "https"},
                                                    {5060, "sip"},
                                                    {8080, "http-alt"}};
        const auto known = ports.find(port);
        const std::string name = known != ports.end() ? known->second : std::to_string(port);
        return address.find(':') == std::string::npos ? address + ":" + name
                                                      : "[" + address + "]:" + name;
    }
};

TEST(ListingTest, NamesTakeThePlaceOfNumbers) {
    GoldenNames names;
    EXPECT_EQ(version_line(4096) + list_services(listing_scenario(), {}, names),
              golden("rules-names.txt"));
}

class LongNames final : public Names {
  public:
    std::string of(const std::string&, uint16_t, std::string_view) override {
        return "a-very-long-host-name.example.org:http";
    }
};

TEST(ListingTest, LongNamesAreCutSoThatColumnsStay) {
    LongNames names;
    std::vector<ServiceView> services{service("TCP", "10.0.0.1", 80, "rr", "")};
    services[0].servers = {server("10.0.0.2", 80, "nat", 1)};
    const std::string text =
        list_services(services, {ListingKind::kStats, Numbers::kScaled, Order::kSorted}, names);
    EXPECT_NE(text.find("TCP  a-very-long-host-name.exampl        0        0"), std::string::npos)
        << text;
    EXPECT_NE(text.find("  -> a-very-long-host-name.exampl        0        0"), std::string::npos)
        << text;
}

// What stands under a mark has the mark for its virtual address, as in /proc/net/ip_vs_conn.
TEST(ListingTest, CountsTemplatesOfMatchRules) {
    NumericNames names;
    TemplateCount templates;
    templates.add(connection("IP", "0.0.0.1", 0, "192.168.10.5", 0, true));
    templates.add(connection("IP", "0:2::", 0, "2001:db8::20", 0, true));
    const std::string text =
        list_services(listing_scenario(), {ListingKind::kPersistent}, names, templates);
    EXPECT_NE(text.find("192.168.10.5:0               100       1  "), std::string::npos) << text;
    EXPECT_NE(text.find("[2001:db8::20]:0             1         1 "), std::string::npos) << text;
}

TEST(ListingTest, FullNatIsMasquerading) {
    NumericNames names;
    ServiceView one = service("TCP", "1.2.3.4", 9, "rr", "");
    one.servers = {server("2001:db8::2", 80, "full-nat", 1)};
    EXPECT_NE(list_services({one}, {}, names).find("[2001:db8::2]:80             Masq "),
              std::string::npos);
}

TEST(ListingTest, RetiredServicesAreLeftOut) {
    NumericNames names;
    auto services = listing_scenario();
    services[0].is_retired = true;
    EXPECT_EQ(list_services(services, {}, names).find("192.168.201.15"), std::string::npos);
}

TEST(ListingTest, RetiredServersAreLeftOut) {
    NumericNames names;
    ServiceView one = service("TCP", "1.2.3.4", 9, "rr", "");
    one.servers = {server("10.0.0.2", 80, "nat", 1), server("10.0.0.3", 80, "nat", 1)};
    one.servers[0].is_retired = true;
    const std::string text = list_services({one}, {}, names);
    EXPECT_EQ(text.find("10.0.0.2"), std::string::npos) << text;
    EXPECT_NE(text.find("10.0.0.3"), std::string::npos) << text;
}

// As with keepalived, which removes a server that is down.
TEST(ListingTest, ServersThatHealthChecksTookOutAreLeftOut) {
    NumericNames names;
    ServiceView one = service("TCP", "1.2.3.4", 9, "rr", "");
    one.servers = {server("10.0.0.2", 80, "nat", 1), server("10.0.0.3", 80, "nat", 1)};
    one.servers[1].is_out = true;
    const std::string text = list_services({one}, {}, names);
    EXPECT_NE(text.find("10.0.0.2"), std::string::npos) << text;
    EXPECT_EQ(text.find("10.0.0.3"), std::string::npos) << text;
}

TEST(ListingTest, ServiceWithoutServersIsOneLine) {
    NumericNames names;
    EXPECT_EQ(list_services({service("UDP", "1.2.3.4", 9, "wrr", "")}, {}, names),
              "Prot LocalAddress:Port Scheduler Flags\n"
              "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
              "UDP  1.2.3.4:9 wrr\n");
}

TEST(ListingTest, SortIsBySubtractionAndStable) {
    NumericNames names;
    std::vector<ServiceView> services;
    for (const char* address : {"10.0.0.2", "192.168.0.1", "10.0.0.1", "192.168.0.0"}) {
        services.push_back(service("TCP", address, 80, "rr", ""));
    }
    services.push_back(service("TCP", "10.0.0.1", 79, "rr", ""));
    const std::string text = list_services(services, {}, names);
    const std::string expected =
        "TCP  192.168.0.0:80 rr\nTCP  192.168.0.1:80 rr\nTCP  10.0.0.1:79 rr\n"
        "TCP  10.0.0.1:80 rr\nTCP  10.0.0.2:80 rr\n";
    EXPECT_EQ(text.substr(text.size() - expected.size()), expected);
}

TEST(LargeNumberTest, ScalesAtIpvsadmsThresholds) {
    const auto scaled = [](uint64_t value) { return large_number(value, Numbers::kScaled); };
    EXPECT_EQ(scaled(0), "        0");
    EXPECT_EQ(scaled(99'999'999), " 99999999");
    EXPECT_EQ(scaled(100'000'000), "  100000K");
    EXPECT_EQ(scaled(999'999'999), "  999999K");
    EXPECT_EQ(scaled(1'000'000'000), "    1000M");
    EXPECT_EQ(scaled(1'234'567'890), "    1234M");
    EXPECT_EQ(scaled(99'999'999'999), "   99999M");
    EXPECT_EQ(scaled(100'000'000'000), "     100G");
    EXPECT_EQ(scaled(99'999'999'999'999), "   99999G");
    EXPECT_EQ(scaled(100'000'000'000'000), "     100T");
    EXPECT_EQ(scaled(18'446'744'073'709'551'615U), "18446744T");
    EXPECT_EQ(large_number(123456789012, Numbers::kExact), " 123456789012");
    EXPECT_EQ(large_number(5, Numbers::kExact), "        5");
}

TEST(ConnectionsTest, RowsAreWhatIpvsadmPrints) {
    NumericNames names;
    const auto row = [](const char* protocol,
                        const char* state,
                        uint32_t expires,
                        uint16_t client_port,
                        server::ConnectionView view) {
        view.protocol = protocol;
        view.state = state;
        view.expires_seconds = expires;
        view.client_address = view.is_template ? "192.168.200.0" : "192.168.200.10";
        view.client_port = client_port;
        return view;
    };
    const auto web = connection("", "192.168.201.15", 80, "10.1.1.2", 80, false);
    const auto alternative = connection("", "192.168.201.15", 80, "10.1.1.3", 8080, false);
    const auto persistent = connection("", "192.168.201.15", 80, "10.1.1.2", 80, true);
    const auto sip = connection("", "10.0.0.100", 5060, "10.1.1.7", 5060, false);
    const std::vector<server::ConnectionView> rows{row("TCP", "ESTABLISHED", 899, 54321, web),
                                                   row("TCP", "FIN_WAIT", 118, 54322, alternative),
                                                   row("IP", "NONE", 299, 0, persistent),
                                                   row("UDP", "UDP", 299, 54321, sip)};
    std::string text = connections_title();
    for (const auto& each : rows) {
        text += list_connection(each, names);
    }
    EXPECT_EQ(text, golden("connections.txt"));
}

TEST(ConnectionsTest, Ipv6RowsAreNotCut) {
    NumericNames names;
    auto row = connection("TCP", "2001:db8::1", 443, "2001:db8::10", 443, false);
    row.state = "SYN_RECV";
    row.expires_seconds = 59;
    row.client_address = "2001:db8::99";
    row.client_port = 54321;
    EXPECT_EQ(list_connection(row, names),
              "TCP 00:59  SYN_RECV    [2001:db8::99]:54321 [2001:db8::1]:443  "
              "[2001:db8::10]:443\n");
}

TEST(ConnectionsTest, MinutesMayPassNinetyNine) {
    NumericNames names;
    auto row = connection("TCP", "2.2.2.2", 2, "3.3.3.3", 3, false);
    row.state = "ESTABLISHED";
    row.expires_seconds = 134 * 60 + 51;
    row.client_address = "1.1.1.1";
    row.client_port = 1;
    EXPECT_EQ(list_connection(row, names),
              "TCP 134:51 ESTABLISHED 1.1.1.1:1          2.2.2.2:2          3.3.3.3:3\n");
}

}  // namespace
}  // namespace director::cli
