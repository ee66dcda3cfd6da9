// "capture", "flows live" and "health": what directord tells of packets while they pass.
#pragma once

#include <cstdint>
#include <string>

#include "cli/commands.h"

namespace director::cli {

struct LiveQuery {
    std::string filter;
    std::string file;  // capture: "-" is standard output
    std::string max;   // capture: "100MB"
    bool drops = false;
    bool headers = false;  // capture: of each packet no more
    uint64_t snap = 0;     // 0: as it is
    uint64_t count = 0;
    uint64_t seconds = 0;
    uint64_t one_in = 1;
    uint64_t rate = 0;  // 0: directord's default
};

// "100MB", "2G", "500k", "4096": bytes; 0 for what is none.
[[nodiscard]] uint64_t parse_size(const std::string& text);

int run_capture(const Settings& settings, const LiveQuery& query);
int run_flows_live(const Settings& settings, const LiveQuery& query);
int run_health(const Settings& settings, const LiveQuery& query);

}  // namespace director::cli
