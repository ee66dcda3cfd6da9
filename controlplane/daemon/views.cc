#include "controlplane/daemon/views.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "config/settings.h"
#include "controlplane/plan/translate.h"

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

std::string_view name_of(config::ForwardingMethod method) {
    for (const auto& choice : config::kForwardingMethods) {
        if (choice.value == method) {
            return choice.name;
        }
    }
    return "";
}

}  // namespace

std::string_view name_of(dataplane::ForwardingMethod method) {
    switch (method) {
        case dataplane::ForwardingMethod::kNat:
            return name_of(config::ForwardingMethod::kNat);
        case dataplane::ForwardingMethod::kDirect:
            return name_of(config::ForwardingMethod::kDirect);
        case dataplane::ForwardingMethod::kTunnel:
            return name_of(config::ForwardingMethod::kTunnel);
        case dataplane::ForwardingMethod::kFullNat:
            return name_of(config::ForwardingMethod::kFullNat);
        case dataplane::ForwardingMethod::kLocal:
            return name_of(config::ForwardingMethod::kLocal);
    }
    return "";
}

// What ipvsadm prints after the scheduler's name.
std::string ipvsadm_flags(const config::VirtualService& service) {
    const dataplane::SchedulerFlags flags = plan::flags_of(service);
    const config::Persistence& persistence = service.persistence;
    std::string text;
    if (flags.hash_fallback || flags.hash_port) {
        text = fmt::format("({}{}{})",
                           flags.hash_fallback ? service.scheduler + "-fallback" : "",
                           flags.hash_fallback && flags.hash_port ? "," : "",
                           flags.hash_port ? service.scheduler + "-port" : "");
    }
    const auto add = [&text](const std::string& word) { text += (text.empty() ? "" : " ") + word; };
    if (persistence.timeout != 0) {
        add(fmt::format("persistent {}", persistence.timeout));
    }
    if (persistence.prefix != 0 && persistence.prefix < IpPrefix::length_max(service.family())) {
        const IpAddress ones = Ipv4Address::from_host(~0U);
        add(service.family() == Family::kIpv6
                ? fmt::format("mask {}", persistence.prefix)
                : "mask " + to_string(IpPrefix::masked(ones, persistence.prefix)));
    }
    if (service.one_packet) {
        add("ops");
    }
    return text;
}

// As `ipvsadm --tun-info` prints it.
std::string tunnel_info(const config::RealServer& server) {
    if (server.forwarding != config::ForwardingMethod::kTunnel) {
        return "";
    }
    const std::string_view checksum = server.tunnel.checksum == config::TunnelChecksum::kNone ? "-c"
                                      : server.tunnel.checksum == config::TunnelChecksum::kFull
                                          ? "+c"
                                          : "r+c";
    switch (server.tunnel.type) {
        case config::TunnelType::kIpIp:
            return "ipip";
        case config::TunnelType::kGue:
            return fmt::format("gue:{}:{}", server.tunnel.port, checksum);
        case config::TunnelType::kGre:
            return fmt::format("gre:{}", checksum);
    }
    return "";
}

namespace {

bool is_overloaded(const plan::RealServerEntry& server, const dataplane::ServerCounters& total) {
    const uint32_t upper = server.settings.upper_threshold;
    return !server.is_retired && upper != 0 && total.active + total.inactive >= upper;
}

server::ServerView server_view(const Reports& reports,
                               const plan::RealServerEntry& server,
                               const Census& census) {
    const dataplane::ServerCounters total = Census::server_total(reports, server.id);
    server::ServerView view;
    view.address = to_string(server.settings.endpoint.address);
    view.port = server.settings.endpoint.port.host();
    view.forwarding = name_of(server.settings.forwarding);
    view.weight = server.weight();
    view.upper_threshold = server.settings.upper_threshold;
    view.lower_threshold = server.settings.lower_threshold;
    view.is_overloaded = is_overloaded(server, total);
    view.is_draining = server.is_draining;
    view.tunnel = tunnel_info(server.settings);
    view.is_retired = server.is_retired;
    view.is_out = server.is_out;
    view.active = total.active;
    view.inactive = total.inactive;
    view.unanswered = total.unanswered;
    view.resets = total.resets;
    view.stats = {
        total.connections, total.packets_in, total.packets_out, total.bytes_in, total.bytes_out};
    view.rates = census.server_rates(server.id);
    return view;
}

double ratio(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::string name_of(const plan::ServiceEntry& service) {
    if (service.source_nat) {
        return to_string(service);
    }
    const config::VirtualService& settings = service.settings;
    return settings.mark != 0
               ? fmt::format(
                     "FWM {}{}", settings.mark, settings.family() == Family::kIpv6 ? " IPv6" : "")
               : fmt::format(
                     "{} {}", upper(to_string(settings.protocol)), to_string(settings.endpoint));
}

server::ServicesView services_view(const Reports& reports,
                                   const plan::Catalogue& catalogue,
                                   const Census& census,
                                   const ServicesWanted& wanted) {
    const ServicesPage page = services_page(catalogue, wanted);
    server::ServicesView all;
    all.next_cursor = page.next_cursor;
    for (const plan::ServiceEntry* const service : page.services) {
        const dataplane::ServiceKey key = plan::key_of(service->settings);
        server::ServiceView view;
        view.protocol = key.mark != 0 ? "FWM" : upper(to_string(key.protocol));
        view.address = to_string(key.address);
        view.port = key.port.host();
        view.mark = key.mark;
        view.scheduler = service->settings.scheduler;
        view.flags = ipvsadm_flags(service->settings);
        view.persistence_seconds = service->settings.persistence.timeout;
        view.persistence_prefix = plan::options_of(service->settings).persistence_prefix;
        view.one_packet = service->settings.one_packet;
        view.is_retired = service->is_retired;
        const dataplane::ServiceCounters gauges = Census::service_gauges(reports, service->id);
        view.half_open = gauges.half_open;
        view.is_under_attack = gauges.is_under_attack != 0;
        view.stats = census.service_total(reports, *service);
        view.rates = census.service_rates(service->id);
        for (const plan::RealServerEntry& server : service->servers) {
            view.servers.push_back(server_view(reports, server, census));
        }
        all.services.push_back(std::move(view));
    }
    return all;
}

uint64_t overloaded_servers(const Reports& reports, const plan::Catalogue& catalogue) {
    uint64_t count = 0;
    for (const plan::ServiceEntry* const service : catalogue.services()) {
        for (const plan::RealServerEntry& server : service->servers) {
            count += is_overloaded(server, Census::server_total(reports, server.id)) ? 1U : 0U;
        }
    }
    return count;
}

std::vector<std::string> services_under_attack(const Reports& reports,
                                               const plan::Catalogue& catalogue) {
    std::vector<std::string> names;
    for (const plan::ServiceEntry* const service : catalogue.services()) {
        if (Census::service_gauges(reports, service->id).is_under_attack != 0) {
            names.push_back(name_of(*service));
        }
    }
    return names;
}

std::vector<server::ServiceTimeoutView> service_timeouts(const plan::Catalogue& catalogue) {
    std::vector<server::ServiceTimeoutView> all;
    for (const plan::ServiceEntry* const service : catalogue.services()) {
        config::each_timeout(
            service->settings.timeouts, [&](std::string_view setting, uint32_t seconds) {
                if (seconds != 0) {
                    all.push_back({name_of(*service), std::string(setting), seconds});
                }
            });
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
        view.answered += totals.answered;
        view.cut += totals.cut;
        view.forwarded += totals.forwarded;
        view.punted += totals.punted;
        view.dropped += totals.dropped_total();
        view.held += totals.held;
        view.resumed += totals.resumed;
        view.stateless += totals.stateless;
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
                view.reasons[i].services.push_back({name_of(*service), packets});
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
        view.busy_seconds = std::chrono::duration<double>(loop.busy).count();
        view.ns_per_packet = ratio(busy, packets);
        view.packets_per_burst = ratio(packets, loop.busy_polls - last.busy_polls);
        view.received = totals.received;
        view.received_bytes = totals.received_bytes;
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
        view.answered = totals.answered;
        view.held = totals.held;
        view.resumed = totals.resumed;
        view.stateless = totals.stateless;
        view.cut = totals.cut;
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

server::FullTablesView full_tables_view(const Reports& reports,
                                        dataplane::io::SharedTableCounters shared) {
    server::FullTablesView view;
    for (const auto& report : reports) {
        const WorkerCounters& totals = report->totals;
        const auto dropped = [&totals](dataplane::DropReason reason) {
            return totals.dropped[static_cast<size_t>(reason)];
        };
        view.connections_refused += dropped(dataplane::DropReason::kConnTableFull);
        view.connections_evicted += totals.connections_evicted;
        view.stateless_packets += totals.stateless;
        view.local_ports_exhausted += dropped(dataplane::DropReason::kNoLocalPort);
        view.ftp_refused += dropped(dataplane::DropReason::kFtpTableFull);
        view.fragments_refused += dropped(dataplane::DropReason::kFragmentTableFull);
    }
    view.templates_refused = shared.templates_refused;
    view.templates_evicted = shared.templates_evicted;
    view.clients_uncounted = shared.clients_uncounted;
    return view;
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
        view.received_bytes = counters.received_bytes;
        view.sent_bytes = counters.sent_bytes;
        view.rx_errors = counters.rx_errors;
        view.tx_errors = counters.tx_errors;
        views.push_back(std::move(view));
    }
    return views;
}

std::vector<server::PoolView> pool_views(const Reports& reports, const plan::Catalogue& catalogue) {
    std::vector<server::PoolView> views;
    for (const auto& [number, pool] : catalogue.pools()) {
        server::PoolView view;
        view.name = pool.name;
        view.addresses = static_cast<uint32_t>(pool.addresses.size());
        view.ports = fmt::format("{}-{}", pool.ports.first, pool.ports.last);
        for (const auto& report : reports) {
            if (number < report->pools.size()) {
                const dataplane::PoolCounters& part = report->pools[number];
                view.ports_all += part.ports;
                view.ports_held += part.held;
                view.exhausted += part.exhausted;
            }
        }
        views.push_back(std::move(view));
    }
    return views;
}

std::vector<server::DrainView> drain_views(const Reports& reports,
                                           const ServiceControl& services,
                                           TimePoint now) {
    std::vector<server::DrainView> views;
    for (const plan::ServiceEntry* const service : services.catalogue().services()) {
        for (const plan::RealServerEntry& server : service->servers) {
            if (!server.is_draining) {
                continue;
            }
            const auto total = Census::server_total(reports, server.id);
            server::DrainView view;
            view.service = name_of(*service);
            view.server = to_string(server.settings.endpoint);
            view.connections = total.active + total.inactive;
            if (const auto deadline = services.drain_deadline(server.id)) {
                view.seconds_left =
                    std::chrono::ceil<std::chrono::seconds>(std::max(Duration(0), *deadline - now))
                        .count();
            }
            views.push_back(std::move(view));
        }
    }
    return views;
}

server::ConnectionView connection_view(const dataplane::ConnectionRow& row) {
    server::ConnectionView view;
    view.protocol = row.protocol == Protocol::kAny ? "IP" : upper(to_string(row.protocol));
    view.state = std::string(to_string(row.state));
    if (row.is_template && row.state == dataplane::ConnState::kEstablished) {
        view.state = "ASSURED";  // ip_vs_state_name() of a template that had a whole connection
    }
    view.is_template = row.is_template;
    view.forwarding = name_of(row.forwarding);
    const bool has_local = row.local != Endpoint{} && row.local != row.client;
    if (has_local) {
        view.local_address = to_string(row.local.address);
        view.local_port = row.local.port.host();
    }
    view.expires_seconds = row.expires_in_seconds;
    view.idle_seconds = row.idle_seconds;
    view.client_address = to_string(row.client.address);
    view.client_port = row.client.port.host();
    view.virtual_address = to_string(row.virtual_service.address);
    view.virtual_port = row.virtual_service.port.host();
    view.real_address = to_string(row.real_server.address);
    view.real_port = row.real_server.port.host();
    return view;
}

}  // namespace director::daemon
