// What another director calls a service and a server, found here as IPVS would find it.
#include "controlplane/plan/locate.h"

#include <gtest/gtest.h>

namespace director::plan {
namespace {

Endpoint at(std::string_view text) {
    return Endpoint::parse(text).value();
}

config::RealServer server(std::string_view address) {
    config::RealServer server;
    server.endpoint = at(address);
    return server;
}

config::VirtualService service(std::string_view address, std::vector<std::string_view> servers) {
    config::VirtualService service;
    service.endpoint = at(address);
    service.scheduler = "rr";
    for (const std::string_view each : servers) {
        service.real_servers.push_back(server(each));
    }
    return service;
}

class LocateTest : public ::testing::Test {
  protected:
    LocateTest() {
        config::Model model;
        model.virtual_services = {service("192.0.2.1:80", {"10.0.0.1:8080", "10.0.0.2:8080"}),
                                  service("192.0.2.1:21", {"10.0.0.3:21"}),
                                  service("192.0.2.2:0", {"10.0.0.4:0"}),
                                  service("[2001:db8::1]:80", {"10.0.0.1:80"})};
        model.virtual_services[1].ftp = true;
        config::VirtualService by_rules;
        by_rules.mark = 7;
        config::Match match;
        match.addresses = {Ipv4Address::of(192, 0, 2, 9), Ipv4Address::of(192, 0, 2, 9)};
        by_rules.match = {match};
        by_rules.scheduler = "rr";
        by_rules.real_servers = {server("10.0.0.5:0")};
        model.virtual_services.push_back(by_rules);
        EXPECT_TRUE(catalogue_.update(model).has_value());
    }
    // The server's address, "" for an unknown one, "-" for an unknown service.
    std::string find(std::string_view virtual_service,
                     std::string_view real_server,
                     uint32_t mark = 0,
                     Protocol protocol = Protocol::kTcp) {
        const Location found =
            Locator(catalogue_).find({protocol, at(virtual_service), mark, at(real_server)});
        if (found.service == dataplane::kNoService) {
            return "-";
        }
        const RealServerEntry* const entry = catalogue_.find(found.service)->find(found.server);
        return entry != nullptr ? to_string(entry->settings.endpoint) : "";
    }

    Catalogue catalogue_{16, 32};
};

TEST_F(LocateTest, ByAddressAndPort) {
    EXPECT_EQ(find("192.0.2.1:80", "10.0.0.2:8080"), "10.0.0.2:8080");
    EXPECT_EQ(find("192.0.2.1:80", "10.0.0.2:9090"), "") << "another port is another server";
    EXPECT_EQ(find("192.0.2.1:80", "10.0.0.9:8080"), "");
    EXPECT_EQ(find("192.0.2.3:80", "10.0.0.1:8080"), "-");
    EXPECT_EQ(find("192.0.2.1:80", "10.0.0.2:8080", 0, Protocol::kUdp), "-");
    EXPECT_EQ(find("[2001:db8::1]:80", "10.0.0.1:80"), "10.0.0.1:80");
}

TEST_F(LocateTest, AnyPort) {
    EXPECT_EQ(find("192.0.2.2:443", "10.0.0.4:443"), "10.0.0.4:0");
    EXPECT_EQ(find("192.0.2.2:0", "10.0.0.4:0"), "10.0.0.4:0");
}

TEST_F(LocateTest, FtpsDataConnections) {
    EXPECT_EQ(find("192.0.2.1:50000", "10.0.0.3:50000"), "10.0.0.3:21");
    EXPECT_EQ(find("192.0.2.1:50000", "10.0.0.1:50000"), "");
}

TEST_F(LocateTest, ByMark) {
    EXPECT_EQ(find("192.0.2.9:8000", "10.0.0.5:8000", 7), "10.0.0.5:0");
    EXPECT_EQ(find("0.0.0.7:0", "10.0.0.5:0", 7), "10.0.0.5:0") << "a template";
    EXPECT_EQ(find("192.0.2.9:8000", "10.0.0.5:8000", 8), "-");
}

TEST_F(LocateTest, WhatIsRetiredIsNotThere) {
    config::Model model;
    model.virtual_services = {service("192.0.2.1:80", {"10.0.0.1:8080"})};
    ASSERT_TRUE(catalogue_.update(model).has_value());
    EXPECT_EQ(find("192.0.2.1:80", "10.0.0.2:8080"), "");
    EXPECT_EQ(find("192.0.2.1:21", "10.0.0.3:21"), "-");
}

}  // namespace
}  // namespace director::plan
