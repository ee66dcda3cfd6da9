// Virtual services and real servers in the metrics page.
//
// With more real servers than Snapshot::servers_max, those of a service are summed up under its own
// labels: `sum by (address, port)` means the same either way.
#pragma once

#include <span>

#include "controlplane/metrics/metric.h"

namespace director::metrics {

[[nodiscard]] std::span<const Metric> service_metrics();

}  // namespace director::metrics
