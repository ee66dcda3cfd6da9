// Persistence: one client, one server, whatever worker its connections come to.
#include <set>

#include <catch2/catch.hpp>

#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test
using State = SimClient::State;

class Shop {
  public:
    Shop(uint16_t workers, const ServiceOptions& options, uint16_t port = 80)
        : fleet({.workers = workers, .templates_max = 64}), net(fleet) {
        configure(fleet);
        const Be16 service_port = Be16::from_host(port);
        service = fleet.put_service(
            {kVip, service_port, Protocol::kTcp},
            "rr",
            {{Endpoint{kServer107, service_port}}, {Endpoint{kServer108, service_port}}},
            options);
        for (const Ipv4Address server : {kServer107, kServer108}) {
            for (const uint16_t served : {uint16_t{80}, uint16_t{443}}) {
                net.add_server(at(server, served));
            }
        }
    }

    // The address of the server that `client` gets for a new connection.
    IpAddress visit(Ipv4Address client, uint16_t to = 80) {
        const Endpoint who = at(client, ++next_port_);
        SimClient& visitor = net.connect(who, at(kVip, to));
        net.settle();
        REQUIRE(visitor.state == State::kEstablished);
        visitor.say("x");
        net.settle();
        const auto server = Endpoint::parse(visitor.server());
        REQUIRE(server.has_value());
        return server->address;
    }
    // All connections end at once.
    void leave() {
        for (uint16_t port = 1001; port <= next_port_; ++port) {
            for (uint8_t host = 1; host < 10; ++host) {
                leave_if_there(at(Ipv4Address::of(198, 51, 100, host), port));
            }
        }
        net.settle();
        fleet.run_for(std::chrono::seconds(11));
    }

    WorkerFleet fleet;
    SimNet net;
    ServiceId service{};

  private:
    void leave_if_there(const Endpoint& who) {
        for (const ConnectionRow& row : fleet.connections()) {
            if (row.client == who && row.state == ConnState::kEstablished) {
                net.client(who).abort();
                return;
            }
        }
    }

    uint16_t next_port_ = 1000;
};

[[nodiscard]] Ipv4Address visitor(uint8_t host) {
    return Ipv4Address::of(198, 51, 100, host);
}

SCENARIO("a persistent client keeps its server on every worker", "[persistence]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    GIVEN("a persistent service with two servers in turn") {
        Shop shop(workers, {.persistence_seconds = 300});
        WHEN("six clients come twelve times each") {
            std::map<uint8_t, std::set<IpAddress>> servers;
            std::set<IpAddress> all;
            for (int round = 0; round < 12; ++round) {
                for (uint8_t host = 1; host <= 6; ++host) {
                    const IpAddress server = shop.visit(visitor(host));
                    servers[host].insert(server);
                    all.insert(server);
                }
            }
            THEN("each has one server, and both serve") {
                for (const auto& [host, of_host] : servers) {
                    REQUIRE(of_host.size() == 1);
                }
                REQUIRE(all.size() == 2);
                shop.fleet.check_gauges();
            }
            AND_WHEN("the connections and then the persistence are over") {
                const IpAddress before = *servers[1].begin();
                shop.leave();
                REQUIRE(shop.visit(visitor(1)) == before);  // within the 300 s
                shop.leave();
                shop.fleet.run_for(std::chrono::seconds(300 + 61));
                THEN("the scheduler decides anew") {
                    std::set<IpAddress> after;
                    for (uint8_t host = 1; host <= 6; ++host) {
                        after.insert(shop.visit(visitor(host)));
                    }
                    REQUIRE(after.size() == 2);
                    shop.fleet.check_gauges();
                }
            }
        }
    }
}

SCENARIO("persistence by network and over ports", "[persistence]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2);
    GIVEN("a persistence of /24") {
        Shop shop(workers, {.persistence_seconds = 300, .persistence_prefix = 24});
        THEN("neighbours share a server") {
            std::set<IpAddress> servers;
            for (uint8_t host = 1; host < 10; ++host) {
                servers.insert(shop.visit(visitor(host)));
            }
            REQUIRE(servers.size() == 1);
        }
    }
    GIVEN("a persistent service of any port") {
        Shop shop(workers, {.persistence_seconds = 300}, 0);
        THEN("a client has one server for all ports") {
            for (uint8_t host = 1; host < 6; ++host) {
                REQUIRE(shop.visit(visitor(host), 80) == shop.visit(visitor(host), 443));
            }
        }
    }
}

SCENARIO("a persistent client's server is quiesced", "[persistence]") {
    const bool drops_template = GENERATE(true, false);
    GIVEN("a client with a server") {
        Shop shop(2, {.persistence_seconds = 300, .drop_template_when_quiesced = drops_template});
        const IpAddress before = shop.visit(visitor(1));
        WHEN("the server gets weight 0") {
            shop.fleet.set_weight(shop.service, at(before.ipv4(), 80), 0);
            THEN("new connections go elsewhere, or stay when they shall") {
                for (int i = 0; i < 6; ++i) {
                    REQUIRE((shop.visit(visitor(1)) == before) == !drops_template);
                }
                shop.fleet.check_gauges();
            }
        }
    }
}

}  // namespace
}  // namespace director::test
