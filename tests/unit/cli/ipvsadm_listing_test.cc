// Byte for byte what ipvsadm 1.31 printed for the same table (tests/data/ipvsadm/how-made.md).
#include "cli/ipvsadm_listing.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

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

ServerView server(std::string address, uint16_t port, std::string forwarding, uint32_t weight) {
    ServerView view;
    view.address = std::move(address);
    view.port = port;
    view.forwarding = std::move(forwarding);
    view.weight = weight;
    return view;
}

ServiceView service(std::string protocol,
                    std::string address,
                    uint16_t port,
                    std::string scheduler,
                    std::string flags) {
    ServiceView view;
    view.protocol = std::move(protocol);
    view.address = std::move(address);
    view.port = port;
    view.scheduler = std::move(scheduler);
    view.flags = std::move(flags);
    return view;
}

// The table that the golden files were made from, in the kernel's order.
std::vector<ServiceView> scenario() {
    ServiceView web = service("TCP", "192.168.201.15", 80, "wlc", "persistent 360");
    web.stats = {12345, 99999999, 100000000, 1234567890, 123456789012};
    web.rates = {12, 345, 6789, 123456, 987654321};
    ServerView third = server("10.1.1.3", 8080, "nat", 2);
    third.active = 10;
    third.inactive = 5;
    third.stats = {6000, 50000000, 50000000, 600000000, 60000000000};
    third.rates = {6, 170, 3000, 60000, 400000000};
    ServerView second = server("10.1.1.2", 80, "nat", 1);
    second.active = 7;
    second.inactive = 3;
    second.stats = {6345, 49999999, 50000001, 634567890, 63456789012};
    second.rates = {6, 175, 3789, 63456, 587654321};
    ServerView quiet = server("172.16.0.9", 80, "direct", 0);
    quiet.inactive = 12;
    web.servers = {third, second, quiet};

    ServiceView dns = service("UDP", "10.0.0.1", 53, "rr", "ops");
    dns.stats = {1, 2, 3, 4, 5};
    dns.servers = {server("10.1.1.4", 53, "direct", 1)};

    ServiceView sip =
        service("UDP", "10.0.0.100", 5060, "mh", "(mh-fallback,mh-port) persistent 600 pe sip");
    sip.servers = {server("10.1.1.7", 5060, "tunnel", 1),
                   server("10.1.1.8", 5060, "tunnel", 1),
                   server("10.1.1.9", 5060, "tunnel", 1),
                   server("10.1.1.10", 5060, "tunnel", 1)};

    return {web, dns, sip, service("TCP", "192.168.0.1", 21, "rr", "(flag-1,flag-3)")};
}

struct Row {
    const char* file;
    ListingOptions options;
};

class ListingTest : public testing::TestWithParam<Row> {};

TEST_P(ListingTest, IsWhatIpvsadmPrints) {
    NumericNames names;
    EXPECT_EQ(version_line(4096) + list_services(scenario(), GetParam().options, names),
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
                    Row{"rate-exact.txt", {ListingKind::kRates, Numbers::kExact, Order::kSorted}}),
    [](const auto& row) {
        std::string name = row.param.file;
        name.resize(name.find('.'));
        std::replace(name.begin(), name.end(), '-', '_');
        return name;
    });

TEST(ListingTest, OneServiceHasNoVersionLine) {
    NumericNames names;
    auto services = scenario();
    services.resize(1);
    EXPECT_EQ(list_services(services, {}, names), golden("rules-one-service.txt"));
}

// The names that /etc/services gave on the machine where the golden file was made.
class GoldenNames final : public Names {
  public:
    std::string of(const std::string& address, uint16_t port, std::string_view) override {
        const std::map<uint16_t, std::string> ports{
            {21, "ftp"}, {53, "domain"}, {80, "http"}, {5060, "sip"}, {8080, "http-alt"}};
        return address + ":" + ports.at(port);
    }
};

TEST(ListingTest, NamesTakeThePlaceOfNumbers) {
    GoldenNames names;
    EXPECT_EQ(version_line(4096) + list_services(scenario(), {}, names), golden("rules-names.txt"));
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

TEST(ListingTest, RetiredServicesAreLeftOut) {
    NumericNames names;
    auto services = scenario();
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
    const std::vector<server::ConnectionView> rows{
        {"TCP", "ESTABLISHED", 899, "192.168.200.10", 54321, "192.168.201.15", 80, "10.1.1.2", 80},
        {"TCP", "FIN_WAIT", 118, "192.168.200.10", 54322, "192.168.201.15", 80, "10.1.1.3", 8080},
        {"UDP", "UDP", 299, "192.168.200.10", 54321, "10.0.0.100", 5060, "10.1.1.7", 5060}};
    std::string text = connections_title();
    for (const auto& row : rows) {
        text += list_connection(row, names);
    }
    EXPECT_EQ(text, golden("connections.txt"));
}

TEST(ConnectionsTest, MinutesMayPassNinetyNine) {
    NumericNames names;
    EXPECT_EQ(
        list_connection(
            {"TCP", "ESTABLISHED", 134 * 60 + 51, "1.1.1.1", 1, "2.2.2.2", 2, "3.3.3.3", 3}, names),
        "TCP 134:51 ESTABLISHED 1.1.1.1:1          2.2.2.2:2          3.3.3.3:3\n");
}

}  // namespace
}  // namespace director::cli
