// The counters of all workers put together: per real server, per virtual service, per drop reason,
// and rates as ipvsadm shows them. Asks the workers when somebody wants to know, and every two
// seconds for the rates. Control-plane thread only.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "common/time.h"
#include "controlplane/daemon/fleet.h"
#include "controlplane/plan/catalogue.h"
#include "controlplane/server/protocol.h"
#include "dataplane/api/counters.h"

namespace director::daemon {

// One round of answers: a report of each worker, all younger than the question.
using Reports = std::vector<std::shared_ptr<dataplane::CountersReport>>;

// IPVS's rate estimator (Linux ip_vs_est.c): sampled every 2 s, each sample moves the average by a
// quarter of the difference.
class RateEstimator {
  public:
    static constexpr Duration kPeriod = std::chrono::seconds(2);

    // Takes the totals of now, kPeriod after the last call. The first call only notes them.
    void sample(const server::TrafficStats& totals);
    [[nodiscard]] server::TrafficRates rates() const;

  private:
    std::array<double, 5> averages_{};
    server::TrafficStats last_;
    bool is_primed_ = false;
};

class Census {
  public:
    Census(Fleet& fleet, const plan::Catalogue& catalogue);

    // Asks every worker and calls `done` with answers that were given after this call.
    void take(std::function<void(const Reports&)> done);

    // Totals of one server, of a service with all servers it ever had, and of both per second.
    [[nodiscard]] static dataplane::ServerCounters server_total(const Reports& reports,
                                                                dataplane::RealServerId id);
    [[nodiscard]] server::TrafficStats service_total(const Reports& reports,
                                                     const plan::ServiceEntry& service) const;
    [[nodiscard]] server::TrafficRates server_rates(dataplane::RealServerId id) const;
    [[nodiscard]] server::TrafficRates service_rates(dataplane::ServiceId id) const;
    [[nodiscard]] static uint64_t service_connections(const Reports& reports,
                                                      dataplane::ServiceId id);
    // Its gauges; what it lost is not summed up.
    [[nodiscard]] static dataplane::ServiceCounters service_gauges(const Reports& reports,
                                                                   dataplane::ServiceId id);

    // Moves the rates on; called every RateEstimator::kPeriod.
    void sample_rates(const Reports& reports);

    // Before a slot is forgotten: a server's totals stay with its service; a service's go with it.
    void keep_departed(const Reports& reports,
                       dataplane::ServiceId service,
                       dataplane::RealServerId server);
    void drop_service(dataplane::ServiceId service);

  private:
    void start_round();

    Fleet& fleet_;
    const plan::Catalogue& catalogue_;
    std::vector<std::function<void(const Reports&)>> waiting_;  // for the round under way
    std::vector<std::function<void(const Reports&)>> late_;     // came in during it: the next round
    uint32_t answers_missing_ = 0;
    Reports round_;
    std::map<dataplane::RealServerId, RateEstimator> server_rates_;
    std::map<dataplane::ServiceId, RateEstimator> service_rates_;
    std::map<dataplane::ServiceId, server::TrafficStats> departed_;
};

}  // namespace director::daemon
