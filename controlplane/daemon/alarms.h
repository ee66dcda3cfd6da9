// What needs a person, worst first, each with what to do next: "alarms" of the request "status".
// Pure but for LastMinute's memory. Control-plane thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "common/time.h"
#include "controlplane/daemon/census.h"
#include "controlplane/plan/catalogue.h"
#include "controlplane/server/protocol.h"

namespace director::daemon {

// All services together, as far as somebody who looks once has to know.
struct ServiceSummary {
    // Alarms name so many, and count the rest.
    static constexpr size_t kNamesMax = 8;

    uint64_t services_up = 0;  // with a server that takes new connections
    uint64_t servers_up = 0;   // that take new connections
    uint64_t services_down = 0;
    uint64_t servers_out = 0;       // by health checks
    std::vector<std::string> down;  // the first of them: "TCP 192.0.2.1:80"
    std::vector<std::string> out;   // "10.0.0.1:80 of TCP 192.0.2.1:80"
    server::TrafficRates rates;
};
[[nodiscard]] ServiceSummary summary_of(const plan::Catalogue& catalogue, const Census& census);

// What is lost for want of room or time.
struct Losses {
    server::FullTablesView full_tables;
    uint64_t missed = 0;      // by ports, before a worker came
    uint64_t no_buffers = 0;  // by ports
};
[[nodiscard]] Losses losses_of(const server::StatusView& status);

// Counters grow for ever; a person wants to know whether they still do.
class LastMinute {
  public:
    void sample(TimePoint now, const Losses& totals);
    // Between the first and the last sample of the last minute.
    [[nodiscard]] Losses growth() const;

  private:
    std::deque<std::pair<TimePoint, Losses>> samples_;
};

struct AlarmSources {
    const server::StatusView& status;
    const server::WorkersView& workers;
    const server::SyncView& sync;
    const ServiceSummary& services;
    const Losses& lost;  // in the last minute
};
[[nodiscard]] std::vector<server::AlarmView> alarms_of(const AlarmSources& sources);

// "MASTER", "BACKUP", "FAULT", "INIT", "MIXED" of several, "ALONE" without VRRP.
[[nodiscard]] std::string role_of(const std::vector<server::VrrpStateView>& states);

}  // namespace director::daemon
