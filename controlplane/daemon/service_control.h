// Keeps the workers' virtual services as the configuration wants them: applies a new configuration
// as differences, and clears away what is retired once its last connection has ended. Control-plane
// thread only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "config/model.h"
#include "controlplane/daemon/census.h"
#include "controlplane/daemon/fleet.h"
#include "controlplane/plan/catalogue.h"

namespace director::daemon {

class ServiceControl {
  public:
    ServiceControl(Fleet& fleet, uint32_t services_max, uint32_t real_servers_max);

    // Serves exactly `services` from now on. Answers in one line what changed. On error nothing
    // did.
    [[nodiscard]] Result<std::string> apply(const std::vector<config::VirtualService>& services);

    void set_timeouts(const config::Timeouts& timeouts);

    // Forgets retired services and servers without connections. `reports` were asked for when
    // version() was `asked_at_version`: what has been retired since then is left alone.
    void clear_retired(const Reports& reports, uint64_t asked_at_version, Census& census);

    [[nodiscard]] const plan::Catalogue& catalogue() const { return catalogue_; }
    // Counts applied configurations.
    [[nodiscard]] uint64_t version() const { return version_; }

  private:
    void carry_out(const plan::Change& change);

    Fleet& fleet_;
    plan::Catalogue catalogue_;
    uint64_t version_ = 0;
};

}  // namespace director::daemon
