// The keyed hash spreads: one input bit flips about half of the output bits, the low bits that pick
// a bucket are evenly used by neighbouring inputs, and another key gives another placement.
#include "common/hash.h"

#include <bit>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"
#include "common/wide.h"

namespace director {
namespace {

TEST(Wide, Products) {
    EXPECT_EQ(multiply_high(0xffffffffffffffffU, 0xffffffffffffffffU), 0xfffffffffffffffeU);
    EXPECT_EQ(multiply_high(uint64_t{1} << 63, 2), 1U);
    EXPECT_EQ(multiply_fold(0xffffffffffffffffU, 0xffffffffffffffffU), 0xffffffffffffffffU);
    EXPECT_EQ(multiply_fold(3, 5), 15U);
}

// Keys as system_random() gives them. A key with a pattern (0x0123456789abcdef) would do worse:
// multiplication by it is too regular.
class KeyedHash : public ::testing::TestWithParam<HashKey> {};

TEST_P(KeyedHash, OneInputBitFlipsHalfOfTheOutput) {
    constexpr int kRounds = 2000;
    Random random(1);
    for (int bit = 0; bit < 64; ++bit) {
        int flipped = 0;
        for (int i = 0; i < kRounds; ++i) {
            const uint64_t value = random.next();
            flipped += std::popcount(keyed_hash(GetParam(), value) ^
                                     keyed_hash(GetParam(), value ^ uint64_t{1} << bit));
        }
        const double mean = static_cast<double>(flipped) / kRounds;
        EXPECT_NEAR(mean, 32.0, 1.0) << "input bit " << bit;
    }
}

// Clients on consecutive ports or addresses: what real traffic looks like, and what a weak hash
// clusters. Chi-square over 1024 buckets has mean 1023 and standard deviation 45.
TEST_P(KeyedHash, ConsecutiveInputsFillBucketsEvenly) {
    constexpr size_t kBuckets = 1024;
    constexpr uint64_t kInputs = 100 * kBuckets;
    for (const int shift : {0, 8, 16, 32}) {
        for (const int bucket_shift : {0, 32, 54}) {
            std::vector<uint64_t> counts(kBuckets);
            for (uint64_t i = 0; i < kInputs; ++i) {
                ++counts[keyed_hash(GetParam(), i << shift) >> bucket_shift & (kBuckets - 1)];
            }
            double chi_square = 0;
            for (const uint64_t count : counts) {
                const double off = static_cast<double>(count) - 100.0;
                chi_square += off * off / 100.0;
            }
            EXPECT_LT(chi_square, 1023 + 6 * 45) << "shift " << shift << " from " << bucket_shift;
        }
    }
}

TEST_P(KeyedHash, NoCollisionsAmongManyInputs) {
    std::unordered_set<uint64_t> seen;
    for (uint64_t i = 0; i < 100000; ++i) {
        seen.insert(keyed_hash(GetParam(), i));
    }
    EXPECT_EQ(seen.size(), 100000U);
}

// Another key places the same inputs elsewhere: who knows one director's buckets knows nothing of
// another's.
TEST_P(KeyedHash, KeysDiffer) {
    constexpr uint64_t kInputs = 10000;
    HashKey first_differs = GetParam();
    first_differs.first ^= 2;
    HashKey second_differs = GetParam();
    second_differs.second ^= 2;
    for (const HashKey& other : {first_differs, second_differs}) {
        int same_bucket = 0;
        for (uint64_t i = 0; i < kInputs; ++i) {
            const uint64_t changed = keyed_hash(GetParam(), i) ^ keyed_hash(other, i);
            EXPECT_NE(changed, 0U);
            same_bucket += changed % 256 == 0 ? 1 : 0;
        }
        EXPECT_NEAR(same_bucket, 39, 38);  // 10000 / 256, standard deviation 6.2
    }
}

std::vector<HashKey> keys() {
    Random random(20240917);
    std::vector<HashKey> out{HashKey{}};
    for (int i = 0; i < 8; ++i) {
        const uint64_t first = random.next();
        out.push_back(HashKey{first, random.next()});
    }
    return out;
}

INSTANTIATE_TEST_SUITE_P(Keys, KeyedHash, ::testing::ValuesIn(keys()));

}  // namespace
}  // namespace director
