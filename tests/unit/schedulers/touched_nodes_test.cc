// 10,000 real servers: how many nodes of its trees a scheduler changes when a load or weight does,
// counted by comparing all of them, and how many it looks at in a choice, which assertions in the
// trees bound (this program is built with them). Nothing is timed.
#include <bit>

#include <gtest/gtest.h>

#include "common/random.h"
#include "tests/unit/schedulers/ipvs_model.h"

namespace director::test {
namespace {

using dataplane::Scheduler;
using dataplane::ServiceTable;

constexpr uint32_t kServers = 10000;
const size_t kDepth = static_cast<size_t>(std::bit_width(std::bit_ceil(kServers)));

template <typename Node>
[[nodiscard]] size_t changed(const std::vector<Node>& before, const std::vector<Node>& after) {
    size_t count = before.size() == after.size() ? 0 : SIZE_MAX;
    for (size_t i = 0; i < before.size() && i < after.size(); ++i) {
        count += before[i] == after[i] ? 0U : 1U;
    }
    return count;
}

void expect_few_changes(const ServiceTable& before, const ServiceTable& after) {
    ASSERT_LE(changed(before.weights, after.weights), kDepth);
    ASSERT_LE(changed(before.state.loads, after.state.loads), kDepth);
    ASSERT_LE(changed(before.state.sums, after.state.sums), kDepth);
    ASSERT_EQ(before.state.slots, after.state.slots);
    ASSERT_EQ(before.state.by_id, after.state.by_id);
    ASSERT_LE(changed(before.state.has_spare, after.state.has_spare), 1U);
}

class TouchedNodes : public testing::TestWithParam<Scheduler> {};

TEST_P(TouchedNodes, FewOfTenThousandServers) {
    Random random(7);
    ModelList list;
    for (uint32_t number = 0; number < kServers; ++number) {
        list.push_back({.number = number,
                        .weight = 1 + static_cast<uint32_t>(random.below(100)),
                        .total = static_cast<uint32_t>(random.below(50))});
    }
    Ours ours(GetParam().name, {});
    ours.put(list);
    ServiceTable before = ours.table();
    for (int step = 0; step < 150; ++step) {
        const Choice chosen = ours.pick({.client_fold = static_cast<uint32_t>(random.next()),
                                         .destination_fold = static_cast<uint32_t>(random.next())});
        ASSERT_TRUE(chosen.has_value());
        ASSERT_NO_FATAL_FAILURE(expect_few_changes(before, ours.table()));
        // The chosen one gets busy, another one full, a third quiet.
        const size_t position = step % 3 == 0 ? *chosen : random.below(kServers);
        list[position].active += 1;
        list[position].total += 1;
        list[position].is_overloaded = step % 3 == 1;
        ours.set_load(list, position);
        ASSERT_NO_FATAL_FAILURE(expect_few_changes(before, ours.table()));
        before = ours.table();
        list[position].weight = step % 4 == 0 ? 0 : 50;
        dataplane::set_weight(ours.table(), static_cast<uint32_t>(position), list[position].weight);
        ours.scheduler().adopt(ours.table(), &ours.table());
        ASSERT_NO_FATAL_FAILURE(expect_few_changes(before, ours.table()));
        before = ours.table();
    }
}

// Half of them gone at once: the next choice still finds its way.
TEST_P(TouchedNodes, FewEvenWhenMostAreFull) {
    ModelList list;
    for (uint32_t number = 0; number < kServers; ++number) {
        list.push_back(
            {.number = number, .weight = number % 7 + 1, .is_overloaded = number % 997 != 5});
    }
    Ours ours(GetParam().name, {});
    ours.put(list);
    const ServiceTable before = ours.table();
    for (uint32_t client = 0; client < 500; ++client) {
        const Choice chosen =
            ours.pick({.client_fold = client * 7919, .destination_fold = client * 104729});
        ASSERT_TRUE(chosen.has_value());
        ASSERT_EQ(*chosen % 997, 5U);
    }
    expect_few_changes(before, ours.table());
}

INSTANTIATE_TEST_SUITE_P(All,
                         TouchedNodes,
                         testing::ValuesIn(dataplane::schedulers().begin(),
                                           dataplane::schedulers().end()),
                         [](const testing::TestParamInfo<Scheduler>& which) {
                             return std::string(which.param.name);
                         });

}  // namespace
}  // namespace director::test
