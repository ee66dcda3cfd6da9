// The process itself, by the names that every Prometheus client library gives them.
#pragma once

#include <span>

#include "controlplane/metrics/metric.h"

namespace director::metrics {

[[nodiscard]] std::span<const Metric> process_metrics();

// This process, now.
[[nodiscard]] ProcessView read_process();

}  // namespace director::metrics
