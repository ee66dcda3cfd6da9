// Real servers are told their clients' addresses: by the PROXY protocol's header before the first
// byte, exactly once in the server's stream whatever is lost, repeated or overtaken, and by the TCP
// option. Streams are compared byte for byte.
#include <algorithm>

#include <catch2/catch.hpp>

#include "common/random.h"
#include "tests/scenario/adjusted_stream.h"
#include "tests/support/packet_pieces.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test

constexpr uint16_t kClientPort = 0x1234;

// haproxy's doc/proxy-protocol.txt section 2.2, written out.
[[nodiscard]] std::string proxy_header(const Way& way, char transport) {
    const bool is_ipv4 = way.client.is_ipv4();
    std::string header("\r\n\r\n\0\r\nQUIT\n\x21", 13);
    header += static_cast<char>((is_ipv4 ? 0x10 : 0x20) | transport);
    header += is_ipv4 ? std::string("\0\x0c", 2) : std::string("\0\x24", 2);
    for (const IpAddress& address : {way.client, way.vip}) {
        header.append(address.bytes.begin() + (is_ipv4 ? 12 : 0), address.bytes.end());
    }
    return header + std::string("\x12\x34\0\x50", 4);
}

void put(WorkerFleet& fleet, const Way& way, ClientAddressVia via, Protocol protocol) {
    fleet.put_local_pool(1, {kLocal, kLocal6});
    fleet.put_service({way.vip, Be16::from_host(80), protocol},
                      "rr",
                      {{.endpoint = at(way.server, 80), .forwarding = way.forwarding}},
                      {.client_address = via, .local_pool = 1});
}

constexpr uint32_t kOut = AdjustedConnection::kOut;
constexpr uint32_t kIn = AdjustedConnection::kIn;

[[nodiscard]] std::vector<uint8_t> mss_option(uint16_t mss) {
    return {2, 4, static_cast<uint8_t>(mss >> 8), static_cast<uint8_t>(mss)};
}

SCENARIO("a PROXY header comes before the client's first byte", "[client-address]") {
    const Way way = GENERATE(from_range(ways()));
    GIVEN("a connection: " + way.name) {
        WorkerFleet fleet({.tailroom_bytes = 200});
        configure(fleet);
        give_addresses(fleet);
        put(fleet, way, ClientAddressVia::kProxyV2, Protocol::kTcp);
        AdjustedConnection connection(fleet, at(way.client, kClientPort), at(way.vip, 80));
        const std::string header = proxy_header(way, 1);
        const auto grown = static_cast<uint32_t>(header.size());
        connection.say({.flags = kTcpSyn, .seq = kOut - 1, .options = mss_option(1460)});
        const DecodedFrame syn_ack = connection.answer(
            {.flags = kTcpSyn | kTcpAck, .seq = kIn - 1, .ack = kOut, .options = mss_option(1460)});
        REQUIRE(syn_ack.tcp->ack == kOut);
        REQUIRE(syn_ack.tcp->options == mss_option(static_cast<uint16_t>(1460 - grown)));
        connection.say({.seq = kOut, .ack = kIn});
        REQUIRE(connection.to_server.is_empty());
        WHEN("the client speaks, its first segment twice") {
            const DecodedFrame first = connection.say({.seq = kOut, .ack = kIn, .text = "hello"});
            const DecodedFrame again = connection.say({.seq = kOut, .ack = kIn, .text = "hello"});
            connection.say({.seq = kOut + 5, .ack = kIn, .text = ", world"});
            THEN("the server reads one header and the text, and both sides' numbers agree") {
                REQUIRE(first.tcp->seq == kOut);
                REQUIRE(again.payload == first.payload);
                REQUIRE(connection.to_server.text() == header + "hello, world");
                REQUIRE(connection.answer({.seq = kIn, .ack = kOut + grown + 5}).tcp->ack ==
                        kOut + 5);
                // Of the header alone, or a part: nothing of the client's own.
                REQUIRE(connection.answer({.seq = kIn, .ack = kOut + grown}).tcp->ack == kOut);
                REQUIRE(connection.answer({.seq = kIn, .ack = kOut + 3}).tcp->ack == kOut);
                connection.answer({.seq = kIn, .ack = kOut + grown + 12, .text = "well"});
                connection.say({.flags = kTcpFin | kTcpAck, .seq = kOut + 12, .ack = kIn + 4});
                REQUIRE(connection.answer({.seq = kIn + 4, .ack = kOut + grown + 13}).tcp->ack ==
                        kOut + 13);
                REQUIRE(connection.to_client.text() == "well");
            }
        }
        WHEN("the second segment overtakes the first") {
            connection.say({.seq = kOut + 5, .ack = kIn, .text = ", world"});
            const DecodedFrame asked = connection.answer(
                {.seq = kIn,
                 .ack = kOut,
                 .options = {1,
                             1,
                             5,
                             10,
                             // what the server has: behind the header and five bytes
                             static_cast<uint8_t>((kOut + grown + 5) >> 24),
                             static_cast<uint8_t>((kOut + grown + 5) >> 16),
                             static_cast<uint8_t>((kOut + grown + 5) >> 8),
                             static_cast<uint8_t>(kOut + grown + 5),
                             static_cast<uint8_t>((kOut + grown + 12) >> 24),
                             static_cast<uint8_t>((kOut + grown + 12) >> 16),
                             static_cast<uint8_t>((kOut + grown + 12) >> 8),
                             static_cast<uint8_t>(kOut + grown + 12)}});
            connection.say({.seq = kOut, .ack = kIn, .text = "hello"});
            THEN("the stream is the same, and the client is told what it sent") {
                REQUIRE(connection.to_server.text() == header + "hello, world");
                REQUIRE(std::vector<uint8_t>(asked.tcp->options.begin() + 4,
                                             asked.tcp->options.end()) ==
                        std::vector<uint8_t>{static_cast<uint8_t>((kOut + 5) >> 24),
                                             static_cast<uint8_t>((kOut + 5) >> 16),
                                             static_cast<uint8_t>((kOut + 5) >> 8),
                                             static_cast<uint8_t>(kOut + 5),
                                             static_cast<uint8_t>((kOut + 12) >> 24),
                                             static_cast<uint8_t>((kOut + 12) >> 16),
                                             static_cast<uint8_t>((kOut + 12) >> 8),
                                             static_cast<uint8_t>(kOut + 12)});
            }
        }
        WHEN("pieces of any length come in any order, many times") {
            Random random(GENERATE(1U, 2U, 3U, 4U));
            std::string text;
            for (size_t i = 0; i < 400; ++i) {
                text += static_cast<char>('a' + random.below(26));
            }
            const auto say = [&](size_t begin, size_t length) {
                connection.say({.seq = kOut + static_cast<uint32_t>(begin),
                                .ack = kIn,
                                .text = text.substr(begin, length)});
            };
            for (int i = 0; i < 100; ++i) {
                say(random.below(400), 1 + random.below(40));
            }
            for (size_t begin = 400; begin > 0; begin -= 40) {
                say(begin - 40, 40);
            }
            THEN("the stream is the header and the text, acknowledged wherever it may be") {
                REQUIRE(connection.to_server.text() == header + text);
                for (uint32_t i = 0; i <= grown + 400; ++i) {
                    REQUIRE(connection.answer({.seq = kIn, .ack = kOut + i}).tcp->ack ==
                            kOut + (i < grown ? 0 : i - grown));
                }
            }
        }
        WHEN("the client's first segment fills the MTU without the header") {
            const size_t headers = way.vip.is_ipv4() ? 40 : 60;
            const Frame long_frame =
                connection
                    .client_frame(
                        {.seq = kOut, .ack = kIn, .text = std::string(1500 - headers, 'x')})
                    .dont_fragment()
                    .build();
            const Outcome out = fleet.send_one(kOutside, long_frame);
            THEN("the client hears how much of its own fits") {
                REQUIRE(out.answered == DropReason::kExceedsMtu);
                REQUIRE(out.verdict == Verdict::kForward);
                const DecodedFrame error = decode(out.bytes);
                REQUIRE(error.icmp);
                const uint32_t more = way.name == "IPv6 to IPv4" ? 20 : 0;
                REQUIRE((error.icmp->rest & 0xffff) == 1500 + more - grown);
                const DecodedFrame quoted = decode_quote(error.payload);
                REQUIRE(quoted.source() == connection.client);
                REQUIRE(quoted.destination() == connection.service);
                REQUIRE(quoted.tcp->seq == kOut);
            }
        }
        WHEN("a router behind the director complains about a later segment") {
            connection.say({.seq = kOut, .ack = kIn, .text = "hello"});
            const Outcome sent = fleet.send_one(
                kOutside,
                connection.client_frame({.seq = kOut + 5, .ack = kIn, .text = "more"}).build());
            const bool is_ipv4 = way.server.is_ipv4();
            const Outcome heard =
                fleet.send_one(kInside,
                               from_server(way.server, connection.inside_client.address)
                                   .icmp(is_ipv4 ? 3 : 2, is_ipv4 ? 4 : 0, 1400)
                                   .payload(ip_packet_of(sent.bytes))
                                   .build());
            THEN("the client recognises its segment, and leaves room for the header") {
                REQUIRE(heard.verdict == Verdict::kForward);
                const DecodedFrame error = decode(heard.bytes);
                REQUIRE(decode_quote(error.payload).tcp->seq == kOut + 5);
                const uint32_t more = way.name == "IPv6 to IPv4" ? 20 : 0;
                REQUIRE((error.icmp->rest & 0xffff) == 1400 + more - grown);
            }
        }
        WHEN("there is no room before the frame, or the frame is in pieces") {
            const Frame frame =
                connection.client_frame({.seq = kOut, .ack = kIn, .text = "hello"}).build();
            const auto narrow =
                fleet.send({{kOutside, frame, [](Packet& packet) { packet.headroom_bytes = 20; }}});
            const auto pieces = fleet.send(
                {{kOutside, frame, [](Packet& packet) { packet.contiguous_bytes -= 3; }}});
            THEN("it is dropped by a reason") {
                REQUIRE(narrow[0].drop_reason == DropReason::kNoHeadroom);
                REQUIRE(pieces[0].drop_reason == DropReason::kInPieces);
            }
        }
        WHEN("the handshake begins anew with other numbers") {
            AdjustedConnection next(fleet, at(way.client, kClientPort + 1), at(way.vip, 80));
            next.say({.flags = kTcpSyn, .seq = 77});
            next.say({.flags = kTcpSyn, .seq = 900000});
            next.answer({.flags = kTcpSyn | kTcpAck, .seq = kIn - 1, .ack = 900001});
            next.say({.seq = 900001, .ack = kIn, .text = "hello"});
            next.say({.seq = 900006, .ack = kIn, .text = "!"});
            THEN("the header is before the first byte by the last ones") {
                std::string expected = proxy_header(way, 1);
                expected[expected.size() - 3] = 0x35;
                REQUIRE(next.to_server.text() == expected + "hello!");
            }
        }
    }
}

SCENARIO("a PROXY header comes in each datagram", "[client-address]") {
    const Way way = GENERATE(from_range(ways()));
    GIVEN("a UDP service: " + way.name) {
        WorkerFleet fleet({});
        configure(fleet);
        put(fleet, way, ClientAddressVia::kProxyV2, Protocol::kUdp);
        WHEN("a client sends two datagrams") {
            THEN("each has the header, and the answer has none") {
                for (const std::string text : {"one", "two!"}) {
                    const Outcome out = fleet.send_one(kOutside,
                                                       from_client(way.client, way.vip)
                                                           .udp(kClientPort, 80)
                                                           .payload(text)
                                                           .build());
                    REQUIRE(out.verdict == Verdict::kForward);
                    const DecodedFrame there = decode(out.bytes);
                    REQUIRE(std::string(there.payload.begin(), there.payload.end()) ==
                            proxy_header(way, 2) + text);
                    const Outcome back =
                        fleet.send_one(kInside,
                                       from_server(way.server, there.source_address())
                                           .udp(80, there.udp->source_port)
                                           .payload("yes")
                                           .build());
                    const DecodedFrame heard = decode(back.bytes);
                    REQUIRE(heard.source() == at(way.vip, 80));
                    REQUIRE(std::string(heard.payload.begin(), heard.payload.end()) == "yes");
                }
            }
        }
    }
}

[[nodiscard]] std::vector<uint8_t> tcp_option(const Way& way) {
    const bool is_ipv4 = way.client.is_ipv4();
    std::vector<uint8_t> option(is_ipv4 ? 8 : 20);
    option[0] = is_ipv4 ? 254 : 253;
    option[1] = static_cast<uint8_t>(option.size());
    option[2] = 0x12;
    option[3] = 0x34;
    std::copy(way.client.bytes.begin() + (is_ipv4 ? 12 : 0), way.client.bytes.end(), &option[4]);
    return option;
}

SCENARIO("the client's address comes as a TCP option", "[client-address]") {
    const Way way = GENERATE(from_range(ways()));
    GIVEN("a connection: " + way.name) {
        WorkerFleet fleet({});
        configure(fleet);
        put(fleet, way, ClientAddressVia::kTcpOption, Protocol::kTcp);
        AdjustedConnection connection(fleet, at(way.client, kClientPort), at(way.vip, 80));
        const std::vector<uint8_t> option = tcp_option(way);
        WHEN("it is opened and used") {
            REQUIRE(connection.say({.flags = kTcpSyn, .seq = kOut - 1}).tcp->options.empty());
            const DecodedFrame syn_ack = connection.answer({.flags = kTcpSyn | kTcpAck,
                                                            .seq = kIn - 1,
                                                            .ack = kOut,
                                                            .options = mss_option(1460)});
            REQUIRE(syn_ack.tcp->options ==
                    mss_option(static_cast<uint16_t>(1460 - option.size())));
            THEN("it is in the client's segments until the server's first byte is acknowledged") {
                REQUIRE(connection.say({.seq = kOut, .ack = kIn}).tcp->options == option);
                std::vector<uint8_t> with_nops = option;
                with_nops.resize(option.size() + 4, 1);
                REQUIRE(
                    connection
                        .say({.seq = kOut, .ack = kIn, .text = "hello", .options = {1, 1, 1, 1}})
                        .tcp->options == with_nops);
                REQUIRE(connection.answer({.seq = kIn, .ack = kOut + 5, .text = "yes"})
                            .tcp->options.empty());
                REQUIRE(connection.say({.seq = kOut + 5, .ack = kIn + 3, .text = " there"})
                            .tcp->options.empty());
                // Forty bytes of options have no room for more.
                REQUIRE(
                    connection
                        .say({.seq = kOut + 11, .ack = kIn, .options = std::vector<uint8_t>(36, 1)})
                        .tcp->options.size() == 36);
                REQUIRE(connection.to_server.text() == "hello there");
                REQUIRE(connection.to_client.text() == "yes");
            }
        }
    }
}

}  // namespace
}  // namespace director::test
