// Shows that rings have exactly the capacity asked for, keep the order and free what is left, and
// that returned frames all come back when several threads return them.
#include "dataplane/io/rings.h"

#include <array>
#include <cstddef>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "tests/unit/io/own_process.h"
#include "tests/unit/io/test_engine.h"

namespace director::test {
namespace {

using namespace dataplane::io;

TEST(ValueRingTest, HoldsExactlyItsCapacityInOrder) {
    run_in_own_process([] {
        TestEngine engine(small_engine(1, {"net_ring0"}));
        for (const uint32_t capacity : {1U, 2U, 3U, 8U}) {
            ValueRing<uint32_t> ring;
            ASSERT_TRUE(ring.create("test", capacity, 0));
            const std::array<uint32_t, 10> values{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
            EXPECT_EQ(ring.push(values.data(), 10), capacity);
            EXPECT_EQ(ring.push(values.data(), 1), 0U);
            uint32_t value = 0;
            for (uint32_t i = 1; i <= capacity; ++i) {
                ASSERT_TRUE(ring.pop(value));
                EXPECT_EQ(value, i);
            }
            EXPECT_FALSE(ring.pop(value));
        }
    });
}

// mbufs are only memory here: no EAL needed.
struct alignas(RTE_CACHE_LINE_SIZE) FakeFrame {
    std::array<std::byte, sizeof(rte_mbuf) + kFrameTagBytes> bytes;

    [[nodiscard]] rte_mbuf* mbuf() { return reinterpret_cast<rte_mbuf*>(bytes.data()); }
};

TEST(FrameStackTest, GivesBackAllFramesOfManyProducers) {
    constexpr size_t kThreads = 4;
    constexpr size_t kEach = 2000;
    std::vector<FakeFrame> frames(kThreads * kEach);
    FrameStack stack;
    std::vector<std::thread> producers;
    for (size_t t = 0; t < kThreads; ++t) {
        producers.emplace_back([&frames, &stack, t] {
            for (size_t i = 0; i < kEach; ++i) {
                stack.push(frames[t * kEach + i].mbuf());
            }
        });
    }
    std::set<rte_mbuf*> seen;
    while (seen.size() < frames.size()) {
        for (rte_mbuf* frame = stack.take_all(); frame != nullptr; frame = tag_of(frame).next) {
            EXPECT_TRUE(seen.insert(frame).second);
        }
    }
    for (std::thread& producer : producers) {
        producer.join();
    }
    EXPECT_EQ(stack.take_all(), nullptr);
}

}  // namespace
}  // namespace director::test
