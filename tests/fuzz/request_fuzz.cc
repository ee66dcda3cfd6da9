// Bytes from a client of the control socket -> answers, through the real message reader and request
// table with handlers of every temper. Whatever comes, each message is answered at most once and
// each answer is one line of JSON-RPC; what changes something is never run for a reader; and
// subscriptions hold the stream to its bounds.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "common/assert.h"
#include "controlplane/server/event_requests.h"
#include "controlplane/server/message_reader.h"
#include "controlplane/server/request_table.h"

namespace {

using director::failure;
using director::server::Caller;
using director::server::EventStream;
using director::server::MessageReader;
using director::server::MethodText;
using director::server::Reply;
using director::server::RequestTable;
using director::server::Role;
using director::server::Topic;
using director::server::TopicSet;
using Json = nlohmann::json;

// Small, so that the fuzzer reaches the limit.
constexpr size_t kMessageBytesMax = 4096;

// What a connection would be: takes what it subscribed to at once.
class Subscriber final : public director::server::Subscriber {
  public:
    explicit Subscriber(const EventStream& stream) : stream_(stream) {}
    void subscribe(uint64_t since, TopicSet topics) override {
        const auto page = stream_.read(since, 4, topics);
        DIRECTOR_ASSERT(page.events.size() <= 4 && page.next <= stream_.next());
        uint64_t before = 0;
        for (const auto& event : page.events) {
            DIRECTOR_ASSERT(event.sequence > before && event.sequence < page.next);
            before = event.sequence;
        }
    }
    void unsubscribe() override {}
    void hand_over(int descriptor) override { ::close(descriptor); }

  private:
    const EventStream& stream_;
};

EventStream make_stream() {
    EventStream stream([] { return uint64_t{0}; }, 8);
    for (int i = 0; i < 20; ++i) {
        stream.publish({.topic = i % 2 == 0 ? Topic::kServer : Topic::kVrrpRouter,
                        .name = "up",
                        .subject = "x",
                        .message = "",
                        .data = {}});
    }
    return stream;
}

RequestTable make_table(const EventStream& stream) {
    RequestTable table;
    director::server::add_event_requests(table, stream);
    table.add({director::server::kEdit, [](const Json&, const Reply& reply) {
                   DIRECTOR_ASSERT(reply.caller().role == Role::kAdmin);
                   reply(Json(1));
               }});
    table.add({director::server::kStatus, [](const Json&, const Reply& reply) { reply(Json(1)); }});
    table.add({director::server::kConnections, [](const Json& params, const Reply& reply) {
                   const std::string cursor = params.value("cursor", "");
                   const int64_t limit = params.value("limit", int64_t{7});
                   reply(Json{{"cursor", cursor}, {"limit", limit}});
               }});
    table.add({MethodText{"fail", "{}", ""},
               [](const Json&, const Reply& reply) { reply(failure("no")); }});
    table.add({MethodText{"throw", "{}", ""},
               [](const Json&, const Reply&) { throw std::runtime_error("boom"); }});
    table.add({MethodText{"forget", "{}", ""}, [](const Json&, const Reply&) {}});
    return table;
}

void check_answer(const std::string& text) {
    DIRECTOR_ASSERT(text.find('\n') == std::string::npos);
    if (text.empty()) {
        return;
    }
    const Json answer = Json::parse(text, nullptr, false);
    DIRECTOR_ASSERT(answer.is_object() || (answer.is_array() && !answer.empty()));
    const Json answers = answer.is_array() ? answer : Json::array({answer});
    for (const Json& each : answers) {
        DIRECTOR_ASSERT(each.is_object() && each.at("jsonrpc") == "2.0" && each.contains("id"));
        DIRECTOR_ASSERT(each.contains("result") != each.contains("error"));
        DIRECTOR_ASSERT(!each.contains("error") || each["error"]["code"].is_number_integer());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const EventStream kStream = make_stream();
    static const RequestTable kTable = make_table(kStream);
    const auto subscriber = std::make_shared<Subscriber>(kStream);
    // The input's length says who sends it.
    const Caller caller{size % 2 == 0 ? Role::kAdmin : Role::kReader, 1000, subscriber};
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    MessageReader reader(kMessageBytesMax);
    // In two reads, cut where the input's first byte says.
    const size_t cut = size == 0 ? 0 : data[0] % size;
    for (const std::string_view part : {bytes.substr(0, cut), bytes.substr(cut)}) {
        reader.append(part);
        while (const auto message = reader.next()) {
            DIRECTOR_ASSERT(message->size() <= kMessageBytesMax);
            int answers = 0;
            kTable.dispatch(*message, caller, [&answers](const std::string& text) {
                ++answers;
                check_answer(text);
            });
            DIRECTOR_ASSERT(answers == 1);
        }
    }
    return 0;
}
