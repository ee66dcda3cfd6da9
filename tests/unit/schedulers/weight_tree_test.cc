// The search tree against a plain walk over the list. Random; the seed is in every message.
#include "dataplane/core/schedulers/weight_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/core/schedulers/schedulers.h"

namespace director::dataplane {
namespace {

[[nodiscard]] uint32_t walk(const ServiceTable& table, uint32_t from, uint32_t weight) {
    for (uint32_t i = from; i < table.servers.size(); ++i) {
        if (table.servers[i].weight >= weight && !table.servers[i].is_overloaded) {
            return i;
        }
    }
    return kNoServer;
}

void expect_like_walk(const ServiceTable& table, uint32_t weight_max) {
    const uint32_t size = static_cast<uint32_t>(table.servers.size());
    for (uint32_t from = 0; from <= size + 1; ++from) {
        for (uint32_t weight = 1; weight <= weight_max + 1; ++weight) {
            ASSERT_EQ(first_with_weight(table, from, weight), walk(table, from, weight))
                << "from " << from << " weight " << weight;
        }
    }
    ASSERT_EQ(first_with_weight(table, 0xffffffffU, 1), kNoServer);
    uint32_t heaviest = 0;
    uint32_t divisor = 0;
    for (const RealServerSlot& server : table.servers) {
        heaviest = std::max(heaviest, server.weight);
        divisor = std::gcd(divisor, server.weight);
    }
    ASSERT_EQ(all_weights(table).weight_max, heaviest);
    ASSERT_EQ(all_weights(table).weight_gcd, divisor);
}

TEST(WeightTree, NoServers) {
    ServiceTable table;
    EXPECT_EQ(all_weights(table).weight_max, 0U);
    build_weight_tree(table);
    EXPECT_EQ(first_with_weight(table, 0, 1), kNoServer);
    EXPECT_EQ(all_weights(table).weight_max, 0U);
    EXPECT_EQ(all_weights(table).weight_gcd, 0U);
}

TEST(WeightTree, LikeAWalkForEverySizeAndAfterEveryChange) {
    const uint64_t seed = 20020216;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed);
    for (uint32_t size = 1; size <= 40; ++size) {
        ServiceTable table;
        table.servers.resize(size);
        for (RealServerSlot& server : table.servers) {
            server.weight = static_cast<uint32_t>(random.below(6));
        }
        build_weight_tree(table);
        ASSERT_NO_FATAL_FAILURE(expect_like_walk(table, 6));
        for (int change = 0; change < 20; ++change) {
            const uint32_t position = static_cast<uint32_t>(random.below(size));
            const uint32_t weight = static_cast<uint32_t>(random.below(6)) * 2;
            set_weight(table, position, weight);
            ASSERT_EQ(table.servers[position].weight, weight);
            const auto toggled = static_cast<uint32_t>(random.below(size));
            table.servers[toggled].is_overloaded = !table.servers[toggled].is_overloaded;
            refresh_weight(table, toggled);
            ASSERT_NO_FATAL_FAILURE(expect_like_walk(table, 12));
        }
    }
}

TEST(WeightTree, AHundredThousandServers) {
    ServiceTable table;
    table.servers.resize(100000);
    build_weight_tree(table);
    EXPECT_EQ(first_with_weight(table, 0, 1), kNoServer);
    set_weight(table, 99999, kWeightMax);
    EXPECT_EQ(first_with_weight(table, 0, kWeightMax), 99999U);
    EXPECT_EQ(first_with_weight(table, 99999, 1), 99999U);
    set_weight(table, 65536, 30000);
    EXPECT_EQ(first_with_weight(table, 0, 1), 65536U);
    EXPECT_EQ(first_with_weight(table, 65537, 1), 99999U);
    EXPECT_EQ(all_weights(table).weight_gcd, std::gcd(kWeightMax, 30000U));
}

}  // namespace
}  // namespace director::dataplane
