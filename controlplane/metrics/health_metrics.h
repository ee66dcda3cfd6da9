// The part of health checks in the metrics page.
#pragma once

#include <span>

#include "controlplane/metrics/metric.h"

namespace director::metrics {

[[nodiscard]] std::span<const Metric> health_metrics();

}  // namespace director::metrics
