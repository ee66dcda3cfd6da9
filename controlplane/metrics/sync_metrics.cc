#include "controlplane/metrics/sync_metrics.h"

#include <array>

namespace director::metrics {
namespace {

using server::SyncPeerView;
using server::SyncView;

template <typename Function>
void if_on(const Snapshot& snapshot, Function function) {
    if (snapshot.sync.role != "off") {
        function(snapshot.sync);
    }
}

template <typename Function>
void each_twin(const Snapshot& snapshot, Function function) {
    if_on(snapshot, [&](const SyncView& sync) {
        for (const SyncPeerView& peer : sync.peers) {
            function(Labels{{"twin", peer.address}}, peer);
        }
    });
}

// A metric that is one number of the answer `sync`, or one number of each twin.
template <auto Member>
void number(const Snapshot& snapshot, Samples& samples) {
    if_on(snapshot, [&](const SyncView& sync) { samples.add({}, sync.*Member); });
}

template <auto Member>
void number_of_twin(const Snapshot& snapshot, Samples& samples) {
    each_twin(snapshot, [&](const Labels& labels, const SyncPeerView& peer) {
        samples.add(labels, peer.*Member);
    });
}

[[nodiscard]] double seconds(uint64_t milliseconds) {
    return static_cast<double>(milliseconds) / 1000;
}

constexpr std::array kSyncMetrics{
    Metric{"director_sync_lag_seconds",
           kGauge,
           "How long the oldest connection of the last sync message sent had waited.",
           [](const Snapshot& snapshot, Samples& samples) {
               if_on(snapshot,
                     [&](const SyncView& sync) { samples.add({}, seconds(sync.lag_ms)); });
           }},
    Metric{"director_sync_waiting_connections",
           kGauge,
           "Connections that wait to be told to the twin.",
           number<&SyncView::waiting>},
    Metric{"director_sync_sent_messages_total",
           kCounter,
           "Sync messages sent, of either protocol.",
           number<&SyncView::messages_sent>},
    Metric{"director_sync_sent_connections_total",
           kCounter,
           "Connections that the twin was told of, each time.",
           number<&SyncView::records_sent>},
    Metric{"director_sync_send_errors_total",
           kCounter,
           "Sync messages that the kernel did not take.",
           number<&SyncView::send_errors>},
    Metric{"director_sync_postponed_connections_total",
           kCounter,
           "Connections that found a worker's queue full, and are tried with their next packet.",
           number<&SyncView::postponed>},
    Metric{"director_sync_untold_connections_total",
           kCounter,
           "Connections that the twin was not told of, by reason.",
           [](const Snapshot& snapshot, Samples& samples) {
               if_on(snapshot, [&](const SyncView& sync) {
                   samples.add({{"reason", "full_new"}}, sync.dropped_new);
                   samples.add({{"reason", "full_long_lived"}}, sync.dropped_long_lived);
                   samples.add({{"reason", "unsayable"}}, sync.unsayable);
               });
           }},
    Metric{"director_sync_twin_lag_seconds",
           kGauge,
           "How long the oldest connection of a twin's last message had waited there.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_twin(snapshot, [&](const Labels& labels, const SyncPeerView& peer) {
                   samples.add(labels, seconds(peer.lag_ms));
               });
           }},
    Metric{"director_sync_twin_silence_seconds",
           kGauge,
           "Since a twin was heard last.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_twin(snapshot, [&](const Labels& labels, const SyncPeerView& peer) {
                   samples.add(labels, seconds(peer.heard_ms_ago));
               });
           }},
    Metric{"director_sync_twin_restarts_total",
           kCounter,
           "Starts of a twin that were noticed.",
           number_of_twin<&SyncPeerView::restarts>},
    Metric{"director_sync_received_messages_total",
           kCounter,
           "Sync messages that were believed, by twin and protocol.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_twin(snapshot, [&](const Labels& labels, const SyncPeerView& peer) {
                   samples.add(with(labels, "protocol", "director"), peer.director_messages);
                   samples.add(with(labels, "protocol", "ipvs"), peer.ipvs_messages);
               });
           }},
    Metric{"director_sync_received_connections_total",
           kCounter,
           "Connections that a twin told of, each time.",
           number_of_twin<&SyncPeerView::records>},
    // No counter: a message that is only late is not missing any more.
    Metric{"director_sync_missing_messages",
           kGauge,
           "Messages of a twin that have not come though later ones have.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_twin(snapshot, [&](const Labels& labels, const SyncPeerView& peer) {
                   samples.add(with(labels, "protocol", "director"), peer.lost);
                   samples.add(with(labels, "protocol", "ipvs"), peer.ipvs_lost);
               });
           }},
    Metric{"director_sync_disordered_messages_total",
           kCounter,
           "Messages of a twin that came late, too late to be taken, or more than once.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_twin(snapshot, [&](const Labels& labels, const SyncPeerView& peer) {
                   samples.add(with(labels, "reason", "late"), peer.late);
                   samples.add(with(labels, "reason", "replayed"), peer.replayed);
                   samples.add(with(labels, "reason", "too_late"), peer.too_late);
               });
           }},
    Metric{"director_sync_connections_total",
           kCounter,
           "What became of the connections that twins told of.",
           [](const Snapshot& snapshot, Samples& samples) {
               if_on(snapshot, [&](const SyncView& sync) {
                   for (const server::NamedCount& outcome : sync.outcomes) {
                       samples.add({{"outcome", outcome.name}}, outcome.count);
                   }
                   samples.add({{"outcome", "overflowed"}}, sync.overflowed);
               });
           }},
    Metric{"director_sync_refused_total",
           kCounter,
           "Sync messages and connections that were not believed, by reason.",
           [](const Snapshot& snapshot, Samples& samples) {
               if_on(snapshot, [&](const SyncView& sync) {
                   for (const server::NamedCount& refusal : sync.refusals) {
                       samples.add({{"reason", refusal.name}}, refusal.count);
                   }
                   samples.add({{"reason", "not_allowed"}}, sync.not_allowed);
               });
           }},
    Metric{"director_sync_kept_connections",
           kGauge,
           "Connections of services that are not here, kept for when they come.",
           number<&SyncView::kept_for_later>},
    Metric{"director_sync_mismatches",
           kGauge,
           "Real servers that the twin serves otherwise than we do.",
           [](const Snapshot& snapshot, Samples& samples) {
               if_on(snapshot,
                     [&](const SyncView& sync) { samples.add({}, sync.mismatches.size()); });
           }},
    Metric{"director_sync_fetching",
           kGauge,
           "1 while a twin's whole table is being fetched.",
           [](const Snapshot& snapshot, Samples& samples) {
               if_on(snapshot,
                     [&](const SyncView& sync) { samples.add({}, sync.is_fetching ? 1 : 0); });
           }},
    Metric{"director_sync_tables_total",
           kCounter,
           "Whole tables given to a twin, fetched from one, and not fetched for all attempts.",
           [](const Snapshot& snapshot, Samples& samples) {
               if_on(snapshot, [&](const SyncView& sync) {
                   samples.add({{"result", "failed"}}, sync.fetches_failed);
                   samples.add({{"result", "fetched"}}, sync.tables_fetched);
                   samples.add({{"result", "given"}}, sync.tables_given);
               });
           }},
    Metric{"director_sync_table_connections_total",
           kCounter,
           "Connections in whole tables.",
           [](const Snapshot& snapshot, Samples& samples) {
               if_on(snapshot, [&](const SyncView& sync) {
                   samples.add({{"result", "fetched"}}, sync.table_records_fetched);
                   samples.add({{"result", "given"}}, sync.table_records_given);
               });
           }},
};

}  // namespace

std::span<const Metric> sync_metrics() {
    return kSyncMetrics;
}

}  // namespace director::metrics
