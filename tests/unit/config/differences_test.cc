// Differences are named by what an entry is, found once, and complete: without them, equal.
#include "config/differences.h"

#include <gtest/gtest.h>

#include "config/print.h"
#include "tests/unit/config/config_support.h"

namespace director::config {
namespace {

RealServer server(uint8_t number, uint32_t weight = 1) {
    RealServer server;
    server.endpoint = {Ipv4Address::of(10, 0, 0, number), Be16::from_host(80)};
    server.weight = weight;
    return server;
}

VirtualService service(uint16_t port, std::vector<RealServer> servers) {
    VirtualService service;
    service.endpoint = {Ipv4Address::of(192, 0, 2, 1), Be16::from_host(port)};
    service.real_servers = std::move(servers);
    return service;
}

TEST(DifferencesTest, NoneInEqualOnes) {
    Model model;
    model.virtual_services = {service(80, {server(1)})};
    EXPECT_TRUE(differences(model, model).empty());
}

TEST(DifferencesTest, AreNamedByWhatTheyAreAbout) {
    Model before;
    before.virtual_services = {service(80, {server(1), server(2)}), service(81, {server(1)})};
    Model after = before;
    after.timeouts.udp = 7;
    after.virtual_services[0].real_servers[1].weight = 0;
    EXPECT_EQ(
        differences(before, after),
        (std::vector<Difference>{
            {"timeouts.udp", "300", "7"},
            {"virtual_services[TCP 192.0.2.1:80].real_servers[10.0.0.2:80].weight", "1", "0"}}));
}

TEST(DifferencesTest, OneMoreEntryMovesNoOther) {
    Model before;
    before.virtual_services = {service(80, {server(1), server(2)}), service(82, {server(1)})};
    Model after = before;
    after.virtual_services.insert(after.virtual_services.begin(), service(79, {}));
    after.virtual_services[1].real_servers.erase(after.virtual_services[1].real_servers.begin());
    const auto found = differences(before, after);
    ASSERT_FALSE(found.empty());
    for (const Difference& each : found) {
        const bool is_removed =
            each.path.starts_with("virtual_services[TCP 192.0.2.1:80].real_servers[10.0.0.1:80]");
        const bool is_added = each.path.starts_with("virtual_services[TCP 192.0.2.1:79]");
        EXPECT_TRUE(is_removed || is_added) << each.path;
        EXPECT_EQ(each.after.empty(), is_removed) << each.path;
    }
    EXPECT_EQ(found.front().before, "{ }") << "that there is one, before what it has";
}

TEST(DifferencesTest, EverySettingOfTheExampleIsSeen) {
    const std::string example = (source_root() / "config/examples/full.conf").string();
    const auto model = parse_file(example, test_vocabulary());
    ASSERT_TRUE(model);
    const Model nothing;
    const auto all = differences(nothing, *model);
    EXPECT_GT(all.size(), 60U);
    for (const Difference& each : all) {
        EXPECT_NE(each.before, each.after) << each.path;
    }
    const auto back = differences(*model, nothing);
    ASSERT_EQ(back.size(), all.size());
}

TEST(DifferencesTest, SecretsAreHidden) {
    Model model;
    model.sync.key = "open sesame";
    VrrpInstance instance;
    instance.name = "VI_1";
    instance.password = "sesame";
    model.vrrp_instances = {instance};
    EXPECT_NE(print(model).find("sesame"), std::string::npos);
    EXPECT_EQ(print(without_secrets(model)).find("sesame"), std::string::npos);
    auto found = differences(Model{}, model);
    hide_secrets(found);
    bool is_seen = false;
    for (const Difference& each : found) {
        EXPECT_EQ(each.after.find("sesame"), std::string::npos) << each.path;
        is_seen = is_seen || each.path == "sync.key";
    }
    EXPECT_TRUE(is_seen) << "that there is one is no secret";
}

}  // namespace
}  // namespace director::config
