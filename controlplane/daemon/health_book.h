// What continuous observation has found, added up since it began, by service and real server.
// Whoever leaves the configuration leaves the book. Control-plane thread only.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "common/address.h"
#include "controlplane/daemon/watch_health.h"
#include "controlplane/metrics/observed_view.h"
#include "controlplane/plan/catalogue.h"

namespace director::daemon {

class HealthBook {
  public:
    // What is of no served server is dropped: of removed ones connections still come.
    void add(const std::vector<ServerHealth>& servers, const plan::Catalogue& catalogue);
    // After each change of the catalogue and before the next add(): slots are used again.
    void forget_gone(const plan::Catalogue& catalogue);
    void clear();

    // A row for each server, or, with more than `rows_max` of them, for each service, or, if these
    // are more as well, one of all.
    [[nodiscard]] std::vector<metrics::ObservedRow> rows(size_t rows_max) const;
    [[nodiscard]] size_t servers() const { return servers_; }

  private:
    struct Server {
        Endpoint endpoint;
        diagnostics::ServerFacts facts = {};
    };
    struct Service {
        dataplane::ServiceKey key;
        // Also of servers that have gone: counters never fall.
        diagnostics::ServerFacts facts = {};
        std::map<uint32_t, Server> servers = {};
    };

    // Adds those of one service that are not in the book yet.
    void learn(Service& service,
               std::span<const ServerHealth> seen,
               const plan::ServiceEntry& entry);

    std::map<uint32_t, Service> services_;
    diagnostics::ServerFacts facts_;  // of all
    size_t servers_ = 0;
};

}  // namespace director::daemon
