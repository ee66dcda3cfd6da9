// What the control socket and the metrics tell of VRRP. Pure functions.
#pragma once

#include <vector>

#include "common/time.h"
#include "controlplane/server/protocol.h"
#include "vrrp/status.h"

namespace director::daemon {

[[nodiscard]] server::VrrpView vrrp_view(const vrrp::Status& status, TimePoint now);

// Groups, and instances without one, each with the first fault among its members.
[[nodiscard]] std::vector<server::VrrpStateView> vrrp_states(const vrrp::Status& status);

}  // namespace director::daemon
