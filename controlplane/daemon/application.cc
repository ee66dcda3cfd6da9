#include "controlplane/daemon/application.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iterator>
#include <tuple>

#include "common/log.h"
#include "common/scheduling.h"
#include "controlplane/daemon/engine_settings.h"
#include "controlplane/daemon/health_settings.h"
#include "controlplane/daemon/reload_rules.h"
#include "controlplane/daemon/risk_log.h"
#include "controlplane/daemon/telemetry_figures.h"
#include "controlplane/daemon/views.h"
#include "controlplane/daemon/vrrp_settings.h"
#include "controlplane/daemon/vrrp_views.h"
#include "controlplane/metrics/process_metrics.h"
#include "dataplane/core/schedulers/schedulers.h"

namespace director::daemon {

using dataplane::WorkerId;

namespace {

constexpr LogArea kLog{"daemon"};

// Punted frames taken from one worker in one turn, so that a flood of them leaves time for the
// rest.
constexpr uint32_t kPuntsPerTurn = 256;

// How soon commands that found a ring full are tried again.
constexpr auto kBacklogRetry = std::chrono::milliseconds(1);

// How long after the last word to the other directors the workers go on: they have to send it.
constexpr auto kFarewell = std::chrono::milliseconds(50);

}  // namespace

config::Vocabulary vocabulary() {
    config::Vocabulary words;
    for (const dataplane::Scheduler& scheduler : dataplane::schedulers()) {
        words.schedulers.emplace_back(scheduler.name);
    }
    words.interfaces_max = dataplane::kInterfacesMax;
    words.local_pools_max = dataplane::kLocalPoolsMax - 1;
    words.further = [](const config::Model& model) {
        std::vector<config::Finding> findings = validate_vrrp(model);
        std::vector<config::Finding> of_checks = find_health_mistakes(model);
        std::move(of_checks.begin(), of_checks.end(), std::back_inserter(findings));
        return findings;
    };
    return words;
}

Application::Application(const Clock& clock,
                         std::string config_file,
                         config::Model model,
                         ServiceManager manager)
    : clock_(clock),
      manager_(std::move(manager)),
      config_file_(std::move(config_file)),
      model_(std::move(model)),
      started_(clock.now()),
      signals_(io_, SIGTERM, SIGINT, SIGHUP),
      backlog_timer_(io_),
      sample_timer_(io_),
      stop_timer_(io_) {}

// The workers stop before anything that they hold pointers to is freed.
Application::~Application() {
    server_.reset();
    wake_.reset();
    if (engine_) {
        engine_->stop();
    }
    sync_.reset();
    vrrp_side_.reset();
    notify_fifos_.reset();
    programs_.reset();
    probe_side_.reset();
    kernel_side_.reset();
    requests_.reset();
    diagnostics_.reset();  // its thread reads rings of the engine
    census_.reset();
    health_side_.reset();
    services_.reset();
    fleet_.reset();
    engine_.reset();
}

Result<void> Application::run() {
    if (auto started = start(); !started) {
        return started;
    }
    io_.run();
    if (!start_error_.empty()) {
        return failure(start_error_);
    }
    kLog.info("stopped");
    return {};
}

Result<void> Application::start() {
    auto lock = InstanceLock::take(model_.control.socket);
    if (!lock) {
        return Failure(lock.error());
    }
    instance_lock_ = std::move(*lock);
    auto engine = dataplane::io::Engine::start(engine_settings(model_));
    if (!engine) {
        return Failure(engine.error());
    }
    engine_ = std::move(*engine);
    kLog.info(
        "engine started workers={} memory=\"{}\"", engine_->worker_count(), engine_->memory_kind());
    fleet_ = std::make_unique<Fleet>(*engine_);
    services_ = std::make_unique<ServiceControl>(
        *fleet_, model_.dataplane.services_max, model_.dataplane.real_servers_max);
    auto health = HealthSide::start(io_, clock_, *services_, [this] { serve_engine(); });
    if (!health) {
        return Failure(health.error());
    }
    health_side_ = std::move(*health);
    census_ = std::make_unique<Census>(*fleet_, services_->catalogue());
    services_->set_timeouts(model_.timeouts);
    auto side = KernelSide::start(io_, clock_, *engine_, *fleet_, model_, [this] { on_synced(); });
    if (!side) {
        return Failure(side.error());
    }
    kernel_side_ = std::move(*side);
    if (auto made = make_sides(); !made) {
        return made;
    }
    make_diagnostics();
    make_requests();
    wake_ = std::make_unique<asio::posix::stream_descriptor>(io_, ::dup(engine_->wake_fd()));
    wait_for_engine();
    wait_for_signal();
    serve_engine();
    return {};
}

// What speaks by the workers: probes of its own, and VRRP.
Result<void> Application::make_sides() {
    probe_side_ = std::make_unique<ProbeSide>(
        io_,
        ProbeSide::Surroundings{
            .clock = clock_,
            .way_to = [this](const IpAddress& address) { return kernel_side_->way_to(address); },
            .send =
                [this](const ProbeWay& way, std::span<const uint8_t> frame) {
                    kernel_side_->send_to_neighbour(way.id, way.next_hop, frame);
                }});
    health_side_->use_paths(*probe_side_);
    auto programs = Programs::make(io_, clock_);
    if (!programs) {
        return Failure(programs.error());
    }
    programs_ = std::move(*programs);
    notify_fifos_ = std::make_unique<NotifyFifos>(*programs_);
    notify_fifos_->configure(model_.control);
    vrrp_side_ = std::make_unique<VrrpSide>(
        io_,
        VrrpSide::Surroundings{.clock = clock_,
                               .engine = *engine_,
                               .fleet = *fleet_,
                               .kernel = *kernel_side_,
                               .programs = *programs_,
                               .tell =
                                   [this](const vrrp::Event& event) {
                                       happenings_.vrrp(event);
                                       if (const auto line = fifo_line(event)) {
                                           notify_fifos_->tell_vrrp(*line);
                                       }
                                   },
                               .take_in = [this] { serve_engine(); },
                               .taking_over =
                                   [this] {
                                       if (sync_) {
                                           sync_->hold_strays();
                                       }
                                   }});
    health_side_->on_quorum([this](const std::string& service, bool is_up) {
        vrrp_side_->quorum_changed(service, is_up);
    });
    health_side_->on_event(
        [this](const healthcheck::Event& event, const dataplane::ServiceKey& service) {
            happenings_.health(event, service);
            if (const auto line = fifo_line(event, service.protocol)) {
                notify_fifos_->tell_health(*line + "\n");
            }
        });
    kernel_side_->watch_interfaces([this](dataplane::InterfaceId id,
                                          const std::string& name,
                                          const dataplane::Interface& interface) {
        interfaces_[id] = {name, interface.is_up};
        happenings_.interface(name, interface.is_up);
    });
    return {};
}

void Application::make_diagnostics() {
    std::vector<std::string> ports;
    for (const config::Port& port : model_.ports) {
        ports.push_back(port.name);
    }
    diagnostics_ = std::make_unique<DiagnosticsSide>(
        DiagnosticsSide::Surroundings{.io = io_,
                                      .clock = clock_,
                                      .engine = *engine_,
                                      .fleet = *fleet_,
                                      .catalogue = services_->catalogue(),
                                      .ports = std::move(ports),
                                      .version = [this] { return services_->version(); },
                                      .serve_engine = [this] { serve_engine(); }});
}

void Application::make_requests() {
    requests_ = std::make_unique<Requests>(Requests::Surroundings{
        .clock = clock_,
        .started = started_,
        .config_file = config_file_,
        .last_reload = last_reload_,
        .model = model_,
        .engine = *engine_,
        .fleet = *fleet_,
        .services = *services_,
        .health = *health_side_,
        .census = *census_,
        .vrrp = *vrrp_side_,
        .happenings = happenings_,
        .kernel = *kernel_side_,
        .diagnostics = *diagnostics_,
        .sync = sync_,
        .loops_before = loops_older_,
        .reload = [this](uint32_t uid) { return reload(uid); },
        .apply = [this](const config::Model& next) { return apply(next); },
        .try_out = [this](const config::Model& next) -> Result<void> {
            if (auto same = check_unchanged(model_, next); !same) {
                return same;
            }
            return services_->try_out(next);
        },
        .serve_engine = [this] { serve_engine(); },
        .interface_name =
            [this](dataplane::InterfaceId id) {
                const auto found = interfaces_.find(id);
                return found != interfaces_.end() ? found->second.first : std::string();
            },
        .is_interface_up = [this](const std::string& name) -> std::optional<bool> {
            for (const auto& [id, interface] : interfaces_) {
                if (interface.first == name) {
                    return interface.second;
                }
            }
            return std::nullopt;
        },
        .vocabulary = vocabulary()});
}

// From now on ahead of the workers: what VRRP's timers ask for lasts microseconds, and must not
// wait. The work of a start does not count.
void Application::begin_vrrp() {
    ask_for_short_turns();
    if (const int priority = model_.dataplane.realtime_priority; priority != 0) {
        if (const auto done = become_realtime(priority + 1); !done) {
            kLog.warning("{}", done.error().message);
        }
    }
    vrrp_side_->begin();
}

// The workers know interfaces, routes and neighbours: time to serve.
void Application::on_synced() {
    Result<void> opened;
    if (const auto done = health_side_->apply(model_); !done) {
        opened = Failure(done.error());
    } else {
        keep_servers_reachable();
        opened = start_sync(model_.sync);
        opened = opened ? open_control_socket() : opened;
    }
    if (!opened) {
        start_error_ = opened.error().message;
        io_.stop();
        return;
    }
    is_serving_ = true;
    diagnostics_->configure(model_.diagnostics);
    vrrp_side_->configure(model_);
    health_side_->tell_quorums();
    // A MASTER must know the connections that its addresses have.
    if (sync_) {
        sync_->when_joined([this] { begin_vrrp(); });
    } else {
        begin_vrrp();
    }
    serve_engine();
    sample_periodically();
    tell_ready();
    happenings_.daemon("serving", fmt::format("serving {}", config_file_));
    kLog.info("serving config={} services={} socket={}",
              config_file_,
              model_.virtual_services.size(),
              model_.control.socket);
}

void Application::tell_ready() const {
    manager_.ready(fmt::format("serving {} virtual services", model_.virtual_services.size()));
}

Result<void> Application::start_sync(const config::Sync& settings) {
    if (settings.role == config::SyncRole::kOff) {
        return {};
    }
    auto started = SyncControl::start(
        io_, clock_, *fleet_, services_->catalogue(), settings, [this] { serve_engine(); });
    if (!started) {
        return Failure(started.error());
    }
    sync_ = std::move(*started);
    return {};
}

// The sockets are bound to what changes, so that it starts anew; on error it goes on as before.
Result<void> Application::change_sync(const config::Sync& before, const config::Sync& after) {
    if (before == after) {
        return {};
    }
    happenings_.sync(before.role, after.role);
    if (sync_) {
        sync_->stop_workers();
        sync_.reset();
    }
    auto started = start_sync(after);
    if (!started) {
        static_cast<void>(start_sync(before));
    }
    if (!vrrp_side_->has_begun()) {
        begin_vrrp();  // who waited for the twin's table waits for nobody now
    }
    return started;
}

void Application::keep_servers_reachable() {
    std::vector<IpAddress> addresses;
    for (const config::VirtualService& service : model_.virtual_services) {
        for (const config::RealServer& server : service.real_servers) {
            addresses.push_back(server.endpoint.address);
        }
        if (service.sorry_server.is_set()) {
            addresses.push_back(service.sorry_server.endpoint.address);
        }
    }
    std::sort(addresses.begin(), addresses.end());
    addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
    kernel_side_->keep_reachable(std::move(addresses));
}

void Application::wait_for_signal() {
    signals_.async_wait([this](const asio::error_code& error, int signal) {
        if (error) {
            return;
        }
        if (signal != SIGHUP) {
            kLog.info("stopping signal={}", signal == SIGTERM ? "SIGTERM" : "SIGINT");
            stop_gracefully();
            return;
        }
        static_cast<void>(reload(std::nullopt));
        wait_for_signal();
    });
}

// Tells the other directors to take over, and ends when that has been sent. A second signal does
// not wait.
void Application::stop_gracefully() {
    manager_.stopping();
    happenings_.daemon("stopping", "asked to stop");
    vrrp_side_->stop();
    serve_engine();
    health_side_->stop([this] {
        stop_timer_.expires_after(kFarewell);
        stop_timer_.async_wait([this](const asio::error_code& /*error*/) { io_.stop(); });
    });
    signals_.async_wait([this](const asio::error_code& error, int /*signal*/) {
        if (!error) {
            io_.stop();
        }
    });
}

void Application::wait_for_engine() {
    wake_->async_wait(asio::posix::stream_descriptor::wait_read,
                      [this](const asio::error_code& error) {
                          if (error) {
                              return;
                          }
                          engine_->acknowledge_wake();
                          serve_engine();
                          wait_for_engine();
                      });
}

// One turn of the rings: commands out, events and punted frames in.
void Application::serve_engine() {
    fleet_->turn();
    bool is_more_waiting = fleet_->has_backlog();
    for (uint16_t worker = 0; worker < engine_->worker_count(); ++worker) {
        const uint32_t taken = engine_->receive_punted(
            WorkerId{worker}, kPuntsPerTurn, [this](const dataplane::io::PuntedFrame& frame) {
                if (!vrrp_side_->receive(frame) && !probe_side_->receive(frame.bytes)) {
                    kernel_side_->receive(frame);
                }
            });
        is_more_waiting = is_more_waiting || taken == kPuntsPerTurn;
    }
    if (is_more_waiting || fleet_->has_backlog()) {
        wait_for_backlog();
    }
}

void Application::wait_for_backlog() {
    backlog_timer_.expires_after(kBacklogRetry);
    backlog_timer_.async_wait([this](const asio::error_code& error) {
        if (!error) {
            serve_engine();
        }
    });
}

void Application::sample_periodically() {
    const uint64_t version = services_->version();
    census_->take([this, version](const Reports& reports) { sample(reports, version); });
    services_->end_drains(clock_.now());
    serve_engine();
    sample_timer_.expires_after(RateEstimator::kPeriod);
    sample_timer_.async_wait([this](const asio::error_code& error) {
        if (!error) {
            sample_periodically();
        }
    });
}

// All workers have answered.
void Application::sample(const Reports& reports, uint64_t asked_at_version) {
    manager_.still_alive();
    tell_suppressed_log_lines();
    census_->sample_rates(reports);
    health_side_->take_traffic(reports);
    loops_older_ = std::move(loops_newer_);
    loops_newer_.clear();
    std::vector<std::vector<dataplane::io::RingLevel>> rings;
    for (uint16_t worker = 0; worker < engine_->worker_count(); ++worker) {
        loops_newer_.push_back(engine_->loop_counters(WorkerId{worker}));
        rings.push_back(engine_->ring_levels(WorkerId{worker}));
    }
    dataplane::io::publish_telemetry(telemetry_figures(reports, rings));
    requests_->sample(reports);
    diagnostics_->sample();
    if (!model_.control.metrics_address.empty()) {
        metrics_.publish(snapshot(reports));
    }
    happenings_.attacks(services_under_attack(reports, services_->catalogue()));
    happenings_.drains(drain_views(reports, *services_, clock_.now()));
    if (sync_) {
        happenings_.peers(sync_->peers());
    }
    services_->clear_retired(reports, asked_at_version, *census_);
    if (sync_) {
        sync_->report_servers(reports);
    }
}

metrics::Snapshot Application::snapshot(const Reports& reports) const {
    metrics::Snapshot all{requests_->status_view(reports),
                          services_view(reports, services_->catalogue(), *census_),
                          drops_view(reports, services_->catalogue()),
                          workers_view(reports, *engine_, model_.dataplane, loops_older_),
                          health_side_->checks_view(),
                          vrrp_view(vrrp_side_->status(), clock_.now()),
                          sync_ ? sync_->view() : server::SyncView{}};
    for (uint16_t worker = 0; worker < engine_->worker_count(); ++worker) {
        for (const auto& ring : engine_->ring_levels(WorkerId{worker})) {
            all.rings.push_back({worker, std::string(ring.name), ring.used, ring.capacity});
        }
    }
    all.events = events_.latest(metrics::kEventsShown);
    std::tie(all.frames, all.frames_used) = engine_->pool_usage();
    all.process = metrics::read_process();
    all.observed = diagnostics_->observed();
    all.servers_max = model_.control.metrics_servers_max;
    return all;
}

Result<std::string> Application::reload(std::optional<uint32_t> uid) {
    manager_.reloading(clock_.now());
    const auto next = config::inspect_file(config_file_, vocabulary());
    Result<std::string> outcome;
    if (!next) {
        std::string mistakes;
        for (const config::Diagnostic& diagnostic : next.error()) {
            mistakes += (mistakes.empty() ? "" : "\n") + to_string(diagnostic);
        }
        outcome = failure(mistakes);
    } else if (!is_serving_) {
        outcome = failure("directord is still starting: try again in a moment");
    } else {
        outcome = apply(next->model);
    }
    happenings_.config({.name = "reload", .subject = config_file_, .uid = uid}, outcome);
    last_reload_ = outcome ? "ok: " + *outcome : "refused: " + outcome.error().message;
    if (outcome) {
        set_log_level(model_.control.log_level);  // none of the run time's is left
        log_risks(next->risks);
        kLog.info("reloaded config={} result=\"{}\"", config_file_, *outcome);
    } else {
        kLog.error("reload refused, serving on as before config={} error=\"{}\"",
                   config_file_,
                   outcome.error().message);
    }
    if (is_serving_) {
        tell_ready();
    }
    return outcome;
}

Result<std::string> Application::apply(const config::Model& next) {
    if (auto same = check_unchanged(model_, next); !same) {
        return Failure(same.error());
    }
    if (auto done = change_sync(model_.sync, next.sync); !done) {
        return Failure(done.error());
    }
    auto changed = health_side_->apply(next);
    if (!changed) {
        static_cast<void>(change_sync(next.sync, model_.sync));
        return changed;
    }
    if (model_.timeouts != next.timeouts) {
        services_->set_timeouts(next.timeouts);
    }
    *changed += other_changes(model_, next);
    if (model_.control.log_level != next.control.log_level) {
        set_log_level(next.control.log_level);
    }
    if (const auto done = set_log_file(next.control.log_file); !done) {
        *changed += "; " + done.error().message;
    }
    notify_fifos_->configure(next.control);
    const config::Model before = std::exchange(model_, next);
    happenings_.changed(before, model_);
    if (auto done = kernel_side_->change(before, model_); !done) {
        *changed += "; addresses or routes: " + done.error().message;
    }
    keep_servers_reachable();
    vrrp_side_->configure(model_);
    if (sync_) {
        sync_->services_changed();
    }
    health_side_->tell_quorums();
    diagnostics_->configure(model_.diagnostics);
    serve_engine();
    return changed;
}

Result<void> Application::open_control_socket() {
    auto opened = server::Server::listen(io_,
                                         {.path = model_.control.socket,
                                          .admin_group = model_.control.admin_group,
                                          .reader_group = model_.control.reader_group,
                                          .events = &events_},
                                         requests_->table());
    if (!opened) {
        return Failure(opened.error());
    }
    server_ = std::move(*opened);
    return model_.control.metrics_address.empty() ? Result<void>()
                                                  : metrics_.listen(model_.control.metrics_address);
}

}  // namespace director::daemon
