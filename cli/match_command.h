// `directorctl match`: captures of the same traffic at several points, aligned.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace director::cli {

struct MatchRequest {
    std::vector<std::string>
        files;  // the client's side first; of one alone, each interface a point
    std::string filter;
    std::string merged;       // pcapng to write; empty: none
    std::string svg;          // picture to write
    uint32_t connection = 0;  // this one alone, as numbered in the output; 0: all
    uint32_t limit = 20;      // connections shown; 0: all
    bool is_explained = false;
    bool is_one_clock = false;
};

[[nodiscard]] int run_match(const Settings& settings, const MatchRequest& request);

}  // namespace director::cli
