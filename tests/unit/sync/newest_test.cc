// Which of two records about a connection is the newer one, by number, by what a connection can go
// through, and against a page of the table; and how much of it is remembered.
#include "controlplane/sync/newest.h"

#include <gtest/gtest.h>

#include "tests/unit/sync/sync_samples.h"

namespace director::sync {
namespace {

using dataplane::ConnState;
using dataplane::SyncRecord;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Origin kIpvs{};

struct Memory : testing::Test {
    [[nodiscard]] bool hears(ConnState state, const Origin& origin = kIpvs, uint32_t number = 1) {
        SyncRecord record = sample(number);
        record.state = state;
        return newest.take(record, origin, now);
    }
    Newest newest{HashKey{}, 4};
    TimePoint now{std::chrono::hours(1)};
};

TEST_F(Memory, NumbersDecide) {
    EXPECT_TRUE(hears(ConnState::kFinWait, {1, 7}));
    EXPECT_FALSE(hears(ConnState::kEstablished, {1, 6}));
    EXPECT_FALSE(hears(ConnState::kTimeWait, {1, 6})) << "whatever it says";
    EXPECT_TRUE(hears(ConnState::kEstablished, {1, 7})) << "the same message";
    EXPECT_TRUE(hears(ConnState::kEstablished, {1, 8})) << "its client has begun anew";
    now += seconds(50);
    EXPECT_FALSE(hears(ConnState::kEstablished, {1, 7})) << "for a minute";
    EXPECT_TRUE(hears(ConnState::kEstablished, {2, 1})) << "its director has started anew";
}

TEST_F(Memory, WithoutNumbersAConnectionDoesNotGoBackWithinASecond) {
    EXPECT_TRUE(hears(ConnState::kEstablished));
    EXPECT_TRUE(hears(ConnState::kFinWait));
    EXPECT_FALSE(hears(ConnState::kEstablished));
    EXPECT_TRUE(hears(ConnState::kTimeWait));
    now += milliseconds(999);
    EXPECT_FALSE(hears(ConnState::kFinWait));
    EXPECT_FALSE(hears(ConnState::kEstablished));
    now += milliseconds(1);
    EXPECT_TRUE(hears(ConnState::kEstablished)) << "then its client may have begun anew";
}

TEST_F(Memory, AnotherServerIsAnotherConnection) {
    EXPECT_TRUE(hears(ConnState::kTimeWait));
    SyncRecord record = sample(1);
    record.real_server = at("192.168.2.14:80");
    EXPECT_TRUE(newest.take(record, kIpvs, now));
}

TEST_F(Memory, AConnectionAndItsTemplateAreTwo) {
    EXPECT_TRUE(hears(ConnState::kTimeWait, {1, 9}));
    SyncRecord record = sample(1);
    record.is_template = true;
    EXPECT_TRUE(newest.take(record, {1, 3}, now));
}

TEST_F(Memory, APageIsOlderThanWhatDatagramsHaveToldSinceItsFetchBegan) {
    const TimePoint began = now;
    SyncRecord own = sample(1);
    own.is_own = true;
    EXPECT_TRUE(newest.take_page(own, began));
    now += milliseconds(1);
    EXPECT_TRUE(hears(ConnState::kTimeWait));
    EXPECT_FALSE(newest.take_page(own, began));
    EXPECT_TRUE(newest.take_page(own, now + milliseconds(1))) << "of a fetch that began later";
}

TEST_F(Memory, WhatATwinHasHeardItselfFillsGaps) {
    SyncRecord own = sample(1);
    own.is_own = true;
    EXPECT_TRUE(newest.take_page(sample(1), now));
    EXPECT_TRUE(newest.take_page(own, now));
    EXPECT_FALSE(newest.take_page(sample(1), now)) << "another twin knows it itself";
    EXPECT_TRUE(hears(ConnState::kEstablished, kIpvs, 2));
    EXPECT_FALSE(newest.take_page(sample(2), now + seconds(10)));
    EXPECT_TRUE(newest.take_page(sample(3), now + seconds(10)));
    EXPECT_FALSE(newest.take_page(sample(3), now + seconds(20))) << "a third twin's table";
}

TEST_F(Memory, WhatWeToldOurselvesDoesNotComeBack) {
    SyncRecord own = sample(1);
    own.is_own = true;
    newest.tell(sample(1), now);
    EXPECT_FALSE(newest.take_page(own, now + seconds(10)));
    EXPECT_TRUE(hears(ConnState::kEstablished)) << "but the twin may carry it from now on";
}

TEST_F(Memory, IsBoundedAndTheOldestIsForgotten) {
    for (uint32_t number = 0; number < 100; ++number) {
        EXPECT_TRUE(hears(ConnState::kTimeWait, {1, 100}, number));
        EXPECT_LE(newest.size(), 8U);
    }
    EXPECT_FALSE(hears(ConnState::kEstablished, {1, 1}, 99));
    EXPECT_FALSE(hears(ConnState::kEstablished, {1, 1}, 96));
    EXPECT_TRUE(hears(ConnState::kEstablished, {1, 1}, 80)) << "a flood makes it forget";
}

TEST_F(Memory, ForgetsAfterTwoMinutes) {
    EXPECT_TRUE(hears(ConnState::kTimeWait, {1, 9}));
    now += seconds(121);
    EXPECT_TRUE(hears(ConnState::kTimeWait, {1, 9}, 2));
    now += seconds(61);
    EXPECT_TRUE(hears(ConnState::kTimeWait, {1, 9}, 3));
    EXPECT_TRUE(hears(ConnState::kEstablished, {1, 1}, 1));
}

}  // namespace
}  // namespace director::sync
