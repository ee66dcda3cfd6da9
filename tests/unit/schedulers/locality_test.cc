// lblc and lblcr beyond IPVS's rules (like_ipvs_test.cc): bounded memory, and a list that changes.
#include <gtest/gtest.h>

#include "tests/unit/schedulers/ipvs_model.h"

namespace director::test {
namespace {

using dataplane::ScheduleInput;

[[nodiscard]] ModelList servers(uint32_t count) {
    ModelList list;
    for (uint32_t number = 0; number < count; ++number) {
        list.push_back({.number = number, .weight = 10});
    }
    return list;
}

// Counts the connection, so that the next new destination meets another server.
Choice connect(Ours& ours, ModelList& list, const ScheduleInput& input) {
    const Choice chosen = ours.pick(input);
    for (size_t i = 0; i < list.size(); ++i) {
        if (chosen == list[i].number) {
            ++list[i].total;
            ours.set_load(list, i);
        }
    }
    return chosen;
}

TEST(Locality, ADestinationStaysWithItsServer) {
    for (const std::string_view name : {"lblc", "lblcr"}) {
        ModelList list = servers(5);
        Ours ours(name, {});
        ours.put(list);
        std::vector<Choice> first;
        for (uint32_t destination = 0; destination < 100; ++destination) {
            first.push_back(connect(ours, list, {.destination_fold = destination}));
        }
        for (uint32_t destination = 0; destination < 100; ++destination) {
            EXPECT_EQ(connect(ours, list, {.destination_fold = destination}), first[destination]);
            EXPECT_EQ(first[destination], destination % 5);
        }
    }
}

TEST(Locality, SurvivesAChangeOfTheList) {
    for (const std::string_view name : {"lblc", "lblcr"}) {
        ModelList list = servers(4);
        Ours ours(name, {});
        ours.put(list);
        for (uint32_t destination = 0; destination < 40; ++destination) {
            EXPECT_EQ(connect(ours, list, {.destination_fold = destination}), destination % 4);
        }
        list.erase(list.begin() + 1);
        list.insert(list.begin(), {.number = 17, .weight = 10, .total = 1000});
        ours.put(list);
        for (uint32_t destination = 0; destination < 40; ++destination) {
            const Choice chosen = ours.pick({.destination_fold = destination});
            if (destination % 4 != 1) {
                EXPECT_EQ(chosen, destination % 4) << name;
            } else {
                EXPECT_NE(chosen, 1U);
                EXPECT_NE(chosen, 17U);
            }
        }
    }
}

TEST(Locality, AFullTableForgetsWhatWasUnusedForLongest) {
    for (const std::string_view name : {"lblc", "lblcr"}) {
        ModelList list = servers(2);
        Ours ours(name, {});
        ours.put(list);
        const size_t entries = ours.table().state.destinations.size();
        // One destination in use throughout while a hundred thousand others pass.
        ASSERT_EQ(connect(ours, list, {.destination_fold = 7}), 0U);
        list[0].total = 1000000;
        list[1].total = 1000000;
        list[0].total += 5;  // what is new goes to 1
        ours.set_load(list, 0);
        ours.set_load(list, 1);
        for (uint32_t i = 0; i < 100000; ++i) {
            const uint32_t now = i / 100;
            ASSERT_EQ(ours.pick({.destination_fold = 1000 + i, .now_seconds = now}), 1U);
            ASSERT_EQ(ours.pick({.destination_fold = 7, .now_seconds = now}), 0U) << i;
        }
        EXPECT_EQ(ours.table().state.destinations.size(), entries);
    }
}

TEST(Locality, ADayWithoutUseIsForgotten) {
    for (const std::string_view name : {"lblc", "lblcr"}) {
        ModelList list = servers(2);
        Ours ours(name, {});
        ours.put(list);
        ASSERT_EQ(connect(ours, list, {.destination_fold = 7, .now_seconds = 5}), 0U);
        EXPECT_EQ(ours.pick({.destination_fold = 7, .now_seconds = 5 + 86399}), 0U);
        EXPECT_EQ(ours.pick({.destination_fold = 7, .now_seconds = 5 + 86399 + 86400}), 1U);
    }
}

// lblcr: after more than a day without change the most loaded server leaves the set.
TEST(Locality, ASetShrinksAfterADay) {
    for (const uint32_t seconds : {86400U, 86401U}) {
        ModelList list{{.number = 0, .weight = 1}, {.number = 1, .weight = 1}};
        Ours ours("lblcr", {});
        ours.put(list);
        const auto load = [&](size_t position, uint32_t active) {
            list[position].active = active;
            list[position].total = active;
            ours.set_load(list, position);
        };
        ASSERT_EQ(ours.pick({.destination_fold = 7}), 0U);
        load(0, 5);
        ASSERT_EQ(ours.pick({.destination_fold = 7}), 1U);  // 0 is busy: the set is {1, 0} now
        load(1, 1);
        ASSERT_EQ(ours.pick({.destination_fold = 7, .now_seconds = 50000}), 1U);
        ASSERT_EQ(ours.pick({.destination_fold = 7, .now_seconds = seconds}), 1U);
        load(0, 0);  // idle, and chosen if it is still in the set
        const bool was_dropped = seconds > 86400;
        EXPECT_EQ(ours.pick({.destination_fold = 7, .now_seconds = seconds}),
                  was_dropped ? 1U : 0U);
    }
}

// lblcr: a busy destination gets more servers, but no more than an entry holds; all serve it still.
TEST(Locality, TheSetOfABusyDestinationIsBounded) {
    ModelList list = servers(20);
    for (ModelServer& server : list) {
        server.weight = 1;
    }
    Ours ours("lblcr", {});
    ours.put(list);
    std::vector<bool> served(list.size());
    for (int i = 0; i < 200; ++i) {
        const Choice chosen = ours.pick({.destination_fold = 7});
        ASSERT_TRUE(chosen.has_value());
        served[*chosen] = true;
        ++list[*chosen].active;
        ++list[*chosen].total;
        ours.set_load(list, *chosen);
    }
    EXPECT_EQ(std::count(served.begin(), served.end(), true), 20);
}

}  // namespace
}  // namespace director::test
