#include "controlplane/metrics/health_metrics.h"

#include <algorithm>
#include <array>
#include <utility>

namespace director::metrics {
namespace {

template <typename Function>
void each_checked_service(const Snapshot& snapshot, Function function) {
    for (const server::CheckedServiceView& service : snapshot.checks.services) {
        function(labels_of_service(service), service);
    }
}

uint64_t servers_up(const server::CheckedServiceView& service) {
    return static_cast<uint64_t>(std::count_if(service.servers.begin(),
                                               service.servers.end(),
                                               [](const auto& server) { return server.is_up; }));
}

template <typename Function>
void each_probes(const Snapshot& snapshot, Function function) {
    for (const server::ProbesView& probes : snapshot.checks.probes) {
        function(Labels{{"type", probes.type}}, probes);
    }
}

constexpr std::array kHealthMetrics{
    Metric{"director_real_server_up",
           kGauge,
           "1 while the health checks of a real server find it up.",
           [](const Snapshot& snapshot, Samples& samples) {
               const bool is_sum = are_summed_up(snapshot);
               each_checked_service(snapshot, [&](const Labels& labels, const auto& service) {
                   if (is_sum) {
                       samples.add(labels, servers_up(service));
                       return;
                   }
                   for (const server::CheckedServerView& server : service.servers) {
                       samples.add(labels_of_server(labels, server.address, server.port),
                                   server.is_up ? 1 : 0);
                   }
               });
           }},
    Metric{"director_service_real_servers",
           kGauge,
           "Real servers of a virtual service with health checks; its sorry server is none.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_checked_service(snapshot, [&](const Labels& labels, const auto& service) {
                   samples.add(labels, service.servers.size());
               });
           }},
    Metric{"director_service_real_servers_up",
           kGauge,
           "Real servers of a virtual service that its health checks find up.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_checked_service(snapshot, [&](const Labels& labels, const auto& service) {
                   samples.add(labels, servers_up(service));
               });
           }},
    Metric{"director_service_quorum",
           kGauge,
           "1 while enough real servers of a virtual service are up.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_checked_service(snapshot, [&](const Labels& labels, const auto& service) {
                   samples.add(labels, service.has_quorum ? 1 : 0);
               });
           }},
    Metric{"director_service_sorry_server_used",
           kGauge,
           "1 while the sorry server of a virtual service stands in.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_checked_service(snapshot, [&](const Labels& labels, const auto& service) {
                   samples.add(labels, service.sorry_server_is_used ? 1 : 0);
               });
           }},
    Metric{"director_checks",
           kGauge,
           "Health checks by type; one that several services share counts once.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_probes(snapshot, [&](const Labels& labels, const server::ProbesView& probes) {
                   samples.add(labels, probes.checks);
               });
           }},
    Metric{"director_checks_down",
           kGauge,
           "Health checks by type that have failed.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_probes(snapshot, [&](const Labels& labels, const server::ProbesView& probes) {
                   samples.add(labels, probes.down);
               });
           }},
    Metric{"director_probes_total",
           kCounter,
           "Probes of health checks by type and by what came of them.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_probes(snapshot, [&](const Labels& labels, const server::ProbesView& probes) {
                   samples.add(with(labels, "result", "passed"), probes.passed);
                   samples.add(with(labels, "result", "failed"), probes.failed);
                   samples.add(with(labels, "result", "unable"), probes.unable);
               });
           }},
    Metric{"director_check_transitions_total",
           kCounter,
           "Times that a health check of the type went up or down.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_probes(snapshot, [&](const Labels& labels, const server::ProbesView& probes) {
                   samples.add(labels, probes.transitions);
               });
           }},
    Metric{"director_probe_duration_seconds",
           kHistogram,
           "How long probes took that passed, all of a type together.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_probes(snapshot, [&](const Labels& labels, const server::ProbesView& probes) {
                   samples.add_histogram(
                       labels, server::kProbeSeconds, probes.took, probes.seconds);
               });
           }},
    Metric{"director_probes_waiting",
           kGauge,
           "Probes that wait because too many run.",
           [](const Snapshot& snapshot, Samples& samples) {
               samples.add({}, snapshot.checks.waiting);
           }}};

}  // namespace

std::span<const Metric> health_metrics() {
    return kHealthMetrics;
}

}  // namespace director::metrics
