// What continuous observation of health (diagnostics.health) found, for both pages. Plain data.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "controlplane/server/protocol.h"

namespace director::metrics {

// What one end of connections did. Counted since observation began, as all counts here.
struct ObservedEnd {
    uint64_t packets = 0;
    uint64_t sent_again = 0;
    uint64_t zero_windows = 0;
    uint64_t resets = 0;
    std::vector<uint64_t> trips = {};  // by bucket: to it and back
    double trip_seconds = 0;
};

struct ObservedRow {
    std::string protocol = {};  // empty: of all services together
    std::string address = {};
    uint16_t port = 0;
    uint32_t mark = 0;
    std::string server_address = {};  // empty: of all servers of the service
    uint16_t server_port = 0;
    uint64_t opened = 0;
    uint64_t unanswered = 0;
    uint64_t unfinished = 0;
    uint64_t scans = 0;
    ObservedEnd client = {};
    ObservedEnd server = {};
};

struct ObservedView {
    bool is_on = false;
    double observed_seconds = 0;                           // that verdicts are of
    std::vector<server::HealthVerdictView> verdicts = {};  // worst first, the first few
    uint64_t verdicts_in_all = 0;
    uint64_t packets = 0;
    uint64_t missed = 0;   // the ring was full
    uint64_t limited = 0;  // above diagnostics.packets_per_second
    uint64_t flows = 0;    // followed now
    uint64_t flows_max = 0;
    uint64_t flows_evicted = 0;
    std::span<const double> trip_bounds = {};  // upper, in seconds; the last bucket has none
    std::vector<ObservedRow> rows = {};
};

}  // namespace director::metrics
