#include "controlplane/server/event_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "controlplane/server/json_fields.h"

namespace director::server {

DIRECTOR_DEFINE_JSON(EventView, sequence, time, topic, name, subject, message, data)
DIRECTOR_DEFINE_JSON(EventsView, events, next, lost)

namespace {

// A line of the configuration or of a probe's answer may be long; whole characters stay whole, for
// readers replace what is not UTF-8.
void shorten(std::string& text) {
    if (text.size() > EventStream::kTextBytesMax) {
        text.resize(EventStream::kTextBytesMax - 3);
        text += "...";
    }
}

}  // namespace

std::optional<TopicSet> TopicSet::of(const std::vector<std::string>& names) {
    if (names.empty()) {
        return all();
    }
    TopicSet topics(0);
    for (const std::string& name : names) {
        const auto* const found =
            std::find(std::begin(kTopicNames), std::end(kTopicNames), std::string_view(name));
        if (found == std::end(kTopicNames)) {
            return std::nullopt;
        }
        topics.bits_ |= 1U << static_cast<uint32_t>(found - std::begin(kTopicNames));
    }
    return topics;
}

std::string utc_text(uint64_t nanoseconds_since_1970) {
    using std::chrono::days;
    using std::chrono::milliseconds;
    const auto since = std::chrono::duration_cast<milliseconds>(
        std::chrono::nanoseconds(static_cast<int64_t>(nanoseconds_since_1970)));
    const auto day = std::chrono::floor<days>(since);
    const std::chrono::year_month_day date{std::chrono::sys_days(day)};
    const std::chrono::hh_mm_ss time(since - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                       static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()),
                       time.hours().count(),
                       time.minutes().count(),
                       time.seconds().count(),
                       time.subseconds().count());
}

void EventStream::publish(EventText text) {
    EventView view{.sequence = next_++,
                   .time = utc_text(now_()),
                   .topic = std::string(kTopicNames[static_cast<size_t>(text.topic)]),
                   .name = std::move(text.name),
                   .subject = std::move(text.subject),
                   .message = std::move(text.message),
                   .data = std::move(text.data)};
    shorten(view.subject);
    shorten(view.message);
    for (auto& [name, value] : view.data) {
        shorten(value);
    }
    events_.push_back({text.topic, std::move(view)});
    if (events_.size() > kept_) {
        events_.pop_front();
    }
    if (told_) {
        told_();
    }
}

EventsView EventStream::read(uint64_t since, size_t limit, TopicSet topics) const {
    const uint64_t oldest = next_ - events_.size();
    const uint64_t from = std::min(std::max(since, oldest), next_);
    EventsView page;
    page.lost = since != 0 && since < oldest ? oldest - since : 0;
    page.next = from;
    for (; page.next < next_ && page.events.size() < limit; ++page.next) {
        const Kept& event = events_[page.next - oldest];
        if (topics.contains(event.topic)) {
            page.events.push_back(event.view);
        }
    }
    return page;
}

std::vector<EventView> EventStream::latest(size_t count) const {
    std::vector<EventView> views;
    for (auto event = events_.rbegin(); event != events_.rend() && views.size() < count; ++event) {
        views.push_back(event->view);
    }
    return views;
}

}  // namespace director::server
