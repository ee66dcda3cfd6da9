// Mirrored packets, added up by service and real server: made frames at times of the test's own.
#include "controlplane/daemon/watch_health.h"

#include <gmock/gmock.h>

#include "tests/support/packet_builder.h"

namespace director::daemon {
namespace {

using dataplane::RealServerId;
using dataplane::ServiceId;
using diagnostics::kMillisecond;
using diagnostics::kSecond;
using test::kTcpAck;
using test::kTcpFin;
using test::kTcpRst;
using test::kTcpSyn;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr ServiceId kWeb{3};
constexpr RealServerId kFirst{7};
constexpr RealServerId kSecondServer{8};

// Clients' side of a director, in front of a watch.
class Side {
  public:
    struct Segment {
        uint8_t flags = kTcpAck;
        uint32_t seq = 0;
        uint32_t ack = 0;
        size_t bytes = 0;
        uint16_t window = 8192;
    };

    explicit Side(WatchServers& watch) : watch_(watch) { watch_.turn(now_ns_); }

    void pass(int64_t ns) {
        now_ns_ += ns;
        watch_.turn(now_ns_);
    }
    void client(uint16_t port, RealServerId server, const Segment& segment) {
        see(true, port, server, segment);
    }
    void server(uint16_t port, RealServerId server, const Segment& segment) {
        see(false, port, server, segment);
    }
    // A handshake with 30 ms to the client and 1 ms to the server, an answer, and the end.
    void connection(uint16_t port, RealServerId to) {
        client(port, to, {kTcpSyn, 100, 0});
        pass(kMillisecond);
        server(port, to, {kTcpSyn | kTcpAck, 500, 101});
        pass(30 * kMillisecond);
        client(port, to, {kTcpAck, 101, 501});
        client(port, to, {kTcpAck, 101, 501, 100});
        pass(kMillisecond);
        server(port, to, {kTcpAck, 501, 201, 1000});
        pass(30 * kMillisecond);
        client(port, to, {kTcpAck | kTcpFin, 201, 1501});
        server(port, to, {kTcpAck | kTcpFin, 1501, 202});
        client(port, to, {kTcpAck, 202, 1502});
    }
    [[nodiscard]] int64_t now_ns() const { return now_ns_; }

  private:
    void see(bool is_from_client, uint16_t port, RealServerId server, const Segment& segment) {
        const char* const client = "192.0.2.77";
        const char* const service = "198.51.100.1";
        const test::Frame frame =
            test::PacketBuilder()
                .ipv4(is_from_client ? client : service, is_from_client ? service : client)
                .tcp(is_from_client ? port : uint16_t{80}, is_from_client ? uint16_t{80} : port)
                .tcp_flags(segment.flags)
                .seq(segment.seq)
                .ack(segment.ack)
                .window(segment.window)
                .payload_size(segment.bytes)
                .build();
        dataplane::io::MirroredPacket packet;
        packet.record.service = kWeb;
        packet.record.server = server;
        packet.record.flags =
            dataplane::kMirrorOfService |
            (is_from_client ? dataplane::kMirrorFromClient | dataplane::kMirrorArrival
                            : int{dataplane::kMirrorDeparture});
        (is_from_client ? packet.in : packet.out) = frame;
        (is_from_client ? packet.record.wire_in_bytes : packet.record.wire_out_bytes) =
            static_cast<uint16_t>(frame.size());
        watch_.see(packet, 0, now_ns_);
    }

    WatchServers& watch_;
    int64_t now_ns_ = 1'700'000'000 * kSecond;
};

class HealthAlways : public testing::Test {
  protected:
    void use(size_t flows_max) {
        watch_.emplace(uint8_t{0}, flows_max, [this](HealthStep step) {
            last_ = step;
            ++steps_;
            evicted_ += step.flows_evicted;
            for (const ServerHealth& server : step.servers) {
                EXPECT_EQ(server.service, kWeb);
                all_[index(server.server)].add(server.facts);
            }
        });
        side_.emplace(*watch_);
    }

    std::optional<WatchHealthAlways> watch_;
    std::optional<Side> side_;
    std::map<uint32_t, diagnostics::ServerFacts> all_;
    HealthStep last_;
    uint64_t steps_ = 0;
    uint64_t evicted_ = 0;
};

TEST_F(HealthAlways, AddsUpByServerOnBothSides) {
    use(1000);
    for (uint16_t port = 1000; port < 1010; ++port) {
        side_->connection(port, port % 2 == 0 ? kFirst : kSecondServer);
    }
    side_->pass(kHealthStepNs + 2 * kSecond);
    EXPECT_EQ(steps_, 1U);
    ASSERT_THAT(all_, SizeIs(2));
    const diagnostics::ServerFacts& facts = all_[index(kFirst)];
    EXPECT_EQ(facts.opened, 5U);
    EXPECT_EQ(facts.unanswered + facts.unfinished + facts.scans, 0U);
    EXPECT_EQ(facts.client.packets, 5U * 5);
    EXPECT_EQ(facts.server.packets, 5U * 3);
    EXPECT_NEAR(facts.client.trips.max_s, 0.030, 0.002);
    EXPECT_NEAR(facts.server.trips.max_s, 0.001, 0.0005);
    EXPECT_THAT(last_.verdicts, IsEmpty());
    EXPECT_EQ(last_.flows, 0U);
}

// What makes months possible: what is over has left nothing behind.
TEST_F(HealthAlways, ForgetsTheOwnersOfFlowsWithThem) {
    use(64);
    for (uint32_t round = 0; round < 4'000; ++round) {
        side_->connection(static_cast<uint16_t>(1000 + round % 50'000), kFirst);
        ASSERT_LE(watch_->owners(), 64U);
    }
    EXPECT_GT(watch_->owners(), 0U);
    side_->pass(kHealthStepNs + 2 * kSecond);
    EXPECT_EQ(watch_->owners(), 0U);
    EXPECT_EQ(all_[index(kFirst)].opened, 4'000U);
}

// A flow that gives way is counted, and its owner goes with it.
TEST_F(HealthAlways, SaysForHowManyFlowsThereWasNoPlace) {
    use(8);
    for (uint16_t port = 1000; port < 1100; ++port) {
        side_->client(port, kFirst, {kTcpSyn, 100, 0});
        ASSERT_LE(watch_->owners(), 8U);
    }
    side_->pass(2 * kHealthStepNs);
    EXPECT_EQ(evicted_, 92U);
    EXPECT_EQ(all_[index(kFirst)].opened, 100U);
    // Those that had a second for their answer.
    EXPECT_EQ(all_[index(kFirst)].unanswered, 8U);
    EXPECT_EQ(watch_->owners(), 0U);
}

// The same addresses and ports again, at once, by another server: each has its own.
TEST_F(HealthAlways, AConnectionAfterTheOtherBelongsToItsOwnServer) {
    use(1000);
    side_->connection(1000, kFirst);
    side_->client(1000, kSecondServer, {kTcpSyn, 70'000, 0});
    side_->pass(kMillisecond);
    side_->server(1000, kSecondServer, {kTcpAck | kTcpRst, 0, 70'001});
    side_->pass(kHealthStepNs + 2 * kSecond);
    EXPECT_EQ(all_[index(kFirst)].server.resets, 0U);
    EXPECT_EQ(all_[index(kSecondServer)].server.resets, 1U);
    EXPECT_EQ(all_[index(kSecondServer)].opened, 1U);
}

TEST_F(HealthAlways, HearsOfALongConnectionWhileItLasts) {
    use(1000);
    side_->client(1000, kFirst, {kTcpSyn, 100, 0});
    side_->server(1000, kFirst, {kTcpSyn | kTcpAck, 500, 101});
    side_->client(1000, kFirst, {kTcpAck, 101, 501});
    for (uint32_t i = 0; i < 35; ++i) {
        side_->pass(kSecond);
        side_->server(1000, kFirst, {kTcpAck, 501 + i * 100, 101, 100});
        if (i % 5 == 0) {
            side_->pass(300 * kMillisecond);
            side_->server(1000, kFirst, {kTcpAck, 501 + i * 100, 101, 100});  // again
        }
        side_->client(1000, kFirst, {kTcpAck, 101, 601 + i * 100});
    }
    const diagnostics::ServerFacts& facts = all_[index(kFirst)];
    EXPECT_EQ(facts.opened, 1U);
    EXPECT_GE(facts.server.packets, 20U);
    EXPECT_GE(facts.server.data_packets_again, 4U);
    EXPECT_EQ(facts.client.data_packets_again, 0U);
    EXPECT_EQ(watch_->owners(), 1U);
}

TEST_F(HealthAlways, AVerdictIsOfTheLastMinute) {
    use(1000);
    side_->client(1000, kFirst, {kTcpSyn, 100, 0});
    side_->server(1000, kFirst, {kTcpSyn | kTcpAck, 500, 101});
    side_->client(1000, kFirst, {kTcpAck, 101, 501});
    for (uint32_t i = 0; i < 5; ++i) {
        side_->client(1000, kFirst, {kTcpAck, 101, 501, 10});
        side_->server(1000, kFirst, {kTcpAck, 501, 111, 0, 0});
    }
    side_->pass(kHealthStepNs);
    side_->pass(kHealthStepNs);
    ASSERT_THAT(last_.verdicts, SizeIs(1));
    EXPECT_THAT(last_.verdicts[0].text, HasSubstr("zero window 5 times in 20 s"));
    for (int i = 0; i < 4; ++i) {
        side_->pass(kHealthStepNs);
        EXPECT_THAT(last_.verdicts, SizeIs(1));
    }
    EXPECT_NEAR(last_.observed_s, 60, 0.1);
    side_->pass(kHealthStepNs);
    side_->pass(kHealthStepNs);
    EXPECT_THAT(last_.verdicts, IsEmpty());
    EXPECT_NEAR(last_.observed_s, 60, 0.1);
}

TEST_F(HealthAlways, HandsOverWhatIsLeftWhenItEnds) {
    use(1000);
    side_->client(1000, kFirst, {kTcpSyn, 100, 0});
    EXPECT_FALSE(watch_->is_over(side_->now_ns()));
    watch_->stop();
    EXPECT_TRUE(watch_->is_over(side_->now_ns()));
    watch_->finish(side_->now_ns(), {});
    EXPECT_EQ(all_[index(kFirst)].opened, 1U);
    EXPECT_TRUE(watch_->is_done());
}

TEST(HealthOnce, TellsOfItsTimeAndOfFlowsThatGoOn) {
    std::optional<HealthReport> report;
    WatchHealth watch(0, {}, 5 * kSecond, [&](HealthReport told) { report = std::move(told); });
    auto names = std::make_shared<WatchNames>();
    names->services[index(kWeb)] = "tcp 198.51.100.1:80";
    names->servers[index(kFirst)] = "10.0.0.1:80";
    watch.set_names(names);
    Side side(watch);
    side.connection(1000, kFirst);
    side.client(1001, kFirst, {kTcpSyn, 100, 0});
    side.pass(5 * kSecond);
    ASSERT_TRUE(watch.is_over(side.now_ns()));
    watch.finish(side.now_ns(), {});
    ASSERT_TRUE(report);
    ASSERT_THAT(report->servers, SizeIs(1));
    EXPECT_EQ(report->servers[0].service, "tcp 198.51.100.1:80");
    EXPECT_EQ(report->servers[0].server, "10.0.0.1:80");
    EXPECT_EQ(report->servers[0].facts.opened, 2U);
    EXPECT_EQ(report->servers[0].facts.unanswered, 1U);
    EXPECT_EQ(report->packets, 9U);
    EXPECT_EQ(watch.owners(), 0U);
}

}  // namespace
}  // namespace director::daemon
