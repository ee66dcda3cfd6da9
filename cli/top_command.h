// `directorctl top`.
#pragma once

#include <cstdint>
#include <string>

#include "cli/commands.h"
#include "cli/top_view.h"

namespace director::cli {

struct TopRequest {
    TopSubject subject = TopSubject::kServices;
    double interval_seconds = 1;
    std::string filter;
    bool is_once = false;  // also with --json
};

[[nodiscard]] int run_top(const Settings& settings, const TopRequest& request);

}  // namespace director::cli
