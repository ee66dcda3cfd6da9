#include "healthcheck/codecs/script_verdict.h"

#include <fmt/format.h>

#include <charconv>

namespace director::healthcheck {
namespace {

constexpr uint32_t kWeightMax = 0x7fffffff;
constexpr size_t kQuotedMax = 40;

std::optional<uint32_t> parse_weight(std::string_view output) {
    std::string_view line = output.substr(0, output.find('\n'));
    const size_t first = line.find_first_not_of(" \t");
    line = first == std::string_view::npos ? std::string_view() : line.substr(first);
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    uint32_t weight = 0;
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), weight);
    const bool is_number = error == std::errc() && stop == line.data() + line.size();
    return is_number && weight <= kWeightMax ? std::optional(weight) : std::nullopt;
}

}  // namespace

std::string to_string(const Exit& exit) {
    return fmt::format("{} {}", exit.by_signal ? "signal" : "exit code", exit.code);
}

ScriptVerdict judge_script(ScriptWeight kind, const Exit& exit, std::string_view output) {
    // keepalived's misc_dynamic: 2..255 are weights 0..253.
    if (kind == ScriptWeight::kExitCode && !exit.by_signal && exit.code >= 2) {
        return {Outcome::kPassed, static_cast<uint32_t>(exit.code) - 2, {}};
    }
    if (exit.by_signal || exit.code != 0) {
        return {Outcome::kFailed, std::nullopt, to_string(exit)};
    }
    if (kind != ScriptWeight::kPrinted) {
        return {Outcome::kPassed, std::nullopt, {}};
    }
    const auto weight = parse_weight(output);
    if (!weight) {
        return {Outcome::kFailed,
                std::nullopt,
                fmt::format("printed \"{}\" instead of a weight",
                            output.substr(0, std::min(output.find('\n'), kQuotedMax)))};
    }
    return {Outcome::kPassed, weight, {}};
}

}  // namespace director::healthcheck
