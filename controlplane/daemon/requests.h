// What the control socket can be asked: one entry per method, and what answers it. Control-plane
// thread only.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "config/model.h"
#include "controlplane/daemon/alarms.h"
#include "controlplane/daemon/census.h"
#include "controlplane/daemon/config_requests.h"
#include "controlplane/daemon/connection_pages.h"
#include "controlplane/daemon/diagnostics_side.h"
#include "controlplane/daemon/drain_requests.h"
#include "controlplane/daemon/edit_requests.h"
#include "controlplane/daemon/explain_requests.h"
#include "controlplane/daemon/fleet.h"
#include "controlplane/daemon/happenings.h"
#include "controlplane/daemon/health_side.h"
#include "controlplane/daemon/kernel_side.h"
#include "controlplane/daemon/service_control.h"
#include "controlplane/daemon/sync_control.h"
#include "controlplane/daemon/vrrp_side.h"
#include "controlplane/daemon/zeroed_counters.h"
#include "controlplane/server/request_table.h"
#include "dataplane/io/engine.h"

namespace director::daemon {

class Requests {
  public:
    // All of it outlives the table.
    struct Surroundings {
        const Clock& clock;
        TimePoint started;
        const std::string& config_file;
        const std::string& last_reload;
        const config::Model& model;  // what serves now
        const dataplane::io::Engine& engine;
        Fleet& fleet;
        ServiceControl& services;
        HealthSide& health;
        Census& census;
        VrrpSide& vrrp;
        Happenings& happenings;
        const KernelSide& kernel;
        DiagnosticsSide& diagnostics;
        const std::unique_ptr<SyncControl>& sync;  // null: off
        const std::vector<dataplane::io::LoopCounters>& loops_before;
        std::function<Result<std::string>(uint32_t uid)> reload;
        std::function<Result<std::string>(const config::Model&)> apply;
        // Why a configuration could not be applied, if so.
        std::function<Result<void>(const config::Model&)> try_out;
        std::function<void()> serve_engine;
        std::function<std::string(dataplane::InterfaceId)> interface_name;
        std::function<std::optional<bool>(const std::string&)> is_interface_up;
        config::Vocabulary vocabulary;
    };

    explicit Requests(Surroundings surroundings);

    [[nodiscard]] server::RequestTable table();
    [[nodiscard]] server::StatusView status_view(const Reports& reports) const;
    // Every few seconds: what "status" says of the last minute.
    void sample(const Reports& reports);

  private:
    void add_listings(server::RequestTable& table);
    void add_kernel(server::RequestTable& table);
    void add_changes(server::RequestTable& table);
    [[nodiscard]] std::vector<server::DrainView> drains() const;
    void services(const nlohmann::json& params, const server::Reply& reply);
    void zero(const nlohmann::json& params, const server::Reply& reply);
    void add_virtual_addresses(server::StatusView& view) const;

    Surroundings around_;
    ConnectionPages connection_pages_;
    DrainRequests drain_requests_;
    EditRequests edit_requests_;
    ExplainRequests explain_requests_;
    ConfigRequests config_requests_;
    ZeroedCounters zeroed_;
    LastMinute last_minute_;
};

}  // namespace director::daemon
