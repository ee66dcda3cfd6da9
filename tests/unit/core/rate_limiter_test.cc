// The limit on punts: the rate on average, a tenth of a second's worth at once, and nothing saved
// up beyond that.
#include <gtest/gtest.h>

#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

[[nodiscard]] uint32_t admitted(RateLimiter& limiter, TimePoint now, uint32_t tries) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < tries; ++i) {
        count += limiter.admits(now) ? 1U : 0U;
    }
    return count;
}

TEST(RateLimiter, LetsATenthOfASecondThroughAtOnce) {
    RateLimiter limiter(20000);
    EXPECT_NEAR(admitted(limiter, kStart, 100000), 2000, 1);
    EXPECT_FALSE(limiter.admits(kStart));
}

TEST(RateLimiter, KeepsTheRateUnderAFlood) {
    RateLimiter limiter(20000);
    uint32_t count = 0;
    for (int ms = 0; ms < 10000; ++ms) {
        count += admitted(limiter, kStart + std::chrono::milliseconds(ms), 200);
    }
    EXPECT_NEAR(count, 200000 + 2000, 50);
}

TEST(RateLimiter, SavesNothingUpWhileQuiet) {
    RateLimiter limiter(1000);
    EXPECT_NEAR(admitted(limiter, kStart, 1000), 100, 1);
    EXPECT_NEAR(admitted(limiter, kStart + std::chrono::hours(1), 1000), 100, 1);
}

TEST(RateLimiter, RefusesNothingBelowTheRate) {
    RateLimiter limiter(1000);
    for (int ms = 0; ms < 5000; ++ms) {
        ASSERT_TRUE(limiter.admits(kStart + std::chrono::milliseconds(ms)));
    }
}

TEST(RateLimiter, ZeroIsOneASecondAndHugeIsNoLimit) {
    RateLimiter slow(0);
    EXPECT_EQ(admitted(slow, kStart, 10), 1U);
    EXPECT_FALSE(slow.admits(kStart + std::chrono::milliseconds(800)));
    EXPECT_TRUE(slow.admits(kStart + std::chrono::seconds(1)));
    RateLimiter fast(4000000000U);
    EXPECT_EQ(admitted(fast, kStart, 100000), 100000U);
}

}  // namespace
}  // namespace director::dataplane
