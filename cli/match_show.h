// What `directorctl match` prints: a table a connection with all points side by side, then a
// summary.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "cli/match_command.h"
#include "diagnostics/match/matching.h"

namespace director::cli {

// The conversations that a request asks for: those that several points saw come first.
[[nodiscard]] std::vector<uint32_t> conversations_shown(
    const diagnostics::matching::Matching& matching, const MatchRequest& request);

[[nodiscard]] std::string show_matching(std::span<const diagnostics::matching::VantagePoint> points,
                                        const diagnostics::matching::Matching& matching,
                                        const MatchRequest& request,
                                        Colour colour);

[[nodiscard]] nlohmann::json matching_as_json(
    std::span<const diagnostics::matching::VantagePoint> points,
    const diagnostics::matching::Matching& matching,
    const MatchRequest& request);

}  // namespace director::cli
