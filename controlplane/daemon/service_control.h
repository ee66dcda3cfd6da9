// Keeps the workers' virtual services, pools of local addresses and tables as the configuration
// wants them: applies a new configuration as differences, drains servers on demand, and clears away
// what is retired once its last connection has ended. Control-plane thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "config/model.h"
#include "controlplane/daemon/census.h"
#include "controlplane/daemon/fleet.h"
#include "controlplane/plan/catalogue.h"

namespace director::daemon {

class ServiceControl {
  public:
    ServiceControl(Fleet& fleet, uint32_t services_max, uint32_t real_servers_max);

    // Serves exactly what `model` says from now on, of its services what `serving` leaves, and
    // drains nothing any more. Answers in one line what changed. On error nothing did.
    [[nodiscard]] Result<std::string> apply(const config::Model& model,
                                            const plan::ServingTables& serving = {});
    // Whether apply() would do so.
    [[nodiscard]] Result<void> try_out(const config::Model& model) const;
    // Serves one service by these servers with these weights from now on, until the next call or
    // apply().
    void serve(const dataplane::ServiceKey& service, const plan::ServingTable& rows);

    // No new connections for these servers. At the deadline, if there is one, the connections that
    // are left are ended as the service says, or reset if it would leave them. All this until
    // undrain() or apply(). Answers in one
    // line what was done.
    [[nodiscard]] Result<std::string> drain(const plan::ServerName& name,
                                            std::optional<TimePoint> deadline);
    [[nodiscard]] Result<std::string> undrain(const plan::ServerName& name);
    // Does what is due by `now`; called often.
    void end_drains(TimePoint now);
    // When the connections of a draining server are ended; nullopt: never.
    [[nodiscard]] std::optional<TimePoint> drain_deadline(dataplane::RealServerId server) const;

    void set_timeouts(const config::Timeouts& timeouts);

    // Forgets retired services and servers without connections. `reports` were asked for when
    // version() was `asked_at_version`: what has been retired since then is left alone.
    void clear_retired(const Reports& reports, uint64_t asked_at_version, Census& census);

    [[nodiscard]] const plan::Catalogue& catalogue() const { return catalogue_; }
    // Counts applied configurations.
    [[nodiscard]] uint64_t version() const { return version_; }

  private:
    void carry_out(const std::vector<plan::Change>& changes);
    void carry_out(const plan::Change& change);
    void put_service(dataplane::ServiceId id);
    void put_pool(uint16_t number);
    void put_tables();
    void set_weight(const plan::Change& change);
    void end_connections(dataplane::ServiceId service,
                         dataplane::RealServerId server,
                         dataplane::WhenServerGone how);

    Fleet& fleet_;
    plan::Catalogue catalogue_;
    uint64_t version_ = 0;
    std::map<dataplane::RealServerId, TimePoint> drain_deadlines_;
    // Their deadline has passed: workers end what comes, until they are sent the service anew.
    std::set<dataplane::RealServerId> ended_;
    // What was built of the prefix lists in use.
    std::map<std::shared_ptr<const std::vector<IpPrefix>>,
             std::shared_ptr<const dataplane::io::Fib>>
        fibs_;
};

}  // namespace director::daemon
