// `directorctl flows bits`: what the bits of a column mean.
#pragma once

#include <string>
#include <vector>

#include "cli/commands.h"

namespace director::cli {

// Each word is FIELD=VALUE.
[[nodiscard]] int run_flow_bits(const Settings& settings, const std::vector<std::string>& words);

}  // namespace director::cli
