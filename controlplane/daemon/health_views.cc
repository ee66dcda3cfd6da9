#include "controlplane/daemon/health_views.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <string>

namespace director::daemon {

using healthcheck::CheckSettings;
using healthcheck::CheckStatus;
using healthcheck::Monitor;
using healthcheck::ServiceHealth;

namespace {

struct ByValue {
    bool operator()(const CheckSettings* a, const CheckSettings* b) const { return *a < *b; }
};
using Statuses = std::map<const CheckSettings*, const CheckStatus*, ByValue>;

uint64_t seconds_since(TimePoint then, TimePoint now) {
    const auto passed = std::chrono::duration_cast<std::chrono::seconds>(now - then);
    return static_cast<uint64_t>(std::max<int64_t>(passed.count(), 0));
}

std::string upper(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) {
        return static_cast<char>(std::toupper(c));
    });
    return result;
}

server::CheckView check_view(const CheckStatus& status, TimePoint now) {
    server::CheckView view;
    view.type = to_string(status.settings->sort);
    view.target = to_string(status.settings->target.to);
    view.state = to_string(status.state);
    view.state_seconds = seconds_since(status.since, now);
    view.is_probing = status.is_probing;
    view.passed = status.passed;
    view.failed = status.failed;
    view.unable = status.unable;
    view.transitions = status.transitions;
    view.last_failure = status.last_text;
    view.weight = status.weight ? int64_t{*status.weight} : int64_t{-1};
    return view;
}

server::CheckedServiceView service_view(const CheckedService& checked,
                                        const Statuses& statuses,
                                        TimePoint now) {
    const ServiceHealth& health = *checked.health;
    server::CheckedServiceView view;
    view.protocol = checked.key.mark != 0 ? "FWM" : upper(to_string(checked.key.protocol));
    view.address = to_string(checked.key.address);
    view.port = checked.key.port.host();
    view.mark = checked.key.mark;
    view.quorum = health.settings().quorum;
    view.has_quorum = health.has_quorum();
    view.sorry_server_is_used = health.sorry_server_is_used();
    if (const auto& sorry = health.settings().sorry_server) {
        view.sorry_server = to_string(sorry->endpoint);
    }
    const auto servers = health.servers();
    for (size_t i = 0; i < servers.size(); ++i) {
        server::CheckedServerView& row = view.servers.emplace_back();
        row.address = to_string(servers[i].endpoint.address);
        row.port = servers[i].endpoint.port.host();
        row.is_up = servers[i].is_up;
        row.state_seconds = seconds_since(servers[i].since, now);
        row.weight = servers[i].weight_now ? int64_t{*servers[i].weight_now} : int64_t{-1};
        row.passive_is_ignored = servers[i].passive_is_ignored;
        for (const CheckSettings& settings : health.settings().servers[i].checks) {
            if (const auto status = statuses.find(&settings); status != statuses.end()) {
                row.checks.push_back(check_view(*status->second, now));
            }
        }
    }
    return view;
}

static_assert(std::equal(healthcheck::Latencies::kBounds.begin(),
                         healthcheck::Latencies::kBounds.end(),
                         server::kProbeSeconds.begin(),
                         server::kProbeSeconds.end(),
                         [](Duration bound, double seconds) {
                             return std::chrono::round<Duration>(
                                        std::chrono::duration<double>(seconds)) == bound;
                         }),
              "the protocol promises the buckets that are counted");

// All checks of a type together.
std::vector<server::ProbesView> probes_views(const std::vector<CheckStatus>& checks) {
    std::map<std::string, server::ProbesView> types;
    for (const CheckStatus& check : checks) {
        const std::string type(to_string(check.settings->sort));
        server::ProbesView& view = types[type];
        view.type = type;
        ++view.checks;
        view.down += check.state == healthcheck::CheckState::kDown ? 1U : 0U;
        view.passed += check.passed;
        view.failed += check.failed;
        view.unable += check.unable;
        view.transitions += check.transitions;
        view.seconds += std::chrono::duration<double>(check.latencies.sum).count();
        view.took.resize(check.latencies.counts.size());
        for (size_t i = 0; i < view.took.size(); ++i) {
            view.took[i] += check.latencies.counts.at(i);
        }
    }
    std::vector<server::ProbesView> views;
    views.reserve(types.size());
    for (auto& [type, view] : types) {
        views.push_back(std::move(view));
    }
    return views;
}

}  // namespace

server::ChecksView checks_view(const Monitor& monitor,
                               const std::vector<CheckedService>& services,
                               TimePoint now) {
    const std::vector<CheckStatus> checks = monitor.checks();
    Statuses statuses;
    for (const CheckStatus& check : checks) {
        statuses.emplace(check.settings, &check);
    }
    server::ChecksView view;
    for (const CheckedService& service : services) {
        view.services.push_back(service_view(service, statuses, now));
    }
    view.probes = probes_views(checks);
    view.waiting = monitor.waiting();
    return view;
}

}  // namespace director::daemon
