// Full NAT: servers see local addresses, whose ports come back to the connection's own worker.
#include <fmt/format.h>

#include <set>

#include <catch2/catch.hpp>

#include "dataplane/core/shard.h"
#include "tests/support/packet_pieces.h"
#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test
using State = SimClient::State;

constexpr ServiceOptions kWithPool{.local_pool = 1};

struct Side {
    std::string name;
    IpAddress vip;
    IpAddress server;
    IpAddress local;
};

[[nodiscard]] std::vector<Side> sides() {
    return {{"IPv4", kVip, kServer107, kLocal},
            {"IPv6", kVip6, kServer107v6, kLocal6},
            {"IPv6 to IPv4", kVip6, kServer107, kLocal}};
}

[[nodiscard]] Endpoint client_of(const Side& side, uint16_t i) {
    return side.vip.is_ipv4() ? at(Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(1 + i)), 700)
                              : at(far_client6(i), 700);
}

SCENARIO("full NAT's replies come to the connection's own worker", "[full-nat]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    const Side side = GENERATE(from_range(sides()));
    GIVEN("a service by full NAT, " + side.name) {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        fleet.put_local_pool(1, {side.local});
        const Endpoint server = at(side.server, 8080);
        const auto service =
            fleet.put_service({side.vip, Be16::from_host(80), Protocol::kTcp},
                              "rr",
                              {{.endpoint = server, .forwarding = ForwardingMethod::kFullNat}},
                              kWithPool);
        SimNet net(fleet);
        net.add_server(server);
        constexpr uint16_t kClients = 100;
        WHEN("a hundred clients connect and speak") {
            for (uint16_t i = 0; i < kClients; ++i) {
                net.connect(client_of(side, i), at(side.vip, 80));
            }
            net.settle();
            for (uint16_t i = 0; i < kClients; ++i) {
                REQUIRE(net.client(client_of(side, i)).state == State::kEstablished);
                net.client(client_of(side, i)).say(fmt::format("{}", i));
            }
            net.settle();
            THEN("each hears its answer, and every local end is another of the right worker's") {
                std::set<Endpoint> locals;
                for (uint16_t i = 0; i < kClients; ++i) {
                    REQUIRE(net.client(client_of(side, i)).heard ==
                            fmt::format("{} {}|", to_string(server), i));
                }
                for (const ConnectionRow& row : fleet.connections()) {
                    REQUIRE(row.forwarding == ForwardingMethod::kFullNat);
                    REQUIRE(row.state == ConnState::kEstablished);
                    REQUIRE(row.local.address == side.local);
                    REQUIRE(row.virtual_service == at(side.vip, 80));
                    REQUIRE(owner_of(row.local, workers) == owner_of(row.client, workers));
                    REQUIRE(locals.insert(row.local).second);
                }
                REQUIRE(locals.size() == kClients);
                REQUIRE(net.server_connections()[server] == kClients);
                const auto counted = fleet.server_counters(service, server);
                REQUIRE(counted.packets_in == 4 * kClients);
                REQUIRE(counted.packets_out == 2 * kClients);
                REQUIRE(net.dropped + net.punted == 0);
                fleet.check_gauges();
            }
        }
    }
}

SCENARIO("full NAT's ports run out and come back", "[full-nat]") {
    GIVEN("a pool of four ports") {
        WorkerFleet fleet({});
        configure(fleet);
        fleet.put_local_pool(1, {kLocal}, 2000, 2003);
        const Endpoint server = at(kServer107, 80);
        const auto put = [&](const ServiceOptions& options) {
            return fleet.put_service(
                kHttp,
                "rr",
                {{.endpoint = server, .forwarding = ForwardingMethod::kFullNat}},
                options);
        };
        put(kWithPool);
        SimNet net(fleet);
        net.add_server(server);
        for (uint16_t i = 0; i < 4; ++i) {
            net.connect(at(kClient, static_cast<uint16_t>(100 + i)), at(kVip, 80));
        }
        net.settle();
        WHEN("a fifth client comes") {
            SimClient& fifth = net.connect(at(kClient, 200), at(kVip, 80));
            net.settle();
            THEN("it is refused and counted, and the four go on") {
                REQUIRE(fifth.state == State::kConnecting);
                REQUIRE(fleet.dropped(DropReason::kNoLocalPort) == 1);
                net.client(at(kClient, 100)).say("still here");
                net.settle();
                REQUIRE(net.client(at(kClient, 100)).heard.ends_with("still here|"));
                fleet.check_gauges();
            }
            AND_WHEN("one of the four ends") {
                net.client(at(kClient, 100)).abort();
                net.settle();
                fleet.run_for(std::chrono::seconds(11));
                fifth.send_syn();
                net.settle();
                THEN("its port serves the fifth") {
                    REQUIRE(fifth.state == State::kEstablished);
                    fleet.check_gauges();
                }
            }
            AND_WHEN("the pool is replaced by a larger one") {
                fleet.put_local_pool(1, {kLocal}, 2000, 2007);
                fifth.send_syn();
                net.settle();
                THEN("old connections go on, and no port is given out twice") {
                    REQUIRE(fifth.state == State::kEstablished);
                    net.client(at(kClient, 101)).say("on");
                    net.settle();
                    REQUIRE(net.client(at(kClient, 101)).heard.ends_with("on|"));
                    std::set<Endpoint> locals;
                    for (const ConnectionRow& row : fleet.connections()) {
                        REQUIRE(locals.insert(row.local).second);
                    }
                    REQUIRE(locals.size() == 5);
                    fleet.check_gauges();
                }
            }
        }
        WHEN("the service's pool does not exist") {
            put({.local_pool = 9});
            SimClient& next = net.connect(at(kClient, 300), at(kVip, 80));
            net.settle();
            THEN("nobody new is served") {
                REQUIRE(next.state == State::kConnecting);
                REQUIRE(fleet.dropped(DropReason::kNoLocalPort) == 1);
            }
        }
    }
}

SCENARIO("an ICMP error that the client's IP version has no word for", "[full-nat]") {
    GIVEN("a connection from IPv6 to IPv4") {
        WorkerFleet fleet({});
        configure(fleet);
        fleet.put_local_pool(1, {kLocal});
        const Endpoint server = at(kServer107, 80);
        fleet.put_service({kVip6, Be16::from_host(80), Protocol::kTcp},
                          "rr",
                          {{.endpoint = server, .forwarding = ForwardingMethod::kFullNat}},
                          kWithPool);
        const Outcome opened = fleet.send_one(
            kOutside, from_client(kClient6, kVip6).tcp(5, 80).tcp_flags(kTcpSyn).build());
        REQUIRE(opened.verdict == Verdict::kForward);
        const Frame quote = ip_packet_of(opened.bytes);
        const auto error = [&](uint8_t code, uint32_t rest) {
            return fleet.send_one(
                kInside,
                from_server(kServer107, kLocal).icmp(3, code, rest).payload(quote).build());
        };
        WHEN("a router says that a host precedence was violated (RFC 7915 section 4.2)") {
            THEN("it is dropped by its own reason") {
                REQUIRE(error(14, 0).drop_reason == DropReason::kUntranslatableIcmp);
            }
        }
        WHEN("a router cannot send on 1400 bytes") {
            // What the longer error needs stands behind the frame in a real buffer.
            WorkerFleet roomy({.tailroom_bytes = 200});
            configure(roomy);
            roomy.put_local_pool(1, {kLocal});
            roomy.put_service({kVip6, Be16::from_host(80), Protocol::kTcp},
                              "rr",
                              {{.endpoint = server, .forwarding = ForwardingMethod::kFullNat}},
                              kWithPool);
            const Outcome there = roomy.send_one(
                kOutside, from_client(kClient6, kVip6).tcp(5, 80).tcp_flags(kTcpSyn).build());
            const Outcome heard = roomy.send_one(kInside,
                                                 from_server(kServer107, kLocal)
                                                     .icmp(3, 4, 1400)
                                                     .payload(ip_packet_of(there.bytes))
                                                     .build());
            THEN("the client hears an ICMPv6 packet too big about its own packet, 20 larger") {
                REQUIRE(heard.verdict == Verdict::kForward);
                REQUIRE(bad_checksums(heard.bytes).empty());
                const DecodedFrame decoded = decode(heard.bytes);
                REQUIRE(decoded.icmp);
                REQUIRE(decoded.icmp->type == 2);
                REQUIRE(decoded.icmp->rest == 1420);
                REQUIRE(decoded.ipv6->destination == kClient6);
                const DecodedFrame quoted = decode_quote(decoded.payload);
                REQUIRE(quoted.source() == at(kClient6, 5));
                REQUIRE(quoted.destination() == at(kVip6, 80));
            }
        }
    }
}

}  // namespace
}  // namespace director::test
