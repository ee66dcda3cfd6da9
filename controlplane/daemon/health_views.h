// Fills the answer to "checks" from what the health checks' monitor knows.
#pragma once

#include <vector>

#include "common/time.h"
#include "controlplane/server/protocol.h"
#include "dataplane/api/service.h"
#include "healthcheck/monitor.h"

namespace director::daemon {

struct CheckedService {
    dataplane::ServiceKey key;
    const healthcheck::ServiceHealth* health = nullptr;
};

[[nodiscard]] server::ChecksView checks_view(const healthcheck::Monitor& monitor,
                                             const std::vector<CheckedService>& services,
                                             TimePoint now);

}  // namespace director::daemon
