// What clients' connections say about a server.
#include "healthcheck/passive.h"

#include <gtest/gtest.h>

namespace director::healthcheck {
namespace {

using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(1)};

TEST(PassiveJudge, TellsGoodFromBadFromUnknown) {
    PassiveCheck settings;  // 20 connections, half of them
    settings.reset_percent = 90;
    PassiveJudge judge(settings);
    EXPECT_EQ(judge.judge(kStart, false).outcome, Outcome::kUnable) << "no traffic";
    judge.add({19, 19, 0});
    EXPECT_EQ(judge.judge(kStart, false).outcome, Outcome::kUnable) << "too little";
    judge.add({10, 0, 0});
    judge.add({10, 9, 0});
    EXPECT_EQ(judge.judge(kStart, false).outcome, Outcome::kPassed);
    judge.add({20, 10, 0});
    const auto verdict = judge.judge(kStart, false);
    EXPECT_EQ(verdict.outcome, Outcome::kFailed);
    EXPECT_EQ(verdict.text, "10 of 20 connections got no answer to their SYN");
    EXPECT_EQ(judge.judge(kStart, false).outcome, Outcome::kUnable) << "a new interval";
    judge.add({100, 0, 90});
    EXPECT_EQ(judge.judge(kStart, false).text, "90 of 100 connections were reset by the server");
}

TEST(PassiveJudge, TriesAgainAfterHold) {
    PassiveJudge judge{PassiveCheck()};
    judge.add({20, 20, 0});
    ASSERT_EQ(judge.judge(kStart, false).outcome, Outcome::kFailed);
    EXPECT_EQ(judge.judge(kStart + seconds(29), true).outcome, Outcome::kUnable);
    judge.add({20, 20, 0});
    EXPECT_EQ(judge.judge(kStart + seconds(30), true).outcome, Outcome::kFailed)
        << "connections of before still fail";
    EXPECT_EQ(judge.judge(kStart + seconds(59), true).outcome, Outcome::kUnable);
    EXPECT_EQ(judge.judge(kStart + seconds(60), true).outcome, Outcome::kPassed);
}

TEST(PassiveJudge, ZeroPercentIsNotLookedAt) {
    PassiveCheck check;
    check.reset_percent = 0;
    PassiveJudge judge{check};
    judge.add({100, 0, 100});
    EXPECT_EQ(judge.judge(kStart, false).outcome, Outcome::kPassed);
}

}  // namespace
}  // namespace director::healthcheck
