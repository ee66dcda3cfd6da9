// Shows what happens to frames on their way out: a header that grew leaves whole, and a port that
// takes nothing (vhost-user without a peer) turns forwards into counted drops, also where another
// worker transmits.
#include <unistd.h>

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/frame_assertions.h"
#include "tests/support/packet_pieces.h"
#include "tests/unit/io/own_process.h"
#include "tests/unit/io/test_engine.h"

namespace director::test {
namespace {

using dp::PortId;

constexpr uint16_t kFrames = 300;

PacketBuilder packet(uint16_t number) {
    PacketBuilder builder;
    builder.eth(kPeerMac, kOwnMac)
        .ipv4("10.1.0.1", "10.2.0.1")
        .udp(53, static_cast<uint16_t>(1000 + number))
        .payload("twenty bytes of text");
    return builder;
}

TEST(TransmitTest, VlanTagThatIsAddedLeavesWithTheFrame) {
    run_in_own_process([] {
        const CaptureFile sent;
        TestEngine engine(small_engine(1, {"net_ring0", sent.device()}));
        engine.route_all_to(1, 7);
        engine.put_in(PortId{0}, packet(1).build());
        EXPECT_EQ(engine.total_when([](const auto& now) { return now.forwarded == 1; }).forwarded,
                  1U);
        EXPECT_EQ(engine.stop(), 0U);
        const std::vector<Frame> frames = sent.frames();
        ASSERT_EQ(frames.size(), 1U);
        EXPECT_TRUE(
            same_frame(packet(1).eth(kOwnMac, kPeerMac).vlan(7).ttl(63).build(), frames[0]));
    });
}

// The second worker has no transmit queue on the capture's port: it sends through the first.
void expect_fragments(uint16_t workers) {
    const CaptureFile sent;
    TestEngine engine(small_engine(workers, {"net_ring0", sent.device()}));
    engine.route_all_to(1, 0, 576);
    constexpr uint16_t kPackets = 40;  // more fragments than a burst has places
    const auto large = [](uint16_t number) {
        PacketBuilder builder = packet(number);
        return builder.ip_id(number).payload_size(1460);
    };
    for (uint16_t i = 0; i < kPackets; ++i) {
        engine.put_in(PortId{0}, large(i).build());
    }
    const dp::WorkerCounters total =
        engine.total_when([](const auto& now) { return now.forwarded == 3 * kPackets; });
    EXPECT_EQ(total.forwarded, 3U * kPackets);
    EXPECT_EQ(total.cut, 2U * kPackets);
    for (uint16_t worker = 0; worker < workers; ++worker) {
        EXPECT_TRUE(is_balanced(engine.counters(worker)));
    }
    EXPECT_EQ(engine.stop(), 0U);
    std::vector<Frame> frames = sent.frames();
    ASSERT_EQ(frames.size(), 3U * kPackets);
    for (uint16_t i = 0; i < kPackets; ++i) {
        const Frame whole = large(i).eth(kOwnMac, kPeerMac).ttl(63).build();
        for (const Frame& expected : fragments_of(whole, 552, i)) {
            EXPECT_EQ(std::count(frames.begin(), frames.end(), expected), 1) << i;
        }
    }
}

TEST(TransmitTest, TooLongPacketsLeaveInFragments) {
    run_in_own_process([] { expect_fragments(1); });
}

TEST(TransmitTest, FragmentsLeaveThroughAnotherWorkerToo) {
    run_in_own_process([] { expect_fragments(2); });
}

// The packet itself is at fault here: its own MTU would be enough for nobody.
TEST(TransmitTest, TooManyFragmentsAreCountedAsADrop) {
    run_in_own_process([] {
        const CaptureFile sent;
        TestEngine engine(small_engine(1, {"net_ring0", sent.device()}));
        engine.route_all_to(1, 0, 36);
        engine.put_in(PortId{0}, packet(1).payload_size(1000).build());
        const dp::WorkerCounters total = engine.total_when(
            [](const auto& now) { return dropped(now, dp::DropReason::kNotCut) == 1; });
        EXPECT_EQ(dropped(total, dp::DropReason::kNotCut), 1U);
        EXPECT_TRUE(is_balanced(total));
        EXPECT_EQ(engine.stop(), 0U);
        EXPECT_TRUE(sent.frames().empty());
    });
}

void expect_counted_as_drops(uint16_t workers) {
    const std::string socket = "/tmp/director-io-" + std::to_string(getpid());
    TestEngine engine(small_engine(workers, {"net_ring0", "net_vhost0,iface=" + socket}));
    engine.route_all_to(1);
    for (uint16_t i = 0; i < kFrames; ++i) {
        engine.put_in(PortId{0}, packet(i).build());
    }
    const dp::WorkerCounters total = engine.total_when(
        [](const auto& now) { return dropped(now, dp::DropReason::kTransmitFull) == kFrames; });
    EXPECT_EQ(dropped(total, dp::DropReason::kTransmitFull), kFrames);
    EXPECT_EQ(total.forwarded, 0U);
    for (uint16_t worker = 0; worker < workers; ++worker) {
        EXPECT_TRUE(is_balanced(engine.counters(worker)));
    }
    EXPECT_EQ(engine.stop(), 0U);
    unlink(socket.c_str());
}

TEST(TransmitTest, PortThatTakesNothingCountsDrops) {
    run_in_own_process([] { expect_counted_as_drops(1); });
}

// vhost has one queue here: with four workers, three transmit through the fourth.
TEST(TransmitTest, DropsBehindAnotherWorkerAreTheSendersOwn) {
    run_in_own_process([] { expect_counted_as_drops(4); });
}

}  // namespace
}  // namespace director::test
