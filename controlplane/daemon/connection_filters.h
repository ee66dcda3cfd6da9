// The filters of the request "connections", from their words. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "common/result.h"
#include "controlplane/plan/catalogue.h"
#include "dataplane/api/connection_filter.h"

namespace director::daemon {

// {client, virtual, server, protocol, state, mark, idle_seconds_min, idle_seconds_max}, each of
// which may be missing. Failure says what was expected.
[[nodiscard]] Result<dataplane::ConnectionFilter> filter_of(const nlohmann::json& params,
                                                            const plan::Catalogue& catalogue);

}  // namespace director::daemon
