// The configuration's health checks as the library's settings, and what the library finds wrong
// with them. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "config/model.h"
#include "config/validate.h"
#include "controlplane/daemon/probe_paths.h"
#include "healthcheck/config.h"

namespace director::daemon {

// Whether there is anything about the service that health checks decide.
[[nodiscard]] bool is_watched(const config::VirtualService& service);
// As keepalived calls it: "[192.0.2.1]:tcp:80", "FWM 1".
[[nodiscard]] std::string health_name(const config::VirtualService& service);
// Of all services that are watched.
[[nodiscard]] healthcheck::Settings health_settings(const config::Model& model);

// The ways of those checks that are made through the forwarding method, each once.
[[nodiscard]] std::vector<ProbePath> health_paths(const config::Model& model);

// For Vocabulary::further.
[[nodiscard]] std::vector<config::Finding> find_health_mistakes(const config::Model& model);
// What does not do what it seems to, one line each.
[[nodiscard]] std::vector<std::string> health_warnings(const healthcheck::Settings& settings);

}  // namespace director::daemon
