// What a service may ask for beyond a scheduler: one-packet scheduling, affinity by QUIC connection
// ids, forwarding without remembering when the table is full, a lowered MSS.
#include <map>

#include <catch2/catch.hpp>

#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test

[[nodiscard]] IpAddress server_of(const Outcome& outcome) {
    return decode(outcome.bytes).destination_address();
}

SCENARIO("one-packet scheduling chooses anew for every packet", "[options]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 4);
    GIVEN("a UDP service, rr, two servers") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        const auto service = fleet.put_service(
            kDns, "rr", {{at(kServer107, 53)}, {at(kServer108, 53)}}, {.is_one_packet = true});
        WHEN("one client sends ten packets from one port, in a burst") {
            const Frame query = from_client(kClient, kVip).udp(4000, 53).payload("query").build();
            const std::vector<FrameIn> in(10, {kOutside, query});
            const std::vector<Outcome> out = fleet.send(in);
            THEN("the servers take turns, and nothing is remembered") {
                for (size_t i = 0; i < out.size(); ++i) {
                    REQUIRE(out[i].verdict == Verdict::kForward);
                    if (i > 0) {
                        REQUIRE(server_of(out[i]) != server_of(out[i - 1]));
                    }
                }
                REQUIRE(fleet.connections().empty());
                REQUIRE(fleet.server_counters(service, at(kServer107, 53)).connections == 5);
                REQUIRE(fleet.server_counters(service, at(kServer108, 53)).packets_in == 5);
                fleet.check_gauges();
            }
        }
    }
}

SCENARIO("a QUIC connection stays with its server when its client's address changes", "[options]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 4);
    GIVEN("a QUIC service whose servers write their numbers into connection ids") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        const ServiceKey quic{kVip, Be16::from_host(443), Protocol::kUdp};
        fleet.put_service(quic,
                          "rr",
                          {{.endpoint = at(kServer107, 443), .quic_id = 0x0107},
                           {.endpoint = at(kServer108, 443), .quic_id = 0x0108}},
                          {.quic_id_offset = 1, .quic_id_bytes = 2});
        // RFC 9000 section 17.3: a short header, and the id behind its first byte.
        const auto packet = [](const Ipv4Address& client, uint16_t port, uint8_t server) {
            const std::array<uint8_t, 12> payload{0x40, 0, 0x01, server, 1, 2, 3, 4, 5, 6, 7, 8};
            return from_client(client, kVip).udp(port, 443).payload(payload).build();
        };
        WHEN("packets with a server's number come from ever new addresses") {
            THEN("they go to that server") {
                for (uint16_t i = 0; i < 20; ++i) {
                    const bool is_107 = i % 3 == 0;
                    const Ipv4Address client =
                        i % 2 == 0 ? kClient
                                   : Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(i));
                    const Outcome out = fleet.send_one(
                        kOutside,
                        packet(client, static_cast<uint16_t>(5000 + i), is_107 ? 0x07 : 0x08));
                    REQUIRE(out.verdict == Verdict::kForward);
                    REQUIRE(server_of(out) == (is_107 ? kServer107 : kServer108));
                }
                fleet.check_gauges();
            }
        }
        WHEN("the number is nobody's") {
            std::map<IpAddress, int> share;
            for (uint16_t i = 0; i < 20; ++i) {
                ++share[server_of(fleet.send_one(
                    kOutside, packet(kClient, static_cast<uint16_t>(6000 + i), 0x55)))];
            }
            THEN("the scheduler decides") {
                REQUIRE(share.size() == 2);
            }
        }
    }
}

SCENARIO("a full table forwards without remembering, where that does no harm", "[options]") {
    const bool is_direct = GENERATE(true, false);
    GIVEN("a table of eight places, and a service by source hash") {
        FleetSettings settings;
        settings.worker.connections_max = 8;
        settings.worker.when_full = WhenFull::kRefuse;
        WorkerFleet fleet(settings);
        configure(fleet);
        const auto method = is_direct ? ForwardingMethod::kDirect : ForwardingMethod::kNat;
        fleet.put_service(kDns,
                          "sh",
                          {{.endpoint = at(kServer107, 53), .forwarding = method},
                           {.endpoint = at(kServer108, 53), .forwarding = method}});
        const auto send = [&](uint8_t host) {
            return fleet.send_one(
                kOutside,
                from_client(Ipv4Address::of(198, 51, 100, host), kVip).udp(1, 53).build());
        };
        WHEN("more clients come than there are places") {
            uint64_t stateless = 0;
            std::map<uint8_t, MacAddress> first;
            for (uint8_t host = 1; host <= 100; ++host) {
                const Outcome out = send(host);
                const bool is_known = fleet.report().totals.connections_created >= host;
                if (is_direct) {
                    REQUIRE(out.verdict == Verdict::kForward);
                    first[host] = decode(out.bytes).ethernet->destination;
                } else {
                    REQUIRE((out.verdict == Verdict::kForward) == is_known);
                }
            }
            stateless = fleet.worker(0).counters().stateless;
            THEN("direct routing goes on, each client with its server; NAT refuses") {
                if (is_direct) {
                    REQUIRE(stateless >= 90);
                    for (uint8_t host = 1; host <= 100; ++host) {
                        REQUIRE(decode(send(host).bytes).ethernet->destination == first[host]);
                    }
                    REQUIRE(fleet.dropped(DropReason::kConnTableFull) == 0);
                } else {
                    REQUIRE(stateless == 0);
                    REQUIRE(fleet.dropped(DropReason::kConnTableFull) >= 90);
                }
                REQUIRE(fleet.connections().size() <= 8);
                fleet.check_gauges();
            }
        }
    }
}

SCENARIO("a full table gives way step by step: half-open, stateless, refusal", "[options]") {
    const bool is_direct = GENERATE(true, false);
    GIVEN("a table of eight places with three handshakes and five UDP clients") {
        FleetSettings settings;
        settings.worker.connections_max = 8;
        settings.worker.when_full = WhenFull::kEvictHalfOpen;
        WorkerFleet fleet(settings);
        configure(fleet);
        const auto method = is_direct ? ForwardingMethod::kDirect : ForwardingMethod::kNat;
        fleet.put_service(kHttp, "rr", {{at(kServer107, 80)}});
        fleet.put_service(kDns, "sh", {{.endpoint = at(kServer107, 53), .forwarding = method}});
        const auto ask = [&](uint16_t port) {
            return fleet.send_one(kOutside, from_client(kClient, kVip).udp(port, 53).build());
        };
        for (uint16_t port = 1; port <= 3; ++port) {
            fleet.send_one(kOutside,
                           from_client(kClient, kVip).tcp(port, 80).tcp_flags(kTcpSyn).build());
        }
        for (uint16_t port = 1; port <= 5; ++port) {
            REQUIRE(ask(port).verdict == Verdict::kForward);
        }
        const WorkerCounters& counters = fleet.worker(0).counters();
        WHEN("three more come") {
            for (uint16_t port = 6; port <= 8; ++port) {
                REQUIRE(ask(port).verdict == Verdict::kForward);
            }
            THEN("they take the handshakes' places") {
                REQUIRE(counters.connections_evicted == 3);
                REQUIRE(counters.stateless == 0);
                AND_WHEN("yet another comes") {
                    const Outcome out = ask(9);
                    THEN("it goes on unremembered if its answer passes us by, else is refused") {
                        REQUIRE(counters.connections_evicted == 3);
                        REQUIRE((out.verdict == Verdict::kForward) == is_direct);
                        REQUIRE(counters.stateless == (is_direct ? 1U : 0U));
                        REQUIRE(fleet.dropped(DropReason::kConnTableFull) == (is_direct ? 0U : 1U));
                        for (uint16_t port = 1; port <= 8; ++port) {
                            REQUIRE(ask(port).verdict == Verdict::kForward);
                        }
                        REQUIRE(counters.stateless == (is_direct ? 1U : 0U));
                        fleet.check_gauges();
                    }
                }
            }
        }
    }
}

SCENARIO("the MSS of handshakes is lowered to what fits the way", "[options]") {
    const bool is_ipv6 = GENERATE(false, true);
    const bool clamps = GENERATE(true, false);
    GIVEN("a service behind a tunnel") {
        WorkerFleet fleet({.workers = 2});
        configure(fleet);
        give_addresses(fleet);
        const IpAddress vip = is_ipv6 ? kVip6 : IpAddress(kVip);
        const IpAddress client = is_ipv6 ? kClient6 : IpAddress(kClient);
        fleet.put_service(
            {vip, Be16::from_host(80), Protocol::kTcp},
            "rr",
            {{.endpoint = at(kServer107, 80), .forwarding = ForwardingMethod::kTunnel}},
            {.clamp_mss = clamps});
        WHEN("a client offers the MSS of its own link") {
            const auto mss = static_cast<uint16_t>(is_ipv6 ? 1440 : 1460);
            const std::array<uint8_t, 4> option{
                2, 4, static_cast<uint8_t>(mss >> 8), static_cast<uint8_t>(mss)};
            const Outcome out = fleet.send_one(
                kOutside,
                from_client(client, vip).tcp(1, 80).tcp_flags(kTcpSyn).tcp_options(option).build());
            THEN("the server sees one that is 20 bytes smaller, if the service asks for that") {
                REQUIRE(out.verdict == Verdict::kForward);
                REQUIRE(bad_checksums(out.bytes).empty());
                const DecodedFrame inner = decode_ip(decode(out.bytes).payload);
                const int seen = inner.tcp->options.at(2) * 256 + inner.tcp->options.at(3);
                REQUIRE(seen == mss - (clamps ? 20 : 0));
            }
        }
    }
}

}  // namespace
}  // namespace director::test
