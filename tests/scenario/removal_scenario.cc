// What becomes of the connections of a server that failed or was removed: the service's choice.
#include <catch2/catch.hpp>

#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test
using State = SimClient::State;

class Removal {
  public:
    explicit Removal(uint16_t workers)
        : fleet({.workers = workers, .tailroom_bytes = 100}), net(fleet) {
        configure(fleet);
        for (const ServiceKey& key : {kHttp, kDns}) {
            const std::vector<ServerIn> both{{Endpoint{kServer107, key.port}},
                                             {Endpoint{kServer108, key.port}}};
            fleet.put_service(key, "rr", both);
        }
        for (const uint16_t port : {uint16_t{80}, uint16_t{53}}) {
            net.add_server(at(kServer107, port));
            net.add_server(at(kServer108, port));
        }
        for (uint16_t i = 0; i < kClients; ++i) {
            net.connect(client(i), at(kVip, 80));
            net.send_udp(client(i), at(kVip, 53), "?");
        }
        net.settle();
        for (uint16_t i = 0; i < kClients; ++i) {
            net.client(client(i)).say("a");
        }
        net.settle();
    }

    // Server 107 leaves both services; then its connections meet their end.
    void lose_107(WhenServerGone how) {
        for (const auto& [key, number] : {std::pair{kHttp, 0U}, std::pair{kDns, 1U}}) {
            const ServiceId service{number};
            const RealServerId lost = fleet.server_id(service, {kServer107, key.port});
            fleet.put_service(key, "rr", {{Endpoint{kServer108, key.port}}});
            fleet.end_connections(lost, how);
        }
        for (int polls = 0; polls < 10; ++polls) {
            fleet.poll();
        }
    }

    static Endpoint client(uint16_t i) {
        return at(Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(1 + i)), 999);
    }
    [[nodiscard]] bool was_on_107(uint16_t i) {
        return net.client(client(i)).server() == to_string(at(kServer107, 80));
    }
    [[nodiscard]] uint32_t connections_of_107(ConnState state) {
        uint32_t count = 0;
        for (const ConnectionRow& row : fleet.connections()) {
            count +=
                row.real_server.address == IpAddress(kServer107) && row.state == state ? 1U : 0U;
        }
        return count;
    }

    static constexpr uint16_t kClients = 40;
    WorkerFleet fleet;
    SimNet net;
};

SCENARIO("connections of a server that is gone", "[removal]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    GIVEN("forty clients, by TCP and UDP, on two servers") {
        Removal story(workers);
        REQUIRE(story.connections_of_107(ConnState::kEstablished) > 10);
        REQUIRE(story.connections_of_107(ConnState::kUdp) > 10);
        const auto all_say = [&](std::string_view word) {
            for (uint16_t i = 0; i < Removal::kClients; ++i) {
                if (story.net.client(Removal::client(i)).state == State::kEstablished) {
                    story.net.client(Removal::client(i)).say(word);
                }
            }
            story.net.settle();
        };
        const auto check_the_others = [&] {
            for (uint16_t i = 0; i < Removal::kClients; ++i) {
                if (!story.was_on_107(i)) {
                    REQUIRE(story.net.client(Removal::client(i)).heard.ends_with("b|"));
                }
            }
            story.fleet.check_gauges();
        };
        WHEN("they expire at once") {
            story.lose_107(WhenServerGone::kExpire);
            THEN("they are forgotten, and the others go on") {
                REQUIRE(story.connections_of_107(ConnState::kEstablished) == 0);
                REQUIRE(story.connections_of_107(ConnState::kUdp) == 0);
                all_say("b");
                for (uint16_t i = 0; i < Removal::kClients; ++i) {
                    const bool heard = story.net.client(Removal::client(i)).heard.ends_with("b|");
                    REQUIRE(heard == !story.was_on_107(i));
                }
                check_the_others();
            }
        }
        WHEN("they are reset") {
            story.lose_107(WhenServerGone::kReset);
            all_say("b");
            THEN("a client that speaks is told, and UDP is forgotten") {
                for (uint16_t i = 0; i < Removal::kClients; ++i) {
                    const State state = story.net.client(Removal::client(i)).state;
                    REQUIRE(state == (story.was_on_107(i) ? State::kReset : State::kEstablished));
                }
                REQUIRE(story.fleet.dropped(DropReason::kServerGone) > 10);
                REQUIRE(story.connections_of_107(ConnState::kUdp) == 0);
                check_the_others();
                story.fleet.run_for(std::chrono::seconds(11));
                REQUIRE(story.connections_of_107(ConnState::kClose) == 0);
                story.fleet.check_gauges();
            }
        }
        WHEN("they are left") {
            story.lose_107(WhenServerGone::kLeave);
            all_say("b");
            THEN("they go on as long as they last") {
                for (uint16_t i = 0; i < Removal::kClients; ++i) {
                    REQUIRE(story.net.client(Removal::client(i)).heard.ends_with("b|"));
                }
                check_the_others();
            }
        }
        WHEN("a UDP client of the lost server asks again") {
            story.lose_107(WhenServerGone::kExpire);
            story.net.udp_heard.clear();
            for (uint16_t i = 0; i < Removal::kClients; ++i) {
                story.net.send_udp(Removal::client(i), at(kVip, 53), "?");
            }
            story.net.settle();
            THEN("the other server answers: UDP does not stick to the dead") {
                for (uint16_t i = 0; i < Removal::kClients; ++i) {
                    REQUIRE(story.net.udp_heard[Removal::client(i)] ==
                            to_string(at(kServer108, 53)) + " ?|");
                }
            }
        }
    }
}

}  // namespace
}  // namespace director::test
