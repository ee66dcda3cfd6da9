#include "cli/event_commands.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/ask.h"

namespace director::cli {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kPageRows = 1000;

// What somebody should look at, and what is good news.
Style style_of(const std::string& name, const Json& data) {
    const std::string to = data.is_object() ? data.value("to", "") : "";
    for (const char* bad :
         {"down", "quorum-lost", "sorry-server-on", "refused", "peer-silent", "on"}) {
        if (name == bad || to == "FAULT") {
            return Style::kBad;
        }
    }
    for (const char* good : {"up", "quorum-gained", "sorry-server-off", "peer-heard", "off"}) {
        if (name == good || to == "MASTER") {
            return Style::kGood;
        }
    }
    return Style::kPlain;
}

void print_event(const Settings& settings, const Json& event) {
    if (settings.output == Output::kJson) {
        fmt::print("{}\n", event.dump(-1, ' ', false, Json::error_handler_t::replace));
    } else {
        fmt::print("{}", show_event(event, settings.colour));
    }
}

void tell_lost(uint64_t lost) {
    if (lost > 0) {
        fmt::print(stderr, "directorctl: {} events are forgotten already\n", lost);
    }
}

Json params_of(const EventQuery& query) {
    Json params = Json::object();
    if (query.since) {
        params["since"] = *query.since;
    }
    if (!query.topics.empty()) {
        params["topics"] = query.topics;
    }
    return params;
}

int list_events(const Settings& settings, Client& client, const EventQuery& query) {
    Json params = params_of(query);
    params["limit"] = kPageRows;
    for (;;) {
        const auto page = client.call("events", params);
        if (!page) {
            return complain(page.error());
        }
        tell_lost(page->value("lost", uint64_t{0}));
        const Json events = page->value("events", Json::array());
        for (const Json& event : events) {
            print_event(settings, event);
        }
        if (events.size() < kPageRows) {
            return kExitOk;
        }
        params["since"] = page->at("next");
    }
}

int follow_events(const Settings& settings, Client& client, const EventQuery& query) {
    const auto subscribed = client.call("subscribe", params_of(query));
    if (!subscribed) {
        return complain(subscribed.error());
    }
    for (;;) {
        const auto message = client.next_notification();
        if (!message) {
            return complain(message.error());
        }
        const std::string method = message->value("method", "");
        const Json params = message->value("params", Json::object());
        if (method == "event") {
            print_event(settings, params);
        } else if (method == "events-lost") {
            tell_lost(params.value("lost", uint64_t{0}));
        }
        if (std::fflush(stdout) != 0) {
            return kExitFailed;  // nobody reads any more
        }
    }
}

}  // namespace

std::string show_event(const Json& event, Colour colour) {
    const std::string name = event.value("name", "");
    const std::string message = event.value("message", "");
    const std::string what = fmt::format("{} {}", event.value("topic", ""), name);
    const std::string subject = event.value("subject", "");
    return fmt::format(
        "{}  {}  {}{}{}\n",
        event.value("time", ""),
        styled(fmt::format("{:<16}", what), style_of(name, event.value("data", Json())), colour),
        subject,
        subject.empty() || message.empty() ? "" : "  ",
        message);
}

int run_events(const Settings& settings, const EventQuery& query) {
    auto client = Client::connect(settings.socket);
    if (!client) {
        return complain(kExitUnreachable, client.error().message);
    }
    return query.is_followed ? follow_events(settings, *client, query)
                             : list_events(settings, *client, query);
}

}  // namespace director::cli
