// Health checks at work: drives the library's engine on the event loop, and makes what it decides
// the table that the workers serve. Control-plane thread only.
//
// apply() stands between a configuration and ServiceControl: it knows which servers are up before
// their service is put. Later changes cost the one service that they are about.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/time.h"
#include "config/model.h"
#include "controlplane/daemon/probe_side.h"
#include "controlplane/daemon/service_control.h"
#include "controlplane/daemon/service_pages.h"
#include "controlplane/server/protocol.h"
#include "dataplane/api/service.h"
#include "healthcheck/probes/engine.h"
#include "healthcheck/probes/sockets.h"

namespace director::daemon {

class HealthSide {
  public:
    // `on_change` is called after the workers have something new to be told.
    [[nodiscard]] static Result<std::unique_ptr<HealthSide>> start(asio::io_context& io,
                                                                   const Clock& clock,
                                                                   ServiceControl& services,
                                                                   std::function<void()> on_change);
    HealthSide(const HealthSide&) = delete;
    HealthSide& operator=(const HealthSide&) = delete;
    ~HealthSide() = default;

    // Serves what `model` says, less what is down. What did not change keeps its state. Answers as
    // ServiceControl::apply() does; on error nothing has changed.
    [[nodiscard]] Result<std::string> apply(const config::Model& model);
    // For checks through the forwarding method; must outlive all apply().
    void use_paths(ProbeSide& probe_side) { probe_side_ = &probe_side; }
    // No more checks. `done` is called, perhaps at once, when the last commands have ended, or some
    // seconds later: they must not keep the director from stopping.
    void stop(std::function<void()> done);

    // Called when a service's quorum is lost or gained, with the service as Director names it ("tcp
    // 192.0.2.1:80", "mark 1") and once more as "192.0.2.1:80", which is all services there.
    void on_quorum(std::function<void(const std::string& service, bool is_up)> told) {
        told_of_quorum_ = std::move(told);
    }
    // Called with each event, after what it is about has been done.
    void on_event(
        std::function<void(const healthcheck::Event&, const dataplane::ServiceKey&)> told) {
        told_of_event_ = std::move(told);
    }
    // Says so of every service.
    void tell_quorums() const;
    // By either name. True of services that nobody checks; nothing if there is none.
    [[nodiscard]] std::optional<bool> has_quorum(std::string_view service) const;

    // Of the services that are checked, those wanted.
    [[nodiscard]] server::ChecksView checks_view(const ServicesWanted& wanted = {}) const;

    // What clients met since the last call, for passive checks. Called now and then.
    void take_traffic(const Reports& reports);

  private:
    struct Service {
        std::string name;  // Director's
        dataplane::ServiceKey key;
    };

    HealthSide(asio::io_context& io,
               const Clock& clock,
               ServiceControl& services,
               std::function<void()> on_change);

    [[nodiscard]] plan::ServingTables serving_tables(const config::Model& model) const;
    void run();
    void act(const healthcheck::Actions& actions);
    void serve(const std::set<std::string>& services);
    void tell(const healthcheck::Event& event) const;
    void note_services(const config::Model& model);
    void tell_quorum(const std::string& service) const;
    void wait_for_engine();
    void arm_timer();
    void end_if_idle();

    const Clock& clock_;
    ServiceControl& services_;
    std::function<void()> on_change_;
    std::function<void(const std::string&, bool)> told_of_quorum_;
    ProbeSide* probe_side_ = nullptr;
    std::function<void(const healthcheck::Event&, const dataplane::ServiceKey&)> told_of_event_;
    std::function<void()> stopped_;  // set: stop() was called
    TimePoint stop_deadline_;
    healthcheck::KernelSockets sockets_;
    std::unique_ptr<healthcheck::Engine> engine_;
    asio::posix::stream_descriptor ready_;
    asio::steady_timer timer_;
    std::map<std::string, Service, std::less<>> watched_;  // by the engine's name
    // By both names that services have for trackers: the engine's names of those that are checked.
    std::map<std::string, std::vector<std::string>, std::less<>> by_name_;
    bool has_passive_checks_ = false;
    std::map<dataplane::RealServerId, healthcheck::Traffic> seen_;  // ever, at the last call
};

}  // namespace director::daemon
