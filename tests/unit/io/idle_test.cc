// Shows when a worker sleeps after empty polls, and how long.
#include "dataplane/io/idle.h"

#include <gtest/gtest.h>

namespace director::test {
namespace {

using dataplane::io::IdleBackoff;
using dataplane::io::IdleMode;

TEST(IdleBackoffTest, PollModeNeverSleeps) {
    IdleBackoff backoff(IdleMode::kPoll);
    for (int i = 0; i < 10000; ++i) {
        EXPECT_EQ(backoff.on_empty_poll(), Duration::zero());
    }
}

TEST(IdleBackoffTest, SleepsGrowAndTrafficResetsThem) {
    IdleBackoff backoff(IdleMode::kAdaptive);
    for (int round = 0; round < 3; ++round) {
        for (uint32_t i = 1; i < IdleBackoff::kPollsBeforeSleep; ++i) {
            EXPECT_EQ(backoff.on_empty_poll(), Duration::zero());
        }
        EXPECT_EQ(backoff.on_empty_poll(), IdleBackoff::kFirstSleep);
        EXPECT_EQ(backoff.on_empty_poll(), IdleBackoff::kFirstSleep * 2);
        for (int i = 0; i < 100; ++i) {
            EXPECT_LE(backoff.on_empty_poll(), IdleBackoff::kLongestSleep);
        }
        EXPECT_EQ(backoff.on_empty_poll(), IdleBackoff::kLongestSleep);
        backoff.on_busy_poll();
    }
}

}  // namespace
}  // namespace director::test
