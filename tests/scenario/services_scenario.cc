// Services of both families, for one port and for any.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test
using State = SimClient::State;

SCENARIO("IPv6 clients are served as IPv4 ones are", "[services]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    const uint32_t burst = GENERATE(1U, 32U);
    GIVEN("an IPv6 service with two servers by NAT, on another port") {
        WorkerFleet fleet({.workers = workers, .burst = burst});
        configure(fleet);
        const ServiceKey http{kVip6, Be16::from_host(80), Protocol::kTcp};
        const auto service =
            fleet.put_service(http, "rr", {{at(kServer107v6, 8080)}, {at(kServer108v6, 8080)}});
        SimNet net(fleet);
        net.add_server(at(kServer107v6, 8080));
        net.add_server(at(kServer108v6, 8080));
        WHEN("forty clients connect, speak and close") {
            std::vector<Endpoint> clients;
            for (uint16_t i = 0; i < 40; ++i) {
                clients.push_back(i % 2 == 0 ? at(kClient6, static_cast<uint16_t>(1000 + i))
                                             : at(far_client6(i), 1000));
                net.connect(clients.back(), at(kVip6, 80));
            }
            net.settle();
            for (const Endpoint& client : clients) {
                REQUIRE(net.client(client).state == State::kEstablished);
                net.client(client).say("hello");
            }
            net.settle();
            THEN("each hears one server, both servers have their share, and nothing is left") {
                std::map<std::string, int> share;
                for (const Endpoint& client : clients) {
                    const SimClient& heard = net.client(client);
                    REQUIRE(heard.heard == heard.server() + " hello|");
                    ++share[heard.server()];
                }
                REQUIRE(share.size() == 2);
                REQUIRE(share[to_string(at(kServer107v6, 8080))] >= 12);
                REQUIRE(share[to_string(at(kServer108v6, 8080))] >= 12);
                REQUIRE(fleet.report().servers[0].active + fleet.report().servers[1].active == 40);
                for (const Endpoint& client : clients) {
                    net.client(client).close();
                }
                net.settle();
                fleet.check_gauges();
                fleet.run_for(std::chrono::seconds(121));
                fleet.check_gauges();
                REQUIRE(fleet.report().totals.connections == 0);
                REQUIRE(net.dropped + net.punted == 0);
                fleet.retire_service(service);
                REQUIRE(fleet.forget_service(service));
            }
        }
    }
}

SCENARIO("a service of any port", "[services]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    const bool is_ipv6 = GENERATE(false, true);
    const IpAddress vip = is_ipv6 ? kVip6 : IpAddress(kVip);
    const IpAddress client = is_ipv6 ? kClient6 : IpAddress(kClient);
    const IpAddress any_server = is_ipv6 ? kServer107v6 : IpAddress(kServer107);
    const IpAddress web_server = is_ipv6 ? kServer108v6 : IpAddress(kServer108);
    GIVEN("one service for any port, and one for port 80") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        const auto any =
            fleet.put_service({vip, Be16{}, Protocol::kTcp}, "rr", {{Endpoint{any_server, {}}}});
        fleet.put_service({vip, Be16::from_host(80), Protocol::kTcp}, "rr", {{at(web_server, 80)}});
        SimNet net(fleet);
        for (const uint16_t port : {uint16_t{22}, uint16_t{8080}}) {
            net.add_server(at(any_server, port));
        }
        net.add_server(at(web_server, 80));
        WHEN("a client connects to three ports") {
            SimClient& ssh = net.connect(at(client, 1), at(vip, 22));
            SimClient& proxy = net.connect(at(client, 2), at(vip, 8080));
            SimClient& web = net.connect(at(client, 3), at(vip, 80));
            net.settle();
            for (SimClient* each : {&ssh, &proxy, &web}) {
                REQUIRE(each->state == State::kEstablished);
                each->say("x");
            }
            net.settle();
            THEN("the port is kept, and the exact service comes first") {
                REQUIRE(ssh.server() == to_string(at(any_server, 22)));
                REQUIRE(proxy.server() == to_string(at(any_server, 8080)));
                REQUIRE(web.server() == to_string(at(web_server, 80)));
                fleet.check_gauges();
            }
            AND_WHEN("the service of any port goes, and all connections with it") {
                ssh.abort();
                proxy.abort();
                net.settle();
                fleet.retire_service(any);
                fleet.run_for(std::chrono::seconds(11));
                REQUIRE(fleet.forget_service(any));
                THEN("its ports are the kernel's again, and port 80 stays") {
                    net.connect(at(client, 9), at(vip, 22));
                    net.settle();
                    REQUIRE(net.punted == 1);
                    web.say("y");
                    net.settle();
                    REQUIRE(web.heard.ends_with("y|"));
                    fleet.check_gauges();
                }
            }
        }
        WHEN("a client sends UDP, which the service is not for") {
            net.send_udp(at(client, 1), at(vip, 22), "x");
            net.settle();
            THEN("it is the kernel's") {
                REQUIRE(net.punted == 1);
            }
        }
    }
}

}  // namespace
}  // namespace director::test
