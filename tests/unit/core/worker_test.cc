// A worker as the I/O layer meets it: verdicts taken back, an empty poll, memory, the hash key.
#include "dataplane/core/worker.h"

#include <gtest/gtest.h>

#include "dataplane/core/shard.h"
#include "tests/support/nat_lab.h"
#include "tests/support/packet_reader.h"

namespace director::dataplane {
namespace {

using namespace test::nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using test::FrameBurst;
using test::PacketBuilder;
using test::WorkerFleet;

class WorkerTest : public ::testing::Test {
  protected:
    WorkerTest() {
        configure(fleet_);
        fleet_.put_service(kHttp, "rr", {{at(kServer108, 80)}});
    }

    static PacketBuilder syn(uint16_t port) {
        return from_client(kClient, kVip).tcp(port, 80).tcp_flags(test::kTcpSyn);
    }
    uint64_t sum_of_outcomes() {
        const WorkerCounters& counters = worker().counters();
        return counters.forwarded + counters.punted + counters.dropped_total() +
               counters.handed_out;
    }
    Worker& worker() { return fleet_.worker(0); }

    WorkerFleet fleet_{{.workers = 2}};
};

TEST_F(WorkerTest, ARetractedPacketIsADropAndNothingElse) {
    uint16_t own = 1000;
    while (owner_of(at(kClient, own), 2) != WorkerId{0}) {
        ++own;
    }
    uint16_t other = 1000;
    while (owner_of(at(kClient, other), 2) != WorkerId{1}) {
        ++other;
    }
    FrameBurst frames;
    frames.add(syn(own).build(), kOutside);
    frames.add(PacketBuilder().arp_request(kClientMac, kClient, kVip).build(), kOutside);
    frames.add(from_client(kClient, Ipv4Address::of(192, 168, 0, 99)).icmp_echo(1, 1).build(),
               kOutside);
    frames.add(syn(other).build(), kOutside);
    worker().process(frames.burst(), fleet_.clock.now());
    EXPECT_EQ(frames.packet(0).verdict, Verdict::kForward);
    EXPECT_EQ(frames.packet(1).verdict, Verdict::kPunt);
    EXPECT_EQ(frames.packet(2).verdict, Verdict::kPuntForNeighbour);
    EXPECT_EQ(frames.packet(3).verdict, Verdict::kHandOver);
    EXPECT_EQ(frames.packet(3).owner, WorkerId{1});

    worker().retract(frames.packet(0), DropReason::kTransmitFull);
    worker().retract(frames.packet(1), DropReason::kPuntRingFull);
    worker().retract(frames.packet(2), DropReason::kPuntRingFull);
    worker().retract(frames.packet(3), DropReason::kHandOverRingFull);
    const WorkerCounters& counters = worker().counters();
    EXPECT_EQ(counters.forwarded, 0U);
    EXPECT_EQ(counters.punted, 0U);
    EXPECT_EQ(counters.handed_out, 0U);
    EXPECT_EQ(counters.dropped[static_cast<size_t>(DropReason::kTransmitFull)], 1U);
    EXPECT_EQ(counters.dropped[static_cast<size_t>(DropReason::kPuntRingFull)], 2U);
    EXPECT_EQ(counters.dropped[static_cast<size_t>(DropReason::kHandOverRingFull)], 1U);
    EXPECT_EQ(sum_of_outcomes(), 4U);
    for (size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(frames.packet(i).verdict, Verdict::kDrop);
    }
    CountersReport report;
    report.services.resize(1);
    Command command(CommandKind::kRunJob);
    command.job = &report;
    worker().apply(command, fleet_.clock.now());
    Burst empty;
    worker().process(empty, fleet_.clock.now());
    worker().clear_events();
    // The drops are the service's where one is known.
    EXPECT_EQ(report.services[0].dropped[static_cast<size_t>(DropReason::kTransmitFull)], 1U);
    EXPECT_EQ(report.services[0].dropped[static_cast<size_t>(DropReason::kHandOverRingFull)], 1U);
}

TEST_F(WorkerTest, BytesAreCountedWhereAFrameComesIn) {
    FrameBurst frames;
    frames.add(syn(1000).build(), kOutside);
    frames.add(PacketBuilder().arp_request(kClientMac, kClient, kVip).build(), kOutside);
    frames.add(syn(1001).build(), kOutside);
    const uint64_t from_port = frames.packet(0).length_bytes + frames.packet(1).length_bytes;
    frames.packet(2).is_handed_over = true;
    worker().process(frames.burst(), fleet_.clock.now());
    EXPECT_EQ(worker().counters().received, 2U);
    EXPECT_EQ(worker().counters().received_bytes, from_port);
}

TEST_F(WorkerTest, AnEmptyPollCountsNothing) {
    fleet_.poll();
    EXPECT_EQ(worker().counters().received, 0U);
    EXPECT_EQ(sum_of_outcomes(), 0U);
    EXPECT_TRUE(worker().events().empty());
}

TEST_F(WorkerTest, GaugesAreCurrent) {
    uint16_t own = 1000;
    while (owner_of(at(kClient, own), 2) != WorkerId{0}) {
        ++own;
    }
    EXPECT_EQ(worker().counters().connections_max, WorkerSettings{}.connections_max);
    EXPECT_EQ(worker().counters().connections, 0U);
    fleet_.send_one(kOutside, syn(own).build());
    EXPECT_EQ(worker().counters().connections, 1U);
}

TEST(WorkerMemory, SaysWhenThereIsNone) {
    WorkerSettings settings;
    settings.memory = {[](size_t) -> void* { return nullptr; }, [](void*, size_t) {}};
    EXPECT_FALSE(Worker(settings).is_ready());
}

TEST(WorkerMemory, TakesWhatItSays) {
    static uint64_t taken;
    taken = 0;
    static TableMemory plain = plain_table_memory();
    WorkerSettings settings;
    settings.connections_max = 1000;
    settings.memory = {[](size_t bytes) {
                           taken += bytes;
                           return plain.allocate(bytes);
                       },
                       [](void* memory, size_t bytes) {
                           taken -= bytes;
                           plain.release(memory, bytes);
                       }};
    {
        const Worker worker(settings);
        EXPECT_EQ(taken, Worker::table_bytes(settings));
    }
    EXPECT_EQ(taken, 0U);
}

// Which worker serves a client depends on its endpoint alone, so both directions meet: two workers
// with different keys for their tables agree on it.
TEST(WorkerShard, BothDirectionsReachTheOwner) {
    WorkerFleet fleet({.workers = 4});
    configure(fleet);
    fleet.put_service(kHttp, "rr", {{at(kServer108, 8080)}});
    for (uint16_t port = 1000; port < 1200; ++port) {
        const WorkerId owner = owner_of(at(kClient, port), 4);
        const test::Outcome there = fleet.send_one(
            kOutside, from_client(kClient, kVip).tcp(port, 80).tcp_flags(test::kTcpSyn).build());
        const test::Outcome back =
            fleet.send_one(kInside, from_server(kServer108, kClient).tcp(8080, port).build());
        ASSERT_EQ(there.verdict, Verdict::kForward);
        ASSERT_EQ(back.verdict, Verdict::kForward);
        ASSERT_EQ(there.worker, owner);
        ASSERT_EQ(back.worker, owner);
        ASSERT_EQ(test::decode(back.bytes).source(), at(kVip, 80));
    }
}

}  // namespace
}  // namespace director::dataplane
