#include "controlplane/daemon/views.h"

#include <fmt/format.h>

#include <algorithm>

namespace director::daemon {

using dataplane::CountersReport;
using dataplane::WorkerCounters;

namespace {

// "TCP": ipvsadm's way of writing protocols.
std::string upper(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) {
        return static_cast<char>(std::toupper(c));
    });
    return result;
}

server::ServerView server_view(const Reports& reports,
                               const plan::RealServerEntry& server,
                               const Census& census) {
    const dataplane::ServerCounters total = Census::server_total(reports, server.id);
    server::ServerView view;
    view.address = to_string(server.settings.endpoint.address);
    view.port = server.settings.endpoint.port.host();
    view.weight = server.is_retired ? 0 : server.settings.weight;
    view.is_retired = server.is_retired;
    view.active = total.active;
    view.inactive = total.inactive;
    view.stats = {
        total.connections, total.packets_in, total.packets_out, total.bytes_in, total.bytes_out};
    view.rates = census.server_rates(server.id);
    return view;
}

double ratio(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

server::ServicesView services_view(const Reports& reports,
                                   const plan::Catalogue& catalogue,
                                   const Census& census) {
    server::ServicesView all;
    for (const plan::ServiceEntry* const service : catalogue.services()) {
        server::ServiceView view;
        view.protocol = upper(to_string(service->settings.protocol));
        view.address = to_string(service->settings.endpoint.address);
        view.port = service->settings.endpoint.port.host();
        view.scheduler = service->settings.scheduler;
        view.is_retired = service->is_retired;
        view.stats = census.service_total(reports, *service);
        view.rates = census.service_rates(service->id);
        for (const plan::RealServerEntry& server : service->servers) {
            view.servers.push_back(server_view(reports, server, census));
        }
        all.services.push_back(std::move(view));
    }
    return all;
}

server::DropsView drops_view(const Reports& reports, const plan::Catalogue& catalogue) {
    server::DropsView view;
    for (const auto& text : dataplane::kDropReasonTexts) {
        view.reasons.push_back({std::string(text.name), std::string(text.help), 0, {}});
    }
    for (const auto& report : reports) {
        const WorkerCounters& totals = report->totals;
        view.received += totals.received;
        view.handed_in += totals.handed_in;
        view.handed_out += totals.handed_out;
        view.forwarded += totals.forwarded;
        view.punted += totals.punted;
        view.dropped += totals.dropped_total();
        for (size_t i = 0; i < view.reasons.size(); ++i) {
            view.reasons[i].packets += totals.dropped[i];
        }
    }
    for (const plan::ServiceEntry* const service : catalogue.services()) {
        for (size_t i = 0; i < view.reasons.size(); ++i) {
            uint64_t packets = 0;
            for (const auto& report : reports) {
                packets += index(service->id) < report->services.size()
                               ? report->services[index(service->id)].dropped[i]
                               : 0;
            }
            if (packets > 0) {
                view.reasons[i].services.push_back(
                    {fmt::format("{} {}",
                                 upper(to_string(service->settings.protocol)),
                                 to_string(service->settings.endpoint)),
                     packets});
            }
        }
    }
    return view;
}

server::WorkersView workers_view(const Reports& reports,
                                 const dataplane::io::Engine& engine,
                                 const config::Dataplane& settings,
                                 const std::vector<dataplane::io::LoopCounters>& before) {
    server::WorkersView all;
    for (uint16_t worker = 0; worker < reports.size(); ++worker) {
        const WorkerCounters& totals = reports[worker]->totals;
        const auto loop = engine.loop_counters(dataplane::WorkerId{worker});
        const auto last = worker < before.size() ? before[worker] : dataplane::io::LoopCounters{};
        const auto busy = static_cast<uint64_t>((loop.busy - last.busy).count());
        const auto time = static_cast<uint64_t>((loop.total - last.total).count());
        const uint64_t packets = loop.packets - last.packets;
        server::WorkerView view;
        view.id = worker;
        view.cpu = settings.worker_cpus[worker];
        view.busy_share = ratio(busy, time);
        view.packets = loop.packets;
        view.bursts = loop.busy_polls;
        view.ns_per_packet = ratio(busy, packets);
        view.packets_per_burst = ratio(packets, loop.busy_polls - last.busy_polls);
        view.received = totals.received;
        view.forwarded = totals.forwarded;
        view.punted = totals.punted;
        view.dropped = totals.dropped_total();
        view.handed_in = totals.handed_in;
        view.handed_out = totals.handed_out;
        view.connections = totals.connections;
        view.connections_max = totals.connections_max;
        view.connections_created = totals.connections_created;
        view.connections_expired = totals.connections_expired;
        view.connections_evicted = totals.connections_evicted;
        view.sleeps = loop.sleeps;
        all.workers.push_back(view);
    }
    return all;
}

server::PacketTotals packet_totals(const Reports& reports) {
    server::PacketTotals totals;
    for (const auto& report : reports) {
        totals.received += report->totals.received;
        totals.forwarded += report->totals.forwarded;
        totals.punted += report->totals.punted;
        totals.dropped += report->totals.dropped_total();
    }
    return totals;
}

std::vector<server::PortView> port_views(const dataplane::io::Engine& engine, size_t ports) {
    std::vector<server::PortView> views;
    for (uint16_t port = 0; port < ports; ++port) {
        const auto status = engine.port_status(dataplane::PortId{port});
        const auto counters = engine.port_counters(dataplane::PortId{port});
        server::PortView view;
        view.name = status.name;
        view.driver = status.driver;
        view.mac = to_string(status.mac);
        view.mtu = status.mtu_bytes;
        view.link_up = status.is_link_up;
        view.rx_queues = status.rx_queues;
        view.tx_queues = status.tx_queues;
        view.received = counters.received;
        view.sent = counters.sent;
        view.missed = counters.missed;
        view.no_buffers = counters.no_buffers;
        views.push_back(std::move(view));
    }
    return views;
}

server::ConnectionView connection_view(const dataplane::ConnectionRow& row) {
    server::ConnectionView view;
    view.protocol = upper(to_string(row.protocol));
    view.state = std::string(to_string(row.state));
    view.expires_seconds = row.expires_in_seconds;
    view.client_address = to_string(row.client.address);
    view.client_port = row.client.port.host();
    view.virtual_address = to_string(row.virtual_service.address);
    view.virtual_port = row.virtual_service.port.host();
    view.real_address = to_string(row.real_server.address);
    view.real_port = row.real_server.port.host();
    return view;
}

}  // namespace director::daemon
