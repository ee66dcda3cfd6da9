// FTP through the director, active and passive, by every command that names a port: what client and
// server read is compared byte for byte, and data connections end up where they were announced,
// whichever worker their packets come to.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>

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

// What a PORT or EPRT command names.
[[nodiscard]] Endpoint named_by(std::string command) {
    const bool is_extended = command.starts_with("EPRT");
    if (is_extended) {
        std::replace(command.begin(), command.end(), '|', ' ');
    } else {
        std::replace(command.begin(), command.end(), ',', ' ');
    }
    std::istringstream words(command);
    std::string word;
    words >> word;
    if (is_extended) {
        std::string address;
        uint16_t port = 0;
        words >> word >> address >> port;
        return {IpAddress::parse(address).value(), Be16::from_host(port)};
    }
    std::array<int, 6> numbers{};
    for (int& number : numbers) {
        words >> number;
    }
    return {Ipv4Address::of(static_cast<uint8_t>(numbers[0]),
                            static_cast<uint8_t>(numbers[1]),
                            static_cast<uint8_t>(numbers[2]),
                            static_cast<uint8_t>(numbers[3])),
            Be16::from_host(static_cast<uint16_t>(numbers[4] << 8 | numbers[5]))};
}

// The server calls where the last command that it has read tells it to; answer() and say() hold
// that it seems to be the virtual one.
void call_back(WorkerFleet& fleet, Control& control, const Way& way, const Endpoint& client) {
    const std::string read = control.connection.to_server.text();
    const std::string command = read.substr(read.rfind('\n', read.size() - 2) + 1);
    INFO(command);
    AdjustedConnection data(fleet, client, at(way.vip, 20));
    data.server = at(way.server, 20);
    data.inside_client = named_by(command);
    REQUIRE(data.inside_client.address == control.connection.inside_client.address);
    data.answer({.flags = kTcpSyn, .seq = kIn - 1});
    data.say({.flags = kTcpSyn | kTcpAck, .seq = kOut - 1, .ack = kIn});
    data.answer({.seq = kIn, .ack = kOut});
    REQUIRE(count_in(fleet, ConnState::kEstablished) == 2);
    use(data);
}

[[nodiscard]] std::string port_command(const Way& way, bool is_extended, uint16_t port) {
    return is_extended
               ? fmt::format(
                     "EPRT |{}|{}|{}|\r\n", way.vip.is_ipv4() ? 1 : 2, to_string(way.client), port)
               : fmt::format("PORT {},{},{}\r\n", numbers_of(way.client), port >> 8, port & 0xff);
}

SCENARIO("active FTP", "[ftp]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 4);
    const Way way = GENERATE(from_range(ways()));
    const bool is_extended = GENERATE(true, false);
    if (!is_extended && !way.vip.is_ipv4()) {
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
                const std::string command = port_command(way, is_extended, port);
                control.command(command);
                commands += command;
                control.reply("200 fine\r\n");
                call_back(fleet, control, way, at(way.client, port));
                control.reply("226 done\r\n");
            }
            THEN("by NAT the server reads the commands as they are, and all ports come back") {
                if (way.forwarding == ForwardingMethod::kNat) {
                    REQUIRE(control.connection.to_server.text() == commands);
                }
                fleet.run_for(std::chrono::seconds(1200));
                REQUIRE(fleet.connections().empty());
                fleet.check_gauges();
                REQUIRE(fleet.report().local_ports_held == 0);
            }
        }
        WHEN("a command comes in pieces, and then again") {
            const std::string command = port_command(way, is_extended, kDataPort);
            const uint32_t begin = control.sent;
            const auto piece = [&](size_t from, size_t to) {
                return fleet.send_one(
                    kOutside,
                    control.connection
                        .client_frame({.seq = kOut + begin + static_cast<uint32_t>(from),
                                       .ack = kIn + control.heard,
                                       .text = command.substr(from, to - from)})
                        .build());
            };
            const bool is_held = way.forwarding == ForwardingMethod::kFullNat;
            THEN("the server reads it whole, with a place that it can reach") {
                const Outcome first = piece(0, 9);
                REQUIRE(first.out_port == (is_held ? kOutside : kInside));
                REQUIRE(first.answered.has_value() == is_held);
                if (is_held) {
                    const DecodedFrame answer = decode(first.bytes);
                    REQUIRE(answer.source() == at(way.vip, 21));
                    REQUIRE(answer.tcp->ack == kOut + begin + 9);
                } else {
                    control.connection.to_server.take(decode(first.bytes));
                }
                for (const size_t from : {size_t{9}, size_t{9}, size_t{0}}) {
                    const Outcome whole = piece(from, command.size());
                    REQUIRE(whole.out_port == kInside);
                    control.connection.to_server.take(decode(whole.bytes));
                }
                control.sent += static_cast<uint32_t>(command.size());
                control.reply("200 fine\r\n");
                call_back(fleet, control, way, at(way.client, kDataPort));
                control.reply("226 done\r\n");
                control.command("QUIT\r\n");
                fleet.check_gauges();
            }
        }
    }
}

SCENARIO("active FTP when all local ports are taken", "[ftp][full-nat]") {
    GIVEN("a pool of one port besides the control connection's") {
        const Way way = ways()[2];
        WorkerFleet fleet({});
        configure(fleet);
        give_addresses(fleet);
        fleet.put_local_pool(1, {kLocal}, 5000, 5000);
        fleet.put_service({way.vip, Be16::from_host(21), Protocol::kTcp},
                          "rr",
                          {{.endpoint = at(way.server, 21), .forwarding = way.forwarding}},
                          {.has_ftp_helper = true, .local_pool = 1});
        Control control(fleet, way, 3000);
        WHEN("the client announces more connections than there are ports") {
            control.command(port_command(way, false, kDataPort));
            const Outcome refused =
                fleet.send_one(kOutside,
                               control.connection
                                   .client_frame({.seq = kOut + control.sent,
                                                  .ack = kIn + control.heard,
                                                  .text = port_command(way, false, kDataPort + 1)})
                                   .build());
            THEN("the command is dropped and counted") {
                REQUIRE(refused.drop_reason == DropReason::kNoLocalPort);
                fleet.check_gauges();
            }
        }
    }
}

SCENARIO("FTP is switched on and off while connections last", "[ftp][reload]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 4);
    const Way way = GENERATE(from_range(ways()));
    GIVEN(fmt::format("{} workers, {}, control connections of before", workers, way.name)) {
        WorkerFleet fleet({.workers = workers});
        configure(fleet);
        give_addresses(fleet);
        fleet.put_local_pool(1, {kLocal, kLocal6});
        const auto put_ftp = [&](bool is_on) {
            fleet.put_service({way.vip, Be16::from_host(21), Protocol::kTcp},
                              "rr",
                              {{.endpoint = at(way.server, 21), .forwarding = way.forwarding}},
                              {.has_ftp_helper = is_on, .local_pool = 1});
        };
        put_ftp(false);
        std::vector<Control> old;
        for (uint16_t i = 0; i < 16; ++i) {
            old.emplace_back(fleet, way, static_cast<uint16_t>(3000 + i));
        }
        WHEN("the helper is switched on") {
            put_ftp(true);
            Control fresh(fleet, way, 4000);
            THEN("old ones go on at their workers, new ones have the helper") {
                for (Control& control : old) {
                    control.command("NOOP\r\n");
                    control.reply("200 fine\r\n");
                }
                fresh.command(port_command(way, true, kDataPort));
                fresh.reply("200 fine\r\n");
                const std::string read = fresh.connection.to_server.text();
                AdjustedConnection data(fleet, at(way.client, kDataPort), at(way.vip, 20));
                data.server = at(way.server, 20);
                data.inside_client = named_by(read);
                data.answer({.flags = kTcpSyn, .seq = kIn - 1});
                data.say({.flags = kTcpSyn | kTcpAck, .seq = kOut - 1, .ack = kIn});
                REQUIRE(fleet.connections().size() == old.size() + 2);
                fleet.check_gauges();
                AND_THEN("a packet of nobody's goes no further than one more worker") {
                    const AdjustedConnection stray(fleet, at(way.client, 5000), at(way.vip, 21));
                    const Outcome out = fleet.send_one(
                        kOutside, stray.client_frame({.seq = kOut, .ack = kIn}).build());
                    REQUIRE(out.verdict != Verdict::kForward);
                }
            }
        }
        WHEN("it is switched on, used, and switched off") {
            put_ftp(true);
            Control control(fleet, way, 4000);
            control.command("EPSV\r\n");
            control.reply(fmt::format("229 ok (|||{}|)\r\n", kDataPort));
            AdjustedConnection data(fleet, at(way.client, 4001), at(way.vip, kDataPort));
            data.shake_hands();
            put_ftp(false);
            THEN("all connections go on, and unannounced ones are not served") {
                use(data);
                control.reply("226 done\r\n");
                for (Control& each : old) {
                    each.command("NOOP\r\n");
                    each.reply("200 fine\r\n");
                }
                const AdjustedConnection stray(fleet, at(way.client, 5000), at(way.vip, 5001));
                const Outcome out = fleet.send_one(
                    kOutside, stray.client_frame({.flags = kTcpSyn, .seq = 1}).build());
                REQUIRE((out.verdict != Verdict::kForward || out.out_port != kInside));
                Control plain(fleet, way, 4002);
                plain.command("NOOP\r\n");
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

// Both the header and a command that is rewritten resize what the client sends.
SCENARIO("active FTP with full NAT and a PROXY header", "[ftp][client-address]") {
    GIVEN("a control connection whose header has arrived") {
        WorkerFleet fleet({});
        const Way way = ways()[2];
        put(fleet, way, ClientAddressVia::kProxyV2);
        AdjustedConnection control(fleet, at(way.client, 3000), at(way.vip, 21));
        control.shake_hands();
        constexpr uint32_t kHeader = 28;
        control.say({.seq = kOut, .ack = kIn, .text = "USER me\r\n"});
        control.answer({.seq = kIn, .ack = kOut + kHeader + 9, .text = "331\r\n"});
        WHEN("a command is sent, lost behind us, and sent again") {
            const std::string command = port_command(way, false, kDataPort);
            const auto length = static_cast<uint32_t>(command.size());
            control.say({.seq = kOut + 9, .ack = kIn + 5, .text = command});
            control.say({.seq = kOut + 9, .ack = kIn + 5, .text = command});
            control.say({.seq = kOut + 9 + length, .ack = kIn + 5, .text = "LIST\r\n"});
            THEN("the server reads one header and one command") {
                const std::string read = control.to_server.text().substr(kHeader);
                REQUIRE(read.starts_with("USER me\r\nPORT "));
                REQUIRE(read.ends_with("\r\nLIST\r\n"));
                REQUIRE(std::count(read.begin(), read.end(), '\n') == 3);
            }
        }
    }
}

}  // namespace
}  // namespace director::test
