// The timing wheel and the half-open queue under a simulated expiry that does what expire.cc does:
// entries end at their deadline and not before, however far it has moved meanwhile.
#include "dataplane/core/tables/timer_lists.h"

#include <fmt/format.h>

#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kPlenty = 1U << 20;  // more steps than the wheel has slots

// Entries with deadlines of their own, as connections have.
class Wheel {
  public:
    explicit Wheel(uint32_t entries) : timers_(entries, plain_table_memory()), deadlines_(entries) {
        EXPECT_TRUE(timers_.is_allocated());
    }

    void arm(uint32_t entry, uint32_t deadline, uint32_t tick) {
        deadlines_[entry] = deadline;
        timers_.arm(entry, deadline, tick);
    }
    // A packet extended the deadline; the wheel is not told.
    void extend(uint32_t entry, uint32_t deadline) { deadlines_[entry] = deadline; }

    // All entries that end by `tick`, in the order in which they do.
    std::vector<uint32_t> expire(uint32_t tick, uint32_t steps = kPlenty) {
        std::vector<uint32_t> ended;
        for (int looked = 0; looked < 1000000; ++looked) {
            const uint32_t entry = timers_.next_due(tick, steps);
            if (entry == TimerLists::kNone) {
                return ended;
            }
            timers_.disarm(entry);
            if (static_cast<int32_t>(deadlines_[entry] - tick) <= 0) {
                ended.push_back(entry);
            } else {
                timers_.arm(entry, deadlines_[entry], tick);
            }
        }
        ADD_FAILURE() << "expiry does not come to an end";
        return ended;
    }

    TimerLists& timers() { return timers_; }

  private:
    TimerLists timers_;
    std::vector<uint32_t> deadlines_;
};

TEST(TimerLists, EndsInOrderOfDeadlinesAndAtTheTick) {
    Wheel wheel(4);
    wheel.arm(0, 130, 100);
    wheel.arm(1, 110, 100);
    wheel.arm(2, 120, 100);
    wheel.arm(3, 110, 100);
    EXPECT_TRUE(wheel.expire(109).empty());
    EXPECT_EQ(wheel.expire(110), (std::vector<uint32_t>{1, 3}));
    EXPECT_TRUE(wheel.expire(110).empty());
    EXPECT_EQ(wheel.expire(200), (std::vector<uint32_t>{2, 0}));
}

TEST(TimerLists, ADisarmedEntryDoesNotCome) {
    Wheel wheel(3);
    for (uint32_t entry = 0; entry < 3; ++entry) {
        wheel.arm(entry, 110, 100);
    }
    wheel.timers().disarm(1);
    EXPECT_EQ(wheel.expire(110), (std::vector<uint32_t>{0, 2}));
}

TEST(TimerLists, LooksAgainWhenTheDeadlineHasMoved) {
    Wheel wheel(2);
    wheel.arm(0, 110, 100);
    wheel.arm(1, 115, 100);
    wheel.extend(0, 140);
    EXPECT_TRUE(wheel.expire(112).empty());
    wheel.extend(0, 160);
    EXPECT_EQ(wheel.expire(159), (std::vector<uint32_t>{1}));
    EXPECT_EQ(wheel.expire(160), (std::vector<uint32_t>{0}));
}

TEST(TimerLists, ADeadlineThatIsOverComesAtTheNextTick) {
    Wheel wheel(2);
    wheel.arm(0, 200, 100);
    EXPECT_TRUE(wheel.expire(150).empty());
    wheel.arm(1, 120, 150);
    EXPECT_EQ(wheel.expire(151), (std::vector<uint32_t>{1}));
}

TEST(TimerLists, ReachesBeyondTheWheel) {
    Wheel wheel(2);
    const uint32_t start = 1000;
    const uint32_t far = start + 5 * TimerLists::kSlots + 17;
    wheel.arm(0, far, start);
    wheel.arm(1, start + TimerLists::kSlots, start);
    for (uint32_t tick = start; tick < start + TimerLists::kSlots; tick += 61) {
        ASSERT_TRUE(wheel.expire(tick).empty()) << tick;
    }
    EXPECT_EQ(wheel.expire(start + TimerLists::kSlots), (std::vector<uint32_t>{1}));
    for (uint32_t tick = start + TimerLists::kSlots; tick < far; tick += 61) {
        ASSERT_TRUE(wheel.expire(tick).empty()) << tick;
    }
    EXPECT_EQ(wheel.expire(far), (std::vector<uint32_t>{0}));
}

TEST(TimerLists, ALongPauseIsCaughtUpInBoundedSteps) {
    Wheel wheel(2);
    wheel.arm(0, 110, 100);
    wheel.arm(1, 100 + 1000, 100);
    const uint32_t now = 100 + 100000;
    int polls = 0;
    std::vector<uint32_t> ended;
    for (; ended.size() < 2 && polls < 1000; ++polls) {
        const std::vector<uint32_t> now_ended = wheel.expire(now, 64);
        ended.insert(ended.end(), now_ended.begin(), now_ended.end());
    }
    EXPECT_EQ(ended, (std::vector<uint32_t>{0, 1}));
    EXPECT_LE(polls, 1000 / 64 + 2);
}

TEST(TimerLists, TimeMayWrap) {
    for (const uint32_t start : {0xffffff00U, 0xffffffffU, 0x7ffffff0U, 0U}) {
        Wheel wheel(3);
        wheel.arm(0, start + 300, start);
        wheel.arm(1, start + 100, start);
        wheel.arm(2, start + 9000, start);
        EXPECT_TRUE(wheel.expire(start + 99).empty()) << start;
        EXPECT_EQ(wheel.expire(start + 100), (std::vector<uint32_t>{1})) << start;
        EXPECT_EQ(wheel.expire(start + 1000), (std::vector<uint32_t>{0})) << start;
        EXPECT_TRUE(wheel.expire(start + 8999).empty()) << start;
        EXPECT_EQ(wheel.expire(start + 9000), (std::vector<uint32_t>{2})) << start;
    }
}

TEST(TimerLists, LikeAModelUnderRandomUse) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        Random random(seed);
        constexpr uint32_t kEntries = 64;
        Wheel wheel(kEntries);
        std::map<uint32_t, uint32_t> model;  // armed entry -> deadline
        uint32_t tick = static_cast<uint32_t>(random.next());
        for (int step = 0; step < 3000; ++step) {
            const uint32_t entry = static_cast<uint32_t>(random.below(kEntries));
            const uint32_t deadline =
                tick + static_cast<uint32_t>(random.below(random.below(8) == 0 ? 30000 : 200));
            if (!model.contains(entry)) {
                wheel.arm(entry, deadline, tick);
                model[entry] = deadline;
            } else if (random.below(4) == 0) {
                wheel.timers().disarm(entry);
                model.erase(entry);
            } else if (static_cast<int32_t>(deadline - model[entry]) >= 0) {
                wheel.extend(entry, deadline);
                model[entry] = deadline;
            }
            // An entry armed for now or earlier is seen one tick later.
            tick += 1 + static_cast<uint32_t>(random.below(random.below(50) == 0 ? 9000 : 3));
            for (const uint32_t ended : wheel.expire(tick)) {
                ASSERT_TRUE(model.contains(ended));
                ASSERT_LE(static_cast<int32_t>(model[ended] - tick), 0) << "too early";
                model.erase(ended);
            }
            for (const auto& [waiting, when] : model) {
                ASSERT_GT(static_cast<int32_t>(when - tick), 0) << "too late: " << waiting;
            }
        }
    }
}

TEST(TimerLists, HalfOpenQueueIsInOrderOfTheLastPacket) {
    Wheel wheel(4);
    TimerLists& timers = wheel.timers();
    EXPECT_EQ(timers.oldest_half_open(), TimerLists::kNone);
    timers.arm_half_open(2);
    timers.arm_half_open(0);
    timers.arm_half_open(3);
    EXPECT_EQ(timers.oldest_half_open(), 2U);
    timers.disarm(2);
    timers.arm_half_open(2);  // another packet of it
    EXPECT_EQ(timers.oldest_half_open(), 0U);
    timers.disarm(3);
    timers.disarm(0);
    EXPECT_EQ(timers.oldest_half_open(), 2U);
    timers.disarm(2);
    EXPECT_EQ(timers.oldest_half_open(), TimerLists::kNone);
    // The wheel never sees them.
    timers.arm_half_open(1);
    EXPECT_TRUE(wheel.expire(100000).empty());
}

TEST(Ticks, RoundUp) {
    EXPECT_EQ(to_ticks(0), 0U);
    for (const uint32_t seconds : {1U, 2U, 10U, 60U, 900U, 86400U, 31536000U}) {
        const uint64_t wanted = uint64_t{seconds} * 1000000000U;
        const uint64_t got = uint64_t{to_ticks(seconds)} << kTickShift;
        EXPECT_GE(got, wanted);
        EXPECT_LT(got - wanted, 1ULL << kTickShift);
        // Not shown shorter than it was asked to be, nor more than a second longer.
        EXPECT_GE(to_seconds(to_ticks(seconds)), seconds);
        EXPECT_LE(to_seconds(to_ticks(seconds)), seconds + 1);
    }
    EXPECT_EQ(to_seconds(0), 0U);
    EXPECT_EQ(to_tick(TimePoint(std::chrono::seconds(900))), 900000000000U >> kTickShift);
}

}  // namespace
}  // namespace director::dataplane
