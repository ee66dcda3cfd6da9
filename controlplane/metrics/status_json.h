// What the status page shows, as JSON: the answers of the control socket, cut to what a page holds.
#pragma once

#include <string>

#include "controlplane/metrics/metrics.h"

namespace director::metrics {

// {status, workers, services (the first kServicesShown), services_total, checks (of these), vrrp,
// drops (the most frequent reasons)}, as docs/control-socket.md describes each.
inline constexpr size_t kServicesShown = 200;
[[nodiscard]] std::string status_json(const Snapshot& snapshot);

}  // namespace director::metrics
