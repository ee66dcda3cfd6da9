// FTP through the director, active and passive, by every command that names a port: what client and
// server read is compared byte for byte, and data connections end up where they were announced,
// whichever worker their packets come to.
#include <fmt/format.h>

#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/scenario/adjusted_stream.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test

constexpr uint32_t kOut = AdjustedConnection::kOut;
constexpr uint32_t kIn = AdjustedConnection::kIn;
constexpr uint16_t kDataPort = 51210;  // 200 * 256 + 10

ServiceId put(WorkerFleet& fleet, const Way& way, ClientAddressVia via = {}) {
    configure(fleet);
    give_addresses(fleet);
    fleet.put_local_pool(1, {kLocal, kLocal6});
    return fleet.put_service({way.vip, Be16::from_host(21), Protocol::kTcp},
                             "rr",
                             {{.endpoint = at(way.server, 21), .forwarding = way.forwarding}},
                             {.has_ftp_helper = true, .client_address = via, .local_pool = 1});
}

// Both sides of a control connection, each with its own numbers.
struct Control {
    AdjustedConnection connection;
    uint32_t sent = 0;      // bytes of the client's
    uint32_t answered = 0;  // bytes of the server's, as it counts
    uint32_t heard = 0;     // of them, as the client counts

    Control(WorkerFleet& fleet, const Way& way, uint16_t port)
        : connection(fleet, at(way.client, port), at(way.vip, 21)) {
        connection.shake_hands();
        reply("220 ready\r\n");
    }
    void command(const std::string& text) {
        connection.say({.seq = kOut + sent, .ack = kIn + heard, .text = text});
        sent += static_cast<uint32_t>(text.size());
    }
    void reply(const std::string& text) {
        const DecodedFrame frame =
            connection.answer({.seq = kIn + answered, .ack = kOut + sent, .text = text});
        REQUIRE(frame.tcp->seq == kIn + heard);
        answered += static_cast<uint32_t>(text.size());
        heard += static_cast<uint32_t>(frame.payload.size());
        // The client's acknowledgement is one of what the server sent.
        REQUIRE(connection.say({.seq = kOut + sent, .ack = kIn + heard}).tcp->ack ==
                kIn + answered);
    }
};

[[nodiscard]] std::string numbers_of(const IpAddress& address) {
    std::string text = to_string(address);
    std::replace(text.begin(), text.end(), '.', ',');
    return text;
}

// A data connection that carries something either way.
void use(AdjustedConnection& data) {
    data.say({.seq = kOut, .ack = kIn, .text = "up"});
    data.answer({.seq = kIn, .ack = kOut + 2, .text = "down"});
    data.say({.flags = kTcpFin | kTcpAck, .seq = kOut + 2, .ack = kIn + 4});
    data.answer({.flags = kTcpFin | kTcpAck, .seq = kIn + 4, .ack = kOut + 3});
    data.say({.seq = kOut + 3, .ack = kIn + 5});
    REQUIRE(data.to_server.text() == "up");
    REQUIRE(data.to_client.text() == "down");
}

[[nodiscard]] size_t count_in(WorkerFleet& fleet, ConnState state) {
    const auto rows = fleet.connections();
    return static_cast<size_t>(std::count_if(
        rows.begin(), rows.end(), [&](const ConnectionRow& row) { return row.state == state; }));
}

SCENARIO("passive FTP", "[ftp]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 4);
    const Way way = GENERATE(from_range(ways()));
    const bool is_extended = GENERATE(true, false);
    if (!is_extended && !way.vip.is_ipv4()) {
        return;  // RFC 2428: PASV knows no IPv6
    }
    GIVEN(fmt::format("{} workers, {}, {}", workers, way.name, is_extended ? "EPSV" : "PASV")) {
        WorkerFleet fleet({.workers = workers});
        const ServiceId service = put(fleet, way);
        Control control(fleet, way, 3000);
        AdjustedConnection data(fleet, at(way.client, 3001), at(way.vip, kDataPort));
        const std::string command = is_extended ? "EPSV\r\n" : "PASV\r\n";
        const auto reply_of = [&](const IpAddress& address) {
            return is_extended
                       ? fmt::format("229 Entering Extended Passive Mode (|||{}|)\r\n", kDataPort)
                       : fmt::format("227 Entering Passive Mode ({},200,10).\r\n",
                                     numbers_of(address));
        };
        WHEN("the client asks for a port and connects to it") {
            control.command(command);
            const uint32_t begin = control.answered;
            control.reply(reply_of(way.server));
            // Sent again, it reads the same: the stream below would notice.
            control.connection.answer(
                {.seq = kIn + begin, .ack = kOut + control.sent, .text = reply_of(way.server)});
            REQUIRE(count_in(fleet, ConnState::kListen) == 1);
            data.shake_hands();
            REQUIRE(data.server == at(way.server, kDataPort));
            REQUIRE(count_in(fleet, ConnState::kListen) == 0);
            REQUIRE(count_in(fleet, ConnState::kEstablished) == 2);
            use(data);
            control.reply("226 done\r\n");
            control.command("QUIT\r\n");
            control.reply("221 bye\r\n");
            THEN("both ends read what the other wrote, but for the address") {
                REQUIRE(control.connection.to_server.text() == command + "QUIT\r\n");
                REQUIRE(control.connection.to_client.text() ==
                        "220 ready\r\n" + reply_of(way.vip) + "226 done\r\n221 bye\r\n");
                const auto counted = fleet.server_counters(service, at(way.server, 21));
                REQUIRE(counted.connections == 3);  // the announced one has become another
                fleet.check_gauges();
            }
        }
        WHEN("the client asks ten times, from ports of every worker") {
            for (uint16_t i = 0; i < 10; ++i) {
                control.command(command);
                control.reply(reply_of(way.server));
                AdjustedConnection next(
                    fleet, at(way.client, static_cast<uint16_t>(4000 + i)), at(way.vip, kDataPort));
                next.shake_hands();
                use(next);
                control.reply("226 done\r\n");
            }
            THEN("each is served, and one that nobody announced is not") {
                const Outcome stray = fleet.send_one(
                    kOutside, data.client_frame({.flags = kTcpSyn, .seq = 1}).build());
                REQUIRE(stray.out_port != kInside);
                fleet.check_gauges();
            }
        }
        WHEN("another client comes to the announced port") {
            control.command(command);
            control.reply(reply_of(way.server));
            const IpAddress other = way.client.is_ipv4() ? IpAddress(kFarClient) : far_client6(9);
            AdjustedConnection stranger(fleet, at(other, 3001), at(way.vip, kDataPort));
            const Outcome stray = fleet.send_one(
                kOutside, stranger.client_frame({.flags = kTcpSyn, .seq = 1}).build());
            THEN("only the client itself gets through") {
                REQUIRE_FALSE((stray.verdict == Verdict::kForward && stray.out_port == kInside));
                data.shake_hands();
                use(data);
            }
        }
        WHEN("a transfer lasts longer than an idle control connection") {
            control.command(command);
            control.reply(reply_of(way.server));
            data.shake_hands();
            for (int i = 0; i < 20; ++i) {
                fleet.run_for(std::chrono::seconds(100));
                data.answer({.seq = kIn, .ack = kOut});
            }
            THEN("the control connection is still there, until the transfer ends") {
                control.reply("226 done\r\n");
                use(data);
                fleet.run_for(std::chrono::seconds(1200));
                REQUIRE(fleet.connections().empty());
                fleet.check_gauges();
            }
        }
    }
}

SCENARIO("active FTP", "[ftp]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 4);
    const Way way = GENERATE(from_range(ways()));
    const bool is_extended = GENERATE(true, false);
    const bool is_possible = way.server.is_ipv4() == way.vip.is_ipv4();
    if (!is_possible || (!is_extended && !way.vip.is_ipv4())) {
        return;
    }
    GIVEN(fmt::format("{} workers, {}, {}", workers, way.name, is_extended ? "EPRT" : "PORT")) {
        WorkerFleet fleet({.workers = workers});
        put(fleet, way);
        Control control(fleet, way, 3000);
        WHEN("the client names ports, one after the other") {
            std::string commands;
            for (uint16_t i = 0; i < 6; ++i) {
                const auto port = static_cast<uint16_t>(kDataPort + i % 3);
                const std::string command =
                    is_extended
                        ? fmt::format("EPRT |{}|{}|{}|\r\n",
                                      way.vip.is_ipv4() ? 1 : 2,
                                      to_string(way.client),
                                      port)
                        : fmt::format("PORT {},200,{}\r\n", numbers_of(way.client), 10 + i % 3);
                control.command(command);
                commands += command;
                control.reply("200 fine\r\n");
                AdjustedConnection data(fleet, at(way.client, port), at(way.vip, 20));
                data.server = at(way.server, 20);
                data.inside_client = data.client;
                // The server calls; answer() and say() hold that it seems to be the virtual one.
                data.answer({.flags = kTcpSyn, .seq = kIn - 1});
                data.say({.flags = kTcpSyn | kTcpAck, .seq = kOut - 1, .ack = kIn});
                data.answer({.seq = kIn, .ack = kOut});
                REQUIRE(count_in(fleet, ConnState::kEstablished) == 2);
                use(data);
                control.reply("226 done\r\n");
            }
            THEN("the server reads the commands as they are") {
                REQUIRE(control.connection.to_server.text() == commands);
                fleet.check_gauges();
            }
        }
    }
}

SCENARIO("an FTP reply in pieces", "[ftp]") {
    const Way way = GENERATE(from_range(ways()));
    if (!way.vip.is_ipv4()) {
        return;
    }
    GIVEN("a client that has asked for a port: " + way.name) {
        WorkerFleet fleet({.tailroom_bytes = 100});
        put(fleet, way);
        Control control(fleet, way, 3000);
        control.command("PASV\r\n");
        WHEN("the reply begins in one segment and ends in the next") {
            const std::string begins = "227 Entering Passive Mode (192,168";
            const Outcome held = fleet.send_one(
                kInside,
                control.connection
                    .server_frame(
                        {.seq = kIn + control.answered, .ack = kOut + control.sent, .text = begins})
                    .build());
            THEN("the beginning is held, acknowledged to the server, and comes with the end") {
                REQUIRE(held.verdict == Verdict::kForward);
                REQUIRE(held.out_port == kInside);
                REQUIRE(held.answered == DropReason::kFtpHeld);
                const DecodedFrame answer = decode(held.bytes);
                REQUIRE(answer.source() == control.connection.inside_client);
                REQUIRE(answer.destination() == control.connection.server);
                REQUIRE(answer.tcp->flags == kTcpAck);
                REQUIRE(answer.tcp->seq == kOut + control.sent);
                REQUIRE(answer.tcp->ack == kIn + control.answered + begins.size());
                control.answered += static_cast<uint32_t>(begins.size());
                control.reply(",0,107,200,10).\r\n");
                control.reply("150 here it comes\r\n");
                REQUIRE(control.connection.to_client.text() ==
                        "220 ready\r\n227 Entering Passive Mode (170,210,122,104,200,10).\r\n"
                        "150 here it comes\r\n");
                AdjustedConnection data(fleet, at(way.client, 3001), at(way.vip, kDataPort));
                data.shake_hands();
                use(data);
            }
        }
    }
}

SCENARIO("more FTP control connections than there is room for", "[ftp]") {
    GIVEN("room for two") {
        FleetSettings settings;
        settings.worker.ftp_controls_max = 2;
        WorkerFleet fleet(settings);
        const Way way = ways()[2];
        put(fleet, way);
        const Control first(fleet, way, 3000);
        const Control second(fleet, way, 3001);
        AdjustedConnection third(fleet, at(way.client, 3002), at(way.vip, 21));
        const Frame syn = third.client_frame({.flags = kTcpSyn, .seq = kOut - 1}).build();
        WHEN("a third comes") {
            const Outcome refused = fleet.send_one(kOutside, syn);
            THEN("it is dropped and counted, and served when there is room") {
                REQUIRE(refused.drop_reason == DropReason::kFtpTableFull);
                fleet.check_gauges();
                fleet.run_for(std::chrono::seconds(1000));
                third.shake_hands();
            }
        }
    }
}

SCENARIO("an FTP server that is told its clients' addresses", "[ftp][client-address]") {
    GIVEN("a control connection with a PROXY header") {
        WorkerFleet fleet({});
        const Way way = ways()[2];
        put(fleet, way, ClientAddressVia::kProxyV2);
        AdjustedConnection control(fleet, at(way.client, 3000), at(way.vip, 21));
        control.shake_hands();
        constexpr uint32_t kHeader = 28;
        const std::string reply = "227 (192,168,0,107,200,10)\r\n";
        const std::string heard = "227 (170,210,122,104,200,10)\r\n";
        const auto length = static_cast<uint32_t>(reply.size());
        WHEN("a port is announced") {
            control.say({.seq = kOut, .ack = kIn, .text = "PASV\r\n"});
            control.answer({.seq = kIn, .ack = kOut + kHeader + 6, .text = reply});
            const DecodedFrame next =
                control.say({.seq = kOut + 6, .ack = kIn + length + 2, .text = "LIST\r\n"});
            const DecodedFrame back = control.answer(
                {.seq = kIn + length, .ack = kOut + kHeader + 12, .text = "150\r\n"});
            THEN("both directions are shifted, each by its own") {
                REQUIRE(control.to_server.text().substr(kHeader) == "PASV\r\nLIST\r\n");
                REQUIRE(control.to_client.text() == heard + "150\r\n");
                REQUIRE(next.tcp->ack == kIn + length);
                REQUIRE(back.tcp->ack == kOut + 12);
                AdjustedConnection data(fleet, at(way.client, 3001), at(way.vip, kDataPort));
                data.shake_hands();
                use(data);  // data connections have no header
            }
        }
    }
}

}  // namespace
}  // namespace director::test
