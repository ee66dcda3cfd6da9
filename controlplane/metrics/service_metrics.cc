#include "controlplane/metrics/service_metrics.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace director::metrics {
namespace {

using server::ServerView;
using server::ServiceView;
using server::TrafficStats;

// Values of the label "direction".
constexpr const char* kClientToServer = "client_to_server";
constexpr const char* kServerToClient = "server_to_client";

// A retired service may share its address with the one that took its place, and two samples with
// the same labels would spoil the page.
template <typename Function>
void each_service(const Snapshot& snapshot, Function function) {
    for (const ServiceView& service : snapshot.services.services) {
        if (!service.is_retired) {
            function(labels_of_service(service), service);
        }
    }
}

template <auto Member>
void number_of_service(const Snapshot& snapshot, Samples& samples) {
    each_service(snapshot, [&](Labels labels, const ServiceView& service) {
        samples.add(std::move(labels), static_cast<uint64_t>(service.*Member));
    });
}

// Of both directions.
template <auto In, auto Out>
void traffic_of_service(const Snapshot& snapshot, Samples& samples) {
    each_service(snapshot, [&](const Labels& labels, const ServiceView& service) {
        samples.add(with(labels, "direction", kClientToServer), service.stats.*In);
        samples.add(with(labels, "direction", kServerToClient), service.stats.*Out);
    });
}

// Also of those that are retired: their connections are the service's.
template <auto Member>
void sum_of_servers(const Snapshot& snapshot, Samples& samples) {
    each_service(snapshot, [&](Labels labels, const ServiceView& service) {
        uint64_t sum = 0;
        for (const ServerView& server : service.servers) {
            sum += server.*Member;
        }
        samples.add(std::move(labels), sum);
    });
}

// `add(labels, server)` for each server; when they are summed up, `add` gets their sum.
template <typename Function>
void each_server(const Snapshot& snapshot, Function add) {
    const bool is_sum = are_summed_up(snapshot);
    each_service(snapshot, [&](const Labels& labels, const ServiceView& service) {
        if (is_sum) {
            if (!service.servers.empty()) {
                add(labels, service.servers);
            }
            return;
        }
        for (const ServerView& server : service.servers) {
            if (!server.is_retired) {
                add(labels_of_server(labels, server.address, server.port), std::span(&server, 1));
            }
        }
    });
}

template <typename Read>
uint64_t sum(std::span<const ServerView> servers, Read read) {
    uint64_t total = 0;
    for (const ServerView& server : servers) {
        total += server.is_retired ? 0 : static_cast<uint64_t>(read(server));
    }
    return total;
}

template <auto Member>
void number_of_server(const Snapshot& snapshot, Samples& samples) {
    each_server(snapshot, [&](Labels labels, std::span<const ServerView> servers) {
        samples.add(std::move(labels),
                    sum(servers, [](const ServerView& server) { return server.*Member; }));
    });
}

template <auto In, auto Out>
void traffic_of_server(const Snapshot& snapshot, Samples& samples) {
    each_server(snapshot, [&](const Labels& labels, std::span<const ServerView> servers) {
        samples.add(with(labels, "direction", kClientToServer),
                    sum(servers, [](const ServerView& server) { return server.stats.*In; }));
        samples.add(with(labels, "direction", kServerToClient),
                    sum(servers, [](const ServerView& server) { return server.stats.*Out; }));
    });
}

// As "drops" names services: "TCP 192.0.2.1:80", "FWM 1".
std::string name_of(const ServiceView& service) {
    const bool is_ipv6 = service.address.find(':') != std::string::npos;
    if (service.mark != 0) {
        return fmt::format("FWM {}{}", service.mark, is_ipv6 ? " IPv6" : "");
    }
    const std::string address = is_ipv6 ? "[" + service.address + "]" : service.address;
    return fmt::format("{} {}:{}", service.protocol, address, service.port);
}

// Only of reasons that have occurred: there may be thousands of services.
void drops_of_services(const Snapshot& snapshot, Samples& samples) {
    std::unordered_map<std::string, Labels> known;
    each_service(snapshot, [&](Labels labels, const ServiceView& service) {
        known.emplace(name_of(service), std::move(labels));
    });
    for (const server::DropReasonView& reason : snapshot.drops.reasons) {
        std::unordered_map<std::string_view, uint64_t> packets;  // a retired one may share its name
        for (const server::ServiceDrops& part : reason.services) {
            packets[part.service] += part.packets;
        }
        for (const auto& [name, labels] : known) {
            if (const auto found = packets.find(name); found != packets.end()) {
                samples.add(with(labels, "reason", reason.name), found->second);
            }
        }
    }
}

constexpr std::array kServiceMetrics{
    Metric{"director_service_connections_total",
           kCounter,
           "Connections to a virtual service.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_service(snapshot, [&](Labels labels, const ServiceView& service) {
                   samples.add(std::move(labels), service.stats.connections);
               });
           }},
    Metric{"director_service_packets_total",
           kCounter,
           "Packets of a virtual service.",
           traffic_of_service<&TrafficStats::packets_in, &TrafficStats::packets_out>},
    Metric{"director_service_bytes_total",
           kCounter,
           "IP bytes of a virtual service.",
           traffic_of_service<&TrafficStats::bytes_in, &TrafficStats::bytes_out>},
    Metric{"director_service_dropped_packets_total",
           kCounter,
           "Packets to a virtual service that were not forwarded, by those reasons that occurred.",
           drops_of_services},
    Metric{"director_service_active_connections",
           kGauge,
           "Connections to a virtual service in an active state.",
           sum_of_servers<&ServerView::active>},
    Metric{"director_service_inactive_connections",
           kGauge,
           "All other connections to a virtual service.",
           sum_of_servers<&ServerView::inactive>},
    Metric{"director_service_half_open_connections",
           kGauge,
           "Connections to a virtual service whose handshake is not complete.",
           number_of_service<&ServiceView::half_open>},
    Metric{
        "director_service_under_attack",
        kGauge,
        "1 while a virtual service is under a SYN flood and its SYN proxy is on for that reason.",
        number_of_service<&ServiceView::is_under_attack>},
    Metric{"director_real_server_weight",
           kGauge,
           "Weight of a real server; 0 gets no new connections.",
           number_of_server<&ServerView::weight>},
    Metric{"director_real_server_active_connections",
           kGauge,
           "Connections of a real server in an active state.",
           number_of_server<&ServerView::active>},
    Metric{"director_real_server_inactive_connections",
           kGauge,
           "All other connections of a real server.",
           number_of_server<&ServerView::inactive>},
    Metric{"director_real_server_connections_total",
           kCounter,
           "Connections that a real server was given.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_server(snapshot, [&](Labels labels, std::span<const ServerView> servers) {
                   samples.add(std::move(labels), sum(servers, [](const ServerView& server) {
                                   return server.stats.connections;
                               }));
               });
           }},
    Metric{"director_real_server_packets_total",
           kCounter,
           "Packets to and from a real server.",
           traffic_of_server<&TrafficStats::packets_in, &TrafficStats::packets_out>},
    Metric{"director_real_server_bytes_total",
           kCounter,
           "IP bytes to and from a real server.",
           traffic_of_server<&TrafficStats::bytes_in, &TrafficStats::bytes_out>},
    Metric{"director_real_server_unanswered_connections_total",
           kCounter,
           "TCP connections that a real server did not answer in time, where its answers are seen.",
           number_of_server<&ServerView::unanswered>},
    Metric{"director_real_server_resets_total",
           kCounter,
           "TCP connections that a real server reset while their client had not ended them.",
           number_of_server<&ServerView::resets>},
    Metric{"director_real_server_overloaded",
           kGauge,
           "1 while a real server has more connections than its upper threshold.",
           number_of_server<&ServerView::is_overloaded>},
    Metric{"director_real_server_draining",
           kGauge,
           "1 while a real server is drained on demand.",
           number_of_server<&ServerView::is_draining>},
};

}  // namespace

std::span<const Metric> service_metrics() {
    return kServiceMetrics;
}

}  // namespace director::metrics
