// directord, put together: engine, kernel side, services, control socket and metrics on one event
// loop. main() makes one and runs it; nothing else is global.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/result.h"
#include "common/time.h"
#include "config/model.h"
#include "config/parse.h"
#include "controlplane/daemon/census.h"
#include "controlplane/daemon/diagnostics_side.h"
#include "controlplane/daemon/fleet.h"
#include "controlplane/daemon/happenings.h"
#include "controlplane/daemon/health_side.h"
#include "controlplane/daemon/instance_lock.h"
#include "controlplane/daemon/kernel_side.h"
#include "controlplane/daemon/notify_fifo.h"
#include "controlplane/daemon/probe_side.h"
#include "controlplane/daemon/programs.h"
#include "controlplane/daemon/requests.h"
#include "controlplane/daemon/service_control.h"
#include "controlplane/daemon/service_manager.h"
#include "controlplane/daemon/sync_control.h"
#include "controlplane/daemon/vrrp_side.h"
#include "controlplane/metrics/metrics.h"
#include "controlplane/server/event_stream.h"
#include "controlplane/server/server.h"
#include "dataplane/io/engine.h"

namespace director::daemon {

// What names the configuration may use: the schedulers of the dataplane.
[[nodiscard]] config::Vocabulary vocabulary();

class Application {
  public:
    Application(const Clock& clock,
                std::string config_file,
                config::Model model,
                ServiceManager manager);
    ~Application();
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;

    // Brings everything up and serves until SIGTERM or SIGINT. On error everything is down again.
    [[nodiscard]] Result<void> run();

    // Reads the configuration file again and applies what differs. Answers in one line what that
    // was; on error what served before serves on. `uid`: who asked; nothing: a signal.
    [[nodiscard]] Result<std::string> reload(std::optional<uint32_t> uid);

  private:
    [[nodiscard]] Result<void> start();
    [[nodiscard]] Result<void> make_sides();
    void on_synced();
    void tell_ready() const;
    void make_requests();
    void make_diagnostics();
    void begin_vrrp();
    [[nodiscard]] Result<void> open_control_socket();
    [[nodiscard]] Result<void> start_sync(const config::Sync& settings);
    [[nodiscard]] Result<void> change_sync(const config::Sync& before, const config::Sync& after);
    void wait_for_signal();
    void stop_gracefully();
    void wait_for_engine();
    void serve_engine();
    void wait_for_backlog();
    void sample_periodically();
    void sample(const Reports& reports, uint64_t asked_at_version);
    [[nodiscard]] metrics::Snapshot snapshot(const Reports& reports) const;
    void keep_servers_reachable();
    [[nodiscard]] Result<std::string> apply(const config::Model& next);

    const Clock& clock_;
    const ServiceManager manager_;
    std::string config_file_;
    config::Model model_;
    std::string last_reload_;
    TimePoint started_;
    server::EventStream events_{wall_clock_nanoseconds};
    Happenings happenings_{events_};

    asio::io_context io_;
    asio::signal_set signals_;
    asio::steady_timer backlog_timer_;
    asio::steady_timer sample_timer_;
    asio::steady_timer stop_timer_;

    // Declared so that destruction goes from the outside in.
    std::optional<InstanceLock> instance_lock_;
    std::unique_ptr<dataplane::io::Engine> engine_;
    std::unique_ptr<Fleet> fleet_;
    std::unique_ptr<ServiceControl> services_;
    std::unique_ptr<HealthSide> health_side_;
    std::unique_ptr<Census> census_;
    std::unique_ptr<DiagnosticsSide> diagnostics_;
    std::unique_ptr<KernelSide> kernel_side_;
    std::unique_ptr<ProbeSide> probe_side_;
    std::unique_ptr<Programs> programs_;
    std::unique_ptr<NotifyFifos> notify_fifos_;
    std::unique_ptr<VrrpSide> vrrp_side_;
    std::unique_ptr<SyncControl> sync_;  // null: off
    std::unique_ptr<Requests> requests_;
    std::map<dataplane::InterfaceId, std::pair<std::string, bool>> interfaces_;  // name, is up
    metrics::Metrics metrics_;
    std::unique_ptr<server::Server> server_;
    std::unique_ptr<asio::posix::stream_descriptor> wake_;
    bool is_serving_ = false;
    std::string start_error_;
    // The loops' counters at the last two samples; shares are told since the older one, so that the
    // window is never too short to mean something.
    std::vector<dataplane::io::LoopCounters> loops_older_;
    std::vector<dataplane::io::LoopCounters> loops_newer_;
};

}  // namespace director::daemon
