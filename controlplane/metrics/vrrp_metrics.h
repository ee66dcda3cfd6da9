// VRRP's part of the metrics page; without an instance it is empty.
#pragma once

#include <span>

#include "controlplane/metrics/metric.h"

namespace director::metrics {

[[nodiscard]] std::span<const Metric> vrrp_metrics();

}  // namespace director::metrics
