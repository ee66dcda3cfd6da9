// What a script's exit code and output mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "healthcheck/actions.h"
#include "healthcheck/config.h"

namespace director::healthcheck {

// How a program ended.
struct Exit {
    bool by_signal = false;
    int code = 0;  // or the signal's number
};

struct ScriptVerdict {
    Outcome outcome = Outcome::kFailed;
    std::optional<uint32_t> weight;  // absolute
    std::string text;
};

[[nodiscard]] ScriptVerdict judge_script(ScriptWeight kind,
                                         const Exit& exit,
                                         std::string_view output);

// "exit code 3", "signal 9".
[[nodiscard]] std::string to_string(const Exit& exit);

}  // namespace director::healthcheck
