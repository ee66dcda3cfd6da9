// The last events, by number.
#include "controlplane/server/event_stream.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

namespace director::server {
namespace {

using Json = nlohmann::json;

class EventStreamTest : public testing::Test {
  protected:
    void happen(const std::string& name, Topic topic = Topic::kServer) {
        stream_.publish(
            {.topic = topic, .name = name, .subject = "", .message = "", .data = {{"a", "b"}}});
    }
    static std::string names(const EventsView& page) {
        std::string text;
        for (const EventView& event : page.events) {
            text += event.name;
        }
        return text;
    }

    uint64_t now_ = 0;
    EventStream stream_{[this] { return now_; }, 4};
};

TEST_F(EventStreamTest, PagesGoOnWhereTheLastEnded) {
    happen("a");
    happen("b");
    happen("c");
    const EventsView first = stream_.read(0, 2, TopicSet::all());
    EXPECT_EQ(names(first), "ab");
    EXPECT_EQ(first.next, 3U);
    const EventsView second = stream_.read(first.next, 2, TopicSet::all());
    EXPECT_EQ(names(second), "c");
    EXPECT_EQ(names(stream_.read(second.next, 2, TopicSet::all())), "");
    EXPECT_EQ(stream_.read(999, 2, TopicSet::all()).next, 4U) << "not from the future";
}

TEST_F(EventStreamTest, ForgetsTheOldestAndSaysHowMany) {
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
        happen(name);
    }
    const EventsView page = stream_.read(1, 10, TopicSet::all());
    EXPECT_EQ(names(page), "cdef");
    EXPECT_EQ(page.lost, 2U);
    EXPECT_EQ(page.events.front().sequence, 3U);
    EXPECT_EQ(stream_.read(0, 10, TopicSet::all()).lost, 0U) << "who asks for the oldest lost none";
    EXPECT_EQ(stream_.read(3, 10, TopicSet::all()).lost, 0U);
}

TEST_F(EventStreamTest, TheLatestComeFirst) {
    EXPECT_TRUE(stream_.latest(2).empty());
    for (const char* name : {"a", "b", "c"}) {
        happen(name);
    }
    EXPECT_EQ(names({stream_.latest(2), 0, 0}), "cb");
    EXPECT_EQ(names({stream_.latest(9), 0, 0}), "cba");
}

TEST_F(EventStreamTest, TopicsAreChosenByName) {
    happen("a", Topic::kVrrpRouter);
    happen("b", Topic::kDaemon);
    happen("c", Topic::kVrrpRouter);
    const auto vrrp = TopicSet::of({"vrrp"});
    ASSERT_TRUE(vrrp);
    const EventsView page = stream_.read(0, 1, *vrrp);
    EXPECT_EQ(names(page), "a");
    EXPECT_EQ(names(stream_.read(page.next, 1, *vrrp)), "c");
    EXPECT_EQ(page.events.front().topic, "vrrp");
    EXPECT_EQ(names(stream_.read(0, 9, *TopicSet::of({}))), "abc");
    EXPECT_FALSE(TopicSet::of({"vrrp", "VRRP"}));
}

TEST_F(EventStreamTest, TextsAreBounded) {
    stream_.publish({.topic = Topic::kServer,
                     .name = "down",
                     .subject = "",
                     .message = std::string(5000, 'x'),
                     .data = {{"reason", std::string(5000, 'y')}}});
    const EventView event = stream_.read(0, 1, TopicSet::all()).events.at(0);
    EXPECT_EQ(event.message.size(), EventStream::kTextBytesMax);
    EXPECT_EQ(event.data.at("reason").size(), EventStream::kTextBytesMax);
}

TEST_F(EventStreamTest, TimesAreUtc) {
    EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(utc_text(951'782'399'999'000'000), "2000-02-28T23:59:59.999Z");
    EXPECT_EQ(utc_text(951'782'400'000'000'000), "2000-02-29T00:00:00.000Z");
    now_ = 1'795'342'502'123'456'789;
    happen("a");
    EXPECT_EQ(stream_.read(0, 1, TopicSet::all()).events.at(0).time, utc_text(now_));
}

TEST_F(EventStreamTest, RoundTrips) {
    happen("a");
    const Json json = stream_.read(0, 1, TopicSet::all());
    EXPECT_EQ(Json(json.get<EventsView>()), json);
}

}  // namespace
}  // namespace director::server
