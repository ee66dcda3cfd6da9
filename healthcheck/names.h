// How things are called in logs and in the notify stream: keepalived's forms.
#pragma once

#include <string>

#include "common/address.h"
#include "healthcheck/config.h"

namespace director::healthcheck {

// "[192.0.2.1]:tcp:80".
[[nodiscard]] std::string server_name(const Endpoint& endpoint, Protocol protocol);
// "http check of 192.0.2.1:80".
[[nodiscard]] std::string check_name(const CheckSettings& settings);

}  // namespace director::healthcheck
