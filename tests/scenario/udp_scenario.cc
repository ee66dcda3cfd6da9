// A DNS-like UDP service with ten thousand clients.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses

constexpr uint32_t kClients = 10000;

[[nodiscard]] Endpoint client(uint32_t i) {
    return at(Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(1 + i % 100)),
              static_cast<uint16_t>(1024 + i / 100));
}

}  // namespace

SCENARIO("a UDP service with ten thousand clients", "[udp]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    CAPTURE(workers);
    GIVEN("a DNS service on three servers") {
        FleetSettings settings{.workers = workers};
        settings.worker.connections_max = kClients;  // each worker's share is uneven
        WorkerFleet fleet(settings);
        configure(fleet);
        const std::vector<Endpoint> servers{
            at(kServer108, 53), at(kServer107, 53), at(kServer107, 5353)};
        const auto service =
            fleet.put_service(kDns, "rr", {{servers[0]}, {servers[1]}, {servers[2]}});
        SimNet net(fleet);
        for (const Endpoint& server : servers) {
            net.add_server(server);
        }
        WHEN("every client asks twice") {
            for (const std::string_view question : {"who?", "again?"}) {
                for (uint32_t i = 0; i < kClients; ++i) {
                    net.send_udp(client(i), at(kVip, 53), question);
                }
                net.settle();
            }
            THEN("every client was answered twice, by one and the same server") {
                REQUIRE(net.dropped + net.punted == 0);
                REQUIRE(net.udp_heard.size() == kClients);
                uint32_t wrong = 0;
                for (const auto& [who, heard] : net.udp_heard) {
                    const std::string server = heard.substr(0, heard.find(' '));
                    wrong += heard == fmt::format("{0} who?|{0} again?|", server) ? 0U : 1U;
                }
                REQUIRE(wrong == 0);
            }
            THEN("the servers got equal shares and UDP is never active") {
                for (const Endpoint& server : servers) {
                    const auto counted = fleet.server_counters(service, server);
                    REQUIRE(counted.connections >= kClients / 3 - workers);
                    REQUIRE(counted.connections <= kClients / 3 + workers);
                    REQUIRE(counted.packets_in == 2 * counted.connections);
                    REQUIRE(counted.packets_out == 2 * counted.connections);
                    REQUIRE(counted.active == 0);
                    REQUIRE(counted.inactive == counted.connections);
                }
                fleet.check_gauges();
            }
            THEN("all entries are gone after five minutes of silence, not before") {
                fleet.run_for(std::chrono::seconds(299));
                REQUIRE(fleet.report().totals.connections == kClients);
                fleet.run_for(std::chrono::seconds(2));
                REQUIRE(fleet.report().totals.connections == 0);
                fleet.check_gauges();
            }
            THEN("a client that keeps asking keeps its entry and its server") {
                const std::string server = net.udp_heard[client(7)].substr(0, 16);
                for (int i = 0; i < 4; ++i) {
                    fleet.run_for(std::chrono::seconds(200));
                    net.send_udp(client(7), at(kVip, 53), "?");
                    net.settle();
                }
                REQUIRE(fleet.report().totals.connections == 1);
                const std::string& heard = net.udp_heard[client(7)];
                REQUIRE(heard.substr(heard.rfind('|', heard.size() - 2) + 1, 16) == server);
            }
        }
    }
}

}  // namespace director::test
