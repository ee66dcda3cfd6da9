// The answers about the configuration and the log. Part of protocol.h.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace director::server {

// Answer to "config_show".
struct ConfigTextView {
    std::string text;
};

// A setting that is one way in what serves and another way in the file; empty: not there.
struct ConfigChangeView {
    std::string path;
    std::string running;
    std::string file;
};

// Answer to "config_diff".
struct ConfigDiffView {
    bool is_same = true;
    std::string file;
    std::vector<ConfigChangeView> changes;
    std::string text;  // lines: "- path = as in the file", "+ path = as it serves"
};

struct ConfigMistakeView {
    std::string file;
    int64_t line = 0;
    std::string path;
    std::string message;
};

// Answer to "config_check"; "data" of the error that refuses "config_apply" has the mistakes.
struct ConfigCheckView {
    bool is_valid = false;
    std::vector<ConfigMistakeView> mistakes;
    std::string message;  // what applying it would change, or why it cannot be applied
};

// Answer to "config_save".
struct ConfigSaveView {
    std::string file;
    std::string backup;  // empty: there was no file
};

struct LogAreaView {
    std::string area;
    std::string level;
};

// Answer to "log_levels" and "log_level".
struct LogLevelsView {
    std::string level;
    std::vector<LogAreaView> areas;  // those that have a level of their own
};

// NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses here
#define DIRECTOR_DECLARE_JSON(Type)                        \
    void to_json(nlohmann::json& json, const Type& value); \
    void from_json(const nlohmann::json& json, Type& value);
// NOLINTEND(bugprone-macro-parentheses)
DIRECTOR_DECLARE_JSON(ConfigTextView)
DIRECTOR_DECLARE_JSON(ConfigDiffView)
DIRECTOR_DECLARE_JSON(ConfigMistakeView)
DIRECTOR_DECLARE_JSON(ConfigCheckView)
DIRECTOR_DECLARE_JSON(ConfigSaveView)
DIRECTOR_DECLARE_JSON(LogLevelsView)
#undef DIRECTOR_DECLARE_JSON

}  // namespace director::server
