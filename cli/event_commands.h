// `directorctl events`: what has happened, and what happens.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace director::cli {

struct EventQuery {
    std::optional<uint64_t> since;    // the first that is wanted
    std::vector<std::string> topics;  // empty: all
    bool is_followed = false;         // until the connection ends
};

// A line for each event; as JSON, an object a line.
[[nodiscard]] int run_events(const Settings& settings, const EventQuery& query);

// "2026-11-22T10:15:02.123Z  vrrp state  VI_1  message"
[[nodiscard]] std::string show_event(const nlohmann::json& event, Colour colour);

}  // namespace director::cli
