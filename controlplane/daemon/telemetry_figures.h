// What DPDK's telemetry socket is given (dataplane/io/telemetry.h).
#pragma once

#include <vector>

#include "controlplane/daemon/census.h"
#include "dataplane/io/engine.h"
#include "dataplane/io/telemetry.h"

namespace director::daemon {

// `rings` are by worker, as Engine::ring_levels() tells; of drops, the reasons that occurred.
[[nodiscard]] dataplane::io::TelemetryFigures telemetry_figures(
    const Reports& reports, const std::vector<std::vector<dataplane::io::RingLevel>>& rings);

}  // namespace director::daemon
