// What a worker tells of packets is what came and what left, bit by bit: the frames that a test
// sends and gets back are compared with the records. Also who is told of: taps' conditions,
// samples, limits, and what did not fit into the ring.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "common/random.h"
#include "tests/support/mirror_ring.h"
#include "tests/support/nat_lab.h"

namespace director::dataplane {
namespace {

using namespace test::nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using test::Frame;
using test::kTcpAck;
using test::kTcpSyn;
using test::MirrorRing;
using test::Outcome;
using test::WorkerFleet;
using Record = MirrorRing::Record;

constexpr uint32_t kRingSlots = 4096;

class MirrorTest : public testing::Test {
  protected:
    explicit MirrorTest(uint32_t slots = kRingSlots) : ring(slots), fleet(settings(ring)) {
        configure(fleet);
        give_addresses(fleet);
        fleet.put_service(kHttp, "rr", {{.endpoint = at(kServer107, 80)}});
        fleet.put_service({kVip6, Be16::from_host(80), Protocol::kTcp},
                          "rr",
                          {{.endpoint = at(kServer107v6, 80)}});
        fleet.put_service(kDns, "rr", {{.endpoint = at(kServer108, 53)}});
    }

    static test::FleetSettings settings(MirrorRing& ring) {
        test::FleetSettings settings;
        settings.worker.mirror = ring.sink();
        settings.tailroom_bytes = 256;
        return settings;
    }

    void set_tap(MirrorTap tap, uint8_t number = 0) {
        tap.is_on = true;
        TapJob job;
        job.number = number;
        job.tap = tap;
        fleet.run(0, job);
    }

    // What became of a frame, and the one record about it.
    struct Told {
        Frame sent;
        Outcome outcome;
        Record record;
    };
    Told tell(PortId port, const Frame& frame) {
        const Outcome outcome = fleet.send_one(port, frame);
        const std::vector<Record> records = ring.take();
        EXPECT_EQ(records.size(), 1U);
        return {frame, outcome, records.empty() ? Record{} : records.front()};
    }

    static Frame request(uint8_t flags, size_t payload = 0, uint16_t port = 1100) {
        return from_client(kClient, kVip)
            .tcp(port, 80)
            .tcp_flags(flags)
            .payload_size(payload)
            .build();
    }
    static Frame reply(uint8_t flags, size_t payload = 0, uint16_t port = 1100) {
        return from_server(kServer107, kClient)
            .tcp(80, port)
            .tcp_flags(flags)
            .payload_size(payload)
            .build();
    }

    MirrorRing ring;
    WorkerFleet fleet;
};

void expect_kept(const std::vector<uint8_t>& kept, const Frame& frame, size_t bytes) {
    ASSERT_EQ(kept.size(), std::min(bytes, frame.size()));
    EXPECT_TRUE(std::equal(kept.begin(), kept.end(), frame.begin()));
}

constexpr size_t kTcpHeaders = 54;

TEST_F(MirrorTest, TellsNothingWithoutATap) {
    (void)fleet.send_one(kOutside, request(kTcpSyn));
    EXPECT_TRUE(ring.take().empty());
}

TEST_F(MirrorTest, TellsBothSidesOfEachPacketOfAConnection) {
    set_tap({});
    const Told syn = tell(kOutside, request(kTcpSyn));
    const Told syn_ack = tell(kInside, reply(kTcpSyn | kTcpAck));
    const Told data = tell(kOutside, request(kTcpAck, 300));
    const Told answer = tell(kInside, reply(kTcpAck, 500));
    for (const Told& told : {syn, syn_ack, data, answer}) {
        ASSERT_EQ(told.outcome.verdict, Verdict::kForward);
        const MirrorRecord& head = told.record.head;
        EXPECT_EQ(head.outcome, MirrorOutcome::kForwarded);
        EXPECT_EQ(head.in_port, index(told.outcome.in_port));
        EXPECT_EQ(head.out_port, index(told.outcome.out_port));
        EXPECT_EQ(head.wire_in_bytes, told.sent.size());
        EXPECT_EQ(head.wire_out_bytes, told.outcome.bytes.size());
        EXPECT_TRUE(head.has(kMirrorOfService));
        EXPECT_EQ(head.service, fleet.service_id(kHttp));
        EXPECT_EQ(head.server, fleet.server_id(head.service, at(kServer107, 80)));
        EXPECT_EQ(head.connection, syn.record.head.connection);
        EXPECT_EQ(head.time_ns, fleet.clock.now().time_since_epoch().count());
        expect_kept(told.record.in, told.sent, kTcpHeaders);
        expect_kept(told.record.out, told.outcome.bytes, kTcpHeaders);
    }
    EXPECT_NE(syn.record.head.connection, kNoMirroredConnection);
    EXPECT_TRUE(syn.record.head.has(kMirrorFromClient));
    EXPECT_FALSE(answer.record.head.has(kMirrorFromClient));
    // Of the usual packet, only what left is copied.
    EXPECT_EQ(data.record.head.kept_in_bytes, 0);
}

TEST_F(MirrorTest, KeepsWholePacketsIfAsked) {
    set_tap({.snap_bytes = 9000});
    for (const Told& told : {tell(kOutside, request(kTcpSyn)),
                             tell(kOutside, request(kTcpAck, 700)),
                             tell(kInside, reply(kTcpAck, 1400))}) {
        expect_kept(told.record.in, told.sent, told.sent.size());
        expect_kept(told.record.out, told.outcome.bytes, told.outcome.bytes.size());
    }
    set_tap({.snap_bytes = 200});
    const Told cut = tell(kOutside, request(kTcpAck, 700));
    expect_kept(cut.record.in, cut.sent, 200);
    EXPECT_EQ(cut.record.head.wire_in_bytes, cut.sent.size());
}

TEST_F(MirrorTest, TellsOfIpv6AndOfUdp) {
    set_tap({});
    const Frame syn = from_client(kClient6, kVip6).tcp(1100, 80).tcp_flags(kTcpSyn).build();
    const Frame ack = from_client(kClient6, kVip6).tcp(1100, 80).tcp_flags(kTcpAck).build();
    const Frame query = from_client(kClient, kVip).udp(1100, 53).build();
    for (const Frame& frame : {syn, ack, query, query}) {
        const Told told = tell(kOutside, frame);
        ASSERT_EQ(told.outcome.verdict, Verdict::kForward);
        expect_kept(told.record.in, told.sent, told.record.in.size());
        expect_kept(told.record.out, told.outcome.bytes, told.record.out.size());
        EXPECT_GE(told.record.in.size(), 42U);
    }
}

// Wrong checksums come out as wrong as they went in, so they are told so.
TEST_F(MirrorTest, TellsOfWrongChecksumsAsTheyAre) {
    set_tap({});
    (void)tell(kOutside, request(kTcpSyn));
    Frame broken = request(kTcpAck, 10);
    broken[50] ^= 0x55;  // of TCP's checksum
    const Told told = tell(kOutside, broken);
    ASSERT_EQ(told.outcome.verdict, Verdict::kForward);
    expect_kept(told.record.in, told.sent, kTcpHeaders);
}

TEST_F(MirrorTest, TellsWhyAPacketWasDropped) {
    set_tap({});
    Frame bad = request(kTcpSyn);
    bad[24] ^= 0xff;  // IP checksum
    const Told told = tell(kOutside, bad);
    EXPECT_EQ(told.record.head.outcome, MirrorOutcome::kDropped);
    EXPECT_EQ(told.record.head.reason, DropReason::kBadIpChecksum);
    EXPECT_TRUE(told.record.out.empty());
    expect_kept(told.record.in, told.sent, told.sent.size());
}

// The frame has become the answer: what came is told all the same.
TEST_F(MirrorTest, TellsWhatWasAnsweredAndTheAnswer) {
    fleet.put_service(kHttp, "rr", {});
    set_tap({});
    const Told told = tell(kOutside, request(kTcpSyn));
    EXPECT_EQ(told.record.head.outcome, MirrorOutcome::kAnswered);
    EXPECT_EQ(told.record.head.reason, DropReason::kNoServerAvailable);
    expect_kept(told.record.in, told.sent, kTcpHeaders);
    expect_kept(told.record.out, told.outcome.bytes, kMirroredHeaderBytes);
    EXPECT_EQ(told.record.head.out_port, index(kOutside));
}

// Its time to live ends here, after it was known to be of a connection.
TEST_F(MirrorTest, TellsWhatAConnectionsPacketWasBeforeItsAnswer) {
    set_tap({});
    (void)tell(kOutside, request(kTcpSyn));
    const Frame last = from_client(kClient, kVip).ttl(1).tcp(1100, 80).tcp_flags(kTcpAck).build();
    const Told told = tell(kOutside, last);
    EXPECT_EQ(told.record.head.outcome, MirrorOutcome::kAnswered);
    EXPECT_EQ(told.record.head.reason, DropReason::kTtlExpired);
    EXPECT_NE(told.record.head.connection, kNoMirroredConnection);
    expect_kept(told.record.in, told.sent, kTcpHeaders);
}

// It had been translated when it turned out to be too long.
TEST_F(MirrorTest, TellsATranslatedPacketThatWasRefused) {
    const auto id = fleet.service_id(kHttp);
    ASSERT_TRUE(id);
    set_tap({});
    (void)tell(kOutside, request(kTcpSyn));
    const Frame big = from_client(kClient, kVip)
                          .dont_fragment()
                          .tcp(1100, 80)
                          .tcp_flags(kTcpAck)
                          .payload_size(2000)
                          .build();
    const Told told = tell(kOutside, big);
    EXPECT_EQ(told.record.head.outcome, MirrorOutcome::kAnswered);
    EXPECT_EQ(told.record.head.reason, DropReason::kExceedsMtu);
    expect_kept(told.record.in, told.sent, kTcpHeaders);
}

TEST_F(MirrorTest, TellsOfLossesAfterAll) {
    set_tap({});
    Packet lost;
    Frame frame = request(kTcpAck);
    lost.data = frame.data();
    lost.length_bytes = lost.contiguous_bytes = static_cast<uint32_t>(frame.size());
    lost.connection = 0xffffffffU;
    lost.verdict = Verdict::kForward;
    fleet.worker(0).retract(lost, DropReason::kTransmitFull);
    const std::vector<Record> records = ring.take();
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].head.outcome, MirrorOutcome::kLost);
    EXPECT_EQ(records[0].head.reason, DropReason::kTransmitFull);
    expect_kept(records[0].out, frame, kMirroredHeaderBytes);
}

TEST_F(MirrorTest, ChoosesByEachCondition) {
    const auto id = fleet.service_id(kHttp);
    ASSERT_TRUE(id);
    const IpPrefix client{kClient, 32};
    const IpPrefix other{Ipv4Address::of(203, 0, 113, 0), 24};
    const std::vector<std::pair<MirrorTap, bool>> cases = {
        {{.clients = client}, true},
        {{.clients = other}, false},
        {{.virtual_addresses = {kVip, 32}}, true},
        {{.virtual_addresses = other}, false},
        {{.servers = {kServer107, 32}}, true},
        {{.servers = {kServer108, 32}}, false},
        {{.virtual_port = Be16::from_host(80)}, true},
        {{.virtual_port = Be16::from_host(81)}, false},
        {{.client_port = Be16::from_host(1100)}, true},
        {{.client_port = Be16::from_host(80)}, false},
        {{.server_port = Be16::from_host(80)}, true},
        {{.server_port = Be16::from_host(1100)}, false},
        {{.hosts = {kServer107, 32}}, true},
        {{.hosts = other}, false},
        {{.port = Be16::from_host(1100)}, true},
        {{.port = Be16::from_host(1101)}, false},
        {{.protocol = Protocol::kTcp}, true},
        {{.protocol = Protocol::kUdp}, false},
        {{.only_balanced = true}, true},
        {{.only_drops = true}, false},
    };
    for (size_t i = 0; i < cases.size(); ++i) {
        set_tap(cases[i].first);
        for (const auto& [port, frame] : {std::pair(kOutside, request(kTcpSyn)),
                                          std::pair(kInside, reply(kTcpSyn | kTcpAck)),
                                          std::pair(kOutside, request(kTcpAck)),
                                          std::pair(kInside, reply(kTcpAck))}) {
            (void)fleet.send_one(port, frame);
        }
        EXPECT_EQ(ring.take().size(), cases[i].second ? 4U : 0U) << "case " << i;
    }
}

TEST_F(MirrorTest, SamplesWholeConnections) {
    set_tap({.one_in = 4});
    std::map<uint32_t, size_t> packets;
    for (uint16_t port = 2000; port < 2400; ++port) {
        (void)fleet.send_one(kOutside, request(kTcpSyn, 0, port));
        (void)fleet.send_one(kInside, reply(kTcpSyn | kTcpAck, 0, port));
        (void)fleet.send_one(kOutside, request(kTcpAck, 0, port));
        for (const Record& record : ring.take()) {
            ++packets[record.head.connection];
        }
    }
    for (const auto& [connection, count] : packets) {
        EXPECT_EQ(count, 3U) << connection;
    }
    EXPECT_GT(packets.size(), 60U);
    EXPECT_LT(packets.size(), 140U);
}

TEST_F(MirrorTest, KeepsToItsRateAndCountsTheRest) {
    set_tap({.packets_per_second = 100});
    for (int i = 0; i < 50; ++i) {
        (void)fleet.send_one(kOutside, request(kTcpAck));
    }
    const size_t told = ring.take().size();
    EXPECT_LE(told, 12U);  // a tenth of a second's worth
    EXPECT_EQ(ring.counters().limited[0].load(), 50 - told);
    EXPECT_EQ(ring.counters().records[0].load(), told);
}

TEST_F(MirrorTest, TellsEachTapOfItsOwn) {
    set_tap({.only_drops = true}, 2);
    set_tap({.clients = {kClient, 32}}, 5);
    EXPECT_EQ(tell(kOutside, request(kTcpSyn)).record.head.taps, 1U << 5);
    Frame bad = request(kTcpSyn);
    bad[24] ^= 0xff;
    EXPECT_EQ(tell(kOutside, bad).record.head.taps, 1U << 2 | 1U << 5);
    TapJob off;
    off.number = 5;
    fleet.run(0, off);
    (void)fleet.send_one(kOutside, request(kTcpAck));
    EXPECT_TRUE(ring.take().empty());
}

class SmallRingTest : public MirrorTest {
  protected:
    SmallRingTest() : MirrorTest(100) {}
};

// Records never lie across the ring's end; what finds it full is counted, and nothing else suffers.
TEST_F(SmallRingTest, CountsWhatDoesNotFit) {
    set_tap({});
    (void)fleet.send_one(kOutside, request(kTcpSyn));
    (void)ring.take();
    Random random(1);
    uint64_t sent = 1;
    uint64_t told = 1;
    for (int round = 0; round < 300; ++round) {
        const uint64_t count = 1 + random.below(20);
        for (uint64_t i = 0; i < count; ++i) {
            const Frame frame = request(kTcpAck, random.below(100));
            ASSERT_EQ(fleet.send_one(kOutside, frame).verdict, Verdict::kForward);
        }
        sent += count;
        for (const Record& record : ring.take()) {
            ASSERT_EQ(record.out.size(), kTcpHeaders);
            ++told;
        }
    }
    EXPECT_EQ(ring.counters().records[0].load(), told);
    EXPECT_EQ(ring.counters().missed[0].load(), sent - told);
    EXPECT_LT(told, sent);
}

}  // namespace
}  // namespace director::dataplane
