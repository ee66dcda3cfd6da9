#include "controlplane/server/event_requests.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace director::server {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kLimitDefault = 100;
constexpr uint64_t kLimitMax = 1000;
constexpr const char* kExpected =
    "expected since: number, limit: 1 to 1000, topics: list of vrrp, server, service, config, "
    "sync, attack, drain, interface, daemon";

std::optional<TopicSet> topics_of(const Json& params) {
    const Json topics = params.value("topics", Json::array());
    if (!topics.is_array()) {
        return std::nullopt;
    }
    std::vector<std::string> names;
    for (const Json& topic : topics) {
        if (!topic.is_string()) {
            return std::nullopt;
        }
        names.push_back(topic.get<std::string>());
    }
    return TopicSet::of(names);
}

void answer_events(const EventStream& stream, const Json& params, const Reply& reply) {
    const Json since = params.value("since", Json(uint64_t{0}));
    const Json limit = params.value("limit", Json(kLimitDefault));
    const auto topics = topics_of(params);
    if (!since.is_number_unsigned() || !limit.is_number_unsigned() || !topics ||
        limit.get<uint64_t>() == 0 || limit.get<uint64_t>() > kLimitMax) {
        reply.invalid_params(kExpected);
        return;
    }
    reply(Json(stream.read(since.get<uint64_t>(), limit.get<uint64_t>(), *topics)));
}

void answer_subscribe(const EventStream& stream, const Json& params, const Reply& reply) {
    const Json since = params.value("since", Json(stream.next()));
    const auto topics = topics_of(params);
    if (!since.is_number_unsigned() || !topics) {
        reply.invalid_params(kExpected);
        return;
    }
    const auto subscriber = reply.caller().subscriber.lock();
    if (!subscriber) {
        reply(failure("there is no connection to send events to"));
        return;
    }
    subscriber->subscribe(since.get<uint64_t>(), *topics);
    reply(Json{{"next", since}});
}

}  // namespace

void add_event_requests(RequestTable& table, const EventStream& stream) {
    table.add({kEvents, [&stream](const Json& params, const Reply& reply) {
                   answer_events(stream, params, reply);
               }});
    table.add({kSubscribe, [&stream](const Json& params, const Reply& reply) {
                   answer_subscribe(stream, params, reply);
               }});
    table.add({kUnsubscribe, [](const Json& /*params*/, const Reply& reply) {
                   if (const auto subscriber = reply.caller().subscriber.lock()) {
                       subscriber->unsubscribe();
                   }
                   reply(Json::object());
               }});
}

}  // namespace director::server
