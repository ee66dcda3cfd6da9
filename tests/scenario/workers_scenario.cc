// One worker or several: every client must live through the same.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "common/random.h"
#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses

// A seeded story of a hundred clients that connect, speak, close and reset in random order;
// answers what each of them lived through, and the director's sums.
[[nodiscard]] std::string live(uint64_t seed, uint16_t workers, uint32_t burst) {
    WorkerFleet fleet({.workers = workers, .burst = burst});
    configure(fleet);
    const auto service = fleet.put_service(kHttp, "rr", {{at(kServer108, 8080)}});
    SimNet net(fleet);
    net.add_server(at(kServer108, 8080));
    Random random(seed);
    std::string lives;
    std::map<Endpoint, std::string> transcripts;
    for (int step = 0; step < 60; ++step) {
        for (uint16_t i = 0; i < 100; ++i) {
            const Endpoint who =
                at(Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(i + 1)), 5000);
            const uint64_t what = random.below(8);
            if (!transcripts.contains(who)) {
                net.connect(who, at(kVip, 80));
                transcripts[who] = "";
                continue;
            }
            SimClient& client = net.client(who);
            using State = SimClient::State;
            if (client.state == State::kEstablished && what < 5) {
                client.say(fmt::format("{}", step));
            } else if (client.state == State::kEstablished && what == 5) {
                client.close();
            } else if (client.state == State::kEstablished && what == 6) {
                client.abort();
            } else if (client.state == State::kClosed || client.state == State::kReset) {
                transcripts[who] +=
                    fmt::format("[{} {}]", client.heard, static_cast<int>(client.state));
                net.forget_client(who);
                net.connect(who, at(kVip, 80));  // the port again: TIME_WAIT or CLOSE is reused
            }
        }
        net.settle();
        fleet.run_for(std::chrono::seconds(static_cast<int64_t>(random.below(3))));
    }
    for (const auto& [who, transcript] : transcripts) {
        lives += fmt::format("{} {}[{} {}]\n",
                             to_string(who),
                             transcript,
                             net.client(who).heard,
                             static_cast<int>(net.client(who).state));
    }
    const auto counted = fleet.server_counters(service, at(kServer108, 8080));
    lives += fmt::format("{} {} {} {} {} {} {} dropped {} punted {}\n",
                         counted.connections,
                         counted.packets_in,
                         counted.packets_out,
                         counted.bytes_in,
                         counted.bytes_out,
                         counted.active,
                         counted.inactive,
                         net.dropped,
                         net.punted);
    fleet.check_gauges();
    return lives;
}

}  // namespace

SCENARIO("the number of workers changes nothing for a client", "[workers]") {
    const uint64_t seed = GENERATE(as<uint64_t>{}, 1, 2, 3);
    CAPTURE(seed);
    const std::string alone = live(seed, 1, 32);
    REQUIRE(alone.find("dropped 0 punted 0") != std::string::npos);
    REQUIRE(live(seed, 1, 32) == alone);  // repeatable at all
    REQUIRE(live(seed, 1, 1) == alone);
    REQUIRE(live(seed, 2, 32) == alone);
    REQUIRE(live(seed, 4, 32) == alone);
    REQUIRE(live(seed, 4, 1) == alone);
}

SCENARIO("several workers share the servers evenly", "[workers]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    CAPTURE(workers);
    WorkerFleet fleet({.workers = workers});
    configure(fleet);
    const std::vector<Endpoint> servers{
        at(kServer107, 80), at(kServer107, 81), at(kServer108, 80), at(kServer108, 81)};
    std::vector<ServerIn> list;
    SimNet net(fleet);
    for (const Endpoint& server : servers) {
        net.add_server(server);
        list.push_back({server, 1});
    }
    fleet.put_service(kHttp, "rr", list);
    for (uint16_t port = 1; port <= 400; ++port) {
        net.connect(at(kClient, port), at(kVip, 80));
    }
    net.settle();
    for (const auto& [server, connections] : net.server_connections()) {
        REQUIRE(connections >= 100U - workers);
        REQUIRE(connections <= 100U + workers);
    }
}

}  // namespace director::test
