// The translation's incremental checksums against whole ones, which PacketBuilder computes the slow
// way: thousands of random packets in both directions, and the corners of one's complement.
#include <fmt/format.h>

#include <gtest/gtest.h>

#include "common/random.h"
#include "tests/support/frame_assertions.h"
#include "tests/support/nat_lab.h"

namespace director::dataplane {
namespace {

using namespace test::nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using test::Frame;
using test::has_good_checksums;
using test::PacketBuilder;
using test::same_frame;
using test::WorkerFleet;

class Rewrite : public ::testing::Test {
  protected:
    Rewrite() {
        configure(fleet_);
        fleet_.put_service(kDns, "rr", {{at(kServer107, 5353)}});
        fleet_.put_service(kHttp, "rr", {{at(kServer108, 8080)}});
        // The clients and their servers know each other.
        open_udp(1000);
        fleet_.send_one(kOutside,
                        from_client(kClient, kVip).tcp(1000, 80).tcp_flags(test::kTcpSyn).build());
    }

    void open_udp(uint16_t port) {
        fleet_.send_one(kOutside, from_client(kClient, kVip).udp(port, 53).build());
    }

    Frame sent(PortId port, const Frame& frame) {
        const test::Outcome outcome = fleet_.send_one(port, frame);
        EXPECT_EQ(outcome.verdict, Verdict::kForward);
        return outcome.bytes;
    }

    WorkerFleet fleet_{{}};
};

TEST_F(Rewrite, RandomPacketsBothWays) {
    const uint64_t seed = 77;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed);
    for (int i = 0; i < 20000; ++i) {
        std::vector<uint8_t> payload(random.below(60));
        for (uint8_t& byte : payload) {
            byte = static_cast<uint8_t>(random.next());
        }
        const bool is_udp = random.below(2) == 0;
        const bool is_to_server = random.below(2) == 0;
        const uint8_t ttl = static_cast<uint8_t>(2 + random.below(254));
        const uint16_t id = static_cast<uint16_t>(random.next());
        const uint32_t seq = static_cast<uint32_t>(random.next());
        const auto finish =
            [&](PacketBuilder builder, uint16_t from, uint16_t to, uint8_t its_ttl) {
                builder.ttl(its_ttl).ip_id(id);
                is_udp ? builder.udp(from, to) : builder.tcp(from, to).seq(seq).ack(~seq);
                return builder.payload(payload).build();
            };
        const Ipv4Address server = is_udp ? kServer107 : kServer108;
        const uint16_t service_port = is_udp ? 53 : 80;
        const uint16_t server_port = is_udp ? 5353 : 8080;
        const uint8_t less = static_cast<uint8_t>(ttl - 1);
        if (is_to_server) {
            const Frame in = finish(from_client(kClient, kVip), 1000, service_port, ttl);
            const Frame out = finish(to_server(kClient, server), 1000, server_port, less);
            ASSERT_TRUE(same_frame(out, sent(kOutside, in)));
        } else {
            const Frame in = finish(from_server(server, kClient), server_port, 1000, ttl);
            const Frame out = finish(to_client(kVip, kClient), service_port, 1000, less);
            ASSERT_TRUE(same_frame(out, sent(kInside, in)));
        }
    }
}

[[nodiscard]] uint16_t udp_checksum(const Frame& frame) {
    return test::decode(frame).udp->checksum;
}

// RFC 768: a checksum that computes to 0 is sent as 0xffff, for 0 says that there is none. Every
// two-byte payload is tried, so that the corner is met in both directions.
TEST_F(Rewrite, UdpChecksumOfZeroIsSentAsAllOnes) {
    int met = 0;
    for (uint32_t word = 0; word <= 0xffff; ++word) {
        const std::vector<uint8_t> payload{static_cast<uint8_t>(word >> 8),
                                           static_cast<uint8_t>(word)};
        const Frame towards_server =
            to_server(kClient, kServer107).udp(1000, 5353).payload(payload).build();
        const Frame towards_client =
            to_client(kVip, kClient).udp(53, 1000).payload(payload).build();
        if (udp_checksum(towards_server) == 0xffff) {
            ++met;
            const Frame in = from_client(kClient, kVip).udp(1000, 53).payload(payload).build();
            EXPECT_TRUE(same_frame(towards_server, sent(kOutside, in)));
        }
        if (udp_checksum(towards_client) == 0xffff) {
            ++met;
            const Frame in =
                from_server(kServer107, kClient).udp(5353, 1000).payload(payload).build();
            EXPECT_TRUE(same_frame(towards_client, sent(kInside, in)));
        }
        // And from it.
        const Frame in = from_client(kClient, kVip).udp(1000, 53).payload(payload).build();
        if (udp_checksum(in) == 0xffff) {
            ++met;
            EXPECT_TRUE(same_frame(towards_server, sent(kOutside, in)));
        }
    }
    EXPECT_GE(met, 3);
}

TEST_F(Rewrite, NoUdpChecksumStaysNone) {
    const Frame there =
        sent(kOutside,
             from_client(kClient, kVip).udp(1000, 53).no_udp_checksum().payload("quiet").build());
    EXPECT_EQ(udp_checksum(there), 0);
    const Frame back = sent(kInside,
                            from_server(kServer107, kClient)
                                .udp(5353, 1000)
                                .no_udp_checksum()
                                .payload("quiet")
                                .build());
    EXPECT_EQ(udp_checksum(back), 0);
    EXPECT_TRUE(has_good_checksums(back));
}

TEST_F(Rewrite, BytesBehindTheIpPacketAreNotTouched) {
    Frame in = from_client(kClient, kVip).tcp(1000, 80).build();
    in.insert(in.end(), {0xde, 0xad, 0xbe, 0xef, 0x01, 0x02});
    const Frame out = sent(kOutside, in);
    EXPECT_TRUE(std::equal(in.end() - 6, in.end(), out.end() - 6, out.end()));
}

// A server that is its own virtual address's twin: nothing of the addresses changes, and neither
// does a checksum of all ones.
TEST_F(Rewrite, TranslationToTheSameEndpointLeavesChecksums) {
    const ServiceKey on_server{kServer107, Be16::from_host(4000), Protocol::kUdp};
    fleet_.put_service(on_server, "rr", {{at(kServer107, 4000)}});
    int met = 0;
    for (uint32_t word = 0; word <= 0xffff; ++word) {
        const std::vector<uint8_t> payload{static_cast<uint8_t>(word >> 8),
                                           static_cast<uint8_t>(word)};
        const Frame in = from_client(kClient, kServer107).udp(1000, 4000).payload(payload).build();
        if (word % 4096 == 0 || udp_checksum(in) == 0xffff) {
            met += udp_checksum(in) == 0xffff ? 1 : 0;
            EXPECT_TRUE(
                same_frame(to_server(kClient, kServer107).udp(1000, 4000).payload(payload).build(),
                           sent(kOutside, in)));
        }
    }
    EXPECT_EQ(met, 1);
}

}  // namespace
}  // namespace director::dataplane
