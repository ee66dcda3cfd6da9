// Settings that are allowed and yet hardly meant: what each would do, in a sentence. For
// `directorctl config lint`, for `check`, and for the log when a configuration is taken in. Pure; a
// rule is a row of the table in lint.cc and a function.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"

namespace director::config {

struct Risk {
    std::string rule;  // "vrrp-weights"
    std::string path;  // the setting, as in a Finding
    std::string message;

    friend bool operator==(const Risk&, const Risk&) = default;
};

// How a rule tells what it finds.
using TellRisk = std::function<void(std::string path, std::string message)>;

struct LintRule {
    std::string_view name;
    std::string_view about;  // for the reference page
    void (*look)(const Model& model, const TellRisk& tell);
};

[[nodiscard]] std::span<const LintRule> lint_rules();

// By every rule, of a model without mistakes.
[[nodiscard]] std::vector<Risk> lint(const Model& model);

// "path: message [rule]".
[[nodiscard]] std::string to_string(const Risk& risk);

}  // namespace director::config
