// DPDK's telemetry socket (what dpdk-telemetry.py asks, beside EAL's own /ethdev and /mempool): the
// data path's counters as the control plane last published them.
//
//   /director/workers          the workers' numbers
//   /director/workers,0        the counters of one
//   /director/totals           those of all, summed up
//   /director/drops[,0]        dropped packets by reason
//   /director/rings,0          entries in use and capacities of the rings to and from a worker
//
// Asking costs no worker anything: DPDK's own thread answers from the last figures.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace director::dataplane::io {

// By name: letters, digits and "_", which is all that the protocol allows.
using Figures = std::vector<std::pair<std::string, uint64_t>>;

struct WorkerFigures {
    Figures counters;
    Figures drops;  // reasons that were seen
    Figures rings;
};
using TelemetryFigures = std::vector<WorkerFigures>;  // by worker

// Announces the commands. Once, while EAL starts; false when EAL runs without telemetry.
bool register_telemetry();

// What is answered from now on. From any thread.
void publish_telemetry(TelemetryFigures figures);

}  // namespace director::dataplane::io
