// A configuration becomes what the workers do, and its changes too: draining with and without a
// deadline, servers and services that leave, what the answer to a reload says, and when slots are
// forgotten. Real workers, virtual time.
#include "controlplane/daemon/service_control.h"

#include <gtest/gtest.h>

#include "controlplane/daemon/views.h"
#include "tests/unit/daemon/daemon_lab.h"

namespace director::daemon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the laboratory
using std::chrono::seconds;

plan::ServerName name_of(uint8_t number) {
    return {{machine(number).endpoint.address, Be16{}}, std::nullopt};
}

TEST(ServiceControlTest, ServesWhatTheConfigurationSays) {
    DaemonLab lab;
    EXPECT_EQ(lab.apply(model_of({service_at(80, {machine(107, 3), machine(108, 1)})})),
              "1 services set, 0 retired, 0 weights changed");
    lab.connect(1000, 100);
    EXPECT_EQ(lab.connections_of(107) + lab.connections_of(108), 100U);
    EXPECT_EQ(lab.apply(model_of({service_at(80, {machine(107, 0), machine(108, 1)})})),
              "0 services set, 0 retired, 1 weights changed");
    const uint64_t before = lab.connections_of(107);
    lab.connect(2000, 100);
    EXPECT_EQ(lab.connections_of(107), before) << "weight 0: no new ones, the old ones stay";
    EXPECT_EQ(lab.connections_of(108), 200U - before);
    EXPECT_EQ(lab.fleet.refused(), 0U);
}

TEST(ServiceControlTest, AnswersWithAllThatChanged) {
    DaemonLab lab;
    config::Model model = model_of({service_at(80, {machine(107)})});
    model.local_pools = {{"out", {nat_lab::kLocal}, {2000, 3000}}};
    EXPECT_EQ(lab.apply(model), "1 services set, 0 retired, 0 weights changed, 1 pools set");
    model.source_nat = {{*IpPrefix::parse("10.0.0.0/8"), {Ipv4Address(), 0}, "out"}};
    EXPECT_EQ(lab.apply(model), "0 services set, 0 retired, 0 weights changed, source NAT changed");
    model.virtual_services[0].deny = {*IpPrefix::parse("198.51.100.0/24")};
    EXPECT_EQ(lab.apply(model),
              "1 services set, 0 retired, 0 weights changed, prefix lists changed");
    config::VirtualService marked = service_at(0, {machine(107)});
    marked.endpoint = {};
    marked.mark = 7;
    marked.match = {{{nat_lab::kVip, nat_lab::kVip}, {90, 99}, Protocol::kTcp}};
    model.virtual_services.push_back(marked);
    EXPECT_EQ(lab.apply(model),
              "1 services set, 0 retired, 0 weights changed, match rules changed");
    model.virtual_services[0].deny.clear();
    EXPECT_EQ(lab.apply(model),
              "1 services set, 0 retired, 0 weights changed, prefix lists changed");
    EXPECT_EQ(lab.apply(model), "0 services set, 0 retired, 0 weights changed");
    EXPECT_EQ(lab.fleet.refused(), 0U);
}

TEST(ServiceControlTest, DeniedClientsAreRefused) {
    DaemonLab lab;
    config::Model model = model_of({service_at(80, {machine(107)})});
    model.virtual_services[0].deny = {*IpPrefix::parse("198.51.100.0/24")};
    lab.apply(model);
    lab.connect(1000, 5);
    EXPECT_EQ(lab.connections_of(107), 0U);
    model.virtual_services[0].deny = {*IpPrefix::parse("198.51.101.0/24")};
    lab.apply(model);
    lab.connect(1000, 5);
    EXPECT_EQ(lab.connections_of(107), 5U);
}

TEST(ServiceControlTest, DrainsUntilUndrained) {
    DaemonLab lab;
    lab.apply(
        model_of({service_at(80, {machine(107), machine(108)}), service_at(81, {machine(107)})}));
    lab.connect(1000, 40);
    const uint64_t on_107 = lab.connections_of(107);
    EXPECT_GT(on_107, 10U);
    const auto done = lab.services.drain(name_of(107), std::nullopt);
    ASSERT_TRUE(done);
    EXPECT_EQ(*done,
              "draining in 2 services, 2 weights set to 0; see status for the connections left");
    lab.settle();
    lab.connect(2000, 40);
    EXPECT_EQ(lab.connections_of(107), on_107);
    auto drains = drain_views(lab.report(), lab.services, lab.engine.clock.now());
    ASSERT_EQ(drains.size(), 2U);
    EXPECT_EQ(drains[0].service, "TCP 170.210.122.104:80");
    EXPECT_EQ(drains[0].server, "192.168.0.107:80");
    EXPECT_EQ(drains[0].connections, on_107);
    EXPECT_EQ(drains[0].seconds_left, -1);
    EXPECT_EQ(drains[1].connections, 0U);
    ASSERT_TRUE(lab.services.undrain(name_of(107)));
    lab.settle();
    lab.connect(3000, 40);
    EXPECT_GT(lab.connections_of(107), on_107 + 10);
    drains = drain_views(lab.report(), lab.services, lab.engine.clock.now());
    EXPECT_TRUE(drains.empty());
    EXPECT_FALSE(lab.services.drain(name_of(200), std::nullopt)) << "there is no such server";
}

// A deadline ends connections whatever the service does with those of servers that are gone.
TEST(ServiceControlTest, ADeadlineEndsWhatIsLeft) {
    using config::WhenServerGone;
    for (const auto how :
         {WhenServerGone::kExpire, WhenServerGone::kReset, WhenServerGone::kLeave}) {
        SCOPED_TRACE(static_cast<int>(how));
        DaemonLab lab;
        config::VirtualService tcp = service_at(80, {machine(107), machine(108)});
        tcp.when_server_gone = how;
        config::VirtualService udp = service_at(53, {machine(107), machine(108)}, Protocol::kUdp);
        udp.when_server_gone = how;
        lab.apply(model_of({tcp, udp}));
        lab.connect(1000, 40);
        lab.ask_by_udp(1000, 40, 53);
        const uint64_t on_107 = lab.connections_of(107);
        const uint64_t on_108 = lab.connections_of(108);
        SimClock& clock = lab.engine.clock;
        ASSERT_TRUE(lab.services.drain(name_of(107), clock.now() + seconds(20)));
        clock.advance(seconds(15));
        lab.services.end_drains(clock.now());
        lab.settle();
        EXPECT_EQ(lab.connections_of(107), on_107);
        auto drains = drain_views(lab.report(), lab.services, clock.now());
        ASSERT_EQ(drains.size(), 2U);
        EXPECT_EQ(drains[0].seconds_left, 5);
        clock.advance(seconds(5));
        lab.services.end_drains(clock.now());
        lab.settle();
        // Connections that are reset wait for their ends, and ten seconds more for the other one.
        EXPECT_EQ(lab.connections_of(107), how == WhenServerGone::kExpire ? 0U : on_107);
        if (how != WhenServerGone::kExpire) {
            lab.speak(1000, 40);
        }
        EXPECT_EQ(lab.connections_of(107, 53), 0U) << "UDP";
        clock.advance(seconds(11));
        lab.settle();
        EXPECT_EQ(lab.connections_of(107), 0U);
        EXPECT_EQ(lab.connections_of(108), on_108);
        ASSERT_TRUE(lab.services.undrain(name_of(107)));
        lab.settle();
        lab.connect(2000, 40);
        lab.settle();
        EXPECT_GT(lab.connections_of(107), 10U) << "and it serves again";
    }
}

TEST(ServiceControlTest, AReloadEndsDraining) {
    DaemonLab lab;
    const config::Model model = model_of({service_at(80, {machine(107), machine(108)})});
    lab.apply(model);
    ASSERT_TRUE(lab.services.drain(name_of(107), lab.engine.clock.now() + seconds(20)));
    lab.settle();
    EXPECT_EQ(lab.apply(model), "0 services set, 0 retired, 1 weights changed");
    lab.engine.clock.advance(seconds(30));
    lab.connect(1000, 40);
    lab.services.end_drains(lab.engine.clock.now());
    lab.settle();
    EXPECT_GT(lab.connections_of(107), 10U);
}

// The server alone, and with its service.
TEST(ServiceControlTest, ConnectionsOfWhatLeavesMeetTheServicesChoice) {
    using config::WhenServerGone;
    for (const auto how :
         {WhenServerGone::kExpire, WhenServerGone::kReset, WhenServerGone::kLeave}) {
        for (const bool is_service_removed : {false, true}) {
            SCOPED_TRACE(static_cast<int>(how) * 2 + (is_service_removed ? 1 : 0));
            DaemonLab lab;
            config::VirtualService tcp = service_at(80, {machine(107), machine(108)});
            tcp.when_server_gone = how;
            config::VirtualService udp =
                service_at(53, {machine(107), machine(108)}, Protocol::kUdp);
            udp.when_server_gone = how;
            lab.apply(model_of({tcp, udp}));
            lab.connect(1000, 40);
            lab.ask_by_udp(1000, 40, 53);
            const uint64_t on_107 = lab.connections_of(107);
            tcp.real_servers = {machine(108)};
            udp.real_servers = {machine(108)};
            lab.apply(is_service_removed ? config::Model() : model_of({tcp, udp}));
            EXPECT_EQ(lab.connections_of(107, 53), 0U) << "UDP never sticks to it";
            EXPECT_EQ(lab.connections_of(107), how == WhenServerGone::kExpire ? 0U : on_107);
            if (how == WhenServerGone::kReset) {
                lab.speak(1000, 40);
            }
            lab.engine.clock.advance(seconds(11));
            lab.settle();
            EXPECT_EQ(lab.connections_of(107), how == WhenServerGone::kLeave ? on_107 : 0U);
        }
    }
}

TEST(ServiceControlTest, SlotsAreForgottenWhenTheLastConnectionHasEnded) {
    DaemonLab lab;
    lab.apply(
        model_of({service_at(80, {machine(107), machine(108)}), service_at(81, {machine(107)})}));
    lab.connect(1000, 40);
    lab.apply(model_of({service_at(80, {machine(108)})}));
    const auto clear = [&lab] {
        const uint64_t version = lab.services.version();
        lab.services.clear_retired(lab.report(), version, lab.census);
        lab.settle();
    };
    clear();
    EXPECT_NE(lab.id_of(107), dataplane::kNoRealServer) << "it has connections";
    EXPECT_EQ(lab.id_of(107, 81), dataplane::kNoRealServer);
    EXPECT_EQ(lab.services.catalogue().services().size(), 1U);
    lab.engine.clock.advance(seconds(61));  // SYN_RECV's end
    lab.settle();
    const Reports reports = lab.report();
    // The question was asked before something else was retired: not now.
    lab.services.clear_retired(reports, lab.services.version() - 1, lab.census);
    EXPECT_NE(lab.id_of(107), dataplane::kNoRealServer);
    clear();
    EXPECT_EQ(lab.id_of(107), dataplane::kNoRealServer);
    const plan::ServiceEntry& entry = *lab.services.catalogue().services()[0];
    EXPECT_EQ(lab.census.service_total(lab.report(), entry).connections, 40U)
        << "what it counted stays the service's";
    EXPECT_EQ(lab.fleet.refused(), 0U);
}

TEST(ServiceControlTest, WhatDoesNotFitChangesNothing) {
    DaemonLab lab;  // room for 32 servers
    lab.apply(model_of({service_at(80, {machine(107)})}));
    std::vector<config::RealServer> many;
    for (uint8_t i = 1; i <= 40; ++i) {
        many.push_back(machine(i));
    }
    EXPECT_FALSE(lab.services.apply(model_of({service_at(80, many)})));
    lab.settle();
    lab.connect(1000, 5);
    EXPECT_EQ(lab.connections_of(107), 5U);
}

TEST(ServiceControlTest, ManyWorkersWithShortRingsAllHear) {
    DaemonLab lab({.workers = 3, .ring_entries = 2});
    std::vector<config::VirtualService> services;
    for (uint16_t port = 80; port < 90; ++port) {
        services.push_back(service_at(port, {machine(107), machine(108)}));
    }
    lab.apply(model_of(services));
    for (uint16_t port = 80; port < 90; ++port) {
        lab.connect(1000, 30, port);
        EXPECT_EQ(lab.connections_of(107, port) + lab.connections_of(108, port), 30U) << port;
    }
    lab.apply(config::Model());
    EXPECT_EQ(lab.fleet.refused(), 0U);
}

}  // namespace
}  // namespace director::daemon
