// When a check probes and when it changes its mind: rise, fall and retries row by row.
#include "healthcheck/check_machine.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace director::healthcheck {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{std::chrono::hours(1)};

struct Row {
    const char* name;
    uint32_t retries;
    uint32_t rise;
    uint32_t fall;
    std::string_view outcomes;  // P, F, U: passed, failed, unable
    std::string_view states;    // after each: u, d, or ? for untried
};

class States : public testing::TestWithParam<Row> {};

char letter(CheckState state) {
    return state == CheckState::kUp ? 'u' : state == CheckState::kDown ? 'd' : '?';
}

TEST_P(States, FollowOutcomes) {
    Timing timing;
    timing.retries = GetParam().retries;
    timing.rise = GetParam().rise;
    timing.fall = GetParam().fall;
    CheckMachine machine(timing);
    std::string states;
    TimePoint now = kStart;
    for (const char outcome : GetParam().outcomes) {
        static_cast<void>(machine.begin_probe(now));
        const CheckState before = machine.state();
        const bool changed = machine.end_probe(now,
                                               outcome == 'P'   ? Outcome::kPassed
                                               : outcome == 'F' ? Outcome::kFailed
                                                                : Outcome::kUnable);
        EXPECT_EQ(changed, machine.state() != before);
        states += letter(machine.state());
        now = machine.deadline();
    }
    EXPECT_EQ(states, GetParam().states);
}

INSTANTIATE_TEST_SUITE_P(CheckMachine,
                         States,
                         testing::Values(Row{"FirstResultDecidesUp", 3, 3, 3, "P", "u"},
                                         Row{"FirstResultDecidesDown", 3, 3, 3, "F", "d"},
                                         Row{"OneRetry", 1, 1, 1, "PFF", "uud"},
                                         Row{"PassWithinRetriesForgets", 1, 1, 1, "PFPFF", "uuuud"},
                                         Row{"NoRetries", 0, 1, 1, "PF", "ud"},
                                         Row{"OneSuccessIsEnough", 1, 1, 1, "FP", "du"},
                                         Row{"RiseCountsOnEnd", 1, 3, 1, "FPPFPPP", "ddddddu"},
                                         Row{"FallCountsRounds", 1, 1, 2, "PFFFF", "uuuud"},
                                         Row{"FallIsForgottenByAPass", 0, 1, 2, "PFPFF", "uuuud"},
                                         Row{"UnableChangesNothing", 0, 1, 1, "UPUUF", "?uuud"},
                                         Row{"UnableWithinRetries", 1, 1, 1, "PFUF", "uuud"}),
                         [](const auto& param) { return param.param.name; });

TEST(CheckMachine, ProbesAtIntervalsAndRetriesSooner) {
    Timing timing;
    timing.interval = seconds(10);
    timing.retry_delay = seconds(2);
    timing.retries = 1;
    CheckMachine machine(timing);
    const auto next_after = [&machine](Outcome outcome) {
        const TimePoint begun = machine.deadline() == kNever ? kStart : machine.deadline();
        static_cast<void>(machine.begin_probe(begun));
        static_cast<void>(machine.end_probe(begun + milliseconds(5), outcome));
        return machine.deadline() - begun;
    };
    EXPECT_EQ(next_after(Outcome::kPassed), seconds(10) + milliseconds(5));
    EXPECT_EQ(next_after(Outcome::kFailed), seconds(2) + milliseconds(5));
    EXPECT_EQ(next_after(Outcome::kFailed), seconds(10) + milliseconds(5)) << "down now";
    EXPECT_EQ(next_after(Outcome::kFailed), seconds(10) + milliseconds(5));
}

TEST(CheckMachine, WarmUpSpreadsTheFirstProbe) {
    Timing timing;
    timing.warm_up = seconds(4);
    Random random(7);
    bool early = false;
    bool late = false;
    for (int i = 0; i < 100; ++i) {
        CheckMachine machine(timing);
        machine.start(kStart, random);
        EXPECT_GE(machine.deadline(), kStart);
        EXPECT_LT(machine.deadline(), kStart + seconds(4));
        early = early || machine.deadline() < kStart + seconds(1);
        late = late || machine.deadline() > kStart + seconds(3);
    }
    EXPECT_TRUE(early && late);
    timing.warm_up = Duration::zero();
    CheckMachine machine(timing);
    machine.start(kStart, random);
    EXPECT_EQ(machine.deadline(), kStart);
}

TEST(CheckMachine, ShorterIntervalCountsAtOnce) {
    Timing timing;
    timing.interval = seconds(60);
    CheckMachine machine(timing);
    static_cast<void>(machine.begin_probe(kStart));
    static_cast<void>(machine.end_probe(kStart, Outcome::kPassed));
    timing.interval = seconds(5);
    machine.set_timing(kStart + seconds(1), timing);
    EXPECT_EQ(machine.deadline(), kStart + seconds(6));
    EXPECT_EQ(machine.state(), CheckState::kUp);
}

}  // namespace
}  // namespace director::healthcheck
