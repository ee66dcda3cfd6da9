// Configuration changes while connections run: none of them breaks, none changes its server, and
// new ones go where the configuration says.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

#include "common/random.h"
#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using dataplane::ServiceId;
using dataplane::ServiceKey;

constexpr uint16_t kClients = 60;
const ServiceKey kAlternative{kVip, Be16::from_host(8080), Protocol::kTcp};
const std::vector<Endpoint> kServers{
    at(kServer107, 80), at(kServer108, 80), at(kServer107, 8080), at(kServer108, 8080)};

struct Story {
    WorkerFleet fleet;
    SimNet net{fleet};
    ServiceId http{};
    std::map<Endpoint, std::string> first_server;  // of each client, as it named itself

    explicit Story(uint16_t workers) : fleet({.workers = workers}) {
        configure(fleet);
        for (const Endpoint& server : kServers) {
            net.add_server(server);
        }
        http = fleet.put_service(kHttp, "rr", {{kServers[0]}, {kServers[1]}});
        for (uint16_t i = 0; i < kClients; ++i) {
            net.connect(at(kClient, static_cast<uint16_t>(1000 + i)), at(kVip, 80));
        }
        net.settle();
        all_speak();
    }

    // Every client says something and is answered by the server that it has had from the start.
    void all_speak() {
        for (uint16_t i = 0; i < kClients; ++i) {
            speak(at(kClient, static_cast<uint16_t>(1000 + i)));
        }
        net.settle();
        for (uint16_t i = 0; i < kClients; ++i) {
            check(at(kClient, static_cast<uint16_t>(1000 + i)));
        }
        REQUIRE(net.punted == 0);
        REQUIRE(net.dropped == expected_drops);
    }
    void speak(const Endpoint& endpoint) {
        SimClient& client = net.client(endpoint);
        client.heard.clear();
        client.say("hello");
    }
    void check(const Endpoint& endpoint) {
        const SimClient& client = net.client(endpoint);
        REQUIRE(client.state == SimClient::State::kEstablished);
        REQUIRE(client.heard == client.server() + " hello|");
        const auto [known, is_new] = first_server.emplace(endpoint, client.server());
        REQUIRE(known->second == client.server());
    }
    // The servers that new clients of the service get.
    std::set<std::string> servers_of_newcomers(const Endpoint& service, uint16_t count = 24) {
        std::set<std::string> servers;
        std::vector<Endpoint> newcomers;
        for (uint16_t i = 0; i < count; ++i) {
            newcomers.push_back(at(kClient, next_port++));
            net.connect(newcomers.back(), service);
        }
        net.settle();
        for (const Endpoint& newcomer : newcomers) {
            speak(newcomer);
        }
        net.settle();
        for (const Endpoint& newcomer : newcomers) {
            check(newcomer);
            servers.insert(net.client(newcomer).server());
            net.client(newcomer).close();
        }
        net.settle();
        return servers;
    }

    uint64_t expected_drops = 0;
    uint16_t next_port = 10000;
};

[[nodiscard]] std::set<std::string> names(std::initializer_list<size_t> servers) {
    std::set<std::string> out;
    for (const size_t server : servers) {
        out.insert(to_string(kServers[server]));
    }
    return out;
}

}  // namespace

SCENARIO("servers come and go under running connections", "[reload]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    CAPTURE(workers);
    GIVEN("60 connections to two servers") {
        Story story(workers);
        REQUIRE(story.servers_of_newcomers(at(kVip, 80)) == names({0, 1}));
        WHEN("a server is added") {
            story.fleet.put_service(kHttp, "rr", {{kServers[2]}, {kServers[0]}, {kServers[1]}});
            THEN("old connections stay, new ones reach it too") {
                story.all_speak();
                REQUIRE(story.servers_of_newcomers(at(kVip, 80)) == names({0, 1, 2}));
                story.fleet.check_gauges();
            }
        }
        WHEN("a server is removed") {
            const auto before = story.fleet.server_counters(story.http, kServers[0]);
            story.fleet.put_service(kHttp, "rr", {{kServers[1]}});
            THEN("its connections go on, new ones go elsewhere") {
                story.all_speak();
                REQUIRE(story.servers_of_newcomers(at(kVip, 80)) == names({1}));
                story.fleet.check_gauges();
            }
            THEN("its counters go on when it is added again") {
                story.all_speak();
                story.fleet.put_service(kHttp, "rr", {{kServers[0]}, {kServers[1]}});
                REQUIRE(story.servers_of_newcomers(at(kVip, 80)) == names({0, 1}));
                const auto after = story.fleet.server_counters(story.http, kServers[0]);
                REQUIRE(after.connections > before.connections);
                REQUIRE(after.packets_in > before.packets_in);
                REQUIRE(after.active == before.active);
            }
        }
        WHEN("a server's weight becomes 0") {
            story.fleet.set_weight(story.http, kServers[0], 0);
            THEN("its connections go on, new ones go elsewhere, and come back with the weight") {
                story.all_speak();
                REQUIRE(story.servers_of_newcomers(at(kVip, 80)) == names({1}));
                story.fleet.set_weight(story.http, kServers[0], 5);
                REQUIRE(story.servers_of_newcomers(at(kVip, 80)) == names({0, 1}));
            }
        }
        WHEN("the scheduler changes") {
            story.fleet.put_service(kHttp, "wrr", {{kServers[0], 3}, {kServers[1], 0}});
            THEN("only new connections notice") {
                story.all_speak();
                REQUIRE(story.servers_of_newcomers(at(kVip, 80)) == names({0}));
            }
        }
        WHEN("a service is added and removed beside it") {
            const ServiceId other = story.fleet.put_service(kAlternative, "rr", {{kServers[3]}});
            REQUIRE(story.servers_of_newcomers(at(kVip, 8080)) == names({3}));
            story.fleet.retire_service(other);
            THEN("nothing happens to the first") {
                story.all_speak();
                REQUIRE(story.servers_of_newcomers(at(kVip, 80)) == names({0, 1}));
                story.fleet.run_for(std::chrono::seconds(121));
                REQUIRE(story.fleet.forget_service(other));
                story.all_speak();
                story.fleet.check_gauges();
            }
        }
        WHEN("the service itself is removed") {
            story.fleet.retire_service(story.http);
            THEN("its connections go on to their end") {
                story.all_speak();
                SimClient& late = story.net.connect(at(kClient, 9), at(kVip, 80));
                story.net.settle();
                REQUIRE(late.state == SimClient::State::kConnecting);
                REQUIRE(story.net.punted == 1);  // the kernel's, which would refuse it
                for (uint16_t i = 0; i < kClients; ++i) {
                    story.net.client(at(kClient, static_cast<uint16_t>(1000 + i))).close();
                }
                story.net.settle();
                story.fleet.run_for(std::chrono::seconds(121));
                REQUIRE(story.fleet.report().totals.connections == 0);
                REQUIRE(story.fleet.forget_service(story.http));
                story.fleet.check_gauges();
            }
        }
        WHEN("routes, interfaces and neighbours are told anew") {
            story.fleet.put_routes(routes());
            story.fleet.change_interface(
                kInsideInterface,
                {.port = kInside, .mtu_bytes = 1500, .is_up = true, .mac = kDirectorMac});
            story.fleet.put_neighbour(kInsideInterface, kServer107, kServer107Mac);
            THEN("nothing breaks") {
                story.all_speak();
            }
        }
    }
}

SCENARIO("a hundred random reloads under running connections", "[reload]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    const uint64_t seed = GENERATE(as<uint64_t>{}, 11, 12, 13);
    CAPTURE(workers, seed);
    Random random(seed);
    Story story(workers);
    for (int reload = 0; reload < 100; ++reload) {
        CAPTURE(reload);
        std::vector<ServerIn> servers;
        std::set<std::string> available;
        for (const Endpoint& server : kServers) {
            if (random.below(3) == 0) {
                continue;
            }
            const uint32_t weight = static_cast<uint32_t>(random.below(4));
            servers.push_back({server, weight});
            if (weight > 0) {
                available.insert(to_string(server));
            }
        }
        story.fleet.put_service(kHttp, random.below(2) == 0 ? "rr" : "wrr", servers);
        story.all_speak();
        if (available.empty()) {
            continue;
        }
        const std::set<std::string> got = story.servers_of_newcomers(at(kVip, 80), 8);
        REQUIRE(std::includes(available.begin(), available.end(), got.begin(), got.end()));
        story.fleet.run_for(std::chrono::seconds(2));
    }
    story.fleet.check_gauges();
}

}  // namespace director::test
