// What happens between packets of one burst: a connection opened twice, replaced, or evicted while
// others of it are on their way.
#include <catch2/catch.hpp>

#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using dataplane::ConnState;
using dataplane::DropReason;
using dataplane::Verdict;
using dataplane::WhenFull;

constexpr uint8_t kSynAck = kTcpSyn | kTcpAck;

[[nodiscard]] FrameIn client_says(uint16_t port, uint8_t flags, std::string_view text = {}) {
    return {kOutside,
            from_client(kClient, kVip).tcp(port, 80).tcp_flags(flags).payload(text).build()};
}

[[nodiscard]] FrameIn server_says(Ipv4Address server, uint16_t port, uint8_t flags) {
    return {kInside, from_server(server, kClient).tcp(80, port).tcp_flags(flags).build()};
}

[[nodiscard]] Ipv4Address server_of(const Outcome& outcome) {
    REQUIRE(outcome.verdict == Verdict::kForward);
    return decode(outcome.bytes).ipv4->destination;
}

struct Story {
    WorkerFleet fleet;
    dataplane::ServiceId service{};

    explicit Story(uint32_t connections_max, WhenFull policy = WhenFull::kEvictHalfOpen)
        : fleet(settings(connections_max, policy)) {
        configure(fleet);
        service = fleet.put_service(kHttp, "rr", {{at(kServer107, 80)}, {at(kServer108, 80)}});
    }
    static FleetSettings settings(uint32_t connections_max, WhenFull policy) {
        FleetSettings out;
        out.worker.connections_max = connections_max;
        out.worker.when_full = policy;
        return out;
    }
    Outcome send(const FrameIn& frame) { return fleet.send({&frame, 1})[0]; }
    // Opens a connection and answers which server it got.
    Ipv4Address establish(uint16_t port) {
        const Ipv4Address server = server_of(send(client_says(port, kTcpSyn)));
        REQUIRE(send(server_says(server, port, kSynAck)).verdict == Verdict::kForward);
        REQUIRE(send(client_says(port, kTcpAck)).verdict == Verdict::kForward);
        return server;
    }
    // Ends it from both sides.
    void close(uint16_t port, Ipv4Address server) {
        send(client_says(port, kTcpFin | kTcpAck));
        send(server_says(server, port, kTcpFin | kTcpAck));
        send(client_says(port, kTcpAck));
    }
};

}  // namespace

SCENARIO("two SYNs of one flow in one burst open one connection", "[burst]") {
    Story story(64);
    const auto outcomes = story.fleet.send(
        {client_says(1, kTcpSyn), client_says(2, kTcpSyn), client_says(1, kTcpSyn)});
    REQUIRE(server_of(outcomes[0]) == server_of(outcomes[2]));
    REQUIRE(server_of(outcomes[0]) != server_of(outcomes[1]));
    REQUIRE(story.fleet.connections().size() == 2);
    story.fleet.check_gauges();
}

SCENARIO("data behind its SYN in one burst follows it", "[burst]") {
    Story story(64);
    const auto outcomes = story.fleet.send(
        {client_says(1, kTcpSyn), client_says(1, kTcpAck), client_says(1, kTcpAck, "GET /")});
    REQUIRE(server_of(outcomes[1]) == server_of(outcomes[0]));
    REQUIRE(server_of(outcomes[2]) == server_of(outcomes[0]));
    REQUIRE(story.fleet.connections().at(0).state == ConnState::kEstablished);
}

SCENARIO("a SYN in TIME_WAIT starts a new connection", "[burst]") {
    GIVEN("a connection that both sides have closed") {
        Story story(64);
        const Ipv4Address first = story.establish(1);
        story.close(1, first);
        // The client spoke first: IPVS goes CLOSE_WAIT to TIME_WAIT.
        REQUIRE(story.fleet.connections().at(0).state == ConnState::kTimeWait);
        WHEN("its client uses the port again") {
            const Ipv4Address second = story.establish(1);
            THEN("it is scheduled anew") {
                REQUIRE(second != first);
                REQUIRE(story.fleet.connections().size() == 1);
                REQUIRE(story.fleet.connections()[0].state == ConnState::kEstablished);
                REQUIRE(story.fleet.report().totals.connections_created == 2);
                story.fleet.check_gauges();
            }
        }
        WHEN("all servers are quiesced and its client uses the port again") {
            story.fleet.set_weight(story.service, at(kServer107, 80), 0);
            story.fleet.set_weight(story.service, at(kServer108, 80), 0);
            const size_t distance = GENERATE(as<size_t>{}, 1, 7, 8, 9, 16, 31);
            CAPTURE(distance);
            std::vector<FrameIn> burst(distance, client_says(9, kTcpAck));
            burst[0] = client_says(1, kTcpSyn);
            burst.push_back(client_says(1, kTcpAck, "late"));
            const auto outcomes = story.fleet.send(burst);
            THEN("it is refused as any new one, and what was late finds nothing") {
                REQUIRE(outcomes[0].drop_reason == DropReason::kNoServerAvailable);
                REQUIRE(outcomes[distance].verdict == Verdict::kPunt);
                REQUIRE(story.fleet.connections().empty());
                story.fleet.check_gauges();
            }
        }
        WHEN("the new SYN, data behind it, and an old packet share a burst") {
            const size_t distance = GENERATE(as<size_t>{}, 1, 8, 16, 29);
            CAPTURE(distance);
            std::vector<FrameIn> burst(distance, client_says(2, kTcpSyn));
            burst[0] = client_says(1, kTcpSyn);
            burst.push_back(client_says(1, kTcpAck, "new"));
            burst.push_back(server_says(first, 1, kTcpAck));
            const auto outcomes = story.fleet.send(burst);
            THEN("the new one's data goes to the new one's server") {
                REQUIRE(server_of(outcomes[distance]) == server_of(outcomes[0]));
                REQUIRE(story.fleet.connections().size() == (distance > 1 ? 2 : 1));
                story.fleet.check_gauges();
            }
            THEN("the old server's packet is not taken for the new server's") {
                const bool is_new_server = server_of(outcomes[0]) == first;
                const Endpoint source = decode(outcomes[distance + 1].bytes).source();
                REQUIRE(source == (is_new_server ? at(kVip, 80) : at(first, 80)));
            }
        }
    }
}

SCENARIO("a SYN in any other state stays with its server", "[burst]") {
    Story story(64);
    const Ipv4Address server = story.establish(1);
    REQUIRE(server_of(story.send(client_says(1, kTcpSyn))) == server);  // ESTABLISHED
    story.send(server_says(server, 1, kTcpFin | kTcpAck));              // FIN_WAIT
    REQUIRE(server_of(story.send(client_says(1, kTcpSyn))) == server);
    REQUIRE(story.fleet.report().totals.connections_created == 1);
}

SCENARIO("more SYNs in one burst than the table holds", "[burst]") {
    GIVEN("a table for 8 with 2 established connections") {
        const WhenFull policy = GENERATE(WhenFull::kRefuse, WhenFull::kEvictHalfOpen);
        Story story(8, policy);
        const Ipv4Address first = story.establish(1);
        const Ipv4Address second = story.establish(2);
        WHEN("31 SYNs come, with packets of the established among them") {
            std::vector<FrameIn> burst;
            for (uint16_t i = 0; i < 29; ++i) {
                burst.push_back(client_says(static_cast<uint16_t>(100 + i), kTcpSyn));
            }
            burst.insert(burst.begin() + 5, client_says(1, kTcpAck, "one"));
            burst.insert(burst.begin() + 20, client_says(2, kTcpAck, "two"));
            burst.push_back(server_says(first, 1, kTcpAck));
            const auto outcomes = story.fleet.send(burst);
            THEN("the established are served, and each SYN has its connection or a reason") {
                REQUIRE(server_of(outcomes[5]) == first);
                REQUIRE(server_of(outcomes[20]) == second);
                REQUIRE(decode(outcomes[31].bytes).source() == at(kVip, 80));
                const auto rows = story.fleet.connections();
                REQUIRE(rows.size() == 8);
                uint32_t syns_there = 0;
                for (size_t i = 0; i < 31; ++i) {
                    if (i == 5 || i == 20) {
                        continue;
                    }
                    const Endpoint client = decode(burst[i].bytes).source();
                    const auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) {
                        return r.client == client;
                    });
                    if (row != rows.end()) {
                        ++syns_there;
                        REQUIRE(server_of(outcomes[i]) == row->real_server.address);
                    } else if (outcomes[i].verdict == Verdict::kForward) {
                        // Was sent on before a later one took its place.
                        REQUIRE(policy == WhenFull::kEvictHalfOpen);
                    } else {
                        REQUIRE(outcomes[i].drop_reason == DropReason::kConnTableFull);
                    }
                }
                REQUIRE(syns_there == 6);
                story.fleet.check_gauges();
            }
            THEN("the newest SYNs won by one policy, the oldest by the other") {
                const auto rows = story.fleet.connections();
                const auto is_there = [&](uint16_t port) {
                    return std::any_of(rows.begin(), rows.end(), [&](const auto& row) {
                        return row.client == at(kClient, port);
                    });
                };
                const bool is_evicting = policy == WhenFull::kEvictHalfOpen;
                for (uint16_t i = 0; i < 6; ++i) {
                    REQUIRE(is_there(static_cast<uint16_t>(128 - i)) == is_evicting);
                    REQUIRE(is_there(static_cast<uint16_t>(100 + i)) == !is_evicting);
                }
                REQUIRE((outcomes[30].verdict == Verdict::kForward) == is_evicting);
                REQUIRE((outcomes[0].verdict == Verdict::kForward || is_evicting));
            }
        }
        WHEN("a handshake's last ACK comes behind the SYN that takes its place") {
            std::vector<FrameIn> fill;
            for (uint16_t i = 0; i < 6; ++i) {
                fill.push_back(client_says(static_cast<uint16_t>(100 + i), kTcpSyn));
            }
            story.fleet.send(fill);
            // At once, or so far behind that the worker has looked into its table meanwhile.
            const size_t distance = GENERATE(as<size_t>{}, 1, 7, 8, 9, 16, 31);
            CAPTURE(distance);
            std::vector<FrameIn> burst(distance, client_says(1, kTcpAck, "one"));
            burst[0] = client_says(200, kTcpSyn);
            burst.push_back(client_says(100, kTcpAck));
            const auto outcomes = story.fleet.send(burst);
            THEN("nobody is translated by another's entry: an evicted one's ACK is the kernel's") {
                if (policy == WhenFull::kEvictHalfOpen) {
                    REQUIRE(outcomes[0].verdict == Verdict::kForward);
                    REQUIRE(outcomes[distance].verdict == Verdict::kPunt);
                } else {
                    REQUIRE(outcomes[0].drop_reason == DropReason::kConnTableFull);
                    REQUIRE(outcomes[distance].verdict == Verdict::kForward);
                }
                story.fleet.check_gauges();
            }
        }
    }
}

SCENARIO("the half-open connection that was silent longest makes room", "[burst]") {
    Story story(4);
    for (uint16_t port = 1; port <= 4; ++port) {
        story.send(client_says(port, kTcpSyn));
        story.fleet.clock.advance(std::chrono::seconds(1));
    }
    story.send(client_says(1, kTcpSyn));  // 1 speaks again: 2 is the oldest now
    story.send(client_says(5, kTcpSyn));
    std::vector<uint16_t> ports;
    for (const auto& row : story.fleet.connections()) {
        ports.push_back(row.client.port.host());
    }
    std::sort(ports.begin(), ports.end());
    REQUIRE(ports == std::vector<uint16_t>{1, 3, 4, 5});
}

}  // namespace director::test
