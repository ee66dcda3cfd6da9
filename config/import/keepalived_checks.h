// Checkers of keepalived.conf -> checks.
#pragma once

#include <optional>
#include <string>

#include "config/import/keepalived_words.h"

namespace director::config {

// What a virtual_server or real_server says for all of its checkers.
struct CheckDefaults {
    std::optional<Duration> interval;  // delay_loop
    std::optional<Duration> timeout;   // connect_timeout
    std::optional<Duration> retry_delay;
    std::optional<Duration> warm_up;
    std::optional<int32_t> retries;
    std::string host;  // virtualhost
};

// One of: delay_loop, connect_timeout, delay_before_retry, warmup, retry, nb_get_retry,
// virtualhost.
void take_check_default(const Statement& statement, CheckDefaults& to, ImportState& state);

// TCP_CHECK { ... } and the like; nothing, and a note, if it cannot be a check.
[[nodiscard]] std::optional<HealthCheck> read_checker(const Statement& statement,
                                                      const CheckDefaults& defaults,
                                                      ImportState& state);

}  // namespace director::config
