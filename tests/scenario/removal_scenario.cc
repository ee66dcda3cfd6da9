// What becomes of the connections of a server that failed or was removed: the service's choice, in
// both families.
#include <array>

#include <catch2/catch.hpp>

#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test
using State = SimClient::State;

class Removal {
  public:
    Removal(uint16_t workers, Family family)
        : is_ipv4(family == Family::kIpv4),
          fleet({.workers = workers, .tailroom_bytes = 100}),
          net(fleet) {
        configure(fleet);
        for (const ServiceKey& key : keys()) {
            const std::vector<ServerIn> both{{Endpoint{lost, key.port}},
                                             {Endpoint{kept, key.port}}};
            fleet.put_service(key, "rr", both);
            net.add_server({lost, key.port});
            net.add_server({kept, key.port});
        }
        for (uint16_t i = 0; i < kClients; ++i) {
            net.connect(client(i), at(vip, 80));
            net.send_udp(client(i), at(vip, 53), "?");
        }
        net.settle();
        for (uint16_t i = 0; i < kClients; ++i) {
            net.client(client(i)).say("a");
        }
        net.settle();
    }

    // Server 107 leaves both services; then its connections meet their end.
    void lose_107(WhenServerGone how) {
        for (const ServiceKey& key : keys()) {
            const ServiceId service{key.protocol == Protocol::kTcp ? 0U : 1U};
            const RealServerId id = fleet.server_id(service, {lost, key.port});
            fleet.put_service(key, "rr", {{Endpoint{kept, key.port}}});
            fleet.end_connections(id, how);
        }
        for (int polls = 0; polls < 10; ++polls) {
            fleet.poll();
        }
    }

    [[nodiscard]] std::array<ServiceKey, 2> keys() const {
        return {{{vip, Be16::from_host(80), Protocol::kTcp},
                 {vip, Be16::from_host(53), Protocol::kUdp}}};
    }
    [[nodiscard]] Endpoint client(uint16_t i) const {
        const auto number = static_cast<uint8_t>(1 + i);
        return at(is_ipv4 ? IpAddress(Ipv4Address::of(198, 51, 100, number)) : far_client6(number),
                  999);
    }
    [[nodiscard]] bool was_on_107(uint16_t i) {
        return net.client(client(i)).server() == to_string(at(lost, 80));
    }
    [[nodiscard]] uint32_t connections_of_107(ConnState state) {
        uint32_t count = 0;
        for (const ConnectionRow& row : fleet.connections()) {
            count += row.real_server.address == lost && row.state == state ? 1U : 0U;
        }
        return count;
    }

    static constexpr uint16_t kClients = 40;
    const bool is_ipv4;
    const IpAddress vip = is_ipv4 ? IpAddress(kVip) : kVip6;
    const IpAddress lost = is_ipv4 ? IpAddress(kServer107) : kServer107v6;
    const IpAddress kept = is_ipv4 ? IpAddress(kServer108) : kServer108v6;
    WorkerFleet fleet;
    SimNet net;
};

SCENARIO("connections of a server that is gone", "[removal]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    const Family family = GENERATE(Family::kIpv4, Family::kIpv6);
    GIVEN("forty clients, by TCP and UDP, on two servers") {
        Removal story(workers, family);
        REQUIRE(story.connections_of_107(ConnState::kEstablished) > 10);
        REQUIRE(story.connections_of_107(ConnState::kUdp) > 10);
        const auto all_say = [&](std::string_view word) {
            for (uint16_t i = 0; i < Removal::kClients; ++i) {
                if (story.net.client(story.client(i)).state == State::kEstablished) {
                    story.net.client(story.client(i)).say(word);
                }
            }
            story.net.settle();
        };
        const auto check_the_others = [&] {
            for (uint16_t i = 0; i < Removal::kClients; ++i) {
                if (!story.was_on_107(i)) {
                    REQUIRE(story.net.client(story.client(i)).heard.ends_with("b|"));
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
                    const bool heard = story.net.client(story.client(i)).heard.ends_with("b|");
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
                    const State state = story.net.client(story.client(i)).state;
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
            THEN("TCP goes on as long as it lasts, UDP never stays with the dead") {
                REQUIRE(story.connections_of_107(ConnState::kUdp) == 0);
                for (uint16_t i = 0; i < Removal::kClients; ++i) {
                    REQUIRE(story.net.client(story.client(i)).heard.ends_with("b|"));
                }
                check_the_others();
            }
        }
        WHEN("a UDP client of the lost server asks again") {
            story.lose_107(WhenServerGone::kExpire);
            story.net.udp_heard.clear();
            for (uint16_t i = 0; i < Removal::kClients; ++i) {
                story.net.send_udp(story.client(i), at(story.vip, 53), "?");
            }
            story.net.settle();
            THEN("the other server answers: UDP does not stick to the dead") {
                for (uint16_t i = 0; i < Removal::kClients; ++i) {
                    REQUIRE(story.net.udp_heard[story.client(i)] ==
                            to_string(at(story.kept, 53)) + " ?|");
                }
            }
        }
    }
}

}  // namespace
}  // namespace director::test
