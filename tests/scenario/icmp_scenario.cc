// Path MTU discovery through NAT, and what clients are told when nobody serves them.
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
    IpAddress narrow_server;  // behind a link with an MTU of 576
    IpAddress router;
    uint8_t too_big_type;
    uint8_t too_big_code;
};

[[nodiscard]] std::vector<Row> rows() {
    return {{kVip, kClient, kServer107, ip("10.40.0.9"), ip("203.0.113.9"), 3, 4},
            {kVip6, kClient6, kServer107v6, ipv6_of(0x40, 9), ipv6_of(0x77, 9), 2, 0}};
}

SCENARIO("path MTU discovery works through NAT, both ways", "[icmp]") {
    const Row row = GENERATE(from_range(rows()));
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    const ForwardingMethod method = GENERATE(ForwardingMethod::kNat, ForwardingMethod::kFullNat);
    GIVEN("an established connection") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        fleet.put_local_pool(1, {kLocal, kLocal6});
        fleet.put_service({row.vip, Be16::from_host(80), Protocol::kTcp},
                          "rr",
                          {{.endpoint = at(row.server, 8080), .forwarding = method}},
                          {.local_pool = 1});
        const Outcome syn = fleet.send_one(
            kOutside, from_client(row.client, row.vip).tcp(5, 80).tcp_flags(kTcpSyn).build());
        REQUIRE(syn.verdict == Verdict::kForward);
        const Endpoint inside_client = decode(syn.bytes).source();
        const Frame to_client_frame = fleet
                                          .send_one(kInside,
                                                    from_server(row.server, inside_client.address)
                                                        .tcp(8080, inside_client.port.host())
                                                        .payload_size(1200)
                                                        .build())
                                          .bytes;
        WHEN("a router towards the client cannot send on what the server sent") {
            const Outcome heard = fleet.send_one(kOutside,
                                                 from_client(row.router, row.vip)
                                                     .icmp(row.too_big_type, row.too_big_code, 1280)
                                                     .payload(ip_packet_of(to_client_frame, 200))
                                                     .build());
            THEN("the server hears it about its own packet") {
                REQUIRE(heard.verdict == Verdict::kForward);
                REQUIRE(heard.out_port == kInside);
                REQUIRE(bad_checksums(heard.bytes).empty());
                const DecodedFrame decoded = decode(heard.bytes);
                REQUIRE(decoded.icmp);
                REQUIRE(decoded.icmp->rest == 1280);
                REQUIRE(decoded.destination_address() == row.server);
                REQUIRE(
                    decoded.source_address() ==
                    (method == ForwardingMethod::kFullNat ? inside_client.address : row.router));
                const DecodedFrame quoted = decode_quote(decoded.payload);
                REQUIRE(quoted.source() == at(row.server, 8080));
                REQUIRE(quoted.destination() == inside_client);
            }
        }
        WHEN("a stranger's error quotes a packet that never was") {
            const Frame other =
                PacketBuilder().ip(row.vip, row.client).tcp(80, 6).payload_size(100).build();
            const Outcome heard = fleet.send_one(kOutside,
                                                 from_client(row.router, row.vip)
                                                     .icmp(row.too_big_type, row.too_big_code, 1280)
                                                     .payload(ip_packet_of(other))
                                                     .build());
            THEN("it opens nothing and goes to no server") {
                REQUIRE(heard.verdict == Verdict::kPunt);
                REQUIRE(fleet.connections().size() == 1);
            }
        }
    }
}

SCENARIO("what does not fit the way to a server comes back as an error", "[icmp]") {
    const Row row = GENERATE(from_range(rows()));
    GIVEN("a server behind a link of 576 bytes") {
        WorkerFleet fleet({.tailroom_bytes = 100});
        configure(fleet);
        fleet.put_service(
            {row.vip, Be16::from_host(80), Protocol::kTcp}, "rr", {{at(row.narrow_server, 8080)}});
        REQUIRE(
            fleet
                .send_one(kOutside,
                          from_client(row.client, row.vip).tcp(5, 80).tcp_flags(kTcpSyn).build())
                .verdict == Verdict::kForward);
        WHEN("the client sends more, and forbids fragments") {
            const Frame sent = from_client(row.client, row.vip)
                                   .dont_fragment()
                                   .tcp(5, 80)
                                   .seq(99)
                                   .payload_size(1000)
                                   .build();
            const Outcome answer = fleet.send_one(kOutside, sent);
            THEN("the service itself tells it how much fits, about its own packet") {
                REQUIRE(answer.answered == DropReason::kExceedsMtu);
                REQUIRE(answer.verdict == Verdict::kForward);
                const DecodedFrame decoded = decode(answer.bytes);
                REQUIRE(decoded.icmp);
                REQUIRE(decoded.icmp->type == row.too_big_type);
                // RFC 8200 section 5: no IPv6 link takes less than 1280.
                REQUIRE(decoded.icmp->rest == (decoded.ipv4 ? 576U : 1280U));
                REQUIRE(decoded.source_address() == row.vip);
                REQUIRE(decoded.destination_address() == row.client);
                const DecodedFrame quoted = decode_quote(decoded.payload);
                REQUIRE(quoted.source() == at(row.client, 5));
                REQUIRE(quoted.destination() == at(row.vip, 80));
                REQUIRE(quoted.tcp->seq == 99);
            }
        }
    }
}

SCENARIO("a client without a server is told so", "[icmp]") {
    const Row row = GENERATE(from_range(rows()));
    GIVEN("a service whose only server has weight 0") {
        WorkerFleet fleet({.tailroom_bytes = 100});
        configure(fleet);
        fleet.put_service(
            {row.vip, Be16::from_host(80), Protocol::kTcp}, "rr", {{at(row.server, 80), 0}});
        WHEN("two thousand clients ask within one moment") {
            int answers = 0;
            for (uint16_t i = 0; i < 2000; ++i) {
                const Outcome outcome = fleet.send_one(kOutside,
                                                       from_client(row.client, row.vip)
                                                           .tcp(static_cast<uint16_t>(1 + i), 80)
                                                           .tcp_flags(kTcpSyn)
                                                           .build());
                if (outcome.answered) {
                    const DecodedFrame decoded = decode(outcome.bytes);
                    REQUIRE(decoded.icmp);
                    REQUIRE(decoded.icmp->type == (decoded.ipv4 ? 3 : 1));
                    REQUIRE(decoded.icmp->code == (decoded.ipv4 ? 3 : 4));  // port unreachable
                    ++answers;
                }
            }
            THEN("some are answered, a flood is not, and all are counted") {
                REQUIRE(answers >= 50);
                REQUIRE(answers <= 200);
                REQUIRE(fleet.dropped(DropReason::kNoServerAvailable) == 2000);
            }
        }
    }
}

}  // namespace
}  // namespace director::test
