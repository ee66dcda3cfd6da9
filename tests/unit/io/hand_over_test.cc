// Shows that with 1, 2 and 4 workers every packet reaches the worker that owns its client's
// endpoint and leaves by a port that only one worker has a queue on: nothing lost, nothing twice,
// nothing changed but what routing changes.
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "dataplane/core/shard.h"
#include "tests/support/frame_assertions.h"
#include "tests/unit/io/own_process.h"
#include "tests/unit/io/test_engine.h"

namespace director::test {
namespace {

using dp::PortId;

constexpr uint16_t kFlows = 400;

// No service is defined: the destination counts as the client (a real server's answer).
PacketBuilder flow(uint16_t number) {
    PacketBuilder builder;
    builder.eth(kPeerMac, kOwnMac)
        .ipv4(ip("10.1.0.1"), Ipv4Address::of(10, 2, static_cast<uint8_t>(number % 7), 1))
        .tcp(80, static_cast<uint16_t>(1000 + number))
        .payload_size(number % 200U);
    return builder;
}

Frame routed(uint16_t number) {
    return flow(number).eth(kOwnMac, kPeerMac).ttl(63).build();
}

uint64_t flows_of(uint16_t worker, uint16_t workers) {
    uint64_t count = 0;
    for (uint16_t i = 0; i < kFlows; ++i) {
        const DecodedFrame frame = decode(flow(i).build());
        count += dp::owner_of(frame.destination(), workers) == dp::WorkerId{worker} ? 1U : 0U;
    }
    return count;
}

void expect_all_arrive(uint16_t workers) {
    const CaptureFile sent;
    TestEngine engine(small_engine(workers, {"net_ring0", sent.device()}));
    EXPECT_EQ(engine->port_status(PortId{1}).tx_queues, 1);
    engine.route_all_to(1);
    for (uint16_t i = 0; i < kFlows; ++i) {
        engine.put_in(PortId{0}, flow(i).build());
    }
    const dp::WorkerCounters total =
        engine.total_when([](const auto& now) { return now.forwarded == kFlows; });
    EXPECT_EQ(total.received, kFlows);
    EXPECT_EQ(total.forwarded, kFlows);
    EXPECT_EQ(total.dropped_total(), 0U);
    EXPECT_EQ(total.handed_in, total.handed_out);
    for (uint16_t worker = 0; worker < workers; ++worker) {
        const dp::WorkerCounters one = engine.counters(worker);
        EXPECT_TRUE(is_balanced(one));
        EXPECT_EQ(one.forwarded, flows_of(worker, workers)) << "worker " << worker;
    }
    // The last frames may still be on their way to the worker that transmits.
    for (int i = 0; i < 20000 && engine->port_counters(PortId{1}).sent < kFlows; ++i) {
        static_cast<void>(engine.total());
    }
    EXPECT_EQ(engine.stop(), 0U);
    // Workers overtake each other: compare as sets.
    std::multiset<std::string> expected;
    for (uint16_t i = 0; i < kFlows; ++i) {
        expected.insert(describe(routed(i)));
    }
    std::multiset<std::string> seen;
    for (const Frame& frame : sent.frames()) {
        seen.insert(describe(frame));
    }
    EXPECT_EQ(seen, expected);
}

TEST(HandOverTest, OneWorker) {
    run_in_own_process([] { expect_all_arrive(1); });
}

TEST(HandOverTest, TwoWorkers) {
    run_in_own_process([] { expect_all_arrive(2); });
}

TEST(HandOverTest, FourWorkers) {
    run_in_own_process([] { expect_all_arrive(4); });
}

TEST(HandOverTest, TinyRingsLoseOnlyWhatIsCounted) {
    run_in_own_process([] {
        const CaptureFile sent;
        auto settings = small_engine(4, {"net_ring0", sent.device()});
        settings.ring_entries = 2;
        TestEngine engine(settings);
        engine.route_all_to(1);
        for (int round = 0; round < 10; ++round) {
            for (uint16_t i = 0; i < kFlows; ++i) {
                engine.put_in(PortId{0}, flow(i).build());
            }
        }
        const auto is_done = [](const dp::WorkerCounters& now) {
            return now.received == 10U * kFlows && now.handed_in == now.handed_out &&
                   now.forwarded + now.dropped_total() == 10U * kFlows;
        };
        const dp::WorkerCounters total = engine.total_when(is_done);
        EXPECT_TRUE(is_done(total));
        EXPECT_EQ(dropped(total, dp::DropReason::kHandOverRingFull) +
                      dropped(total, dp::DropReason::kTransmitFull),
                  total.dropped_total());
        for (int i = 0; i < 20000 && engine->port_counters(PortId{1}).sent < total.forwarded; ++i) {
            static_cast<void>(engine.total());
        }
        EXPECT_EQ(engine.stop(), 0U);
        EXPECT_EQ(sent.frames().size(), total.forwarded);
    });
}

}  // namespace
}  // namespace director::test
