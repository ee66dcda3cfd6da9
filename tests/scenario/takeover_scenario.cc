// A director dies, its twin goes on with its connections in midstream: by every method, adjusted
// ones too, by IPVS's messages and without, and back again.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "tests/scenario/adjusted_stream.h"
#include "tests/support/sim_net.h"
#include "tests/support/sync_twins.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test
using State = SimClient::State;

constexpr uint32_t kOut = AdjustedConnection::kOut;
constexpr uint32_t kIn = AdjustedConnection::kIn;

// Each director draws a key of its own.
[[nodiscard]] FleetSettings fleet_settings(uint16_t workers, uint64_t key) {
    FleetSettings settings{.workers = workers, .templates_max = 256};
    settings.worker.sync_queue_max = 256;
    settings.worker.hash_key = {key, key * 0x9e3779b97f4a7c15U};
    return settings;
}

// Two directors with the same configuration.
struct Pair {
    WorkerFleet first;
    WorkerFleet second;

    explicit Pair(uint16_t workers_first = 2, uint16_t workers_second = 2)
        : first(fleet_settings(workers_first, 0x1234567)),
          second(fleet_settings(workers_second, 0x89abcdef)) {
        both([](WorkerFleet& fleet) {
            configure(fleet);
            give_addresses(fleet);
            fleet.put_local_pool(1, {kLocal, kLocal6});
        });
    }
    template <typename Action>
    void both(const Action& action) {
        action(first);
        action(second);
    }
    void put(const Way& way, uint16_t port, ServiceOptions options = {}) {
        options.local_pool = 1;
        both([&](WorkerFleet& fleet) {
            fleet.put_service({way.vip, Be16::from_host(port), Protocol::kTcp},
                              "rr",
                              {{.endpoint = at(way.server, port), .forwarding = way.forwarding}},
                              options);
        });
    }
    void check() {
        both([](WorkerFleet& fleet) { fleet.check_gauges(); });
    }
};

[[nodiscard]] Endpoint client_of(const Way& way, uint16_t i) {
    return way.vip.is_ipv4() ? at(Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(1 + i)), 700)
                             : at(far_client6(i), 700);
}

SCENARIO("the twin carries connections on", "[takeover]") {
    const Way way = GENERATE(from_range(ways()));
    const SyncWire wire = GENERATE(SyncWire::kNone, SyncWire::kIpvs);
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 4);
    if (wire == SyncWire::kIpvs && way.forwarding != ForwardingMethod::kNat) {
        return;  // IPVS has no words for it
    }
    GIVEN(fmt::format("thirty clients, {}, {} workers", way.name, workers)) {
        Pair pair(workers, workers);
        pair.put(way, 80);
        SimNet net(pair.first);
        net.add_server(at(way.server, 80));
        SyncTwins link(pair.first, pair.second, wire);
        SyncTwins back(pair.second, pair.first, wire);
        link.start();
        back.start();
        constexpr uint16_t kClients = 30;
        for (uint16_t i = 0; i < kClients; ++i) {
            net.connect(client_of(way, i), at(way.vip, 80));
        }
        net.settle();
        for (uint16_t i = 0; i < kClients; ++i) {
            net.client(client_of(way, i)).say("one");
        }
        net.settle();
        REQUIRE(link.carry() == kClients);
        REQUIRE(link.outcomes(SyncOutcome::kInstalled) == kClients);
        const auto servers_before = net.server_connections();
        const auto speak = [&](std::string_view text) {
            for (uint16_t i = 0; i < kClients; ++i) {
                net.client(client_of(way, i)).say(text);
            }
            net.settle();
            for (uint16_t i = 0; i < kClients; ++i) {
                INFO(i);
                REQUIRE(net.client(client_of(way, i)).state == State::kEstablished);
                REQUIRE(net.client(client_of(way, i)).heard.ends_with(fmt::format("{}|", text)));
            }
        };
        WHEN("the first director is gone") {
            net.move_to(pair.second);
            speak("two");
            THEN("no client notices, and the books are in order") {
                REQUIRE(net.dropped + net.punted == 0);
                REQUIRE(net.server_connections() == servers_before);
                const auto row = pair.second.connections().at(0);
                REQUIRE(row.state == ConnState::kEstablished);
                REQUIRE(row.expires_in_seconds >= 900);
                REQUIRE(pair.second.server_counters(row.service, at(way.server, 80)).active ==
                        kClients);
                REQUIRE(pair.second.server_counters(row.service, at(way.server, 80)).connections ==
                        0);
                pair.check();
            }
            AND_WHEN("it comes back, having heard of what went on") {
                pair.second.run_for(std::chrono::seconds(5));
                pair.first.run_for(std::chrono::seconds(5));
                for (int i = 0; i < 60; ++i) {
                    speak("more");
                }
                REQUIRE(back.carry() >= kClients);
                REQUIRE(back.outcomes(SyncOutcome::kUpdated) >= kClients);
                net.move_to(pair.first);
                speak("three");
                THEN("no client notices that either") {
                    REQUIRE(net.dropped + net.punted == 0);
                    REQUIRE(net.server_connections() == servers_before);
                    pair.check();
                }
            }
            AND_WHEN("all close") {
                for (uint16_t i = 0; i < kClients; ++i) {
                    net.client(client_of(way, i)).close();
                }
                net.settle();
                THEN("the connections end as always, and ports come back") {
                    REQUIRE(net.client(client_of(way, 0)).state == State::kClosed);
                    pair.second.run_for(std::chrono::seconds(130));
                    REQUIRE(pair.second.connections().empty());
                    pair.check();
                }
            }
        }
        WHEN("nothing more is heard of them") {
            pair.second.run_for(std::chrono::seconds(910));
            THEN("the twin forgets them by their own timeout") {
                REQUIRE(pair.second.connections().empty());
                pair.check();
            }
        }
    }
}

SCENARIO("a twin that joins late is told everything", "[takeover]") {
    const Way way = GENERATE(from_range(ways()));
    GIVEN("connections that have been silent for ten minutes, " + way.name) {
        Pair pair;
        pair.put(way, 80);
        SimNet net(pair.first);
        net.add_server(at(way.server, 80));
        SyncTwins link(pair.first, pair.second);
        for (uint16_t i = 0; i < 30; ++i) {
            net.connect(client_of(way, i), at(way.vip, 80));
        }
        net.settle();
        pair.both([](WorkerFleet& fleet) { fleet.run_for(std::chrono::minutes(10)); });
        WHEN("the table is walked for it") {
            const auto records = link.pages();
            REQUIRE(records.size() == 30);
            link.install(records);
            net.move_to(pair.second);
            THEN("it has them all, for as long as they had left") {
                REQUIRE(pair.second.connections().size() == 30);
                REQUIRE(pair.second.connections()[0].expires_in_seconds <= 301);
                for (uint16_t i = 0; i < 30; ++i) {
                    net.client(client_of(way, i)).say("still");
                }
                net.settle();
                REQUIRE(net.client(client_of(way, 29)).heard.ends_with("still|"));
                REQUIRE(net.dropped + net.punted == 0);
                pair.check();
            }
            AND_THEN("told twice, nothing changes") {
                link.install(records);
                REQUIRE(link.outcomes(SyncOutcome::kUpdated) == 30);
                REQUIRE(pair.second.connections().size() == 30);
                pair.check();
            }
        }
    }
}

SCENARIO("methods that only see the client", "[takeover]") {
    const ForwardingMethod method = GENERATE(ForwardingMethod::kDirect, ForwardingMethod::kTunnel);
    const SyncWire wire = GENERATE(SyncWire::kNone, SyncWire::kIpvs);
    GIVEN("a connection of three packets") {
        Pair pair;
        pair.both([&](WorkerFleet& fleet) {
            fleet.put_service(kHttp,
                              "rr",
                              {{.endpoint = at(kServer107, 80), .forwarding = method},
                               {.endpoint = at(kServer108, 80), .forwarding = method}});
        });
        SyncTwins link(pair.first, pair.second, wire);
        link.start();
        const auto says = [](WorkerFleet& fleet, uint8_t flags) {
            return fleet.send_one(kOutside,
                                  from_client(kClient, kVip).tcp(5, 80).tcp_flags(flags).build());
        };
        static_cast<void>(says(pair.first, kTcpSyn));
        static_cast<void>(says(pair.first, kTcpAck));
        REQUIRE(link.carry() == 0);
        const Frame third = says(pair.first, kTcpAck | kTcpPsh).bytes;
        REQUIRE(link.carry() == 1);
        WHEN("the twin gets the fourth") {
            const Outcome fourth = says(pair.second, kTcpAck | kTcpPsh);
            THEN("it goes the way of the third") {
                REQUIRE(fourth.verdict == Verdict::kForward);
                REQUIRE(fourth.bytes.size() == third.size());
                REQUIRE(std::equal(third.begin(), third.begin() + 6, fourth.bytes.begin()));
                REQUIRE(pair.second.connections()[0].state == ConnState::kEstablished);
                pair.check();
            }
        }
    }
}

SCENARIO("UDP and services by rule", "[takeover]") {
    GIVEN("a service by rule for both protocols") {
        Pair pair;
        pair.both([](WorkerFleet& fleet) {
            const auto by_rule =
                fleet.put_service({Ipv4Address(), {}, Protocol::kAny, 7},
                                  "rr",
                                  {{Endpoint{kServer107, {}}}, {Endpoint{kServer108, {}}}});
            Tables tables;
            tables.match_rules = {{kVip, kVip, 5000, 8999, Protocol::kAny, by_rule}};
            fleet.put_tables(tables);
        });
        SimNet net(pair.first);
        for (const Ipv4Address server : {kServer107, kServer108}) {
            net.add_server(at(server, 5000));
            net.add_server(at(server, 8000));
        }
        SyncTwins link(pair.first, pair.second, SyncWire::kIpvs);
        link.start();
        SimClient& client = net.connect(at(kClient, 1), at(kVip, 8000));
        net.settle();
        client.say("a");
        for (int i = 0; i < 3; ++i) {
            net.send_udp(at(kClient, 2), at(kVip, 5000), "u");
        }
        net.settle();
        REQUIRE(link.carry() == 2);
        WHEN("the twin goes on") {
            net.move_to(pair.second);
            const std::string server = client.server();
            const std::string udp = net.udp_heard[at(kClient, 2)];
            client.say("b");
            net.send_udp(at(kClient, 2), at(kVip, 5000), "u");
            net.settle();
            THEN("both stay where they were") {
                REQUIRE(client.heard == server + " a|" + server + " b|");
                REQUIRE(net.udp_heard[at(kClient, 2)].size() == udp.size() / 3 * 4);
                REQUIRE(net.udp_heard[at(kClient, 2)].substr(udp.size()) ==
                        udp.substr(0, udp.size() / 3));
                pair.check();
            }
        }
    }
}

SCENARIO("persistence is taken over", "[takeover]") {
    const bool templates_only = GENERATE(false, true);
    const bool is_walked = GENERATE(false, true);
    GIVEN("a persistent client of the second server") {
        Pair pair;
        pair.both([](WorkerFleet& fleet) {
            fleet.put_service(kHttp,
                              "rr",
                              {{at(kServer107, 80)}, {at(kServer108, 80)}},
                              {.persistence_seconds = 300});
        });
        SimNet net(pair.first);
        net.add_server(at(kServer107, 80));
        net.add_server(at(kServer108, 80));
        SyncTwins link(pair.first, pair.second, is_walked ? SyncWire::kNone : SyncWire::kIpvs);
        link.start({.is_on = !is_walked, .templates_only = templates_only});
        net.connect(at(kFarClient, 1), at(kVip, 80));
        net.settle();
        SimClient& client = net.connect(at(kClient, 1), at(kVip, 80));
        net.settle();
        client.say("a");
        net.settle();
        const size_t told = is_walked ? link.install(link.pages())[0] : link.carry();
        REQUIRE(told == (is_walked ? 4U : templates_only ? 1U : 2U));
        WHEN("it connects again, through the twin") {
            net.move_to(pair.second);
            bool is_same = true;
            for (uint16_t port = 2; port < 8; ++port) {
                SimClient& next = net.connect(at(kClient, port), at(kVip, 80));
                net.settle();
                next.say("b");
                net.settle();
                is_same = is_same && next.server() == client.server();
            }
            THEN("it gets the same server each time, and the template ends in its time") {
                REQUIRE(is_same);
                pair.check();
                pair.second.run_for(std::chrono::minutes(40));
                pair.check();
            }
        }
    }
}

SCENARIO("a stream that a PROXY header has shifted", "[takeover]") {
    const Way way = GENERATE(from_range(ways()));
    GIVEN("a client that has said something, " + way.name) {
        Pair pair;
        pair.put(way, 80, {.client_address = ClientAddressVia::kProxyV2});
        SyncTwins link(pair.first, pair.second);
        link.start();
        AdjustedConnection connection(pair.first, at(way.client, 900), at(way.vip, 80));
        connection.shake_hands();
        connection.say({.seq = kOut, .ack = kIn, .text = "hello "});
        connection.answer({.seq = kIn, .ack = kOut + 6 + 28, .text = "x"});
        REQUIRE(link.carry() == 1);
        WHEN("the twin goes on, and the first byte comes once more") {
            connection.move_to(pair.second);
            connection.say({.seq = kOut + 6, .ack = kIn + 1, .text = "world"});
            connection.say({.seq = kOut, .ack = kIn + 1, .text = "hello "});
            connection.answer({.seq = kIn + 1, .ack = kOut + 6, .text = "y"});
            THEN("each end reads one stream, header and all") {
                REQUIRE(connection.to_server.text().ends_with("hello world"));
                REQUIRE(connection.to_server.text().size() > 11 + 16);
                REQUIRE(connection.to_client.text() == "xy");
                pair.check();
            }
        }
    }
}

SCENARIO("an FTP control connection", "[takeover]") {
    GIVEN("a passive mode answer that became longer") {
        const Way way = ways()[0];
        Pair pair(4, 4);
        pair.put(way, 21, {.has_ftp_helper = true});
        const SyncWire wire = GENERATE(SyncWire::kNone, SyncWire::kIpvs);
        SyncTwins link(pair.first, pair.second, wire);
        link.start();
        AdjustedConnection control(pair.first, at(way.client, 3000), at(way.vip, 21));
        control.shake_hands();
        control.say({.seq = kOut, .ack = kIn, .text = "PASV\r\n"});
        const std::string reply = "227 Entering Passive Mode (192,168,0,107,200,10).\r\n";
        const DecodedFrame heard = control.answer({.seq = kIn, .ack = kOut + 6, .text = reply});
        const auto grown = static_cast<uint32_t>(heard.payload.size());
        REQUIRE(grown != reply.size());
        REQUIRE(link.carry() == 1);
        WHEN("the twin goes on") {
            control.move_to(pair.second);
            const auto sent = static_cast<uint32_t>(reply.size());
            const DecodedFrame ack =
                control.say({.seq = kOut + 6, .ack = kIn + grown, .text = "QUIT\r\n"});
            const DecodedFrame bye =
                control.answer({.seq = kIn + sent, .ack = kOut + 12, .text = "221 bye\r\n"});
            THEN("the numbers fit on both sides") {
                REQUIRE(ack.tcp->ack == kIn + sent);
                REQUIRE(bye.tcp->seq == kIn + grown);
                REQUIRE(control.to_client.text().ends_with("221 bye\r\n"));
                pair.check();
            }
        }
    }
}

SCENARIO("a sloppy service by hash carries on what its director was never told of", "[takeover]") {
    const bool is_sloppy = GENERATE(true, false);
    GIVEN("sixty clients, two servers, no word between the directors") {
        Pair pair;
        const auto clients = [](const auto& action) {
            for (uint16_t i = 0; i < 60; ++i) {
                action(at(Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(1 + i)), 1000));
            }
        };
        pair.both([&](WorkerFleet& fleet) {
            fleet.put_service({kVip, Be16::from_host(80), Protocol::kTcp},
                              "mh",
                              {{at(kServer107, 80)}, {at(kServer108, 80)}},
                              {.is_sloppy = is_sloppy});
        });
        SimNet net(pair.first);
        net.add_server(at(kServer107, 80));
        net.add_server(at(kServer108, 80));
        clients([&](const Endpoint& client) { net.connect(client, at(kVip, 80)); });
        net.settle();
        clients([&](const Endpoint& client) { net.client(client).say("one"); });
        net.settle();
        const auto servers_before = net.server_connections();
        WHEN("the first director is gone, and the clients go on") {
            net.move_to(pair.second);
            clients([&](const Endpoint& client) { net.client(client).say("two"); });
            net.settle();
            THEN("each meets its own server again, if the service is sloppy") {
                if (is_sloppy) {
                    REQUIRE(net.dropped + net.punted == 0);
                    REQUIRE(net.server_connections() == servers_before);
                    clients([&](const Endpoint& client) {
                        REQUIRE(net.client(client).state == State::kEstablished);
                        REQUIRE(net.client(client).heard.ends_with("two|"));
                    });
                    REQUIRE(pair.second.connections().at(0).state == ConnState::kEstablished);
                    pair.check();
                } else {
                    REQUIRE(net.punted == 60);
                }
            }
        }
    }
}

SCENARIO("a server goes on with a connection that nobody was told of", "[takeover]") {
    const bool is_sloppy = GENERATE(true, false);
    const bool is_soon = GENERATE(true, false);
    const bool is_shared = GENERATE(false, true);
    GIVEN("two servers, and a director that takes over without knowing a connection") {
        WorkerFleet fleet({.workers = 2});
        configure(fleet);
        give_addresses(fleet);
        const std::vector<ServerIn> servers{{at(kServer107, 80)}, {at(kServer108, 80)}};
        fleet.put_service(kHttp, "rr", servers, {.is_sloppy = is_sloppy});
        if (is_shared) {
            fleet.put_service({kVip, Be16::from_host(8080), Protocol::kTcp},
                              "rr",
                              servers,
                              {.is_sloppy = is_sloppy});
        }
        Command command(CommandKind::kHoldStrays);
        command.hold_strays = std::chrono::seconds(3);
        REQUIRE(fleet.apply(command));
        fleet.run_for(is_soon ? std::chrono::seconds(2) : std::chrono::seconds(4));
        const auto answer =
            from_server(kServer108, kClient).tcp(80, 4000).tcp_flags(kTcpAck).payload("x").build();
        WHEN("a server repeats what the client has not acknowledged") {
            const std::vector<FrameIn> twice(2, {kInside, answer});
            const std::vector<Outcome> out = fleet.send(twice);
            THEN("the client gets it from the virtual address, if only one can be meant") {
                const bool is_known = is_soon && is_sloppy && !is_shared;
                for (const Outcome& one : out) {
                    REQUIRE(one.verdict == Verdict::kForward);
                    REQUIRE(decode(one.bytes).source_address() ==
                            (is_known ? IpAddress(kVip) : IpAddress(kServer108)));
                }
                REQUIRE(fleet.connections().size() == (is_known ? 1 : 0));
                if (is_known) {
                    const Outcome back = fleet.send_one(
                        kOutside,
                        from_client(kClient, kVip).tcp(4000, 80).tcp_flags(kTcpAck).build());
                    REQUIRE(decode(back.bytes).destination_address() == kServer108);
                }
                fleet.check_gauges();
            }
        }
    }
}

SCENARIO("so soon after a takeover nobody resets what he does not know", "[takeover]") {
    GIVEN("a service and a packet of a connection that is unknown") {
        Pair pair;
        pair.first.put_service(
            {kVip, Be16::from_host(80), Protocol::kTcp}, "rr", {{at(kServer107, 80)}});
        const auto send = [&](uint8_t flags) {
            return pair.first.send_one(
                kOutside, from_client(kClient, kVip).tcp(4000, 80).tcp_flags(flags).build());
        };
        THEN("the kernel has it") {
            REQUIRE(send(kTcpAck).verdict == Verdict::kPunt);
        }
        WHEN("the director has just taken over") {
            Command command(CommandKind::kHoldStrays);
            command.hold_strays = std::chrono::seconds(3);
            REQUIRE(pair.first.apply(command));
            THEN("it is dropped for three seconds, and new connections are admitted") {
                REQUIRE(send(kTcpAck).drop_reason == DropReason::kStrayHeld);
                REQUIRE(send(kTcpRst).drop_reason == DropReason::kStrayHeld);
                pair.first.run_for(std::chrono::milliseconds(2900));
                REQUIRE(send(kTcpAck).drop_reason == DropReason::kStrayHeld);
                REQUIRE(send(kTcpSyn).verdict == Verdict::kForward);
                REQUIRE(send(kTcpAck).verdict == Verdict::kForward);
                pair.first.check_gauges();
            }
            AND_WHEN("they are over") {
                pair.first.run_for(std::chrono::seconds(3));
                THEN("the kernel has it again, and resets it") {
                    REQUIRE(send(kTcpAck).verdict == Verdict::kPunt);
                }
            }
        }
    }
}

SCENARIO("advertisements alone are punted ahead of others", "[takeover]") {
    GIVEN("a director") {
        WorkerFleet fleet({.workers = 1});
        configure(fleet);
        constexpr MacAddress kGroup{{0x01, 0x00, 0x5e, 0x00, 0x00, 0x12}};
        const auto urgent = [&fleet](const Frame& frame, Protocol left_over) {
            const FrameIn in{kOutside, frame, [left_over](Packet& packet) {
                                 // What the frame before has left in this place of the burst.
                                 packet.protocol = left_over;
                             }};
            const std::vector<Outcome> out = fleet.send(std::vector{in});
            REQUIRE(out.at(0).verdict == Verdict::kPunt);
            return out.at(0).is_urgent;
        };
        const auto advert = [&](uint8_t protocol) {
            return PacketBuilder()
                .eth(kClientMac, kGroup)
                .ipv4(kClient, Ipv4Address::of(224, 0, 0, 18))
                .ttl(255)
                .ip_protocol(protocol)
                .payload("0123456789012345")
                .build();
        };
        THEN("VRRP is, with and without an authentication header") {
            REQUIRE(urgent(advert(112), Protocol::kTcp));
            REQUIRE(urgent(advert(51), Protocol::kTcp));
            REQUIRE_FALSE(urgent(advert(2), Protocol::kVrrp));
        }
        THEN("ARP is not, whatever came before it") {
            const Frame arp = PacketBuilder()
                                  .eth(kClientMac, kDirectorMac)
                                  .arp_reply(kClientMac, kClient, kDirectorMac, kVip)
                                  .build();
            REQUIRE_FALSE(urgent(arp, Protocol::kVrrp));
            REQUIRE_FALSE(urgent(arp, Protocol::kAh));
        }
    }
}

}  // namespace
}  // namespace director::test
