#include "cli/show.h"

#include <fmt/format.h>

#include "cli/objects.h"
#include "cli/show_vrrp.h"
#include "cli/units.h"

namespace director::cli {
namespace {

std::string number(uint64_t value) {
    return fmt::to_string(value);
}

// Losses catch the eye, zeros do not.
Cell loss(uint64_t count) {
    return {number(count), count == 0 ? Style::kPlain : Style::kWarning};
}

std::string or_else(const std::string& text, const char* otherwise) {
    return text.empty() ? otherwise : text;
}

Style style_of_severity(const std::string& severity) {
    return severity == "critical"  ? Style::kBad
           : severity == "warning" ? Style::kWarning
                                   : Style::kPlain;
}

std::string show_alarms(const std::vector<server::AlarmView>& alarms, Colour colour) {
    if (alarms.empty()) {
        return fmt::format("{:<14}{}\n", "alarms", styled("none", Style::kGood, colour));
    }
    std::string out;
    for (const server::AlarmView& alarm : alarms) {
        const std::string severity = fmt::format("{:<14}", alarm.severity);
        out += fmt::format("{}{}\n{:<14}-> {}\n",
                           styled(severity, style_of_severity(alarm.severity), colour),
                           alarm.what,
                           "",
                           alarm.advice);
    }
    return out;
}

// "192.168.10.100/24 MASTER, 192.168.2.100/24 MASTER and 3 more"
std::string show_addresses(const server::StatusView& status, Colour colour) {
    constexpr size_t kShownMax = 6;
    std::string text;
    size_t shown = 0;
    for (const server::VirtualAddressView& one : status.virtual_addresses) {
        if (shown == kShownMax) {
            break;
        }
        text += (shown++ == 0 ? "" : ", ") + one.address;
        if (one.state != "ALONE") {
            text += " " + styled(one.state, style_of_vrrp_state(one.state), colour);
        }
    }
    if (status.virtual_addresses_all > shown) {
        text += fmt::format(" and {} more", status.virtual_addresses_all - shown);
    }
    return or_else(text, "none");
}

// Nothing where there are none, like the next one.
std::string show_drains(const std::vector<server::DrainView>& drains, Colour colour) {
    if (drains.empty()) {
        return "";
    }
    Table table({{"DRAINING"}, {"IN SERVICE"}, {"CONNECTIONS", Align::kRight}, {"ENDS IN"}});
    for (const server::DrainView& drain : drains) {
        table.add(
            {{drain.server},
             {drain.service},
             {number(drain.connections)},
             {drain.seconds_left < 0 ? "-"
                                     : human_duration(static_cast<uint64_t>(drain.seconds_left))}});
    }
    return "\n" + table.render(colour);
}

// What is 0 is left out.
std::string show_full_tables(const server::FullTablesView& full) {
    std::string text;
    const auto add = [&text](uint64_t count, const char* what) {
        if (count > 0) {
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
        }
    };
    add(full.connections_refused, "packets refused");
    add(full.connections_evicted, "half-open connections evicted");
    add(full.stateless_packets, "packets forwarded without remembering");
    add(full.local_ports_exhausted, "connections without a local port");
    add(full.ftp_refused, "FTP connections refused");
    add(full.fragments_refused, "fragments refused");
    add(full.templates_refused, "persistent clients not remembered");
    add(full.templates_evicted, "persistent clients forgotten early");
    add(full.clients_uncounted, "connections past client limits");
    return text;
}

// "VG_1 MASTER, VI_3 FAULT (interface inside is down)"
std::string show_vrrp_states(const std::vector<server::VrrpStateView>& states, Colour colour) {
    std::string text;
    for (const server::VrrpStateView& one : states) {
        text += fmt::format("{}{} {}",
                            text.empty() ? "" : ", ",
                            one.name,
                            styled(one.state, style_of_vrrp_state(one.state), colour));
        if (!one.fault.empty()) {
            text += fmt::format(" ({})", one.fault);
        }
    }
    return text;
}

std::string show_pools(const std::vector<server::PoolView>& pools, Colour colour) {
    if (pools.empty()) {
        return "";
    }
    Table table({{"POOL"},
                 {"ADDRESSES", Align::kRight},
                 {"PORTS"},
                 {"IN USE", Align::kRight},
                 {"OF", Align::kRight},
                 {"EXHAUSTED", Align::kRight}});
    for (const server::PoolView& pool : pools) {
        table.add({{pool.name},
                   {number(pool.addresses)},
                   {pool.ports},
                   {number(pool.ports_held)},
                   {number(pool.ports_all)},
                   loss(pool.exhausted)});
    }
    return "\n" + table.render(colour);
}

Cell state(const std::string& text) {
    return {text, text == "down" ? Style::kBad : text == "up" ? Style::kGood : Style::kPlain};
}

// A row for each check of a server; one without checks has a row of its own.
void add_checks(Table& table,
                const server::CheckedServerView& server,
                const std::string& service_name) {
    const Cell weight{server.weight < 0 ? "out" : fmt::format("{}", server.weight),
                      server.weight < 0 ? Style::kBad : Style::kPlain};
    const Cell name{endpoint_text(server.address, server.port)};
    if (server.checks.empty()) {
        table.add({{service_name},
                   name,
                   weight,
                   {"-"},
                   state(server.is_up ? "up" : "down"),
                   {human_duration(server.state_seconds)},
                   {"-"}});
    }
    for (const server::CheckView& check : server.checks) {
        table.add({{service_name},
                   name,
                   weight,
                   {check.type},
                   state(check.state),
                   {human_duration(check.state_seconds)},
                   {or_else(check.last_failure, "-")}});
    }
}

std::string show_ports(const std::vector<server::PortView>& ports, Colour colour) {
    if (ports.empty()) {
        return {};
    }
    Table table({{"PORT"},
                 {"LINK"},
                 {"DRIVER"},
                 {"MAC"},
                 {"MTU", Align::kRight},
                 {"RX/TX QUEUES"},
                 {"RECEIVED", Align::kRight},
                 {"SENT", Align::kRight},
                 {"MISSED", Align::kRight},
                 {"NO BUFFERS", Align::kRight}});
    for (const server::PortView& port : ports) {
        table.add({{port.name},
                   port.link_up ? Cell{"up", Style::kGood} : Cell{"down", Style::kBad},
                   {port.driver},
                   {port.mac},
                   {number(port.mtu)},
                   {fmt::format("{}/{}", port.rx_queues, port.tx_queues)},
                   {number(port.received)},
                   {number(port.sent)},
                   loss(port.missed),
                   loss(port.no_buffers)});
    }
    return "\n" + table.render(colour);
}

}  // namespace

std::string show_status(const server::StatusView& status, Colour colour) {
    std::string out = fmt::format("{} {}  {}  up {}, process {}\n",
                                  styled("directord", Style::kBold, colour),
                                  status.version,
                                  styled(status.role, style_of_vrrp_state(status.role), colour),
                                  human_duration(status.uptime_seconds),
                                  status.pid);
    out += show_alarms(status.alarms, colour);
    const auto line = [&out](const char* name, const std::string& value) {
        out += fmt::format("{:<14}{}\n", name, value);
    };
    line("addresses", show_addresses(status, colour));
    line("services", fmt::format("{} of {} up", status.services_up, status.services));
    line("real servers",
         fmt::format("{} of {} take new connections", status.servers_up, status.real_servers));
    line("traffic",
         fmt::format("{} connections/s, {} packets/s in, {} out, {} in, {} out",
                     human_count(status.rates.connections),
                     human_count(status.rates.packets_in),
                     human_count(status.rates.packets_out),
                     human_bit_rate(status.rates.bytes_in),
                     human_bit_rate(status.rates.bytes_out)));
    line("connections", fmt::format("{} of {}", status.connections, status.connections_max));
    line("packets",
         fmt::format("{} received, {} forwarded, {} to the kernel, {} dropped",
                     human_count(status.packets.received),
                     human_count(status.packets.forwarded),
                     human_count(status.packets.punted),
                     human_count(status.packets.dropped)));
    line("configuration",
         fmt::format("{}, last reload: {}",
                     or_else(status.config_file, "-"),
                     or_else(status.last_reload, "none")));
    line("workers", fmt::format("{}, {}", status.workers, or_else(status.memory_kind, "-")));
    if (!status.vrrp.empty()) {
        line("vrrp", show_vrrp_states(status.vrrp, colour));
    }
    for (const server::ServiceTimeoutView& timeout : status.service_timeouts) {
        line("timeout",
             fmt::format("{}: {} {} s", timeout.service, timeout.setting, timeout.seconds));
    }
    if (status.overloaded > 0) {
        line("overloaded", fmt::format("{} real servers", status.overloaded));
    }
    if (const std::string full = show_full_tables(status.full_tables); !full.empty()) {
        line("full tables", full);
    }
    for (const std::string& service : status.under_attack) {
        line("under attack", fmt::format("{}: SYN flood, its SYN proxy is on", service));
    }
    out += show_drains(status.drains, colour) + show_pools(status.pools, colour);
    return out + show_ports(status.ports, colour);
}

std::string show_drops(const server::DropsView& drops, ZeroRows zero_rows, Colour colour) {
    // Both sides of the sum by which every packet is accounted for.
    std::string out = fmt::format(
        "{} received + {} handed in + {} answered + {} resumed + {} cut = {} forwarded + {} to the "
        "kernel + {} dropped + {} handed out + {} held\n",
        drops.received,
        drops.handed_in,
        drops.answered,
        drops.resumed,
        drops.cut,
        drops.forwarded,
        drops.punted,
        drops.dropped,
        drops.handed_out,
        drops.held);
    if (drops.stateless > 0) {
        out += fmt::format("{} of the forwarded without remembering them, in a full table\n",
                           drops.stateless);
    }
    Table table({{"REASON"}, {"PACKETS", Align::kRight}, {"WHAT HAPPENED"}});
    bool is_empty = true;
    for (const server::DropReasonView& reason : drops.reasons) {
        if (reason.packets == 0 && zero_rows == ZeroRows::kHide) {
            continue;
        }
        is_empty = false;
        table.add({{reason.name}, loss(reason.packets), {reason.help}});
        for (const server::ServiceDrops& service : reason.services) {
            if (service.packets > 0) {
                table.add({{"  " + service.service}, {number(service.packets)}, {""}});
            }
        }
    }
    return out + (is_empty ? "no packet was dropped\n" : "\n" + table.render(colour));
}

namespace {

Table sync_peers(const server::SyncView& sync) {
    Table peers({{"TWIN"},
                 {"HEARD", Align::kRight},
                 {"LAG", Align::kRight},
                 {"MESSAGES", Align::kRight},
                 {"OF IPVS", Align::kRight},
                 {"RECORDS", Align::kRight},
                 {"LOST", Align::kRight},
                 {"OF IPVS", Align::kRight},
                 {"LATE", Align::kRight},
                 {"REPLAYED", Align::kRight},
                 {"RESTARTS", Align::kRight}});
    for (const server::SyncPeerView& peer : sync.peers) {
        peers.add({{peer.address},
                   {fmt::format("{:.1f} s ago", static_cast<double>(peer.heard_ms_ago) / 1000)},
                   {fmt::format("{} ms", peer.lag_ms)},
                   {number(peer.director_messages)},
                   {number(peer.ipvs_messages)},
                   {number(peer.records)},
                   loss(peer.lost),
                   loss(peer.ipvs_lost),
                   {number(peer.late)},
                   loss(peer.replayed),
                   {number(peer.restarts)}});
    }
    return peers;
}

Table sync_counts(const server::SyncView& sync) {
    Table counts({{"RECORDS AND REFUSALS"}, {"COUNT", Align::kRight}});
    for (const auto* counted : {&sync.outcomes, &sync.refusals}) {
        for (const server::NamedCount& one : *counted) {
            if (one.count != 0) {
                counts.add({{one.name}, {number(one.count)}});
            }
        }
    }
    return counts;
}

}  // namespace

std::string show_sync(const server::SyncView& sync, Colour colour) {
    if (sync.role == "off") {
        return "connection sync is off\n";
    }
    std::string text = fmt::format("role {}, id {}, protocol {}, to {}\n",
                                   sync.role,
                                   sync.id,
                                   sync.protocol,
                                   sync.destination);
    text += fmt::format(
        "told: {} records in {} messages, {} waiting, lag {} ms, {} errors\n"
        "      {} marked, {} postponed, {} given up ({} of them long-lived), {} not sayable\n",
        sync.records_sent,
        sync.messages_sent,
        sync.waiting,
        sync.lag_ms,
        sync.send_errors,
        sync.marked,
        sync.postponed,
        sync.dropped_new + sync.dropped_long_lived,
        sync.dropped_long_lived,
        sync.unsayable);
    text += fmt::format("tables: {} given ({} records), {} fetched ({} records), {} failed\n",
                        sync.tables_given,
                        sync.table_records_given,
                        sync.tables_fetched,
                        sync.table_records_fetched,
                        sync.fetches_failed);
    text += fmt::format(
        "records kept for services to come: {}, overflowed: {}, strangers' "
        "messages: {}\n",
        sync.kept_for_later,
        sync.overflowed,
        sync.not_allowed);
    text += "\n" + sync_peers(sync).render(colour);
    text += "\n" + sync_counts(sync).render(colour);
    for (const std::string& mismatch : sync.mismatches) {
        text += "mismatch: " + mismatch + "\n";
    }
    return text;
}

std::string show_checks(const server::ChecksView& checks, Colour colour) {
    Table table({{"SERVICE"},
                 {"SERVER"},
                 {"WEIGHT", Align::kRight},
                 {"CHECK"},
                 {"STATE"},
                 {"SINCE", Align::kRight},
                 {"LAST FAILURE"}});
    for (const server::CheckedServiceView& service : checks.services) {
        std::string name =
            service.mark != 0
                ? fmt::format("FWM {}", service.mark)
                : fmt::format(
                      "{} {}", service.protocol, endpoint_text(service.address, service.port));
        for (const server::CheckedServerView& server : service.servers) {
            add_checks(table, server, name);
        }
        if (service.sorry_server_is_used) {
            table.add({{name},
                       {service.sorry_server},
                       {"-"},
                       {"-"},
                       {"sorry", Style::kWarning},
                       {"-"},
                       {"-"}});
        }
    }
    return checks.services.empty() ? "no health checks are configured\n" : table.render(colour);
}

std::string show_checks_closely(const server::ChecksView& checks, Colour colour) {
    std::string out = show_checks(checks, colour);
    Table table({{"TARGET"},
                 {"CHECK"},
                 {"PASSED", Align::kRight},
                 {"FAILED", Align::kRight},
                 {"UNABLE", Align::kRight},
                 {"CHANGES", Align::kRight},
                 {"NOW"}});
    bool is_empty = true;
    for (const server::CheckedServiceView& service : checks.services) {
        for (const server::CheckedServerView& server : service.servers) {
            for (const server::CheckView& check : server.checks) {
                is_empty = false;
                table.add({{check.target},
                           {check.type},
                           {number(check.passed)},
                           loss(check.failed),
                           loss(check.unable),
                           {number(check.transitions)},
                           {check.is_probing ? "probing" : "waiting"}});
            }
        }
    }
    return is_empty ? out : out + "\n" + table.render(colour);
}

std::string show_workers(const server::WorkersView& workers, Colour colour) {
    Table table({{"WORKER", Align::kRight},
                 {"CPU", Align::kRight},
                 {"BUSY", Align::kRight},
                 {"PACKETS", Align::kRight},
                 {"BURSTS", Align::kRight},
                 {"NS/PACKET", Align::kRight},
                 {"PACKETS/BURST", Align::kRight},
                 {"FORWARDED", Align::kRight},
                 {"PUNTED", Align::kRight},
                 {"DROPPED", Align::kRight},
                 {"HANDED IN", Align::kRight},
                 {"HANDED OUT", Align::kRight},
                 {"CONNECTIONS", Align::kRight},
                 {"CREATED", Align::kRight},
                 {"EXPIRED", Align::kRight},
                 {"EVICTED", Align::kRight},
                 {"SLEEPS", Align::kRight}});
    for (const server::WorkerView& worker : workers.workers) {
        const Style busy = worker.busy_share > 0.95  ? Style::kBad
                           : worker.busy_share > 0.8 ? Style::kWarning
                                                     : Style::kPlain;
        table.add({{number(worker.id)},
                   {number(worker.cpu)},
                   {fmt::format("{:.1f}%", worker.busy_share * 100), busy},
                   {number(worker.packets)},
                   {number(worker.bursts)},
                   {fmt::format("{:.1f}", worker.ns_per_packet)},
                   {fmt::format("{:.1f}", worker.packets_per_burst)},
                   {number(worker.forwarded)},
                   {number(worker.punted)},
                   loss(worker.dropped),
                   {number(worker.handed_in)},
                   {number(worker.handed_out)},
                   {number(worker.connections)},
                   {number(worker.connections_created)},
                   {number(worker.connections_expired)},
                   loss(worker.connections_evicted),
                   {number(worker.sleeps)}});
    }
    return table.render(colour);
}

}  // namespace director::cli
