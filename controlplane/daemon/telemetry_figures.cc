#include "controlplane/daemon/telemetry_figures.h"

#include <string>

#include "common/assert.h"
#include "dataplane/api/counters.h"
#include "dataplane/api/drop_reason.h"

namespace director::daemon {
namespace {

using dataplane::WorkerCounters;
using dataplane::io::Figures;

Figures counters_of(const WorkerCounters& of) {
    return {{"received", of.received},
            {"received_bytes", of.received_bytes},
            {"handed_in", of.handed_in},
            {"handed_out", of.handed_out},
            {"answered", of.answered},
            {"held", of.held},
            {"resumed", of.resumed},
            {"cut", of.cut},
            {"forwarded", of.forwarded},
            {"punted", of.punted},
            {"dropped", of.dropped_total()},
            {"stateless", of.stateless},
            {"connections", of.connections},
            {"connections_max", of.connections_max},
            {"connections_created", of.connections_created},
            {"connections_expired", of.connections_expired},
            {"connections_evicted", of.connections_evicted}};
}

Figures drops_of(const WorkerCounters& of) {
    Figures drops;
    for (size_t i = 0; i < of.dropped.size(); ++i) {
        if (of.dropped[i] > 0) {
            drops.emplace_back(dataplane::kDropReasonTexts[i].name, of.dropped[i]);
        }
    }
    return drops;
}

}  // namespace

dataplane::io::TelemetryFigures telemetry_figures(
    const Reports& reports, const std::vector<std::vector<dataplane::io::RingLevel>>& rings) {
    DIRECTOR_ASSERT(rings.size() == reports.size());
    dataplane::io::TelemetryFigures workers;
    for (size_t i = 0; i < reports.size(); ++i) {
        dataplane::io::WorkerFigures worker;
        worker.counters = counters_of(reports[i]->totals);
        worker.drops = drops_of(reports[i]->totals);
        for (const auto& ring : rings[i]) {
            const std::string name(ring.name);
            worker.rings.emplace_back(name + "_used", ring.used);
            worker.rings.emplace_back(name + "_capacity", ring.capacity);
        }
        workers.push_back(std::move(worker));
    }
    return workers;
}

}  // namespace director::daemon
