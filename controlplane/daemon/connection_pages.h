// The request "connections": the workers' tables one after the other, then the persistence
// templates, page by page. Control-plane thread only.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "common/time.h"
#include "controlplane/daemon/fleet.h"
#include "controlplane/plan/catalogue.h"
#include "controlplane/server/protocol.h"
#include "controlplane/server/request_table.h"

namespace director::daemon {

class ConnectionPages {
  public:
    ConnectionPages(const Clock& clock, Fleet& fleet, const plan::Catalogue& catalogue)
        : clock_(clock), fleet_(fleet), catalogue_(catalogue) {}

    // Answers now or when a worker has answered.
    void answer(const nlohmann::json& params, const server::Reply& reply);

  private:
    // Where a page starts. Worker number fleet_.size() stands for the templates.
    struct Cursor {
        uint16_t worker = 0;
        uint32_t position = 0;
    };

    void ask_worker(const Cursor& cursor,
                    uint64_t limit,
                    const dataplane::ConnectionFilter& filter,
                    const server::Reply& reply);
    [[nodiscard]] server::ConnectionsPage templates_from(uint32_t slot,
                                                         uint64_t limit,
                                                         const dataplane::ConnectionFilter& filter);

    const Clock& clock_;
    Fleet& fleet_;
    const plan::Catalogue& catalogue_;
};

}  // namespace director::daemon
