// Shows that the time from the counter follows its reference however wrong the first estimate of
// the frequency is, and never goes back. Counter and reference are simulated.
#include "dataplane/io/tsc_clock.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/support/sim_clock.h"

namespace director::test {
namespace {

using dataplane::io::TscClock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr uint64_t kEstimateHz = 2800000000;
// 0.18 % away: what rounding to 10 MHz may do.
constexpr uint64_t kTrueHz = 2795000000;

uint64_t g_counter = 0;
uint64_t read_counter() {
    return g_counter;
}

class TscClockTest : public ::testing::Test {
  protected:
    void advance(Duration step) {
        reference_.advance(step);
        g_counter += static_cast<uint64_t>(step.count()) * (kTrueHz / 1000000) / 1000;
    }
    [[nodiscard]] Duration error(TscClock& clock) const {
        const Duration difference = clock.at(g_counter) - reference_.now();
        return difference < Duration::zero() ? -difference : difference;
    }

    SimClock reference_;
};

TEST_F(TscClockTest, StartsAtTheReference) {
    g_counter = 123456789012;
    TscClock clock(reference_, &read_counter, kEstimateHz);
    EXPECT_EQ(clock.at(g_counter), reference_.now());
}

TEST_F(TscClockTest, FollowsTheReferenceInSpiteOfAWrongEstimate) {
    TscClock clock(reference_, &read_counter, kEstimateHz);
    for (int i = 0; i < 2000; ++i) {
        advance(microseconds(10));
        EXPECT_LT(error(clock), microseconds(3));
    }
    for (int i = 0; i < 100000; ++i) {
        advance(microseconds(37));
        EXPECT_LT(error(clock), microseconds(1));
    }
}

TEST_F(TscClockTest, FollowsAfterALongPause) {
    TscClock clock(reference_, &read_counter, kEstimateHz);
    advance(std::chrono::hours(30));
    EXPECT_LT(error(clock), microseconds(1));
}

TEST_F(TscClockTest, NeverGoesBack) {
    TscClock clock(reference_, &read_counter, kEstimateHz);
    TimePoint latest = clock.at(g_counter);
    for (int i = 0; i < 10000; ++i) {
        advance(microseconds(50));
        const TimePoint now = clock.at(g_counter - (i % 3 == 0 ? 400000 : 0));
        EXPECT_GE(now, latest);
        latest = now;
    }
}

// A reference that slows down (NTP) leaves the counter's time ahead: it waits instead of jumping.
TEST_F(TscClockTest, WaitsWhenAheadOfTheReference) {
    TscClock clock(reference_, &read_counter, kEstimateHz);
    TimePoint latest = clock.at(g_counter);
    for (int i = 0; i < 1000; ++i) {
        advance(milliseconds(1));
        g_counter += kTrueHz / 100000;
        const TimePoint now = clock.at(g_counter);
        EXPECT_GE(now, latest);
        latest = now;
    }
    EXPECT_LT(error(clock), milliseconds(2));
}

}  // namespace
}  // namespace director::test
