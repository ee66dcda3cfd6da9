#include "controlplane/daemon/service_control.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/assert.h"
#include "common/log.h"
#include "dataplane/core/schedulers.h"
#include "dataplane/core/weight_tree.h"

namespace director::daemon {

using dataplane::Command;
using dataplane::CommandKind;
using plan::Change;

namespace {

constexpr LogArea kLog{"service"};

std::string name_of(const plan::ServiceEntry& service) {
    return fmt::format(
        "{} {}", to_string(service.settings.protocol), to_string(service.settings.endpoint));
}

dataplane::ConnTimeouts conn_timeouts(const config::Timeouts& timeouts) {
    using dataplane::ConnState;
    dataplane::ConnTimeouts seconds = dataplane::kDefaultConnTimeouts;
    const auto set = [&seconds](ConnState state, uint32_t value) {
        seconds[static_cast<size_t>(state)] = value;
    };
    set(ConnState::kEstablished, timeouts.tcp_established);
    set(ConnState::kSynSent, timeouts.tcp_syn_sent);
    set(ConnState::kSynRecv, timeouts.tcp_syn_recv);
    set(ConnState::kFinWait, timeouts.tcp_fin_wait);
    set(ConnState::kTimeWait, timeouts.tcp_time_wait);
    set(ConnState::kClose, timeouts.tcp_close);
    set(ConnState::kCloseWait, timeouts.tcp_close_wait);
    set(ConnState::kLastAck, timeouts.tcp_last_ack);
    set(ConnState::kUdp, timeouts.udp);
    return seconds;
}

}  // namespace

ServiceControl::ServiceControl(Fleet& fleet, uint32_t services_max, uint32_t real_servers_max)
    : fleet_(fleet), catalogue_(services_max, real_servers_max) {}

Result<std::string> ServiceControl::apply(const std::vector<config::VirtualService>& services) {
    const auto changes = catalogue_.update(services);
    if (!changes) {
        return Failure(changes.error());
    }
    ++version_;
    for (const Change& change : *changes) {
        carry_out(change);
    }
    const auto count = [&changes](Change::Kind kind) {
        return std::count_if(changes->begin(), changes->end(), [kind](const Change& change) {
            return change.kind == kind;
        });
    };
    return fmt::format("{} services set, {} retired, {} weights changed",
                       count(Change::Kind::kPutService),
                       count(Change::Kind::kRetireService),
                       count(Change::Kind::kSetWeight));
}

void ServiceControl::carry_out(const Change& change) {
    const plan::ServiceEntry& service = *catalogue_.find(change.service);
    switch (change.kind) {
        case Change::Kind::kPutService: {
            dataplane::ServiceTable table = catalogue_.table_of(change.service);
            const auto scheduler = dataplane::find_scheduler(service.settings.scheduler);
            DIRECTOR_ASSERT(scheduler.has_value());  // the configuration checked the name
            table.scheduler = *scheduler;
            dataplane::build_weight_tree(table);
            kLog.info("set service=\"{}\" scheduler={} real_servers={}",
                      name_of(service),
                      service.settings.scheduler,
                      table.servers.size());
            fleet_.put_service(table);
            break;
        }
        case Change::Kind::kRetireService: {
            kLog.info("retired service=\"{}\"", name_of(service));
            Command command(CommandKind::kRetireService);
            command.service = change.service;
            fleet_.broadcast(command);
            break;
        }
        case Change::Kind::kSetWeight: {
            kLog.info("weight service=\"{}\" real_server={} weight={}",
                      name_of(service),
                      to_string(service.servers[change.position].settings.endpoint),
                      change.weight);
            Command command(CommandKind::kSetWeight);
            command.set_weight = {change.service, change.server, change.position, change.weight};
            fleet_.broadcast(command);
            break;
        }
    }
}

void ServiceControl::set_timeouts(const config::Timeouts& timeouts) {
    const dataplane::ConnTimeouts seconds = conn_timeouts(timeouts);
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
        catalogue_.forget_real_server(service, server);
        Command command(CommandKind::kForgetRealServer);
        command.server = server;
        fleet_.broadcast(command);
    }
    for (const dataplane::ServiceId service : idle_services) {
        kLog.info("forgotten service=\"{}\"", name_of(*catalogue_.find(service)));
        census.drop_service(service);
        catalogue_.forget_service(service);
        Command command(CommandKind::kForgetService);
        command.service = service;
        fleet_.broadcast(command);
    }
}

}  // namespace director::daemon
