// The firewall's rules of a director's script: what its marks stand for. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "config/model.h"

namespace director::cli {

// `iptables ... -j MARK --set-mark 1`: which packets have the mark.
struct MarkRule {
    uint32_t mark = 0;
    std::vector<config::Match> match;
};

// The words after "iptables" (`family` IPv4) or "ip6tables". Nothing: a rule about something else.
// Failure: a rule about a mark that `match` cannot say, and why.
[[nodiscard]] Result<std::optional<MarkRule>> mark_rule(const std::vector<std::string>& words,
                                                        Family family);

// What to do about any other rule.
struct FirewallAdvice {
    std::string message;
    bool is_loss = false;
};
[[nodiscard]] FirewallAdvice firewall_advice(const std::vector<std::string>& words);

}  // namespace director::cli
