// Fails on purpose: scripts/test runs it to see that the runner notices (GoogleTest).
#include <gtest/gtest.h>

TEST(Canary, Fails) {
    EXPECT_EQ(1, 2);
}

TEST(Canary, Passes) {
    EXPECT_EQ(1, 1);
}
