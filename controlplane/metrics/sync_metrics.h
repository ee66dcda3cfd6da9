// Connection sync's part of the metrics page; without sync it is empty.
#pragma once

#include <span>

#include "controlplane/metrics/metric.h"

namespace director::metrics {

[[nodiscard]] std::span<const Metric> sync_metrics();

}  // namespace director::metrics
