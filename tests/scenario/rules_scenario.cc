// Services by match rules, and the prefix lists that say who may connect.
#include <catch2/catch.hpp>

#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test
using State = SimClient::State;

SCENARIO("a service by match rules", "[rules]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    GIVEN("one service for two ranges of ports, TCP and UDP, and an exact one in the midst") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        const auto by_rule = fleet.put_service(
            {Ipv4Address(), {}, Protocol::kAny, 7}, "rr", {{Endpoint{kServer107, {}}}});
        fleet.put_service(kHttp, "rr", {{at(kServer108, 80)}});
        Tables tables;
        tables.match_rules = {{kVip, kVip, 8000, 8999, Protocol::kTcp, by_rule},
                              {kVip, kVip, 5000, 5000, Protocol::kUdp, by_rule}};
        fleet.put_tables(tables);
        SimNet net(fleet);
        net.add_server(at(kServer107, 8000));
        net.add_server(at(kServer107, 8999));
        net.add_server(at(kServer107, 5000));
        net.add_server(at(kServer108, 80));
        WHEN("clients come to each, and to ports beside them") {
            SimClient& first = net.connect(at(kClient, 1), at(kVip, 8000));
            SimClient& last = net.connect(at(kClient, 2), at(kVip, 8999));
            SimClient& exact = net.connect(at(kClient, 3), at(kVip, 80));
            net.send_udp(at(kClient, 4), at(kVip, 5000), "u");
            net.settle();
            REQUIRE(net.punted == 0);
            net.connect(at(kClient, 5), at(kVip, 7999));
            net.connect(at(kClient, 6), at(kVip, 9000));
            net.settle();
            THEN("rules serve their ports and nothing else") {
                REQUIRE(first.state == State::kEstablished);
                REQUIRE(last.state == State::kEstablished);
                REQUIRE(exact.state == State::kEstablished);
                REQUIRE(net.udp_heard[at(kClient, 4)] == to_string(at(kServer107, 5000)) + " u|");
                REQUIRE(net.punted == 2);
                REQUIRE(fleet.server_counters(by_rule, {kServer107, {}}).connections == 3);
                fleet.check_gauges();
            }
            AND_WHEN("the service is retired, its rules still there") {
                fleet.retire_service(by_rule);
                net.connect(at(kClient, 7), at(kVip, 8000));
                first.say("on");
                net.settle();
                THEN("there is no new connection, and old ones go on") {
                    REQUIRE(net.punted == 3);
                    REQUIRE(first.heard.ends_with("on|"));
                    fleet.check_gauges();
                }
                AND_WHEN("the rules go too") {
                    fleet.put_tables(Tables{});
                    first.say("and on");
                    last.say("and on");
                    net.settle();
                    THEN("old connections still go on") {
                        REQUIRE(first.heard.ends_with("and on|"));
                        REQUIRE(last.heard.ends_with("and on|"));
                        REQUIRE(net.punted == 3);
                        fleet.check_gauges();
                    }
                }
            }
        }
    }
}

// One prefix: 198.51.100.64/26.
void find_in_list(const void* /*fib*/,
                  const uint32_t* addresses,
                  uint16_t* numbers,
                  uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        numbers[i] = addresses[i] >> 6 == 0xc6336440U >> 6 ? 1 : 0;
    }
}

SCENARIO("prefix lists say who may connect", "[rules]") {
    const bool is_allow_list = GENERATE(true, false);
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2);
    GIVEN("a list of those who may, or of those who may not") {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        Tables tables;
        tables.prefix_lists.resize(2);
        tables.prefix_lists[1].ipv4 = find_in_list;
        fleet.put_tables(tables);
        ServiceOptions options;
        (is_allow_list ? options.allow_list : options.deny_list) = 1;
        fleet.put_service(kHttp, "rr", {{at(kServer107, 80)}}, options);
        SimNet net(fleet);
        net.add_server(at(kServer107, 80));
        WHEN("clients within and without connect") {
            for (uint8_t host = 60; host < 70; ++host) {
                net.connect(at(Ipv4Address::of(198, 51, 100, host), 1), at(kVip, 80));
            }
            net.settle();
            THEN("the list decides, and refusals are counted") {
                uint32_t refused = 0;
                for (uint8_t host = 60; host < 70; ++host) {
                    const bool is_listed = host >= 64;
                    const State state =
                        net.client(at(Ipv4Address::of(198, 51, 100, host), 1)).state;
                    REQUIRE((state == State::kEstablished) == (is_listed == is_allow_list));
                    refused += state == State::kEstablished ? 0U : 1U;
                }
                REQUIRE(fleet.dropped(DropReason::kNotAllowed) == refused);
                fleet.check_gauges();
            }
        }
    }
}

SCENARIO("limits on new connections, exact over all workers", "[limits]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    struct Row {
        ServiceOptions options;
        DropReason reason;
        uint32_t admitted;  // of 40 from two clients at one moment
    };
    const Row row = GENERATE(Row{{.connections_per_second = 10}, DropReason::kServiceRate, 10},
                             Row{{.connections_max = 7}, DropReason::kServiceConnections, 7},
                             Row{{.client_connections_per_second = 4}, DropReason::kClientRate, 8},
                             Row{{.client_connections_max = 3}, DropReason::kClientConnections, 6});
    CAPTURE(workers, to_string(row.reason));
    GIVEN("a service with a limit") {
        WorkerFleet fleet({.workers = workers, .limited_clients_max = 100});
        configure(fleet);
        fleet.put_service(kHttp, "rr", {{at(kServer107, 80)}}, row.options);
        SimNet net(fleet);
        net.add_server(at(kServer107, 80));
        WHEN("two clients open twenty connections each at once") {
            for (uint16_t port = 1; port <= 20; ++port) {
                net.connect(at(kClient, port), at(kVip, 80));
                net.connect(at(kFarClient, port), at(kVip, 80));
            }
            net.settle();
            THEN("as many as may get in, the others are counted by that reason") {
                REQUIRE(fleet.connections().size() == row.admitted);
                REQUIRE(fleet.dropped(row.reason) == 40 - row.admitted);
                fleet.check_gauges();
            }
        }
    }
}

}  // namespace
}  // namespace director::test
