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

    // Carries what the director has made of its own accord, and what comes of it.
    void settle_made() {
        net.carry();
        net.settle();
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
            THEN("whoever speaks at that moment is told, and UDP is forgotten") {
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
        const auto check_both_ends_are_told = [&] {
            for (uint16_t i = 0; i < Removal::kClients; ++i) {
                const State state = story.net.client(story.client(i)).state;
                REQUIRE(state == (story.was_on_107(i) ? State::kReset : State::kEstablished));
            }
            REQUIRE(story.net.server_connections().at(at(story.lost, 80)) == 0);
            REQUIRE(story.net.server_connections().at(at(story.kept, 80)) > 10);
        };
        WHEN("they are reset, and nobody has anything to say") {
            story.lose_107(WhenServerGone::kReset);
            story.settle_made();
            THEN("both ends are told all the same, and forgotten by us after tcp_close") {
                check_both_ends_are_told();
                story.fleet.run_for(std::chrono::seconds(11));
                REQUIRE(story.connections_of_107(ConnState::kClose) == 0);
                all_say("b");
                check_the_others();
            }
        }
        WHEN("they are reset, and all that we ask at first is lost") {
            story.lose_107(WhenServerGone::kReset);
            REQUIRE(story.fleet.take_made_frames().size() > 20);
            story.fleet.run_for(std::chrono::seconds(2));
            REQUIRE(story.fleet.take_made_frames().empty());
            story.fleet.run_for(std::chrono::seconds(2));
            story.settle_made();
            THEN("both ends are told by the second question") {
                check_both_ends_are_told();
                story.fleet.check_gauges();
            }
        }
        WHEN("they are reset, and no question ever arrives") {
            story.lose_107(WhenServerGone::kReset);
            story.fleet.run_for(std::chrono::seconds(500));
            static_cast<void>(story.fleet.take_made_frames());
            THEN("a client that speaks is told, as long as its connection would have lasted") {
                all_say("b");
                for (uint16_t i = 0; i < Removal::kClients; ++i) {
                    const State state = story.net.client(story.client(i)).state;
                    REQUIRE(state == (story.was_on_107(i) ? State::kReset : State::kEstablished));
                }
            }
            THEN("who stays silent is forgotten then") {
                REQUIRE(story.connections_of_107(ConnState::kClose) > 10);
                story.fleet.run_for(std::chrono::seconds(401));
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

SCENARIO("a server whose answers pass us by is told by what its client says", "[removal]") {
    const auto method = GENERATE(ForwardingMethod::kDirect, ForwardingMethod::kTunnel);
    const bool is_ipv6 = GENERATE(false, true);
    GIVEN("a connection by direct routing, or through a tunnel") {
        WorkerFleet fleet({.tailroom_bytes = 100});
        configure(fleet);
        give_addresses(fleet);
        const IpAddress vip = is_ipv6 ? kVip6 : IpAddress(kVip);
        const IpAddress client = is_ipv6 ? kClient6 : IpAddress(kClient);
        const ServiceKey key{vip, Be16::from_host(80), Protocol::kTcp};
        const Endpoint lost = at(is_ipv6 ? kServer107v6 : IpAddress(kServer107), 80);
        const ServiceId service =
            fleet.put_service(key, "rr", {{.endpoint = lost, .forwarding = method}});
        const RealServerId id = fleet.server_id(service, lost);
        const auto say = [&](uint8_t flags) {
            return fleet.send_one(kOutside,
                                  from_client(client, vip)
                                      .tcp(1000, 80)
                                      .tcp_flags(flags)
                                      .seq(7000)
                                      .ack(9000)
                                      .build());
        };
        static_cast<void>(say(kTcpSyn));
        static_cast<void>(say(kTcpAck));
        WHEN("the server is removed") {
            fleet.put_service(
                key, "rr", {{at(is_ipv6 ? kServer108v6 : IpAddress(kServer108), 80)}});
            fleet.end_connections(id, WhenServerGone::kReset);
            fleet.poll();
            const std::vector<FrameIn> asked = fleet.take_made_frames();
            THEN("the client is asked where it is, and both get a reset that fits") {
                REQUIRE(asked.size() == 1);
                REQUIRE(asked[0].port == kOutside);
                const DecodedFrame question = decode(asked[0].bytes);
                REQUIRE(question.source() == at(vip, 80));
                REQUIRE(question.destination() == at(client, 1000));
                REQUIRE(question.tcp->flags == kTcpAck);

                const Outcome answer = say(kTcpAck);
                REQUIRE(answer.verdict == Verdict::kForward);
                const DecodedFrame to_client = decode(answer.bytes);
                REQUIRE(to_client.destination() == at(client, 1000));
                REQUIRE((to_client.tcp->flags & kTcpRst) != 0);
                REQUIRE(to_client.tcp->seq == 9000);

                const std::vector<FrameIn> made = fleet.take_made_frames();
                REQUIRE(made.size() == 1);
                REQUIRE(made[0].port == kInside);
                const DecodedFrame frame = decode(made[0].bytes);
                REQUIRE(frame.ethernet->destination == kServer107Mac);
                const bool is_direct = method == ForwardingMethod::kDirect;
                const DecodedFrame to_server = is_direct ? frame : decode_ip(frame.payload);
                REQUIRE(to_server.source() == at(client, 1000));
                REQUIRE(to_server.destination() == at(vip, 80));
                REQUIRE(to_server.tcp->flags == kTcpRst);
                REQUIRE(to_server.tcp->seq == 7000);
                fleet.check_gauges();
            }
        }
    }
}

SCENARIO("many connections of a lost server are told bit by bit", "[removal]") {
    constexpr uint32_t kMany = 20000;
    constexpr uint32_t kAtOnce = 5000;  // a tenth of a second's worth
    GIVEN("twenty thousand connections to one server") {
        FleetSettings settings;
        settings.worker.connections_max = kMany;
        WorkerFleet fleet(settings);
        configure(fleet);
        const ServiceId service = fleet.put_service(kHttp, "rr", {{at(kServer107, 80)}});
        const RealServerId id = fleet.server_id(service, at(kServer107, 80));
        for (uint32_t i = 0; i < kMany; ++i) {
            const auto client = Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(1 + i % 100));
            const auto port = static_cast<uint16_t>(1024 + i / 100);
            fleet.send_one(kOutside,
                           from_client(client, kVip).tcp(port, 80).tcp_flags(kTcpSyn).build());
            fleet.send_one(kOutside, from_client(client, kVip).tcp(port, 80).build());
        }
        WHEN("it is removed") {
            fleet.put_service(kHttp, "rr", {{at(kServer108, 80)}});
            fleet.end_connections(id, WhenServerGone::kReset);
            THEN("a poll makes no more frames than a burst has, a second no more than it may") {
                size_t asked = 0;
                for (int poll = 0; poll < 1000; ++poll) {
                    fleet.poll();
                    const size_t made = fleet.take_made_frames().size();
                    REQUIRE(made <= 2 * kBurstMax);
                    asked += made;
                }
                REQUIRE(asked >= 2 * size_t{kAtOnce});
                REQUIRE(asked <= 2 * (size_t{kAtOnce} + 1));
                for (int poll = 0; poll < 1000; ++poll) {
                    fleet.clock.advance(std::chrono::milliseconds(1));
                    fleet.poll();
                    asked += fleet.take_made_frames().size();
                }
                REQUIRE(asked == 2 * size_t{kMany});
                fleet.check_gauges();
            }
        }
    }
}

}  // namespace
}  // namespace director::test
