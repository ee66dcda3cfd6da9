// `directorctl config` and `directorctl log`: the configuration that serves against the file, and
// how much is logged. Each returns the exit code.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/commands.h"

namespace director::cli {

enum class Defaults { kHide, kShow };

[[nodiscard]] int run_config_show(const Settings& settings, Defaults defaults);
[[nodiscard]] int run_config_diff(const Settings& settings);
// The mistakes in a file, exit code 2, or what applying it would change. Without a directord, what
// `directord --check` says.
[[nodiscard]] int run_config_check(const Settings& settings, const std::string& file);
[[nodiscard]] int run_config_apply(const Settings& settings, const std::string& file);
[[nodiscard]] int run_config_save(const Settings& settings);

// An empty level asks; an empty area means all of them.
[[nodiscard]] int run_log_level(const Settings& settings,
                                const std::string& level,
                                const std::string& area);

// A unified diff in a terminal's colours.
[[nodiscard]] std::string show_diff(const std::string& text, Colour colour);

}  // namespace director::cli
