// The requests "routes" and "neighbours", page by page. Each page is found anew behind the last row
// of the one before, so a table that changes in between costs nobody a row that stays.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "controlplane/kernel/mirror_model.h"
#include "controlplane/server/protocol.h"
#include "controlplane/server/request_table.h"

namespace director::daemon {

// An interface's name; "" of one that is not ours.
using InterfaceName = std::function<std::string(dataplane::InterfaceId id)>;

// `cursor` is empty for the first page; failure says what was expected. Of `routes`, which are
// sorted.
[[nodiscard]] Result<server::RoutesPage> routes_page(const std::vector<kernel::PrefixRoute>& routes,
                                                     const InterfaceName& name_of,
                                                     const std::string& cursor,
                                                     size_t limit);
[[nodiscard]] Result<server::NeighboursPage> neighbours_page(const kernel::MirrorModel& mirror,
                                                             const InterfaceName& name_of,
                                                             const std::string& cursor,
                                                             size_t limit);

// {cursor, limit}, both of which may be missing; answers what is wrong with them.
struct PageRequest {
    std::string cursor;
    size_t limit = 0;
};
[[nodiscard]] Result<PageRequest> page_request(const nlohmann::json& params);

}  // namespace director::daemon
