// The SYN proxy by every way that allows it, together with all else that a service may ask of its
// handshakes: the client's address told to the server, lists and limits. Byte for byte.
#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/scenario/adjusted_stream.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test

constexpr uint32_t kOut = 1001;
constexpr uint32_t kIn = 5001;
constexpr uint16_t kPort = 0x1234;

[[nodiscard]] FleetSettings settings() {
    FleetSettings out{.tailroom_bytes = 200, .limited_clients_max = 100};
    out.worker.syn_cookie_key = {{1, 2}, {3, 4}};
    return out;
}

struct Story {
    const Way way;
    WorkerFleet fleet{settings()};

    Story(Way along, const ServiceOptions& options) : way(std::move(along)) {
        configure(fleet);
        give_addresses(fleet);
        fleet.put_local_pool(1, {kLocal, kLocal6});
        ServiceOptions all = options;
        all.syn_proxy = SynProxy::kAlways;
        all.local_pool = 1;
        fleet.put_service({way.vip, Be16::from_host(80), Protocol::kTcp},
                          "rr",
                          {{.endpoint = at(way.server, 80), .forwarding = way.forwarding}},
                          all);
    }
    [[nodiscard]] Outcome say(uint8_t flags,
                              uint32_t seq,
                              uint32_t ack,
                              std::string_view text = {}) {
        return fleet.send_one(kOutside,
                              from_client(way.client, way.vip)
                                  .tcp(kPort, 80)
                                  .tcp_flags(flags)
                                  .seq(seq)
                                  .ack(ack)
                                  .payload(text)
                                  .build());
    }
    // Our SYN-ACK's number.
    [[nodiscard]] uint32_t cookie() {
        const Outcome answer = say(kTcpSyn, kOut - 1, 0);
        REQUIRE(answer.answered == DropReason::kSynCookieSent);
        return decode(answer.bytes).tcp->seq;
    }
};

[[nodiscard]] uint16_t mss_of(const DecodedFrame& frame) {
    const std::vector<uint8_t>& options = frame.tcp->options;
    REQUIRE(options.size() >= 4);
    REQUIRE(options[0] == 2);
    return static_cast<uint16_t>(options[2] << 8 | options[3]);
}

}  // namespace

SCENARIO("a SYN proxy whose servers are told their clients' addresses", "[syn-proxy]") {
    const Way way = GENERATE(from_range(ways()));
    const auto via = GENERATE(
        ClientAddressVia::kNothing, ClientAddressVia::kProxyV2, ClientAddressVia::kTcpOption);
    CAPTURE(way.name, via);
    Story story(way, {.client_address = via});
    const uint32_t cookie = story.cookie();
    const Outcome syn = story.say(kTcpAck, kOut, cookie + 1);
    REQUIRE(syn.verdict == Verdict::kForward);
    const DecodedFrame to_server = decode(syn.bytes);
    REQUIRE(to_server.destination() == at(way.server, 80));
    REQUIRE(to_server.tcp->flags == kTcpSyn);
    REQUIRE(to_server.tcp->seq == kOut - 1);
    const auto answer = [&](uint8_t flags, uint32_t seq, uint32_t ack, std::string_view text = {}) {
        return decode(story.fleet
                          .send_one(kInside,
                                    from_server(way.server, to_server.source_address())
                                        .tcp(80, to_server.source().port.host())
                                        .tcp_flags(flags)
                                        .seq(seq)
                                        .ack(ack)
                                        .payload(text)
                                        .build())
                          .bytes);
    };
    const DecodedFrame update = answer(kTcpSyn | kTcpAck, kIn - 1, kOut);
    REQUIRE(update.source() == at(way.vip, 80));
    REQUIRE(update.destination() == at(way.client, kPort));
    REQUIRE(update.tcp->flags == kTcpAck);
    REQUIRE(update.tcp->seq == cookie + 1);
    const auto made = story.fleet.take_made_frames();
    REQUIRE(made.size() == 1);
    const DecodedFrame ack = decode(made[0].bytes);
    REQUIRE(ack.source() == to_server.source());
    REQUIRE(ack.destination() == at(way.server, 80));
    REQUIRE(ack.tcp->ack == kIn);

    WHEN("both ends speak") {
        const DecodedFrame said = decode(story.say(kTcpAck, kOut, cookie + 1, "hello").bytes);
        const uint32_t grown = static_cast<uint32_t>(said.payload.size()) - 5;
        THEN("the server hears the client's address once, before all else") {
            const bool is_ipv4 = way.client.is_ipv4();
            REQUIRE(said.tcp->seq == kOut);
            REQUIRE(said.tcp->ack == kIn);
            REQUIRE(grown == (via != ClientAddressVia::kProxyV2 ? 0 : is_ipv4 ? 28U : 52U));
            REQUIRE(said.tcp->options.size() == (via != ClientAddressVia::kTcpOption ? 0
                                                 : is_ipv4                           ? 8U
                                                                                     : 20U));
            const DecodedFrame more = decode(story.say(kTcpAck, kOut + 5, cookie + 1, "!").bytes);
            REQUIRE(more.tcp->seq == kOut + 5 + grown);
            REQUIRE(more.payload.size() == 1);
            const DecodedFrame heard = answer(kTcpAck, kIn, kOut + 6 + grown, "well");
            REQUIRE(heard.tcp->seq == cookie + 1);
            REQUIRE(heard.tcp->ack == kOut + 6);
            REQUIRE(heard.payload.size() == 4);
        }
    }
}

SCENARIO("what a SYN proxy offers is the service's to say", "[syn-proxy]") {
    const auto syn_options =
        std::vector<uint8_t>{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3, 3, 5};
    const auto offered = [&](const Way& way, const SynProxyOffer& offer, ClientAddressVia via) {
        Story story(way, {.client_address = via, .syn_proxy_offer = offer});
        return decode(story.fleet
                          .send_one(kOutside,
                                    from_client(way.client, way.vip)
                                        .tcp(kPort, 80)
                                        .tcp_flags(kTcpSyn)
                                        .tcp_options(syn_options)
                                        .build())
                          .bytes);
    };
    const Way ipv4 = ways()[0];
    const Way ipv6 = ways()[1];
    const SynProxyOffer offer{.mss_ipv4 = 1400, .mss_ipv6 = 1300, .window_scale = 11};
    const DecodedFrame all = offered(ipv4, offer, ClientAddressVia::kNothing);
    REQUIRE(mss_of(all) == 1400);
    REQUIRE(all.tcp->options.size() == 20);
    REQUIRE(all.tcp->options.back() == 11);
    REQUIRE(mss_of(offered(ipv6, offer, ClientAddressVia::kNothing)) == 1300);
    REQUIRE(mss_of(offered(ipv4, offer, ClientAddressVia::kProxyV2)) == 1340);
    const SynProxyOffer no_sack{.has_sack = false};
    const std::vector<uint8_t> without = offered(ipv4, no_sack, {}).tcp->options;
    REQUIRE(std::find(without.begin() + 4, without.end(), 4) == without.end());
    REQUIRE(without.size() == 20);
    const SynProxyOffer plain{.has_timestamps = false};
    REQUIRE(offered(ipv4, plain, {}).tcp->options.size() == 4);
}

SCENARIO("a SYN proxy answers only whom the service would let in", "[syn-proxy]") {
    const Way way = ways()[0];
    GIVEN("a list without the client") {
        Story story(way, {.allow_list = 1});
        Tables tables;
        tables.prefix_lists.resize(2);
        tables.prefix_lists[1].ipv4 =
            [](const void*, const uint32_t*, uint16_t* numbers, uint32_t count) {
                std::fill_n(numbers, count, uint16_t{0});
            };
        story.fleet.put_tables(tables);
        THEN("its SYN is refused as without a SYN proxy") {
            const Outcome refusal = story.say(kTcpSyn, kOut - 1, 0);
            REQUIRE(refusal.answered == DropReason::kNotAllowed);
            REQUIRE(decode(refusal.bytes).icmp);
            REQUIRE(story.fleet.dropped(DropReason::kSynCookieSent) == 0);
        }
    }
    struct Row {
        ServiceOptions options;
        DropReason reason;
    };
    const Row row = GENERATE(Row{{.connections_per_second = 1}, DropReason::kServiceRate},
                             Row{{.connections_max = 1}, DropReason::kServiceConnections},
                             Row{{.client_connections_per_second = 1}, DropReason::kClientRate},
                             Row{{.client_connections_max = 1}, DropReason::kClientConnections});
    GIVEN("a limit: " + std::string(to_string(row.reason))) {
        Story story(way, row.options);
        WHEN("many SYNs come, which may be anybody's") {
            uint32_t cookie = 0;
            for (int i = 0; i < 100; ++i) {
                cookie = story.cookie();
            }
            THEN("they use up nobody's share") {
                REQUIRE(story.say(kTcpAck, kOut, cookie + 1).verdict == Verdict::kForward);
                AND_THEN("a connection does: the next SYN gets no answer") {
                    const Outcome next = story.fleet.send_one(kOutside,
                                                              from_client(way.client, way.vip)
                                                                  .tcp(kPort + 1, 80)
                                                                  .tcp_flags(kTcpSyn)
                                                                  .build());
                    REQUIRE(next.verdict == Verdict::kDrop);
                    REQUIRE(next.drop_reason == row.reason);
                }
            }
        }
    }
}

SCENARIO("a SYN proxy resets connections that nobody knows", "[syn-proxy]") {
    const Way way = GENERATE(from_range(ways()));
    Story story(way, {});
    const auto flags = GENERATE(as<uint8_t>{}, kTcpAck, kTcpAck | kTcpFin, kTcpAck | kTcpPsh);
    CAPTURE(way.name, int{flags});
    const Outcome reset = story.say(flags, 77, 4711, "GET");
    REQUIRE(reset.verdict == Verdict::kForward);
    REQUIRE(reset.out_port == kOutside);
    REQUIRE(reset.answered == DropReason::kSynCookieWrong);
    const DecodedFrame frame = decode(reset.bytes);
    REQUIRE(frame.source() == at(way.vip, 80));
    REQUIRE(frame.destination() == at(way.client, kPort));
    REQUIRE(frame.tcp->flags == kTcpRst);
    REQUIRE(frame.tcp->seq == 4711);
    REQUIRE(story.fleet.report().totals.connections == 0);
    // No answer to an answer.
    REQUIRE_FALSE(story.say(kTcpRst | kTcpAck, 77, 4711).answered);
    // A flood of such is not reflected in full.
    uint32_t answered = 0;
    for (int i = 0; i < 5000; ++i) {
        answered += story.say(kTcpAck, 77, 4711).verdict == Verdict::kForward ? 1U : 0U;
    }
    REQUIRE(answered < 500);
}

SCENARIO("a SYN that is lost on its way to the server is sent again", "[syn-proxy]") {
    const Way way = GENERATE(from_range(ways()));
    const auto via = GENERATE(ClientAddressVia::kNothing, ClientAddressVia::kProxyV2);
    const bool has_options = GENERATE(true, false);
    CAPTURE(way.name, via, has_options);
    Story story(way, {.client_address = via});
    const auto client_says = [&](uint8_t flags, uint32_t ack, std::vector<uint8_t> options) {
        return story.fleet.send_one(kOutside,
                                    from_client(way.client, way.vip)
                                        .tcp(kPort, 80)
                                        .tcp_flags(flags)
                                        .seq(flags == kTcpSyn ? kOut - 1 : kOut)
                                        .ack(ack)
                                        .tcp_options(has_options ? options : std::vector<uint8_t>{})
                                        .build());
    };
    // MSS 1400, SACK, timestamps, window scale 5.
    const Outcome offer =
        client_says(kTcpSyn, 0, {2, 4, 5, 0x78, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3, 3, 5});
    const DecodedFrame syn_ack = decode(offer.bytes);
    std::vector<uint8_t> timestamps{1, 1, 8, 10, 0, 0, 1, 1};
    if (has_options) {
        timestamps.insert(
            timestamps.end(), syn_ack.tcp->options.begin() + 8, syn_ack.tcp->options.begin() + 12);
    }
    const Outcome lost = client_says(kTcpAck, syn_ack.tcp->seq + 1, timestamps);
    REQUIRE(lost.out_port == kInside);
    const DecodedFrame syn = decode(lost.bytes);
    REQUIRE(syn.tcp->flags == kTcpSyn);
    REQUIRE(syn.tcp->options.size() == (has_options ? 20 : 4));
    const auto repeats_within = [&](std::chrono::milliseconds time) {
        story.fleet.run_for(time);
        std::vector<FrameIn> made = story.fleet.take_made_frames();
        for (const FrameIn& frame : made) {
            REQUIRE(frame.port == kInside);
            REQUIRE(frame.bytes == lost.bytes);
        }
        return made.size();
    };
    using std::chrono::milliseconds;
    REQUIRE(repeats_within(milliseconds(900)) == 0);
    REQUIRE(repeats_within(milliseconds(600)) == 1);   // after 1.5 s
    REQUIRE(repeats_within(milliseconds(1500)) == 1);  // 3 s
    REQUIRE(repeats_within(milliseconds(3000)) == 1);  // 6 s
    WHEN("the server answers at last") {
        const auto options = has_options ? std::vector<uint8_t>{2, 4, 5,    0xb4, 4, 2, 8, 10, 0, 0,
                                                                1, 0, 0x12, 0x34, 0, 0, 1, 3,  3, 7}
                                         : std::vector<uint8_t>{2, 4, 5, 0xb4};
        const Outcome update = story.fleet.send_one(kInside,
                                                    from_server(way.server, syn.source_address())
                                                        .tcp(80, syn.source().port.host())
                                                        .tcp_flags(kTcpSyn | kTcpAck)
                                                        .seq(kIn - 1)
                                                        .ack(kOut)
                                                        .tcp_options(options)
                                                        .build());
        THEN("the handshake ends as usual, and nothing is repeated any more") {
            REQUIRE(update.out_port == kOutside);
            REQUIRE(decode(update.bytes).tcp->flags == kTcpAck);
            REQUIRE(decode(update.bytes).tcp->seq == syn_ack.tcp->seq + 1);
            REQUIRE(story.fleet.take_made_frames().size() == 1);
            REQUIRE(repeats_within(std::chrono::seconds(40)) == 0);
            story.fleet.check_gauges();
        }
    }
    WHEN("the client speaks meanwhile") {
        REQUIRE(client_says(kTcpAck, syn_ack.tcp->seq + 1, timestamps).bytes == lost.bytes);
        THEN("that was a repetition, and the next comes a second later") {
            REQUIRE(repeats_within(milliseconds(900)) == 0);
            REQUIRE(repeats_within(milliseconds(600)) == 1);
        }
    }
    WHEN("nobody ever answers") {
        THEN("it ends with the connection") {
            REQUIRE(repeats_within(std::chrono::seconds(50)) == 3);  // after 8, 16 and 32 s
            REQUIRE(repeats_within(std::chrono::seconds(60)) == 0);
            REQUIRE(story.fleet.report().totals.connections == 0);
            story.fleet.check_gauges();
        }
    }
}

}  // namespace director::test
