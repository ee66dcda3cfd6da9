#include "controlplane/daemon/health_side.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "common/random.h"
#include "controlplane/daemon/health_settings.h"
#include "controlplane/daemon/health_views.h"
#include "controlplane/plan/translate.h"

namespace director::daemon {

using healthcheck::EventKind;

namespace {

constexpr LogArea kLog{"health"};

// How long commands may keep a director from stopping.
constexpr auto kStopTimeout = std::chrono::seconds(5);

bool has_passive_check(const healthcheck::Settings& settings) {
    for (const healthcheck::ServiceSettings& service : settings.services) {
        for (const healthcheck::ServerSettings& server : service.servers) {
            for (const healthcheck::CheckSettings& check : server.checks) {
                if (std::holds_alternative<healthcheck::PassiveCheck>(check.sort)) {
                    return true;
                }
            }
        }
    }
    return false;
}

plan::ServingTable rows_of(const healthcheck::ServiceHealth& service) {
    plan::ServingTable rows;
    for (const healthcheck::TableRow& row : service.table()) {
        rows.push_back({row.server, row.weight});
    }
    return rows;
}

// What a tracker may call a service: its name, and its address alone, which is all services there.
std::vector<std::string> tracker_names(const std::string& service) {
    const size_t blank = service.find(' ');
    if (service.starts_with("mark ") || blank == std::string::npos) {
        return {service};
    }
    return {service, service.substr(blank + 1)};
}

void log_event(const healthcheck::Event& event) {
    switch (event.level) {
        case LogLevel::kDebug:
            kLog.debug("{}", event.text);
            break;
        case LogLevel::kInfo:
            kLog.info("{}", event.text);
            break;
        case LogLevel::kWarning:
            kLog.warning("{}", event.text);
            break;
        case LogLevel::kError:
            kLog.error("{}", event.text);
            break;
    }
}

}  // namespace

HealthSide::HealthSide(asio::io_context& io,
                       const Clock& clock,
                       ServiceControl& services,
                       std::function<void()> on_change)
    : clock_(clock),
      services_(services),
      on_change_(std::move(on_change)),
      ready_(io),
      timer_(io) {}

Result<std::unique_ptr<HealthSide>> HealthSide::start(asio::io_context& io,
                                                      const Clock& clock,
                                                      ServiceControl& services,
                                                      std::function<void()> on_change) {
    std::unique_ptr<HealthSide> side(new HealthSide(io, clock, services, std::move(on_change)));
    auto engine = healthcheck::Engine::make(side->sockets_, system_random());
    if (!engine) {
        return Failure(engine.error());
    }
    side->engine_ = std::move(*engine);
    side->ready_.assign(::dup(side->engine_->fd()));
    side->wait_for_engine();
    return side;
}

void HealthSide::note_services(const config::Model& model) {
    watched_.clear();
    by_name_.clear();
    for (const config::VirtualService& service : model.virtual_services) {
        const std::string name = plan::service_name(service);
        const std::string engine_name = is_watched(service) ? health_name(service) : "";
        for (const std::string& tracked : tracker_names(name)) {
            auto& checked = by_name_[tracked];
            if (is_watched(service)) {
                checked.push_back(engine_name);
            }
        }
        if (is_watched(service)) {
            watched_[engine_name] = {name, plan::key_of(service)};
        }
    }
}

// Slots may run out, and then nothing must have changed: that is found out first.
Result<std::string> HealthSide::apply(const config::Model& model) {
    if (auto good = services_.try_out(model); !good) {
        return Failure(good.error());
    }
    if (probe_side_ != nullptr) {
        if (auto ready = probe_side_->put(health_paths(model), sockets_); !ready) {
            return Failure(ready.error());
        }
    }
    note_services(model);
    const healthcheck::Settings settings = health_settings(model);
    has_passive_checks_ = has_passive_check(settings);
    for (const std::string& warning : health_warnings(settings)) {
        kLog.warning("{}", warning);
    }
    const healthcheck::Actions actions = engine_->apply(settings, clock_.now());
    // Before act(): the whole tables have all that it would do about them.
    auto applied = services_.apply(model, serving_tables(model));
    act(actions);
    arm_timer();
    return applied;
}

plan::ServingTables HealthSide::serving_tables(const config::Model& model) const {
    plan::ServingTables tables;
    for (const config::VirtualService& service : model.virtual_services) {
        auto& table = tables.emplace_back();
        if (const auto* health = engine_->monitor().find_service(health_name(service))) {
            table = rows_of(*health);
        }
    }
    return tables;
}

void HealthSide::stop(std::function<void()> done) {
    stopped_ = std::move(done);
    stop_deadline_ = clock_.now() + kStopTimeout;
    act(engine_->stop(clock_.now()));
    arm_timer();
    end_if_idle();
}

void HealthSide::end_if_idle() {
    if (stopped_ && (engine_->pending_commands() == 0 || clock_.now() >= stop_deadline_)) {
        std::exchange(stopped_, nullptr)();
    }
}

void HealthSide::wait_for_engine() {
    ready_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [this](const asio::error_code& error) {
                          if (!error) {
                              run();
                              wait_for_engine();
                          }
                      });
}

void HealthSide::arm_timer() {
    TimePoint deadline = engine_->deadline();
    if (stopped_) {
        deadline = std::min(deadline, stop_deadline_);
    }
    if (deadline == healthcheck::kNever) {
        timer_.cancel();
        return;
    }
    timer_.expires_after(std::max(Duration(0), deadline - clock_.now()));
    timer_.async_wait([this](const asio::error_code& error) {
        if (!error) {
            run();
        }
    });
}

void HealthSide::run() {
    act(engine_->run(clock_.now()));
    arm_timer();
    end_if_idle();
}

// A service's changes of one turn are one change of its table, whatever there were in between.
void HealthSide::act(const healthcheck::Actions& actions) {
    std::set<std::string> changed;
    for (const healthcheck::Action& action : actions) {
        if (const auto* change = std::get_if<healthcheck::TableChange>(&action)) {
            changed.insert(change->service);
        } else if (const auto* event = std::get_if<healthcheck::Event>(&action)) {
            log_event(*event);
        }
    }
    serve(changed);
    // Whoever hears of a quorum may look at the tables.
    for (const healthcheck::Action& action : actions) {
        if (const auto* event = std::get_if<healthcheck::Event>(&action)) {
            tell(*event);
        }
    }
}

void HealthSide::serve(const std::set<std::string>& services) {
    for (const std::string& name : services) {
        const auto service = watched_.find(name);
        const auto* health = engine_->monitor().find_service(name);
        if (service != watched_.end() && health != nullptr) {
            services_.serve(service->second.key, rows_of(*health));
        }
    }
    if (!services.empty()) {
        on_change_();
    }
}

void HealthSide::tell(const healthcheck::Event& event) const {
    const auto about = watched_.find(event.service);
    if (told_of_event_ && about != watched_.end()) {
        told_of_event_(event, about->second.key);
    }
    if (event.kind != EventKind::kQuorumGained && event.kind != EventKind::kQuorumLost) {
        return;
    }
    if (about != watched_.end()) {
        tell_quorum(about->second.name);
    }
}

void HealthSide::tell_quorum(const std::string& service) const {
    if (!told_of_quorum_) {
        return;
    }
    for (const std::string& name : tracker_names(service)) {
        told_of_quorum_(name, has_quorum(name).value_or(true));
    }
}

void HealthSide::tell_quorums() const {
    for (const auto& [name, checked] : by_name_) {
        if (told_of_quorum_) {
            told_of_quorum_(name, has_quorum(name).value_or(true));
        }
    }
}

std::optional<bool> HealthSide::has_quorum(std::string_view service) const {
    const auto found = by_name_.find(service);
    if (found == by_name_.end()) {
        return std::nullopt;
    }
    return std::all_of(found->second.begin(), found->second.end(), [this](const auto& name) {
        const auto* const health = engine_->monitor().find_service(name);
        return health == nullptr || health->has_quorum();
    });
}

void HealthSide::take_traffic(const Reports& reports) {
    const auto before = std::exchange(seen_, {});
    if (!has_passive_checks_) {
        return;
    }
    for (const plan::ServiceEntry* const service : services_.catalogue().services()) {
        for (const plan::RealServerEntry& server : service->servers) {
            const dataplane::ServerCounters total = Census::server_total(reports, server.id);
            const healthcheck::Traffic seen{total.connections, total.unanswered, total.resets};
            seen_[server.id] = seen;
            const auto old = before.find(server.id);
            // The first look at a slot, which may have been another server's, tells nothing.
            if (old != before.end() && seen.connections >= old->second.connections) {
                engine_->add_traffic(server.settings.endpoint,
                                     {seen.connections - old->second.connections,
                                      seen.unanswered - old->second.unanswered,
                                      seen.resets - old->second.resets});
            }
        }
    }
}

server::ChecksView HealthSide::checks_view(const ServicesWanted& wanted) const {
    const ServicesPage page = services_page(services_.catalogue(), wanted);
    std::vector<CheckedService> checked;
    for (const plan::ServiceEntry* const service : page.services) {
        const auto watched = watched_.find(health_name(service->settings));
        if (!service->is_retired && watched != watched_.end()) {
            if (const auto* health = engine_->monitor().find_service(watched->first)) {
                checked.push_back({watched->second.key, health});
            }
        }
    }
    auto view = daemon::checks_view(engine_->monitor(), checked, clock_.now());
    view.next_cursor = page.next_cursor;
    return view;
}

}  // namespace director::daemon
