#include "controlplane/daemon/service_control.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/assert.h"
#include "common/log.h"
#include "controlplane/plan/translate.h"
#include "dataplane/core/schedulers/schedulers.h"
#include "dataplane/core/tables/local_ports.h"
#include "dataplane/core/tables/match.h"
#include "dataplane/core/tables/persistence.h"

namespace director::daemon {

using dataplane::Command;
using dataplane::CommandKind;
using plan::Change;

namespace {

constexpr LogArea kLog{"service"};

const dataplane::Scheduler& scheduler_of(const plan::ServiceEntry& service) {
    const auto number = dataplane::find_scheduler(service.settings.scheduler);
    DIRECTOR_ASSERT(number.has_value());  // the configuration checked the name
    return dataplane::schedulers()[*number];
}

// Whoever sets a deadline wants an end: what a service would leave is reset.
dataplane::WhenServerGone at_deadline(const config::VirtualService& service) {
    const dataplane::WhenServerGone how = plan::when_gone(service);
    return how == dataplane::WhenServerGone::kLeave ? dataplane::WhenServerGone::kReset : how;
}

// A number above 0 for every prefix: it is in the list.
std::shared_ptr<const dataplane::io::Fib> build_list(const std::vector<IpPrefix>& prefixes) {
    std::vector<std::pair<IpPrefix, uint16_t>> entries;
    entries.reserve(prefixes.size());
    for (const IpPrefix& prefix : prefixes) {
        entries.emplace_back(prefix, uint16_t{1});
    }
    return dataplane::io::Fib::build(entries);
}

// In one line: how many of what were changed.
std::string summary_of(const std::vector<Change>& changes, bool had_leaving_lists) {
    const auto count = [&changes](Change::Kind kind) {
        return std::count_if(changes.begin(), changes.end(), [kind](const Change& change) {
            return change.kind == kind;
        });
    };
    std::string text = fmt::format("{} services set, {} retired, {} weights changed",
                                   count(Change::Kind::kPutService),
                                   count(Change::Kind::kRetireService),
                                   count(Change::Kind::kSetWeight));
    if (const auto pools = count(Change::Kind::kPutPool); pools > 0) {
        text += fmt::format(", {} pools set", pools);
    }
    plan::ChangedTables tables;
    for (const Change& change : changes) {
        if (change.kind == Change::Kind::kPutTables) {
            tables = change.tables;
        }
    }
    text += tables.match_rules ? ", match rules changed" : "";
    text += tables.source_nat ? ", source NAT changed" : "";
    text += tables.prefix_lists || had_leaving_lists ? ", prefix lists changed" : "";
    return text;
}

}  // namespace

ServiceControl::ServiceControl(Fleet& fleet, uint32_t services_max, uint32_t real_servers_max)
    : fleet_(fleet), catalogue_(services_max, real_servers_max) {}

Result<void> ServiceControl::try_out(const config::Model& model) const {
    return catalogue_.try_out(model);
}

void ServiceControl::serve(const dataplane::ServiceKey& service, const plan::ServingTable& rows) {
    carry_out(catalogue_.set_serving(service, rows));
}

Result<std::string> ServiceControl::apply(const config::Model& model,
                                          const plan::ServingTables& serving) {
    const auto changes = catalogue_.update(model, serving);
    if (!changes) {
        return Failure(changes.error());
    }
    ++version_;
    drain_deadlines_.clear();
    carry_out(*changes);
    const bool had_leaving_lists = catalogue_.forget_leaving_lists();
    if (had_leaving_lists) {
        put_tables();
    }
    return summary_of(*changes, had_leaving_lists);
}

void ServiceControl::carry_out(const std::vector<Change>& changes) {
    // Some schedulers' tables follow from the weights: a new one then, after the service's last
    // change.
    const auto wants_table = [this](const Change& change) {
        return change.kind == Change::Kind::kSetWeight &&
               scheduler_of(*catalogue_.find(change.service)).is_rebuilt_on_weight_change;
    };
    for (size_t i = 0; i < changes.size(); ++i) {
        carry_out(changes[i]);
        const bool is_last = i + 1 == changes.size() || !wants_table(changes[i + 1]) ||
                             changes[i + 1].service != changes[i].service;
        if (wants_table(changes[i]) && is_last) {
            put_service(changes[i].service);
        }
    }
}

void ServiceControl::carry_out(const Change& change) {
    switch (change.kind) {
        case Change::Kind::kPutPool:
            put_pool(change.pool);
            break;
        case Change::Kind::kPutTables:
            put_tables();
            break;
        case Change::Kind::kPutService:
            put_service(change.service);
            break;
        case Change::Kind::kRetireService: {
            kLog.info("retired service=\"{}\"", to_string(*catalogue_.find(change.service)));
            Command command(CommandKind::kRetireService);
            command.service = change.service;
            fleet_.broadcast(command);
            break;
        }
        case Change::Kind::kSetWeight:
            set_weight(change);
            break;
        case Change::Kind::kEndConnections:
            end_connections(change.service,
                            change.server,
                            plan::when_gone(catalogue_.find(change.service)->settings));
            break;
    }
}

void ServiceControl::put_service(dataplane::ServiceId id) {
    const plan::ServiceEntry& service = *catalogue_.find(id);
    dataplane::ServiceTable table = catalogue_.table_of(id);
    table.scheduler = static_cast<uint8_t>(&scheduler_of(service) - dataplane::schedulers().data());
    dataplane::prepare_scheduler(table);
    kLog.info("set service=\"{}\" scheduler={} real_servers={}",
              to_string(service),
              service.settings.scheduler,
              table.servers.size());
    fleet_.put_service(table);
    // A table is also the end of ending connections; of these it is not.
    for (const plan::RealServerEntry& server : service.servers) {
        if (server.is_served() && server.is_draining && ended_.contains(server.id)) {
            end_connections(id, server.id, at_deadline(service.settings));
        }
    }
}

void ServiceControl::put_pool(uint16_t number) {
    const config::LocalPool& pool = catalogue_.pools().at(number);
    for (uint16_t worker = 0; worker < fleet_.size(); ++worker) {
        fleet_.put_local_pool(dataplane::WorkerId{worker},
                              dataplane::build_local_pool({.id = number,
                                                           .port_first = pool.ports.first,
                                                           .port_last = pool.ports.last,
                                                           .worker = dataplane::WorkerId{worker},
                                                           .worker_count = fleet_.size()},
                                                          pool.addresses));
    }
    kLog.info("pool name={} addresses={} ports={}-{}",
              pool.name,
              pool.addresses.size(),
              pool.ports.first,
              pool.ports.last);
}

void ServiceControl::put_tables() {
    auto set = std::make_unique<TableSet>();
    set->tables = catalogue_.tables();
    dataplane::build_match_indexes(set->tables);
    const auto before = std::exchange(fibs_, {});
    set->tables.prefix_lists.emplace_back();  // number 0 is no list
    for (const plan::PrefixList& list : catalogue_.prefix_lists()) {
        const auto known = before.find(list.prefixes);
        auto& fib = fibs_[list.prefixes];
        fib = known != before.end() ? known->second : build_list(*list.prefixes);
        if (set->tables.prefix_lists.size() <= list.number) {
            set->tables.prefix_lists.resize(list.number + size_t{1});
        }
        set->tables.prefix_lists[list.number] = fib->lookup();
        set->lists.push_back(fib);
    }
    kLog.info("tables match_rules={} source_nat={} prefix_lists={}",
              set->tables.match_rules.size(),
              set->tables.source_nat.size(),
              set->lists.size());
    fleet_.put_tables(std::move(set));
}

void ServiceControl::set_weight(const Change& change) {
    const plan::ServiceEntry& service = *catalogue_.find(change.service);
    kLog.info("weight service=\"{}\" real_server={} weight={}",
              to_string(service),
              to_string(service.find(change.server)->settings.endpoint),
              change.weight);
    Command command(CommandKind::kSetWeight);
    command.set_weight = {change.service, change.server, change.position, change.weight};
    fleet_.broadcast(command);
    if (ended_.erase(change.server) > 0) {
        put_service(change.service);
    }
}

void ServiceControl::end_connections(dataplane::ServiceId service,
                                     dataplane::RealServerId server,
                                     dataplane::WhenServerGone how) {
    // Clients that it is remembered for go to another one with their next connection.
    fleet_.templates().drop_server(server);
    const plan::ServiceEntry& entry = *catalogue_.find(service);
    Command command(CommandKind::kEndConnections);
    command.end_connections = {server, how};
    kLog.info("ending connections service=\"{}\" real_server={} how={}",
              to_string(entry),
              to_string(entry.find(server)->settings.endpoint),
              how == dataplane::WhenServerGone::kExpire  ? "expire"
              : how == dataplane::WhenServerGone::kReset ? "reset"
                                                         : "leave");
    fleet_.broadcast(command);
}

Result<std::string> ServiceControl::drain(const plan::ServerName& name,
                                          std::optional<TimePoint> deadline) {
    const auto changes = catalogue_.set_draining(name, plan::Draining::kStart);
    if (!changes) {
        return Failure(changes.error());
    }
    carry_out(*changes);
    size_t count = 0;
    for (const plan::ServiceEntry* const service : catalogue_.services()) {
        for (const plan::RealServerEntry& server : service->servers) {
            if (!name.fits(*service, server)) {
                continue;
            }
            ++count;
            drain_deadlines_.erase(server.id);
            if (deadline) {
                drain_deadlines_[server.id] = *deadline;
            }
        }
    }
    return fmt::format(
        "draining in {} services, {} weights set to 0; see status for the "
        "connections left",
        count,
        changes->size());
}

Result<std::string> ServiceControl::undrain(const plan::ServerName& name) {
    const auto changes = catalogue_.set_draining(name, plan::Draining::kStop);
    if (!changes) {
        return Failure(changes.error());
    }
    carry_out(*changes);
    for (const Change& change : *changes) {
        drain_deadlines_.erase(change.server);
    }
    return fmt::format("{} weights as configured", changes->size());
}

void ServiceControl::end_drains(TimePoint now) {
    for (const plan::ServiceEntry* const service : catalogue_.services()) {
        for (const plan::RealServerEntry& server : service->servers) {
            const auto deadline = drain_deadlines_.find(server.id);
            if (deadline != drain_deadlines_.end() && deadline->second <= now) {
                drain_deadlines_.erase(deadline);
                end_connections(service->id, server.id, at_deadline(service->settings));
                ended_.insert(server.id);
            }
        }
    }
}

std::optional<TimePoint> ServiceControl::drain_deadline(dataplane::RealServerId server) const {
    const auto deadline = drain_deadlines_.find(server);
    return deadline != drain_deadlines_.end() ? std::optional(deadline->second) : std::nullopt;
}

void ServiceControl::set_timeouts(const config::Timeouts& timeouts) {
    const dataplane::ConnTimeouts seconds = plan::timeouts_of(timeouts);
    for (size_t state = 0; state < seconds.size(); ++state) {
        Command command(CommandKind::kSetTimeout);
        command.set_timeout = {static_cast<dataplane::ConnState>(state), seconds[state]};
        fleet_.broadcast(command);
    }
}

void ServiceControl::clear_retired(const Reports& reports,
                                   uint64_t asked_at_version,
                                   Census& census) {
    if (asked_at_version != version_) {
        return;  // something may have been retired that the workers had not yet been told
    }
    std::vector<std::pair<dataplane::ServiceId, dataplane::RealServerId>> idle_servers;
    std::vector<dataplane::ServiceId> idle_services;
    for (const plan::ServiceEntry* const service : catalogue_.services()) {
        size_t remaining = service->servers.size();
        for (const plan::RealServerEntry& server : service->servers) {
            const auto total = Census::server_total(reports, server.id);
            if (server.is_retired && total.active + total.inactive == 0) {
                idle_servers.emplace_back(service->id, server.id);
                --remaining;
            }
        }
        if (service->is_retired && remaining == 0 &&
            Census::service_connections(reports, service->id) == 0) {
            idle_services.push_back(service->id);
        }
    }
    for (const auto& [service, server] : idle_servers) {
        census.keep_departed(reports, service, server);
        fleet_.templates().drop_server(server);  // the slot may become another's
        catalogue_.forget_real_server(service, server);
        Command command(CommandKind::kForgetRealServer);
        command.server = server;
        fleet_.broadcast(command);
    }
    for (const dataplane::ServiceId service : idle_services) {
        kLog.info("forgotten service=\"{}\"", to_string(*catalogue_.find(service)));
        census.drop_service(service);
        fleet_.templates().drop_service(service);
        const bool has_table = !catalogue_.find(service)->source_nat;
        catalogue_.forget_service(service);
        if (has_table) {
            Command command(CommandKind::kForgetService);
            command.service = service;
            fleet_.broadcast(command);
        }
    }
}

}  // namespace director::daemon
