// Records that wait for a service: once each, for as long as their connections have left.
#include "controlplane/sync/waiting_room.h"

#include <gtest/gtest.h>

#include "tests/unit/sync/sync_samples.h"

namespace director::sync {
namespace {

TEST(WaitingRoom, KeepsTheLatestUntilItsTimeIsOver) {
    WaitingRoom room(2);
    const TimePoint now{std::chrono::hours(1)};
    auto record = sample(1);
    record.timeout_seconds = 100;
    EXPECT_TRUE(room.add(record, now));
    record.timeout_seconds = 60;
    EXPECT_TRUE(room.add(record, now)) << "the same connection";
    EXPECT_EQ(room.size(), 1U);
    auto brief = sample(2);
    brief.timeout_seconds = 10;
    EXPECT_TRUE(room.add(brief, now));
    EXPECT_FALSE(room.add(sample(3), now)) << "full";
    const auto waiting = room.take(now + std::chrono::seconds(25));
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_EQ(waiting[0].client, record.client);
    EXPECT_EQ(waiting[0].timeout_seconds, 35U);
    EXPECT_EQ(room.size(), 0U);
}

TEST(WaitingRoom, ForgetsWhatIsOver) {
    WaitingRoom room(2);
    const TimePoint now{std::chrono::hours(1)};
    auto record = sample(1);
    record.timeout_seconds = 0;  // version 0: as long as IPVS keeps a template
    EXPECT_TRUE(room.add(record, now));
    room.drop_ended(now + std::chrono::seconds(179));
    EXPECT_EQ(room.size(), 1U);
    room.drop_ended(now + std::chrono::seconds(180));
    EXPECT_EQ(room.size(), 0U);
}

}  // namespace
}  // namespace director::sync
