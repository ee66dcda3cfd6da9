// What continuous observation of health found. Part of metrics.cc.
#pragma once

#include <span>

#include "controlplane/metrics/metric.h"

namespace director::metrics {

[[nodiscard]] std::span<const Metric> diagnostics_metrics();

}  // namespace director::metrics
