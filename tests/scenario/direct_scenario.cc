// Direct routing and tunnels: the server answers past the director, which only sees the client.
#include <catch2/catch.hpp>

#include "tests/support/packet_pieces.h"
#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test

struct Row {
    IpAddress vip;
    IpAddress client;
    IpAddress server;
};

SCENARIO("direct routing rewrites the MAC address and nothing else", "[direct]") {
    const Row row = GENERATE(Row{kVip, kClient, kServer107}, Row{kVip6, kClient6, kServer107v6});
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2);
    GIVEN("a service by direct routing") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        const Endpoint server = at(row.server, 80);
        const auto service =
            fleet.put_service({row.vip, Be16::from_host(80), Protocol::kTcp},
                              "rr",
                              {{.endpoint = server, .forwarding = ForwardingMethod::kDirect}});
        const auto says = [&](uint8_t flags, uint8_t ttl = 64) {
            PacketBuilder packet =
                from_client(row.client, row.vip).ttl(ttl).tcp(5, 80).tcp_flags(flags);
            const Outcome outcome = fleet.send_one(kOutside, packet.build());
            REQUIRE(outcome.verdict == Verdict::kForward);
            REQUIRE(outcome.out_port == kInside);
            const Frame expected = packet.eth(kDirectorMac, kServer107Mac).build();
            REQUIRE(difference(expected, outcome.bytes).empty());
        };
        const auto state = [&] {
            const auto rows = fleet.connections();
            REQUIRE(rows.size() == 1);
            return rows[0].state;
        };
        WHEN("a client connects, speaks and closes") {
            THEN("its states are IPVS's INPUT_ONLY ones, and ipvsadm's counts fit") {
                says(kTcpSyn);
                REQUIRE(state() == ConnState::kSynRecv);
                says(kTcpAck);
                REQUIRE(state() == ConnState::kEstablished);
                says(kTcpAck | kTcpPsh, 1);  // the TTL is the next hop's business
                REQUIRE(fleet.server_counters(service, server).active == 1);
                says(kTcpFin | kTcpAck);
                REQUIRE(state() == ConnState::kFinWait);
                says(kTcpAck);
                REQUIRE(state() == ConnState::kFinWait);
                const auto counted = fleet.server_counters(service, server);
                REQUIRE(counted.inactive == 1);
                REQUIRE(counted.packets_in == 5);
                REQUIRE(counted.packets_out == 0);
                fleet.run_for(std::chrono::seconds(121));
                REQUIRE(fleet.connections().empty());
                fleet.check_gauges();
            }
        }
        WHEN("a client resets") {
            says(kTcpSyn);
            says(kTcpAck);
            says(kTcpRst);
            THEN("the connection is over ten seconds later") {
                REQUIRE(state() == ConnState::kClose);
                fleet.run_for(std::chrono::seconds(11));
                REQUIRE(fleet.connections().empty());
            }
        }
    }
}

SCENARIO("methods mix within one service", "[direct]") {
    GIVEN("a server by NAT, one by direct routing, one behind a tunnel, one that is this machine") {
        WorkerFleet fleet({});
        configure(fleet);
        give_addresses(fleet);
        fleet.put_neighbour(kInsideInterface, ip("192.168.0.3"), kVlanServerMac);
        fleet.put_service(
            kHttp,
            "rr",
            {{.endpoint = at(kServer107, 8080)},
             {.endpoint = at(kServer108, 80), .forwarding = ForwardingMethod::kDirect},
             {.endpoint = at(ip("192.168.0.3"), 80), .forwarding = ForwardingMethod::kTunnel},
             {.endpoint = at(kVip, 80), .forwarding = ForwardingMethod::kLocal}});
        WHEN("four clients connect, twice each packet") {
            std::map<std::string, int> seen;
            for (int round = 0; round < 2; ++round) {
                for (uint16_t port = 1; port <= 4; ++port) {
                    const Frame syn =
                        from_client(kClient, kVip).tcp(port, 80).tcp_flags(kTcpSyn).build();
                    const Outcome outcome = fleet.send_one(kOutside, syn);
                    if (outcome.verdict == Verdict::kPunt) {
                        ++seen["local"];
                        continue;
                    }
                    const DecodedFrame decoded = decode(outcome.bytes);
                    if (decoded.protocol() == 4) {
                        REQUIRE(decoded.source_address() == IpAddress(kInsideAddress));
                        const DecodedFrame inner = decode_ip(decoded.payload);
                        REQUIRE(inner.destination() == at(kVip, 80));
                        REQUIRE(inner.ttl() == 63);
                        ++seen["tunnel"];
                    } else {
                        ++seen[decoded.destination() == at(kVip, 80) ? "direct" : "nat"];
                    }
                }
            }
            THEN("each method has served one of them, both times") {
                REQUIRE(seen == std::map<std::string, int>{
                                    {"direct", 2}, {"local", 2}, {"nat", 2}, {"tunnel", 2}});
                fleet.check_gauges();
            }
        }
    }
}

SCENARIO("a tunnel needs an address to come from, and room on its way", "[tunnel]") {
    GIVEN("a server behind a tunnel") {
        WorkerFleet fleet({.tailroom_bytes = 100});
        configure(fleet);
        fleet.put_service(
            kHttp,
            "rr",
            {{.endpoint = at(kServer107, 80), .forwarding = ForwardingMethod::kTunnel}});
        const auto syn = from_client(kClient, kVip).tcp(5, 80).tcp_flags(kTcpSyn).build();
        WHEN("the interface has none") {
            THEN("packets are dropped by that reason") {
                REQUIRE(fleet.send_one(kOutside, syn).drop_reason == DropReason::kNoSourceAddress);
            }
        }
        WHEN("it has one, and the client sends as much as its own link takes") {
            give_addresses(fleet);
            REQUIRE(fleet.send_one(kOutside, syn).verdict == Verdict::kForward);
            const auto full = [&](bool forbids_fragments) {
                PacketBuilder packet = from_client(kClient, kVip);
                if (forbids_fragments) {
                    packet.dont_fragment();
                }
                return packet.tcp(5, 80).payload_size(1460).build();
            };
            const Outcome answer = fleet.send_one(kOutside, full(true));
            THEN("it learns the tunnel's MTU from the service's own address") {
                REQUIRE(answer.answered == DropReason::kExceedsMtu);
                REQUIRE(answer.out_port == kOutside);
                const DecodedFrame decoded = decode(answer.bytes);
                REQUIRE(decoded.icmp);
                REQUIRE(decoded.icmp->type == 3);
                REQUIRE(decoded.icmp->code == 4);
                REQUIRE(decoded.icmp->rest == 1480);
                REQUIRE(decoded.source_address() == IpAddress(kVip));
                REQUIRE(decoded.destination_address() == IpAddress(kClient));
                const DecodedFrame quoted = decode_quote(decoded.payload);
                REQUIRE(quoted.source() == at(kClient, 5));
                REQUIRE(quoted.destination() == at(kVip, 80));
            }
            THEN("1480 bytes go through") {
                const Frame fits = from_client(kClient, kVip)
                                       .dont_fragment()
                                       .tcp(5, 80)
                                       .payload_size(1440)
                                       .build();
                REQUIRE(fleet.send_one(kOutside, fits).verdict == Verdict::kForward);
            }
        }
    }
}

}  // namespace
}  // namespace director::test
