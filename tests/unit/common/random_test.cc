// The generator repeats itself from a seed, gives the published numbers, and below() keeps its
// bound.
#include "common/random.h"

#include <array>

#include <gtest/gtest.h>

namespace director {
namespace {

// The first outputs for seed 1234567, as the algorithm's reference implementations give them.
TEST(Random, IsSplitMix64) {
    Random random(1234567);
    for (const uint64_t expected : {6457827717110365317U,
                                    3203168211198807973U,
                                    9817491932198370423U,
                                    4593380528125082431U,
                                    16408922859458223821U}) {
        EXPECT_EQ(random.next(), expected);
    }
}

TEST(Random, SameSeedSameNumbers) {
    Random one(7);
    Random same(7);
    Random other(8);
    int equal = 0;
    for (int i = 0; i < 1000; ++i) {
        const uint64_t value = one.next();
        EXPECT_EQ(value, same.next());
        equal += value == other.next() ? 1 : 0;
    }
    EXPECT_EQ(equal, 0);
}

TEST(Random, BelowKeepsItsBound) {
    Random random(3);
    for (const uint64_t bound : std::array<uint64_t, 5>{1, 2, 3, 1000, ~uint64_t{0}}) {
        for (int i = 0; i < 1000; ++i) {
            EXPECT_LT(random.below(bound), bound);
        }
    }
}

TEST(Random, BelowReachesEveryValueEvenly) {
    Random random(3);
    std::array<int, 7> counts{};
    for (int i = 0; i < 70000; ++i) {
        ++counts.at(random.below(counts.size()));
    }
    for (const int count : counts) {
        EXPECT_NEAR(count, 10000, 500);  // standard deviation 93
    }
}

TEST(Random, SystemRandomDiffers) {
    EXPECT_NE(system_random(), system_random());
}

}  // namespace
}  // namespace director
