// Fails on purpose: scripts/test runs it to see that the runner notices (Catch2).
#include <catch2/catch.hpp>

TEST_CASE("the canary fails") {
    CHECK(1 == 2);
}

TEST_CASE("the canary passes") {
    CHECK(1 == 1);
}
