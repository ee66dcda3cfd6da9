#include "controlplane/metrics/metrics.h"

#include <fmt/format.h>

#include <array>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>

#include "controlplane/metrics/diagnostics_metrics.h"
#include "controlplane/metrics/health_metrics.h"
#include "controlplane/metrics/metric.h"
#include "controlplane/metrics/page_server.h"
#include "controlplane/metrics/process_metrics.h"
#include "controlplane/metrics/service_metrics.h"
#include "controlplane/metrics/status_json.h"
#include "controlplane/metrics/sync_metrics.h"
#include "controlplane/metrics/text_page.h"
#include "controlplane/metrics/vrrp_metrics.h"

namespace director::metrics {
namespace {

template <typename Function>
void each_worker(const Snapshot& snapshot, Function function) {
    for (const server::WorkerView& worker : snapshot.workers.workers) {
        function(Labels{{"worker", fmt::to_string(worker.id)}}, worker);
    }
}

Labels labels_of(const RingView& ring) {
    return {{"worker", fmt::to_string(ring.worker)}, {"ring", ring.name}};
}

template <typename Function>
void each_pool(const Snapshot& snapshot, Function function) {
    for (const server::PoolView& pool : snapshot.status.pools) {
        function(Labels{{"pool", pool.name}}, pool);
    }
}

template <typename Function>
void each_port(const Snapshot& snapshot, Function function) {
    for (const server::PortView& port : snapshot.status.ports) {
        function(Labels{{"port", port.name}}, port);
    }
}

// Workers, ports and tables. Names follow https://prometheus.io/docs/practices/naming/; they
// are a promise: a test holds them.
constexpr std::array kMetrics{
    Metric{"director_build_info",
           kGauge,
           "Version of directord; always 1.",
           [](const Snapshot& snapshot, Samples& samples) {
               samples.add({{"version", snapshot.status.version}}, 1);
           }},
    Metric{"director_uptime_seconds",
           kGauge,
           "Time since directord started.",
           [](const Snapshot& snapshot, Samples& samples) {
               samples.add({}, snapshot.status.uptime_seconds);
           }},
    Metric{"director_received_packets_total",
           kCounter,
           "Packets that workers polled from ports.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.received);
               });
           }},
    Metric{"director_received_bytes_total",
           kCounter,
           "Bytes of frames that workers polled from ports.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.received_bytes);
               });
           }},
    Metric{"director_handed_in_packets_total",
           kCounter,
           "Packets that workers took over from other workers.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.handed_in);
               });
           }},
    Metric{"director_answered_packets_total",
           kCounter,
           "Packets of Director's own: ICMP errors, resets, SYN cookies and the SYN proxy's ACKs.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.answered);
               });
           }},
    Metric{"director_held_packets_total",
           kCounter,
           "Fragments that were kept until their datagram's first one came.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.held);
               });
           }},
    Metric{"director_resumed_packets_total",
           kCounter,
           "Held fragments that went on, or were dropped after all.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.resumed);
               });
           }},
    Metric{"director_stateless_packets_total",
           kCounter,
           "Packets forwarded by their hash alone because the connection table was full.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.stateless);
               });
           }},
    Metric{"director_cut_packets_total",
           kCounter,
           "Fragments but the first, of packets that were too long for their way out.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.cut);
               });
           }},
    Metric{"director_packets_total",
           kCounter,
           "What became of received and handed-in packets.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(with(labels, "outcome", "forwarded"), worker.forwarded);
                   samples.add(with(labels, "outcome", "punted"), worker.punted);
                   samples.add(with(labels, "outcome", "dropped"), worker.dropped);
                   samples.add(with(labels, "outcome", "handed_out"), worker.handed_out);
               });
           }},
    Metric{"director_dropped_packets_total",
           kCounter,
           "Packets that were not forwarded, by reason.",
           [](const Snapshot& snapshot, Samples& samples) {
               for (const server::DropReasonView& reason : snapshot.drops.reasons) {
                   samples.add({{"reason", reason.name}}, reason.packets);
               }
           }},
    Metric{"director_connections",
           kGauge,
           "Connections in the table.",
           [](const Snapshot& snapshot, Samples& samples) {
               samples.add({}, snapshot.status.connections);
           }},
    Metric{"director_connections_max",
           kGauge,
           "Connections that the table can hold.",
           [](const Snapshot& snapshot, Samples& samples) {
               samples.add({}, snapshot.status.connections_max);
           }},
    Metric{"director_created_connections_total",
           kCounter,
           "Connections that were entered into the table.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.connections_created);
               });
           }},
    Metric{"director_expired_connections_total",
           kCounter,
           "Connections that timed out.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.connections_expired);
               });
           }},
    Metric{"director_evicted_connections_total",
           kCounter,
           "Half-open connections that made room in a full table.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.connections_evicted);
               });
           }},
    Metric{"director_full_table_refusals_total",
           kCounter,
           "What was refused, or done without, because a table was full.",
           [](const Snapshot& snapshot, Samples& samples) {
               const server::FullTablesView& full = snapshot.status.full_tables;
               samples.add({{"table", "connections"}}, full.connections_refused);
               samples.add({{"table", "local_ports"}}, full.local_ports_exhausted);
               samples.add({{"table", "ftp"}}, full.ftp_refused);
               samples.add({{"table", "fragments"}}, full.fragments_refused);
               samples.add({{"table", "templates"}}, full.templates_refused);
               samples.add({{"table", "client_limits"}}, full.clients_uncounted);
           }},
    Metric{"director_evicted_templates_total",
           kCounter,
           "Persistent clients forgotten before their time because others needed the room.",
           [](const Snapshot& snapshot, Samples& samples) {
               samples.add({}, snapshot.status.full_tables.templates_evicted);
           }},
    Metric{"director_worker_busy_ratio",
           kGauge,
           "Share of its time that a worker spent on packets lately.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.busy_share);
               });
           }},
    Metric{"director_worker_bursts_total",
           kCounter,
           "Polls that brought packets.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.bursts);
               });
           }},
    Metric{"director_worker_sleeps_total",
           kCounter,
           "Times that an idle worker gave its CPU away.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.sleeps);
               });
           }},
    Metric{"director_worker_connections",
           kGauge,
           "Connections in the part of the table that a worker has.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.connections);
               });
           }},
    Metric{"director_worker_connections_max",
           kGauge,
           "Connections that this part can hold.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.connections_max);
               });
           }},
    Metric{"director_worker_busy_seconds_total",
           kCounter,
           "Time that a worker spent on polls that brought packets.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.busy_seconds);
               });
           }},
    Metric{"director_worker_seconds_per_packet",
           kGauge,
           "Time that a worker spent on a packet lately, on average.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_worker(snapshot, [&](const Labels& labels, const server::WorkerView& worker) {
                   samples.add(labels, worker.ns_per_packet / 1e9);
               });
           }},
    Metric{"director_worker_ring_entries",
           kGauge,
           "Entries that wait in a ring to or from a worker.",
           [](const Snapshot& snapshot, Samples& samples) {
               for (const RingView& ring : snapshot.rings) {
                   samples.add(labels_of(ring), ring.used);
               }
           }},
    Metric{"director_worker_ring_entries_max",
           kGauge,
           "Entries that a ring to or from a worker can hold.",
           [](const Snapshot& snapshot, Samples& samples) {
               for (const RingView& ring : snapshot.rings) {
                   samples.add(labels_of(ring), ring.capacity);
               }
           }},
    Metric{"director_frame_pool_frames",
           kGauge,
           "Frame buffers of all ports together.",
           [](const Snapshot& snapshot, Samples& samples) { samples.add({}, snapshot.frames); }},
    Metric{
        "director_frame_pool_frames_used",
        kGauge,
        "Frame buffers in use; what the devices wait with for frames counts.",
        [](const Snapshot& snapshot, Samples& samples) { samples.add({}, snapshot.frames_used); }},
    Metric{"director_local_ports",
           kGauge,
           "Local ports of a pool that could be in use at one time.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_pool(snapshot, [&](const Labels& labels, const server::PoolView& pool) {
                   samples.add(labels, pool.ports_all);
               });
           }},
    Metric{"director_local_ports_held",
           kGauge,
           "Local ports of a pool that connections hold.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_pool(snapshot, [&](const Labels& labels, const server::PoolView& pool) {
                   samples.add(labels, pool.ports_held);
               });
           }},
    Metric{"director_local_ports_exhausted_total",
           kCounter,
           "Connections refused because a pool had no port left.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_pool(snapshot, [&](const Labels& labels, const server::PoolView& pool) {
                   samples.add(labels, pool.exhausted);
               });
           }},
    Metric{"director_port_link_up",
           kGauge,
           "1 while the port has a link.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_port(snapshot, [&](const Labels& labels, const server::PortView& port) {
                   samples.add(labels, port.link_up ? 1 : 0);
               });
           }},
    Metric{"director_port_received_packets_total",
           kCounter,
           "Packets that the port's device received.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_port(snapshot, [&](const Labels& labels, const server::PortView& port) {
                   samples.add(labels, port.received);
               });
           }},
    Metric{"director_port_sent_packets_total",
           kCounter,
           "Packets that the port's device sent.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_port(snapshot, [&](const Labels& labels, const server::PortView& port) {
                   samples.add(labels, port.sent);
               });
           }},
    Metric{"director_port_missed_packets_total",
           kCounter,
           "Packets lost in the device because workers did not poll in time.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_port(snapshot, [&](const Labels& labels, const server::PortView& port) {
                   samples.add(labels, port.missed);
               });
           }},
    Metric{"director_port_no_buffer_packets_total",
           kCounter,
           "Packets lost in the device because the frame pool was empty.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_port(snapshot, [&](const Labels& labels, const server::PortView& port) {
                   samples.add(labels, port.no_buffers);
               });
           }},
    Metric{"director_port_bytes_total",
           kCounter,
           "Bytes of frames that the port's device received and sent.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_port(snapshot, [&](const Labels& labels, const server::PortView& port) {
                   samples.add(with(labels, "direction", "received"), port.received_bytes);
                   samples.add(with(labels, "direction", "sent"), port.sent_bytes);
               });
           }},
    Metric{"director_port_errors_total",
           kCounter,
           "Frames that the port's device could not receive or send.",
           [](const Snapshot& snapshot, Samples& samples) {
               each_port(snapshot, [&](const Labels& labels, const server::PortView& port) {
                   samples.add(with(labels, "direction", "received"), port.rx_errors);
                   samples.add(with(labels, "direction", "sent"), port.tx_errors);
               });
           }},
};

void add_families(std::span<const Metric> metrics,
                  const Snapshot& snapshot,
                  std::vector<prometheus::MetricFamily>& families) {
    for (const Metric& metric : metrics) {
        prometheus::MetricFamily family{
            std::string(metric.name), std::string(metric.help), metric.type, {}};
        Samples samples(family);
        metric.read(snapshot, samples);
        if (!family.metric.empty()) {
            families.push_back(std::move(family));
        }
    }
}

std::vector<prometheus::MetricFamily> families_of(const Snapshot& snapshot) {
    std::vector<prometheus::MetricFamily> families;
    add_families(kMetrics, snapshot, families);
    add_families(service_metrics(), snapshot, families);
    add_families(health_metrics(), snapshot, families);
    add_families(diagnostics_metrics(), snapshot, families);
    add_families(vrrp_metrics(), snapshot, families);
    add_families(sync_metrics(), snapshot, families);
    add_families(process_metrics(), snapshot, families);
    return families;
}

}  // namespace

// Read by the HTTP server's thread, written by the control plane's.
class Metrics::Collector {
  public:
    void publish(std::shared_ptr<const Snapshot> snapshot) {
        const std::lock_guard lock(mutex_);
        snapshot_.swap(snapshot);
    }

    [[nodiscard]] std::string text() const {
        const auto snapshot = latest();
        return snapshot == nullptr ? "" : text_page(families_of(*snapshot));
    }

    [[nodiscard]] std::string status() const {
        const auto snapshot = latest();
        return status_json(snapshot == nullptr ? Snapshot() : *snapshot);
    }

  private:
    [[nodiscard]] std::shared_ptr<const Snapshot> latest() const {
        const std::lock_guard lock(mutex_);
        return snapshot_;
    }

    mutable std::mutex mutex_;
    std::shared_ptr<const Snapshot> snapshot_;
};

Metrics::Metrics() : collector_(std::make_unique<Collector>()) {}

Metrics::~Metrics() = default;

Result<void> Metrics::listen(const std::string& address) {
    const auto endpoint = Endpoint::parse(address);
    if (!endpoint) {
        return failure(fmt::format("metrics on {}: not an address and port", address));
    }
    auto server = PageServer::start(
        *endpoint,
        {.metrics = [this] { return text(); }, .status = [this] { return collector_->status(); }});
    if (!server) {
        return Failure(server.error());
    }
    server_ = std::move(*server);
    return {};
}

int Metrics::port() const {
    return server_ == nullptr ? 0 : server_->port();
}

void Metrics::publish(Snapshot snapshot) {
    collector_->publish(std::make_shared<const Snapshot>(std::move(snapshot)));
}

std::string Metrics::text() const {
    return collector_->text();
}

}  // namespace director::metrics
