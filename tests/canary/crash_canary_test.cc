// Dies on purpose between two cases: scripts/test runs it to see that the runner notices.
#include <cstdlib>

#include <gtest/gtest.h>

TEST(Canary, PassesBeforeTheCrash) {
    EXPECT_EQ(1, 1);
}

TEST(Canary, Crashes) {
    std::abort();
}
