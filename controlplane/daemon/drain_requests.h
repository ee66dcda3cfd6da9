// The requests "drain" and "undrain" of the control socket: what they may say, and what is
// answered. Control-plane thread only.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "common/time.h"
#include "controlplane/daemon/service_control.h"
#include "controlplane/server/request_table.h"

namespace director::daemon {

class DrainRequests {
  public:
    DrainRequests(const Clock& clock, ServiceControl& services)
        : clock_(clock), services_(services) {}

    // Answer at once; the workers hear of it at the fleet's next turn.
    void drain(const nlohmann::json& params, const server::Reply& reply);
    void undrain(const nlohmann::json& params, const server::Reply& reply);

  private:
    const Clock& clock_;
    ServiceControl& services_;
};

}  // namespace director::daemon
