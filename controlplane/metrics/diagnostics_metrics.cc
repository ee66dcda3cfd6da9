#include "controlplane/metrics/diagnostics_metrics.h"

#include <array>

namespace director::metrics {
namespace {

Labels labels_of(const ObservedRow& row) {
    if (row.protocol.empty()) {
        return {};
    }
    Labels labels = labels_of_service(row);
    return row.server_address.empty()
               ? labels
               : labels_of_server(labels, row.server_address, row.server_port);
}

// Who did it, or whose way it is.
template <typename Add>
void each_side(const Snapshot& snapshot, const Add& add) {
    for (const ObservedRow& row : snapshot.observed.rows) {
        const Labels labels = labels_of(row);
        add(with(labels, "side", "client"), row.client);
        add(with(labels, "side", "server"), row.server);
    }
}

template <auto Member>
void count_of_side(const Snapshot& snapshot, Samples& samples) {
    each_side(snapshot, [&](Labels labels, const ObservedEnd& end) {
        samples.add(std::move(labels), end.*Member);
    });
}

template <auto Member>
void count_of_row(const Snapshot& snapshot, Samples& samples) {
    for (const ObservedRow& row : snapshot.observed.rows) {
        samples.add(labels_of(row), row.*Member);
    }
}

// Of observation itself.
template <auto Member>
void figure(const Snapshot& snapshot, Samples& samples) {
    if (snapshot.observed.is_on) {
        samples.add({}, snapshot.observed.*Member);
    }
}

constexpr std::array kDiagnosticsMetrics{
    Metric{
        "director_health_round_trip_seconds",
        kHistogram,
        "Time from the director to a side and back, by its ACKs: each of a connection's round "
        "trips within some seconds counts as their mean.",
        [](const Snapshot& snapshot, Samples& samples) {
            each_side(snapshot, [&](Labels labels, const ObservedEnd& end) {
                samples.add_histogram(
                    std::move(labels), snapshot.observed.trip_bounds, end.trips, end.trip_seconds);
            });
        }},
    Metric{"director_health_packets_total",
           kCounter,
           "Observed packets by the side that sent them.",
           count_of_side<&ObservedEnd::packets>},
    Metric{"director_health_retransmitted_packets_total",
           kCounter,
           "Observed TCP segments that their side sent again.",
           count_of_side<&ObservedEnd::sent_again>},
    Metric{"director_health_zero_windows_total",
           kCounter,
           "Observed packets by which a side told that it takes no more data for now.",
           count_of_side<&ObservedEnd::zero_windows>},
    Metric{"director_health_resets_total",
           kCounter,
           "Observed TCP resets by the side that sent them.",
           count_of_side<&ObservedEnd::resets>},
    Metric{"director_health_opened_connections_total",
           kCounter,
           "Observed connections whose SYN was seen.",
           count_of_row<&ObservedRow::opened>},
    Metric{"director_health_failed_handshakes_total",
           kCounter,
           "Observed connections that the server left unanswered or the client unfinished.",
           [](const Snapshot& snapshot, Samples& samples) {
               for (const ObservedRow& row : snapshot.observed.rows) {
                   const Labels labels = labels_of(row);
                   samples.add(with(labels, "reason", "unanswered"), row.unanswered);
                   samples.add(with(labels, "reason", "unfinished"), row.unfinished);
               }
           }},
    Metric{"director_health_scans_total",
           kCounter,
           "Observed connections that were tries of a scan.",
           count_of_row<&ObservedRow::scans>},
    Metric{"director_health_verdicts",
           kGauge,
           "What was above a threshold in the last minute: the sentences of the status page.",
           figure<&ObservedView::verdicts_in_all>},
    Metric{"director_health_watched_packets_total",
           kCounter,
           "Packets that workers told continuous observation of.",
           figure<&ObservedView::packets>},
    Metric{"director_health_missed_packets_total",
           kCounter,
           "Packets of the sample that workers could not tell of.",
           [](const Snapshot& snapshot, Samples& samples) {
               if (snapshot.observed.is_on) {
                   samples.add({{"reason", "ring_full"}}, snapshot.observed.missed);
                   samples.add({{"reason", "packets_per_second"}}, snapshot.observed.limited);
               }
           }},
    Metric{"director_health_flows",
           kGauge,
           "Connections that continuous observation follows.",
           figure<&ObservedView::flows>},
    Metric{"director_health_flows_max",
           kGauge,
           "Connections that continuous observation can follow.",
           figure<&ObservedView::flows_max>},
    Metric{"director_health_evicted_flows_total",
           kCounter,
           "Connections told of before their time, because others needed the place.",
           figure<&ObservedView::flows_evicted>}};

}  // namespace

std::span<const Metric> diagnostics_metrics() {
    return kDiagnosticsMetrics;
}

}  // namespace director::metrics
