// Random valid packets of every kind through real workers, by every forwarding method, in both
// directions: what comes out equals to the byte a frame that is built anew from a plain description
// of the packet. And translation followed by its reverse is the identity.
//
// Each case prints its seed. A case again: oracle_test --gtest_filter='*Seed7*'.
#include <fmt/format.h>

#include <gtest/gtest.h>

#include "dataplane/core/shard.h"
#include "tests/support/frame_assertions.h"
#include "tests/support/packet_pieces.h"
#include "tests/unit/oracle/oracle_lab.h"

namespace director::test::oracle {
namespace {

using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test

// One client's connection, as far as it is known from outside the director.
struct Connection {
    const Story* story = nullptr;
    uint16_t client_link = 0;
    Endpoint client;
    Endpoint inside_client;  // full NAT: learned from the first packet
    bool is_learned = false;
};

[[nodiscard]] bool is_translated(const Story& story) {
    return story.method == ForwardingMethod::kNat || story.method == ForwardingMethod::kFullNat;
}

// The frame as its receiver would send it back: the ends change places, no checksum changes, since
// sums do not care for order.
[[nodiscard]] Frame sent_back(Frame frame) {
    const DecodedFrame decoded = decode(frame);
    const auto swap = [&](size_t first, size_t second, size_t count) {
        for (size_t i = 0; i < count; ++i) {
            std::swap(frame.at(first + i), frame.at(second + i));
        }
    };
    const size_t l3 = 14 + 4 * decoded.ethernet->vlans.size();
    const size_t l4 = l3 + decoded.ip_header_bytes();
    swap(0, 6, 6);
    decoded.ipv4 ? swap(l3 + 12, l3 + 16, 4) : swap(l3 + 8, l3 + 24, 16);
    swap(l4, l4 + 2, 2);
    return frame;
}

class RewriteOracle : public ::testing::TestWithParam<uint64_t> {
  protected:
    RewriteOracle()
        : random_(GetParam()),
          settings_{.workers = static_cast<uint16_t>(1 + random_.below(3)),
                    .decrements_ttl = random_.below(2) == 0},
          lab_(settings_) {}

    // Without the hop that it takes, what a server sends back unchanged comes back unchanged.
    void expect_identity(const Story& story) {
        OracleLab lab({.workers = settings_.workers, .decrements_ttl = false});
        const uint16_t link = static_cast<uint16_t>(random_.below(kLinks));
        const Ends ends{OracleLab::client(random_, story.outside, link), story.service};
        for (const Moment moment : {Moment::kFirst, Moment::kLater, Moment::kLater}) {
            const Content content =
                random_content(random_, story.protocol, story.outside, moment, 1200);
            const Frame in = builder(OracleLab::to_director(kOutside, link), ends, content).build();
            SCOPED_TRACE(summary(in));
            const Outcome there = lab.fleet().send_one(kOutside, in);
            ASSERT_EQ(there.verdict, Verdict::kForward);
            const Outcome back = lab.fleet().send_one(kInside, sent_back(there.bytes));
            ASSERT_EQ(back.verdict, Verdict::kForward);
            EXPECT_TRUE(same_frame(in, sent_back(back.bytes)));
        }
    }

    [[nodiscard]] const std::vector<Story>& stories() const { return lab_.stories(); }

    void run(int rounds) {
        for (int round = 0; round < rounds && !HasFailure(); ++round) {
            for (const Story& story : lab_.stories()) {
                SCOPED_TRACE(fmt::format(
                    "seed {} round {} service {}", GetParam(), round, to_string(story.service)));
                tell(story);
                if (HasFailure()) {
                    return;
                }
            }
        }
    }

  private:
    void tell(const Story& story) {
        Connection connection;
        connection.story = &story;
        connection.client_link = static_cast<uint16_t>(random_.below(kLinks));
        connection.client = OracleLab::client(random_, story.outside, connection.client_link);
        client_says(connection, Moment::kFirst);
        for (int i = 0; i < 4 && !HasFailure(); ++i) {
            if (is_translated(story) && random_.below(2) == 0) {
                server_says(connection);
            } else {
                client_says(connection, Moment::kLater);
            }
        }
        if (is_translated(story) && !HasFailure()) {
            client_hears_of_an_error(connection);
        }
    }

    [[nodiscard]] uint8_t ttl_after(const Story& story, uint8_t ttl) const {
        const bool takes_one =
            settings_.decrements_ttl && story.method != ForwardingMethod::kDirect;
        return static_cast<uint8_t>(ttl - (takes_one ? 1 : 0));
    }

    [[nodiscard]] Outcome send(PortId port, const Frame& frame) {
        FrameIn in{.port = port, .bytes = frame};
        // What the port says of checksums makes no difference; nor does where the frame is cut, as
        // long as the headers are in the first piece (which FrameBurst cannot cut).
        if (random_.below(3) == 0) {
            in.touch = [](Packet& packet) {
                packet.ip_checksum = ChecksumCheck::kGood;
                packet.l4_checksum = ChecksumCheck::kGood;
            };
        }
        return lab_.fleet().send({&in, 1})[0];
    }

    // What comes behind the IP packet (short frames are padded: IEEE 802.3 clause 3.2.7) goes on as
    // it came.
    [[nodiscard]] Frame padding() {
        return Frame(random_.below(4) == 0 ? random_.below(40) : 0, 0);
    }
    [[nodiscard]] static Frame with(Frame frame, const Frame& padding) {
        for (const uint8_t byte : padding) {
            frame.push_back(byte);
        }
        return frame;
    }

    void client_says(Connection& connection, Moment moment) {
        const Story& story = *connection.story;
        const Content content =
            random_content(random_, story.protocol, story.outside, moment, 1200);
        const Ends ends{connection.client, story.service};
        const Frame behind = padding();
        const Link from = OracleLab::to_director(kOutside, connection.client_link);
        const Frame in = with(builder(from, ends, content).build(), behind);
        SCOPED_TRACE("client says " + summary(in));
        const Outcome outcome = send(kOutside, in);
        if (story.method == ForwardingMethod::kLocal) {
            EXPECT_EQ(outcome.verdict, Verdict::kPunt);
            EXPECT_TRUE(same_frame(in, outcome.bytes));
            return;
        }
        ASSERT_EQ(outcome.verdict, Verdict::kForward) << to_string(outcome.drop_reason);
        ASSERT_EQ(outcome.out_port, kInside);
        learn(connection, outcome);
        EXPECT_TRUE(
            same_frame(with(expected_inside(connection, content, outcome), behind), outcome.bytes));
    }

    // Full NAT's local end cannot be foretold, only checked: of the pool, a port whose replies come
    // to the same worker, and the same for the whole connection.
    void learn(Connection& connection, const Outcome& outcome) {
        if (connection.is_learned) {
            return;
        }
        connection.is_learned = true;
        connection.inside_client = connection.client;
        if (connection.story->method == ForwardingMethod::kFullNat) {
            connection.inside_client = decode(outcome.bytes).source();
            EXPECT_TRUE(OracleLab::is_local_address(connection.inside_client.address));
            EXPECT_EQ(owner_of(connection.inside_client, lab_.fleet().workers()), outcome.worker);
        }
    }

    [[nodiscard]] Frame expected_inside(const Connection& connection,
                                        Content content,
                                        const Outcome& outcome) {
        const Story& story = *connection.story;
        const Link link = OracleLab::from_director(kInside, story.server_link);
        content.ttl = ttl_after(story, content.ttl);
        Ends ends{connection.client, story.service};
        if (is_translated(story)) {
            ends = {connection.inside_client, story.server};
            if (story.inside != story.outside) {
                content = converted(content, story.inside);
            }
        }
        if (story.method == ForwardingMethod::kTunnel) {
            return in_tunnel(link, story, content, builder(link, ends, content).build(), outcome);
        }
        return builder(link, ends, content).build();
    }

    // The flow's entropy (GUE's source port, an outer IPv6 header's flow label) and an IPv4
    // identification that counts are the director's to choose: taken from what it sent.
    [[nodiscard]] Frame in_tunnel(const Link& link,
                                  const Story& story,
                                  const Content& content,
                                  const Frame& inner_frame,
                                  const Outcome& outcome) {
        const DecodedFrame sent = decode(outcome.bytes);
        const Frame inner = ip_packet_of(inner_frame);
        const bool is_inner_ipv4 = story.outside == Family::kIpv4;
        const bool forbids_fragments = is_inner_ipv4 && content.dont_fragment;
        PacketBuilder out = on_link(link);
        out.ip(OracleLab::own_address(story.server_link, story.inside), story.server.address);
        out.ttl(content.ttl).tos(content.tos);
        if (forbids_fragments) {
            out.dont_fragment();
        } else if (sent.ipv4) {
            out.ip_id(sent.ipv4->id);
        }
        if (sent.ipv6) {
            out.flow_label(sent.ipv6->flow_label);
        }
        const uint8_t protocol = is_inner_ipv4 ? 4 : 41;
        switch (story.tunnel.kind) {
            case TunnelKind::kIpIp:
                return out.ip_protocol(protocol).payload(inner).build();
            case TunnelKind::kGre: {
                const GreChecksum checksum = story.tunnel.checksum == TunnelChecksum::kFull
                                                 ? GreChecksum::kThere
                                                 : GreChecksum::kNone;
                const uint16_t type = is_inner_ipv4 ? 0x0800 : 0x86dd;
                return out.ip_protocol(47).payload(gre_of(type, inner, checksum)).build();
            }
            case TunnelKind::kGue:
                break;
        }
        EXPECT_TRUE(sent.udp && sent.udp->source_port >= 49152);
        out.udp(sent.udp ? sent.udp->source_port : uint16_t{0}, kGuePort);
        if (story.tunnel.checksum == TunnelChecksum::kNone) {
            out.no_udp_checksum();
        }
        return out.payload(gue_of(protocol, inner)).build();
    }

    void server_says(const Connection& connection) {
        const Story& story = *connection.story;
        Content content =
            random_content(random_, story.protocol, story.inside, Moment::kLater, 1200);
        const Ends ends{story.server, connection.inside_client};
        const Frame behind = padding();
        const Link from = OracleLab::to_director(kInside, story.server_link);
        const Frame in = with(builder(from, ends, content).build(), behind);
        SCOPED_TRACE("server says " + summary(in));
        const Outcome outcome = send(kInside, in);
        ASSERT_EQ(outcome.verdict, Verdict::kForward) << to_string(outcome.drop_reason);
        ASSERT_EQ(outcome.out_port, kOutside);
        EXPECT_FALSE(outcome.was_handed_over && story.method == ForwardingMethod::kFullNat &&
                     lab_.fleet().workers() == 1);
        content.ttl = ttl_after(story, content.ttl);
        if (story.inside != story.outside) {
            content = converted(content, story.outside);
        }
        const Link link = OracleLab::from_director(kOutside, connection.client_link);
        const Ends shown{story.service, connection.client};
        EXPECT_TRUE(same_frame(with(builder(link, shown, content).build(), behind), outcome.bytes));
    }

    // A router on the servers' side cannot send on what a server answered: "too big", quoting a
    // packet from the server's side. And one on the clients' side about what the client is sent.
    void client_hears_of_an_error(const Connection& connection) {
        const Story& story = *connection.story;
        if (story.inside != story.outside) {
            return;  // another ICMP altogether: icmp_translate's own tests
        }
        const Content quoted =
            random_content(random_, story.protocol, story.outside, Moment::kLater, 1200);
        const bool is_ipv4 = story.outside == Family::kIpv4;
        const auto error = [&](const Link& link,
                               const IpAddress& from,
                               const IpAddress& to,
                               const Ends& ends,
                               uint8_t ttl) {
            const Frame about = ip_packet_of(builder(link, ends, quoted).build());
            PacketBuilder out = on_link(link);
            return out.ip(from, to)
                .ttl(ttl)
                .icmp(is_ipv4 ? 3 : 2, is_ipv4 ? 4 : 0, 1280)
                .payload(about)
                .build();
        };
        const Frame in = error(OracleLab::to_director(kInside, story.server_link),
                               OracleLab::own_address(2, story.inside),
                               connection.inside_client.address,
                               {connection.inside_client, story.server},
                               64);
        SCOPED_TRACE("a router says " + summary(in));
        const Outcome outcome = send(kInside, in);
        ASSERT_EQ(outcome.verdict, Verdict::kForward) << to_string(outcome.drop_reason);
        EXPECT_TRUE(same_frame(error(OracleLab::from_director(kOutside, connection.client_link),
                                     story.service.address,
                                     connection.client.address,
                                     {connection.client, story.service},
                                     ttl_after(story, 64)),
                               outcome.bytes));
    }

    Random random_;
    LabSettings settings_;
    OracleLab lab_;
};

TEST_P(RewriteOracle, EveryFrameIsWhatIsBuiltAnew) {
    run(6);
}

TEST_P(RewriteOracle, ThereAndBackIsTheIdentity) {
    for (const Story& story : stories()) {
        if (is_translated(story) && story.inside == story.outside &&
            story.protocol != Protocol::kSctp) {
            SCOPED_TRACE(fmt::format("seed {} service {}", GetParam(), to_string(story.service)));
            expect_identity(story);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Seed,
                         RewriteOracle,
                         ::testing::Range(uint64_t{1}, uint64_t{13}),
                         [](const auto& tested) { return fmt::format("Seed{}", tested.param); });

}  // namespace
}  // namespace director::test::oracle
