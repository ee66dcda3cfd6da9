// What has happened, in order: the last few thousand events, each with its number. Whoever wants
// them reads from a number on; there is no queue per reader, so a slow one costs nothing and finds
// out how many it has missed. Control-plane thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace director::server {

enum class Topic : uint8_t {
    kVrrpRouter,
    kServer,
    kService,
    kConfig,
    kTwin,
    kAttack,
    kDraining,
    kInterface,
    kDaemon,
};

// In the order of Topic.
inline constexpr std::string_view kTopicNames[] = {
    "vrrp", "server", "service", "config", "sync", "attack", "drain", "interface", "daemon"};

// Some of the topics.
class TopicSet {
  public:
    [[nodiscard]] static TopicSet all() { return TopicSet(~uint32_t{0}); }
    // Of their names; nothing if one is none. An empty list is all.
    [[nodiscard]] static std::optional<TopicSet> of(const std::vector<std::string>& names);

    [[nodiscard]] bool contains(Topic topic) const {
        return (bits_ & 1U << static_cast<uint32_t>(topic)) != 0;
    }

  private:
    explicit TopicSet(uint32_t bits) : bits_(bits) {}
    uint32_t bits_;
};

struct EventView {
    uint64_t sequence = 0;
    std::string time;  // UTC: "2026-11-22T10:15:02.123Z"
    std::string topic;
    std::string name;
    std::string subject;
    std::string message;
    std::map<std::string, std::string> data;
};

// Answer to "events".
struct EventsView {
    std::vector<EventView> events;
    uint64_t next = 0;  // `since` of the next call
    uint64_t lost = 0;  // from `since` on, forgotten already
};

// What is told of something that happened; docs/control-socket.md lists what there is.
struct EventText {
    Topic topic = Topic::kDaemon;
    std::string name;
    std::string subject;
    std::string message;
    std::map<std::string, std::string> data;
};

class EventStream {
  public:
    static constexpr size_t kKept = 4096;
    static constexpr size_t kTextBytesMax = 512;  // of each text in an event

    // `now`: nanoseconds since 1970.
    explicit EventStream(std::function<uint64_t()> now, size_t kept = kKept)
        : now_(std::move(now)), kept_(kept) {}

    void publish(EventText text);

    // At most `limit` events of these topics, from the number `since` on (0: the oldest kept).
    [[nodiscard]] EventsView read(uint64_t since, size_t limit, TopicSet topics) const;

    // The last `count`, newest first.
    [[nodiscard]] std::vector<EventView> latest(size_t count) const;

    // The number that the next event will have; the first has 1.
    [[nodiscard]] uint64_t next() const { return next_; }

    // Called after each publish(); must not publish itself. Empty: nobody.
    void on_publish(std::function<void()> told) { told_ = std::move(told); }

  private:
    struct Kept {
        Topic topic{};
        EventView view;
    };

    std::function<uint64_t()> now_;
    size_t kept_;
    std::deque<Kept> events_;  // without gaps, the last one has the number next_ - 1
    uint64_t next_ = 1;
    std::function<void()> told_;
};

// "2026-11-22T10:15:02.123Z".
[[nodiscard]] std::string utc_text(uint64_t nanoseconds_since_1970);

void to_json(nlohmann::json& json, const EventView& value);
void from_json(const nlohmann::json& json, EventView& value);
void to_json(nlohmann::json& json, const EventsView& value);
void from_json(const nlohmann::json& json, EventsView& value);

}  // namespace director::server
