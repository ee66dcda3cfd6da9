#include "controlplane/daemon/alarms.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "controlplane/daemon/views.h"

namespace director::daemon {
namespace {

using server::AlarmView;

constexpr const char* kCritical = "critical";
constexpr const char* kWarning = "warning";
constexpr const char* kNotice = "notice";

constexpr auto kMinute = std::chrono::seconds(60);
constexpr double kBusyShare = 0.9;     // of a worker's time
constexpr uint64_t kFullPercent = 80;  // of a table or a pool
constexpr uint64_t kSilentMs = 5000;   // twins hear each other each second

std::string names(const std::vector<std::string>& first, uint64_t all) {
    std::string text;
    for (const std::string& name : first) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return all > first.size() ? fmt::format("{} and {} more", text, all - first.size()) : text;
}

bool is_nearly_full(uint64_t used, uint64_t all) {
    return all > 0 && used >= all / 100 * kFullPercent && used * 100 >= all * kFullPercent;
}

void add_services(const AlarmSources& from, std::vector<AlarmView>& to) {
    const ServiceSummary& services = from.services;
    if (services.services_down > 0) {
        to.push_back({kCritical,
                      fmt::format("no real server takes new connections of {}",
                                  names(services.down, services.services_down)),
                      "`directorctl check list` says why servers are down; `directorctl server "
                      "list` shows weights and drains"});
    }
    if (services.servers_out > 0) {
        to.push_back(
            {kWarning,
             fmt::format("health checks took out {}", names(services.out, services.servers_out)),
             "`directorctl check show SERVER` has the last failure; repair the server, it "
             "comes back by itself"});
    }
    for (const std::string& service : from.status.under_attack) {
        to.push_back({kWarning,
                      fmt::format("{} is under a SYN flood; its SYN proxy is on", service),
                      "nothing has to be done; `directorctl drop list` shows how much it is"});
    }
    if (from.status.overloaded > 0) {
        to.push_back(
            {kNotice,
             fmt::format("{} real servers are at their upper threshold", from.status.overloaded),
             "`directorctl server list` shows them; add servers or raise the threshold"});
    }
}

void add_pair(const AlarmSources& from, std::vector<AlarmView>& to) {
    for (const server::VrrpStateView& one : from.status.vrrp) {
        if (one.state == "FAULT") {
            to.push_back({kCritical,
                          fmt::format("VRRP {} is in FAULT: {}", one.name, one.fault),
                          "it cannot take over until that is repaired; `directorctl vrrp list`"});
        }
    }
    if (from.sync.role == "off") {
        return;
    }
    for (const server::SyncPeerView& peer : from.sync.peers) {
        if (peer.heard_ms_ago > kSilentMs) {
            to.push_back({kWarning,
                          fmt::format("the twin {} has been silent for {} s",
                                      peer.address,
                                      peer.heard_ms_ago / 1000),
                          "a takeover now loses its connections; is it up, and the network "
                          "between? `directorctl sync show`"});
        }
    }
    if (!from.sync.mismatches.empty()) {
        to.push_back(
            {kWarning,
             fmt::format("the twin serves something else: {}", from.sync.mismatches.front()),
             "give both directors the same services; `directorctl sync show` lists all"});
    }
}

void add_machine(const AlarmSources& from, std::vector<AlarmView>& to) {
    for (const server::PortView& port : from.status.ports) {
        if (!port.link_up) {
            to.push_back({kCritical,
                          fmt::format("port {} has no link", port.name),
                          "look at the cable and the switch; `ip link` shows the same"});
        }
    }
    for (const server::WorkerView& worker : from.workers.workers) {
        if (worker.busy_share >= kBusyShare) {
            to.push_back(
                {kWarning,
                 fmt::format(
                     "worker {} is busy {:.0f} % of its time", worker.id, worker.busy_share * 100),
                 "more workers (dataplane.worker_cpus), or see `directorctl worker list` "
                 "whether one alone has all the load"});
        }
    }
    if (from.lost.missed + from.lost.no_buffers > 0) {
        to.push_back(
            {kWarning,
             fmt::format("ports lost {} packets in the last minute: {} because workers did "
                         "not poll in time, {} for want of buffers",
                         from.lost.missed + from.lost.no_buffers,
                         from.lost.missed,
                         from.lost.no_buffers),
             "`directorctl worker list`: are workers alone on their CPUs?"});
    }
    if (from.status.last_reload.starts_with("refused")) {
        to.push_back({kWarning,
                      "the last reload was " + from.status.last_reload,
                      "directord serves on as before; repair the file and `directorctl reload`"});
    }
}

void add_tables(const AlarmSources& from, std::vector<AlarmView>& to) {
    const server::StatusView& status = from.status;
    if (is_nearly_full(status.connections, status.connections_max)) {
        to.push_back(
            {kWarning,
             fmt::format("the connection table is nearly full: {} of {}",
                         status.connections,
                         status.connections_max),
             "raise dataplane.connections_max (restart), shorten timeouts, or set limits"});
    }
    for (const server::PoolView& pool : status.pools) {
        if (is_nearly_full(pool.ports_held, pool.ports_all)) {
            to.push_back({kWarning,
                          fmt::format("pool {} has few local ports left: {} of {} are in use",
                                      pool.name,
                                      pool.ports_held,
                                      pool.ports_all),
                          "give it more addresses"});
        }
    }
    const auto lost = [&to](uint64_t count, const char* what, const char* advice) {
        if (count > 0) {
            to.push_back({kWarning, fmt::format("{} {} in the last minute", count, what), advice});
        }
    };
    const server::FullTablesView& full = from.lost.full_tables;
    lost(full.connections_refused,
         "packets of new connections were refused: the table is full",
         "raise dataplane.connections_max (restart), or set limits");
    lost(full.connections_evicted,
         "half-open connections made room for others",
         "a flood? syn_proxy = \"under-attack\"; docs/operations.md, full tables");
    lost(full.local_ports_exhausted,
         "connections were refused for want of a local port",
         "more addresses in the pool");
    lost(full.templates_refused + full.clients_uncounted,
         "clients found no room among templates",
         "raise dataplane.templates_max (restart)");
}

int rank(std::string_view severity) {
    return severity == kCritical ? 0 : severity == kWarning ? 1 : 2;
}

}  // namespace

ServiceSummary summary_of(const plan::Catalogue& catalogue, const Census& census) {
    ServiceSummary summary;
    for (const plan::ServiceEntry* const service : catalogue.services()) {
        if (service->is_retired || service->source_nat) {
            continue;
        }
        bool is_up = false;
        for (const plan::RealServerEntry& server : service->servers) {
            is_up = is_up || server.weight() > 0;
            summary.servers_up += server.weight() > 0 ? 1U : 0U;
            // The sorry server is out as long as it is not needed.
            const bool is_sorry =
                service->settings.sorry_server.is_set() &&
                server.settings.endpoint == service->settings.sorry_server.endpoint;
            if (server.is_out && !server.is_retired && !is_sorry) {
                if (++summary.servers_out <= ServiceSummary::kNamesMax) {
                    summary.out.push_back(fmt::format(
                        "{} of {}", to_string(server.settings.endpoint), name_of(*service)));
                }
            }
        }
        summary.services_up += is_up ? 1U : 0U;
        if (!is_up && ++summary.services_down <= ServiceSummary::kNamesMax) {
            summary.down.push_back(name_of(*service));
        }
        const server::TrafficRates rates = census.service_rates(service->id);
        summary.rates.connections += rates.connections;
        summary.rates.packets_in += rates.packets_in;
        summary.rates.packets_out += rates.packets_out;
        summary.rates.bytes_in += rates.bytes_in;
        summary.rates.bytes_out += rates.bytes_out;
    }
    return summary;
}

Losses losses_of(const server::StatusView& status) {
    Losses losses{.full_tables = status.full_tables};
    for (const server::PortView& port : status.ports) {
        losses.missed += port.missed;
        losses.no_buffers += port.no_buffers;
    }
    return losses;
}

void LastMinute::sample(TimePoint now, const Losses& totals) {
    samples_.emplace_back(now, totals);
    while (samples_.front().first + kMinute < now) {
        samples_.pop_front();
    }
}

Losses LastMinute::growth() const {
    if (samples_.empty()) {
        return {};
    }
    const Losses& first = samples_.front().second;
    Losses grown = samples_.back().second;
    grown.missed -= first.missed;
    grown.no_buffers -= first.no_buffers;
    server::FullTablesView& full = grown.full_tables;
    const server::FullTablesView& before = first.full_tables;
    full.connections_refused -= before.connections_refused;
    full.connections_evicted -= before.connections_evicted;
    full.stateless_packets -= before.stateless_packets;
    full.local_ports_exhausted -= before.local_ports_exhausted;
    full.ftp_refused -= before.ftp_refused;
    full.fragments_refused -= before.fragments_refused;
    full.templates_refused -= before.templates_refused;
    full.clients_uncounted -= before.clients_uncounted;
    full.templates_evicted -= before.templates_evicted;
    return grown;
}

std::vector<AlarmView> alarms_of(const AlarmSources& sources) {
    std::vector<AlarmView> alarms;
    add_services(sources, alarms);
    add_pair(sources, alarms);
    add_machine(sources, alarms);
    add_tables(sources, alarms);
    std::stable_sort(alarms.begin(), alarms.end(), [](const AlarmView& a, const AlarmView& b) {
        return rank(a.severity) < rank(b.severity);
    });
    return alarms;
}

std::string role_of(const std::vector<server::VrrpStateView>& states) {
    if (states.empty()) {
        return "ALONE";
    }
    const bool is_one = std::all_of(states.begin(), states.end(), [&](const auto& one) {
        return one.state == states.front().state;
    });
    return is_one ? states.front().state : "MIXED";
}

}  // namespace director::daemon
