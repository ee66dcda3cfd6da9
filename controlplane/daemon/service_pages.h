// The requests "services" and "checks", all at once or page by page, and which services a page has:
// an answer about 100,000 real servers in one piece would keep the control plane from its other
// work for seconds. Each page begins behind the last one's last service, so one that comes or goes
// in between costs nobody another.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/result.h"
#include "controlplane/plan/catalogue.h"

namespace director::daemon {

// Which services are asked for. Without any wish: all.
struct ServicesWanted {
    std::string cursor = {};            // empty: from the first
    size_t limit = 0;                   // 0: no limit
    std::optional<Endpoint> at = {};    // of this address and port, of any protocol
    std::optional<uint32_t> mark = {};  // of this mark, of either family
};

// {cursor, limit, address, port, mark}, any of which may be missing; failure says what was
// expected.
[[nodiscard]] Result<ServicesWanted> services_wanted(const nlohmann::json& params);

struct ServicesPage {
    std::vector<const plan::ServiceEntry*> services;  // in the order of their keys; no source NAT
    std::string next_cursor;                          // empty: that was the last page
};
[[nodiscard]] ServicesPage services_page(const plan::Catalogue& catalogue,
                                         const ServicesWanted& wanted = {});

}  // namespace director::daemon
