// The SYN proxy: handshakes that are finished for the real servers, always or during a flood.
#include <catch2/catch.hpp>

#include "common/random.h"
#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using dataplane::DropReason;
using dataplane::ForwardingMethod;
using dataplane::Packet;
using dataplane::ServiceOptions;
using dataplane::SynProxy;
using dataplane::Verdict;

constexpr uint32_t kTable = 4096;

struct Story {
    WorkerFleet fleet;
    SimNet net{fleet};
    dataplane::ServiceId service{};

    Story(uint16_t workers, SynProxy policy, ForwardingMethod method = ForwardingMethod::kNat)
        : fleet(settings(workers)) {
        configure(fleet);
        give_addresses(fleet);
        fleet.put_local_pool(1, {kLocal});
        put(policy, method);
        net.add_server(at(kServer107, 80));
        net.add_server(at(kServer108, 80));
    }
    void put(SynProxy policy, ForwardingMethod method = ForwardingMethod::kNat) {
        service = fleet.put_service(kHttp,
                                    "rr",
                                    {{.endpoint = at(kServer108, 80), .forwarding = method},
                                     {.endpoint = at(kServer107, 80), .forwarding = method}},
                                    {.syn_proxy = policy, .local_pool = 1});
    }
    static FleetSettings settings(uint16_t workers) {
        FleetSettings out{.workers = workers, .tailroom_bytes = 64};
        out.worker.connections_max = kTable / workers;
        out.worker.details_max = kTable / workers;
        out.worker.syn_cookie_key = {{1, 2}, {3, 4}};
        return out;
    }
    [[nodiscard]] uint64_t connections() { return fleet.report().totals.connections; }
};

[[nodiscard]] Endpoint client_at(uint16_t i) {
    return at(kClient, static_cast<uint16_t>(20000 + i));
}

// A client's frame of a test's own.
[[nodiscard]] PacketBuilder segment(uint16_t port, uint8_t flags, uint32_t seq, uint32_t ack) {
    return from_client(kClient, kVip).tcp(port, 80).tcp_flags(flags).seq(seq).ack(ack);
}

// The SYN-ACK's number, for a SYN with number 1000.
[[nodiscard]] uint32_t cookie_for(Story& story, uint16_t port) {
    const Outcome answer = story.fleet.send_one(kOutside, segment(port, kTcpSyn, 1000, 0).build());
    REQUIRE(answer.answered == DropReason::kSynCookieSent);
    REQUIRE(answer.verdict == Verdict::kForward);
    REQUIRE(answer.out_port == kOutside);
    const DecodedFrame frame = decode(answer.bytes);
    REQUIRE(frame.source() == at(kVip, 80));
    REQUIRE(frame.destination() == at(kClient, port));
    REQUIRE(frame.tcp->flags == (kTcpSyn | kTcpAck));
    REQUIRE(frame.tcp->ack == 1001);
    REQUIRE(frame.tcp->window == 0);
    return frame.tcp->seq;
}

[[nodiscard]] std::string random_text(Random& random) {
    std::string text(1 + random.below(1400), ' ');
    for (char& letter : text) {
        letter = static_cast<char>('a' + random.below(26));
    }
    return text;
}

}  // namespace

SCENARIO("a SYN proxy that is always on finishes every handshake itself") {
    const auto workers = GENERATE(uint16_t{1}, uint16_t{2}, uint16_t{4});
    const auto method = GENERATE(ForwardingMethod::kNat, ForwardingMethod::kFullNat);
    CAPTURE(workers, method);
    Story story(workers, SynProxy::kAlways, method);

    WHEN("many clients connect, speak and close") {
        constexpr uint16_t kClients = 200;
        for (uint16_t i = 0; i < kClients; ++i) {
            story.net.connect(client_at(i), at(kVip, 80));
        }
        story.net.settle();
        THEN("each hears its server, byte for byte, and the servers hear each of them") {
            REQUIRE(story.connections() == kClients);
            Random random(7);
            std::vector<std::string> expected(kClients);
            for (int round = 0; round < 5; ++round) {
                for (uint16_t i = 0; i < kClients; ++i) {
                    SimClient& client = story.net.client(client_at(i));
                    REQUIRE(client.state == SimClient::State::kEstablished);
                    const std::string text = random_text(random);
                    client.say(text);
                    expected[i] += " " + text + "|";
                }
                story.net.settle();
            }
            for (uint16_t i = 0; i < kClients; ++i) {
                SimClient& client = story.net.client(client_at(i));
                const std::string server = client.server();
                std::string heard = client.heard;
                for (size_t found = heard.find(server); found != std::string::npos;
                     found = heard.find(server)) {
                    heard.erase(found, server.size());
                }
                REQUIRE(heard == expected[i]);
                client.close();
            }
            story.net.settle();
            for (uint16_t i = 0; i < kClients; ++i) {
                REQUIRE(story.net.client(client_at(i)).state == SimClient::State::kClosed);
            }
            REQUIRE(story.fleet.dropped(DropReason::kSynCookieSent) == kClients);
            REQUIRE(story.net.dropped == 0);
            REQUIRE(story.net.punted == 0);
            story.fleet.check_gauges();
        }
    }
    WHEN("SYNs come whose senders never answer") {
        for (uint16_t i = 0; i < 500; ++i) {
            static_cast<void>(cookie_for(story, static_cast<uint16_t>(1000 + i)));
        }
        THEN("nothing is kept of them and no server hears of them") {
            REQUIRE(story.connections() == 0);
            REQUIRE(story.net.server_connections()[at(kServer107, 80)] == 0);
        }
    }
    WHEN("the ACK's cookie is wrong") {
        const uint32_t cookie = cookie_for(story, 1000);
        const uint32_t wrong = GENERATE(2U, 0x01000000U, 0x80000000U);
        const Outcome outcome = story.fleet.send_one(
            kOutside, segment(1000, kTcpAck, 1001, cookie + 1 + wrong).build());
        THEN("its sender is reset and nothing is opened") {
            REQUIRE(outcome.verdict == Verdict::kForward);
            REQUIRE(outcome.answered == DropReason::kSynCookieWrong);
            REQUIRE(decode(outcome.bytes).tcp->flags == kTcpRst);
            REQUIRE(story.connections() == 0);
        }
    }
    WHEN("the ACK comes after its cookie's life") {
        const uint32_t cookie = cookie_for(story, 1000);
        story.fleet.run_for(std::chrono::minutes(3));
        const Outcome outcome =
            story.fleet.send_one(kOutside, segment(1000, kTcpAck, 1001, cookie + 1).build());
        THEN("its sender is reset") {
            REQUIRE(outcome.answered == DropReason::kSynCookieWrong);
        }
    }
}

SCENARIO("a SYN proxy and packets that come again, early or not at all") {
    const auto workers = GENERATE(uint16_t{1}, uint16_t{2});
    Story story(workers, SynProxy::kAlways);
    const uint32_t cookie = cookie_for(story, 1000);
    const auto ack = [&](std::string_view text = {}) {
        return segment(1000, kTcpAck, 1001, cookie + 1).payload(text).build();
    };
    Endpoint server;
    const auto require_syn = [&](const Outcome& outcome) {
        REQUIRE(outcome.verdict == Verdict::kForward);
        REQUIRE(outcome.out_port == kInside);
        const DecodedFrame frame = decode(outcome.bytes);
        server = frame.destination();
        REQUIRE(frame.source() == at(kClient, 1000));
        REQUIRE(frame.tcp->flags == kTcpSyn);
        REQUIRE(frame.tcp->seq == 1000);
        REQUIRE(frame.payload.empty());
    };
    GIVEN("an ACK that comes three times, twice at once") {
        const auto outcomes = story.fleet.send({{kOutside, ack()}, {kOutside, ack()}});
        require_syn(outcomes[0]);
        require_syn(outcomes[1]);
        require_syn(story.fleet.send_one(kOutside, ack()));
        THEN("there is one connection") {
            REQUIRE(story.connections() == 1);
        }
    }
    GIVEN("data in the handshake's third packet, and a probe of the window") {
        require_syn(story.fleet.send_one(kOutside, ack("too early")));
        require_syn(
            story.fleet.send_one(kOutside, segment(1000, kTcpAck, 1000, cookie + 1).build()));
        REQUIRE(story.connections() == 1);
    }
    GIVEN("an ACK that was lost, and a probe of the window as the first that comes") {
        require_syn(
            story.fleet.send_one(kOutside, segment(1000, kTcpAck, 1000, cookie + 1).build()));
        REQUIRE(story.connections() == 1);
    }
    const auto from_real = [&](uint8_t flags, uint32_t seq, uint32_t acknowledged) {
        return from_server(server.address, kClient)
            .tcp(80, 1000)
            .tcp_flags(flags)
            .seq(seq)
            .ack(acknowledged)
            .build();
    };
    GIVEN("a server that answers") {
        require_syn(story.fleet.send_one(kOutside, ack("GET")));
        const Outcome update =
            story.fleet.send_one(kInside, from_real(kTcpSyn | kTcpAck, 777, 1001));
        REQUIRE(update.verdict == Verdict::kForward);
        REQUIRE(update.out_port == kOutside);
        const DecodedFrame to_client = decode(update.bytes);
        REQUIRE(to_client.source() == at(kVip, 80));
        REQUIRE(to_client.tcp->flags == kTcpAck);
        REQUIRE(to_client.tcp->seq == cookie + 1);
        REQUIRE(to_client.tcp->ack == 1001);
        REQUIRE(to_client.tcp->window != 0);
        const auto made = story.fleet.take_made_frames();
        REQUIRE(made.size() == 1);
        REQUIRE(made[0].port == kInside);
        const DecodedFrame to_server = decode(made[0].bytes);
        REQUIRE(to_server.source() == at(kClient, 1000));
        REQUIRE(to_server.destination() == server);
        REQUIRE(to_server.tcp->flags == kTcpAck);
        REQUIRE(to_server.tcp->seq == 1001);
        REQUIRE(to_server.tcp->ack == 778);
        THEN("data that came too early comes through when it is sent again") {
            const DecodedFrame data = decode(story.fleet.send_one(kOutside, ack("GET")).bytes);
            REQUIRE(data.tcp->seq == 1001);
            REQUIRE(data.tcp->ack == 778);
            REQUIRE(data.payload.size() == 3);
        }
        THEN("its SYN-ACK, sent again, is not taken for another handshake's") {
            const Outcome again =
                story.fleet.send_one(kInside, from_real(kTcpSyn | kTcpAck, 777, 1001));
            REQUIRE(again.verdict == Verdict::kForward);
            REQUIRE(decode(again.bytes).tcp->seq == cookie);
            REQUIRE(story.fleet.take_made_frames().empty());
        }
        story.fleet.check_gauges();
    }
    GIVEN("a server that refuses") {
        require_syn(story.fleet.send_one(kOutside, ack()));
        const Outcome refusal =
            story.fleet.send_one(kInside, from_real(kTcpRst | kTcpAck, 0, 1001));
        THEN("the client hears it in the numbers that it knows") {
            const DecodedFrame frame = decode(refusal.bytes);
            REQUIRE(refusal.out_port == kOutside);
            REQUIRE((frame.tcp->flags & kTcpRst) != 0);
            REQUIRE(frame.tcp->seq == cookie + 1);
            REQUIRE(frame.tcp->ack == 1001);
        }
    }
    GIVEN("no server at all") {
        story.fleet.set_weight(story.service, at(kServer107, 80), 0);
        story.fleet.set_weight(story.service, at(kServer108, 80), 0);
        const Outcome outcome = story.fleet.send_one(kOutside, ack());
        THEN("the client is reset") {
            REQUIRE(outcome.answered == DropReason::kNoServerAvailable);
            const DecodedFrame frame = decode(outcome.bytes);
            REQUIRE((frame.tcp->flags & kTcpRst) != 0);
            REQUIRE(frame.tcp->seq == cookie + 1);
            REQUIRE(story.connections() == 0);
        }
    }
    GIVEN("a client that begins anew while the server has not answered") {
        require_syn(story.fleet.send_one(kOutside, ack()));
        const uint32_t other = cookie_for(story, 1000);
        require_syn(
            story.fleet.send_one(kOutside, segment(1000, kTcpAck, 1001, other + 1).build()));
        REQUIRE(story.connections() == 1);
    }
}

SCENARIO("timestamps, window scale and SACK across a SYN proxy") {
    Story story(1, SynProxy::kAlways);
    const auto syn_options =
        std::vector<uint8_t>{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3, 3, 5};
    const DecodedFrame answer = decode(
        story.fleet
            .send_one(kOutside, segment(1000, kTcpSyn, 1000, 0).tcp_options(syn_options).build())
            .bytes);
    REQUIRE(answer.tcp->options.size() == 20);
    const auto timestamp_of = [](const DecodedFrame& frame, size_t at) {
        const auto& bytes = frame.tcp->options;
        return uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 |
               uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
    };
    const auto timestamps = [](uint32_t value, uint32_t echo) {
        std::vector<uint8_t> out{1, 1, 8, 10};
        for (const uint32_t number : {value, echo}) {
            for (int shift = 24; shift >= 0; shift -= 8) {
                out.push_back(static_cast<uint8_t>(number >> shift));
            }
        }
        return out;
    };
    const uint32_t ours = timestamp_of(answer, 8);
    const Outcome syn = story.fleet.send_one(kOutside,
                                             segment(1000, kTcpAck, 1001, answer.tcp->seq + 1)
                                                 .tcp_options(timestamps(0x101, ours))
                                                 .build());
    const DecodedFrame to_server = decode(syn.bytes);
    REQUIRE(to_server.tcp->flags == kTcpSyn);
    REQUIRE(to_server.tcp->options.size() == 20);
    REQUIRE(to_server.tcp->options.back() == 5);
    const auto from_real = [&](uint8_t flags, const std::vector<uint8_t>& options) {
        return from_server(to_server.destination_address(), kClient)
            .tcp(80, 1000)
            .tcp_flags(flags)
            .seq(flags == kTcpAck ? 778 : 777)
            .ack(1001)
            .tcp_options(options)
            .build();
    };
    WHEN("the server does all of it") {
        const Outcome update = story.fleet.send_one(
            kInside, from_real(kTcpSyn | kTcpAck, {2,    4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
                                                   0x90, 0, 0, 0,    1, 1, 1, 3,  3, 9}));
        THEN("the client sees the server's timestamps go on from ours") {
            const DecodedFrame frame = decode(update.bytes);
            REQUIRE(frame.tcp->flags == kTcpAck);
            REQUIRE(timestamp_of(frame, 4) == ours);
            const DecodedFrame data = decode(
                story.fleet.send_one(kInside, from_real(kTcpAck, timestamps(0x9005, 0x101))).bytes);
            REQUIRE(timestamp_of(data, 4) == ours + 5);
            const DecodedFrame back =
                decode(story.fleet
                           .send_one(kOutside,
                                     segment(1000, kTcpAck, 1001, answer.tcp->seq + 1)
                                         .tcp_options(timestamps(0x110, ours + 5))
                                         .build())
                           .bytes);
            REQUIRE(timestamp_of(back, 8) == 0x9005);
            REQUIRE(back.tcp->ack == 778);
            const auto made = story.fleet.take_made_frames();
            REQUIRE(made.size() == 1);
            REQUIRE(timestamp_of(decode(made[0].bytes), 8) == 0x9000);
        }
    }
    WHEN("the server knows no timestamps, which the client was promised") {
        const Outcome reset =
            story.fleet.send_one(kInside, from_real(kTcpSyn | kTcpAck, {2, 4, 5, 0xb4}));
        THEN("both are reset") {
            REQUIRE(reset.answered == DropReason::kSynProxyMismatch);
            const DecodedFrame frame = decode(reset.bytes);
            REQUIRE(reset.out_port == kOutside);
            REQUIRE((frame.tcp->flags & kTcpRst) != 0);
            REQUIRE(frame.tcp->seq == answer.tcp->seq + 1);
            const auto made = story.fleet.take_made_frames();
            REQUIRE(made.size() == 1);
            const DecodedFrame other = decode(made[0].bytes);
            REQUIRE(other.tcp->flags == kTcpRst);
            REQUIRE(other.tcp->seq == 1001);
            story.fleet.check_gauges();
        }
    }
}

SCENARIO("a SYN proxy that a flood turns on") {
    const auto workers = GENERATE(uint16_t{1}, uint16_t{2}, uint16_t{4});
    CAPTURE(workers);
    Story story(workers, SynProxy::kUnderAttack);
    uint16_t newcomers = 0;
    const auto require_newcomer_is_served = [&] {
        SimClient& client = story.net.connect(client_at(newcomers++), at(kVip, 80));
        story.net.settle();
        REQUIRE(client.state == SimClient::State::kEstablished);
        client.say("me too");
        story.net.settle();
        REQUIRE(client.heard == client.server() + " me too|");
    };
    require_newcomer_is_served();
    REQUIRE(story.fleet.dropped(DropReason::kSynCookieSent) == 0);

    constexpr uint32_t kSources = 1000000;
    uint64_t most = 0;
    for (uint32_t sent = 0; sent < kSources; sent += dataplane::kBurstMax) {
        FrameBurst burst;
        for (uint32_t i = sent; i < sent + dataplane::kBurstMax; ++i) {
            burst.add(from_client(Ipv4Address::from_host(0xc6330000 + (i & 0xffff)), kVip)
                          .tcp(static_cast<uint16_t>(1024 + (i >> 16)), 80)
                          .tcp_flags(kTcpSyn)
                          .build(),
                      kOutside,
                      64);
        }
        story.fleet.send_in_place(burst.burst());
        story.fleet.clock.advance(std::chrono::microseconds(10));
        if (sent % 40000 == 0) {
            most = std::max(most, story.connections());
            require_newcomer_is_served();
        }
    }
    // A quarter of the table, and who came meanwhile.
    REQUIRE(most <= kTable / 4 + 64 * workers);
    REQUIRE(story.fleet.report().totals.services_under_attack == workers);
    REQUIRE(story.fleet.report().totals.connections_evicted == 0);
    REQUIRE(story.fleet.dropped(DropReason::kSynCookieSent) > kSources - kTable);

    story.fleet.run_for(std::chrono::seconds(90));
    REQUIRE(story.fleet.report().totals.services_under_attack == 0);
    const uint64_t cookies = story.fleet.dropped(DropReason::kSynCookieSent);
    require_newcomer_is_served();
    REQUIRE(story.fleet.dropped(DropReason::kSynCookieSent) == cookies);
    story.fleet.check_gauges();
}

}  // namespace director::test
