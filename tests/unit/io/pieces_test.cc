// Frames that a driver hands out in several buffers: put together, and whole on their way out, be
// it as they came, as an answer, or up to the kernel. What no buffer holds is dropped and counted.
#include <algorithm>

#include <gtest/gtest.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "dataplane/io/frame.h"
#include "tests/support/frame_assertions.h"
#include "tests/support/packet_pieces.h"
#include "tests/unit/io/own_process.h"
#include "tests/unit/io/test_engine.h"

namespace director::test {
namespace {

using dp::PortId;

// Puts frames in as a driver would that scatters them: `first` bytes, and the rest in buffers of
// `each`, behind a ring port's back.
class Scatterer {
  public:
    explicit Scatterer(uint16_t room_bytes = 2048)
        : pool_(rte_pktmbuf_pool_create("pieces",
                                        255,
                                        0,
                                        dp::io::kFrameTagBytes,
                                        static_cast<uint16_t>(room_bytes + RTE_PKTMBUF_HEADROOM),
                                        SOCKET_ID_ANY)),
          wire_(rte_ring_lookup("ETH_RXTX0_net_ring0")) {}

    void put_in(const Frame& frame, size_t first, size_t each) {
        ASSERT_TRUE(pool_ != nullptr && wire_ != nullptr);
        rte_mbuf* const head = rte_pktmbuf_alloc(pool_);
        append(head, frame, 0, first);
        for (size_t at = first; at < frame.size(); at += each) {
            rte_mbuf* const piece = rte_pktmbuf_alloc(pool_);
            append(piece, frame, at, std::min(each, frame.size() - at));
            ASSERT_EQ(rte_pktmbuf_chain(head, piece), 0);
        }
        ASSERT_GT(head->nb_segs, 1);
        ASSERT_EQ(rte_ring_enqueue(wire_, head), 0);
    }

    // All have come back: no piece of a chain was forgotten.
    [[nodiscard]] bool has_all() const { return rte_mempool_full(pool_) == 1; }

  private:
    static void append(rte_mbuf* to, const Frame& frame, size_t at, size_t bytes) {
        char* const place = rte_pktmbuf_append(to, static_cast<uint16_t>(bytes));
        ASSERT_NE(place, nullptr);
        std::copy_n(frame.begin() + static_cast<ptrdiff_t>(at), bytes, place);
    }

    rte_mempool* pool_;
    rte_ring* wire_;
};

PacketBuilder packet() {
    PacketBuilder builder;
    builder.eth(kPeerMac, kOwnMac).ipv4("10.1.0.1", "10.2.0.1").udp(53, 1000).payload_size(1000);
    return builder;
}

TEST(PiecesTest, AFrameInPiecesLeavesWhole) {
    run_in_own_process([] {
        const CaptureFile sent;
        TestEngine engine(small_engine(1, {"net_ring0", sent.device()}));
        engine.route_all_to(1);
        Scatterer scatterer;
        const Frame frame = packet().build();
        for (const size_t first : {1U, 14U, 20U, 42U, 1000U}) {  // within every header, and behind
            scatterer.put_in(frame, first, 100);
        }
        EXPECT_EQ(engine.total_when([](const auto& now) { return now.forwarded == 5; }).forwarded,
                  5U);
        EXPECT_EQ(engine.stop(), 0U);
        const std::vector<Frame> frames = sent.frames();
        ASSERT_EQ(frames.size(), 5U);
        for (const Frame& left : frames) {
            EXPECT_TRUE(same_frame(packet().eth(kOwnMac, kPeerMac).ttl(63).build(), left));
        }
    });
}

TEST(PiecesTest, TheAnswerToAFrameInPiecesIsOneFrame) {
    run_in_own_process([] {
        const CaptureFile sent;
        TestEngine engine(small_engine(1, {"net_ring0", sent.device()}));
        engine.route_all_to(1);
        Scatterer scatterer;
        engine.put_in(PortId{0}, packet().ttl(1).build());
        scatterer.put_in(packet().ttl(1).build(), 60, 300);
        const dp::WorkerCounters total = engine.total_when(
            [](const auto& now) { return dropped(now, dp::DropReason::kTtlExpired) == 2; });
        EXPECT_TRUE(is_balanced(total));
        EXPECT_EQ(engine.stop(), 0U);
        const std::vector<Frame> frames = sent.frames();
        ASSERT_EQ(frames.size(), 2U);
        EXPECT_TRUE(same_frame(frames[0], frames[1]));
    });
}

TEST(PiecesTest, WhatNoBufferHoldsIsDropped) {
    run_in_own_process([] {
        const CaptureFile sent;
        TestEngine engine(small_engine(1, {"net_ring0", sent.device()}));
        engine.route_all_to(1);
        Scatterer scatterer(512);
        scatterer.put_in(packet().build(), 512, 512);
        const dp::WorkerCounters total = engine.total_when(
            [](const auto& now) { return dropped(now, dp::DropReason::kTruncated) == 1; });
        EXPECT_EQ(dropped(total, dp::DropReason::kTruncated), 1U);
        EXPECT_TRUE(is_balanced(total));
        EXPECT_TRUE(scatterer.has_all());
        EXPECT_EQ(engine.stop(), 0U);
        EXPECT_TRUE(sent.frames().empty());
    });
}

}  // namespace
}  // namespace director::test
