// FlatMap against std::unordered_map: the same random operations must give the same answers, with
// a good hash, with one that makes everything collide, and with one that fills the end of the array
// so that probing wraps around.
#include "common/flat_map.h"

#include <string>
#include <unordered_map>

#include <gtest/gtest.h>

#include "common/hash.h"
#include "common/random.h"

namespace director {
namespace {

struct GoodHash {
    size_t operator()(uint32_t key) const { return keyed_hash(HashKey{}, key); }
};
struct OneBucket {
    size_t operator()(uint32_t) const { return 3; }
};
// Three neighbouring homes at the array's end, whatever its (power of two) size.
struct AtTheEnd {
    size_t operator()(uint32_t key) const { return ~size_t{0} - key % 3; }
};
struct FewBuckets {
    size_t operator()(uint32_t key) const { return key % 5 * 2; }
};

template <typename Hash>
class FlatMapModel : public ::testing::Test {};

using Hashes = ::testing::Types<GoodHash, OneBucket, AtTheEnd, FewBuckets>;
TYPED_TEST_SUITE(FlatMapModel, Hashes);

TYPED_TEST(FlatMapModel, AgreesWithUnorderedMap) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Random random(seed);
        const size_t capacity = 1 + random.below(40);
        const uint64_t keys = 1 + random.below(80);
        FlatMap<uint32_t, uint64_t, TypeParam> map(capacity, TypeParam{});
        std::unordered_map<uint32_t, uint64_t> model;
        for (int step = 0; step < 2000; ++step) {
            const auto key = static_cast<uint32_t>(random.below(keys));
            switch (random.below(5)) {
                case 0:
                case 1: {
                    const uint64_t value = random.next();
                    const bool fits = model.contains(key) || model.size() < capacity;
                    ASSERT_EQ(map.put(key, value), fits);
                    if (fits) {
                        model[key] = value;
                    }
                    break;
                }
                case 2:
                    ASSERT_EQ(map.erase(key), model.erase(key) == 1);
                    break;
                default: {
                    const uint64_t* const found = map.find(key);
                    const auto expected = model.find(key);
                    ASSERT_EQ(found != nullptr, expected != model.end());
                    if (found != nullptr) {
                        ASSERT_EQ(*found, expected->second);
                    }
                    break;
                }
            }
            ASSERT_EQ(map.size(), model.size());
        }
        for (uint32_t key = 0; key < keys; ++key) {
            ASSERT_EQ(map.find(key) != nullptr, model.contains(key)) << key;
        }
    }
}

TEST(FlatMap, FullMapRefusesNewKeysAndReplacesOldOnes) {
    FlatMap<uint32_t, int, GoodHash> map(3, GoodHash{});
    EXPECT_EQ(map.capacity(), 3U);
    for (uint32_t key = 0; key < 3; ++key) {
        EXPECT_TRUE(map.put(key, 1));
    }
    EXPECT_FALSE(map.put(3, 1));
    EXPECT_EQ(map.find(3), nullptr);
    EXPECT_TRUE(map.put(2, 7));
    EXPECT_EQ(*map.find(2), 7);
    EXPECT_EQ(map.size(), 3U);
    EXPECT_TRUE(map.erase(0));
    EXPECT_TRUE(map.put(3, 1));
}

TEST(FlatMap, CapacityZeroHoldsNothing) {
    FlatMap<uint32_t, int, GoodHash> map(0, GoodHash{});
    EXPECT_FALSE(map.put(1, 1));
    EXPECT_EQ(map.find(1), nullptr);
    EXPECT_FALSE(map.erase(1));
}

// Erasing the head of a probe chain moves the rest up, so that all of it is still found.
TEST(FlatMap, EraseShiftsTheChainBack) {
    for (uint32_t victim = 0; victim < 6; ++victim) {
        FlatMap<uint32_t, uint32_t, OneBucket> map(6, OneBucket{});
        for (uint32_t key = 0; key < 6; ++key) {
            ASSERT_TRUE(map.put(key, key * 10));
        }
        ASSERT_TRUE(map.erase(victim));
        ASSERT_FALSE(map.erase(victim));
        for (uint32_t key = 0; key < 6; ++key) {
            const uint32_t* const found = map.find(key);
            ASSERT_EQ(found != nullptr, key != victim);
            ASSERT_TRUE(found == nullptr || *found == key * 10);
        }
    }
}

TEST(FlatMap, ConstFind) {
    FlatMap<uint32_t, int, GoodHash> map(2, GoodHash{});
    ASSERT_TRUE(map.put(1, 5));
    const auto& view = map;
    EXPECT_EQ(*view.find(1), 5);
    EXPECT_EQ(view.find(2), nullptr);
}

}  // namespace
}  // namespace director
