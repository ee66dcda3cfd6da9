// DeadlineHeap against a sorted set that does the same slowly.
#include "healthcheck/deadline_heap.h"

#include <map>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "common/random.h"

namespace director::healthcheck {
namespace {

TEST(DeadlineHeap, AgreesWithSortedSet) {
    Random random(11);
    DeadlineHeap heap;
    using Key = std::tuple<TimePoint, uint64_t, uint32_t>;
    std::set<Key> sorted;
    std::map<uint32_t, Key> current;
    for (uint64_t serial = 0; serial < 20'000; ++serial) {
        const auto id = static_cast<uint32_t>(random.below(50));
        if (current.contains(id)) {
            sorted.erase(current[id]);
            current.erase(id);
        }
        if (random.below(4) == 0) {
            heap.clear(id);
        } else {
            const TimePoint deadline{Duration(random.below(100))};
            heap.set(id, deadline);
            current[id] = {deadline, serial, id};
            sorted.insert(current[id]);
        }
        ASSERT_EQ(heap.earliest(), sorted.empty() ? kNever : std::get<0>(*sorted.begin()));
        if (!sorted.empty()) {
            ASSERT_EQ(heap.earliest_id(), std::get<2>(*sorted.begin())) << "step " << serial;
        }
    }
}

TEST(DeadlineHeap, NeverClears) {
    DeadlineHeap heap;
    heap.set(3, TimePoint(Duration(5)));
    heap.set(3, kNever);
    EXPECT_EQ(heap.earliest(), kNever);
    heap.clear(1000);
}

}  // namespace
}  // namespace director::healthcheck
