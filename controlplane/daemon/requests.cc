#include "controlplane/daemon/requests.h"

#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "controlplane/daemon/kernel_pages.h"
#include "controlplane/daemon/views.h"
#include "controlplane/daemon/vrrp_views.h"
#include "controlplane/edit/edit_of.h"

namespace director::daemon {

using nlohmann::json;
using server::Reply;

namespace {

void answer(const Result<std::string>& outcome, const Reply& reply) {
    if (outcome) {
        reply(json(server::ReloadView{*outcome}));
    } else {
        reply(Failure(outcome.error()));
    }
}

}  // namespace

Requests::Requests(Surroundings surroundings)
    : around_(std::move(surroundings)),
      connection_pages_(around_.clock, around_.fleet, around_.services.catalogue()),
      drain_requests_(around_.clock, around_.services),
      edit_requests_({.model = [this]() -> const config::Model& { return around_.model; },
                      .apply =
                          [this](const config::Model& next, uint32_t uid) {
                              auto outcome = around_.apply(next);
                              around_.happenings.config({.name = "edit", .subject = "", .uid = uid},
                                                        outcome);
                              return outcome;
                          },
                      .vocabulary = around_.vocabulary}),
      explain_requests_(
          {.fleet = around_.fleet,
           .catalogue = around_.services.catalogue(),
           .vrrp = [this] { return vrrp_view(around_.vrrp.status(), around_.clock.now()); },
           .interface_name = around_.interface_name,
           .is_interface_up = around_.is_interface_up}),
      config_requests_({.file = around_.config_file,
                        .model = [this]() -> const config::Model& { return around_.model; },
                        .try_out = around_.try_out,
                        .apply = around_.apply,
                        .happenings = around_.happenings,
                        .vocabulary = around_.vocabulary}) {}

server::RequestTable Requests::table() {
    server::RequestTable table;
    add_listings(table);
    add_kernel(table);
    add_changes(table);
    config_requests_.add_to(table);
    around_.diagnostics.add_to(table);
    return table;
}

void Requests::add_listings(server::RequestTable& table) {
    // Asks all workers, then answers with what `view` makes of their reports.
    const auto add = [this, &table](const server::MethodText& text, auto view) {
        table.add({text, [this, view](const json& /*params*/, Reply reply) {
                       around_.census.take(
                           [view, reply = std::move(reply)](const Reports& reports) {
                               reply(json(view(reports)));
                           });
                       around_.serve_engine();
                   }});
    };
    add(server::kStatus, [this](const Reports& reports) { return status_view(reports); });
    add(server::kDrops, [this](const Reports& reports) {
        return drops_view(reports, around_.services.catalogue());
    });
    add(server::kWorkers, [this](const Reports& reports) {
        return workers_view(reports, around_.engine, around_.model.dataplane, around_.loops_before);
    });
    table.add({server::kSync, [this](const json& /*params*/, const Reply& reply) {
                   reply(json(around_.sync ? around_.sync->view() : server::SyncView{}));
               }});
    table.add({server::kServices, [this](const json& params, const Reply& reply) {
                   services(params, reply);
                   around_.serve_engine();
               }});
    table.add({server::kChecks, [this](const json& params, const Reply& reply) {
                   const auto wanted = services_wanted(params);
                   if (wanted) {
                       reply(json(around_.health.checks_view(*wanted)));
                   } else {
                       reply.invalid_params(wanted.error().message);
                   }
               }});
    table.add({server::kConnections, [this](const json& params, const Reply& reply) {
                   connection_pages_.answer(params, reply);
                   around_.serve_engine();
               }});
    table.add({server::kVrrp, [this](const json& /*params*/, const Reply& reply) {
                   reply(json(vrrp_view(around_.vrrp.status(), around_.clock.now())));
               }});
    table.add({server::kExplain, [this](const json& params, const Reply& reply) {
                   explain_requests_.answer(params, reply);
                   around_.serve_engine();
               }});
}

void Requests::services(const json& params, const Reply& reply) {
    const auto wanted = services_wanted(params);
    if (!wanted) {
        reply.invalid_params(wanted.error().message);
        return;
    }
    around_.census.take([this, wanted = *wanted, reply](const Reports& reports) {
        auto view = services_view(reports, around_.services.catalogue(), around_.census, wanted);
        zeroed_.subtract(view);
        reply(json(view));
    });
}

void Requests::add_kernel(server::RequestTable& table) {
    // `page` makes one of a cursor and a limit.
    const auto add = [&table](const server::MethodText& text, auto page) {
        table.add({text, [page](const json& params, const Reply& reply) {
                       const auto request = page_request(params);
                       if (!request) {
                           return reply.invalid_params(request.error().message);
                       }
                       const auto answer = page(*request);
                       if (answer) {
                           reply(json(*answer));
                       } else {
                           reply.invalid_params(answer.error().message);
                       }
                   }});
    };
    const InterfaceName name_of = [this](dataplane::InterfaceId id) {
        return around_.kernel.interface_name(id);
    };
    add(server::kRoutes, [this, name_of](const PageRequest& request) {
        return routes_page(
            around_.kernel.mirror().routes(), name_of, request.cursor, request.limit);
    });
    add(server::kNeighbours, [this, name_of](const PageRequest& request) {
        return neighbours_page(around_.kernel.mirror(), name_of, request.cursor, request.limit);
    });
}

void Requests::add_changes(server::RequestTable& table) {
    table.add({server::kReload, [this](const json& /*params*/, const Reply& reply) {
                   answer(around_.reload(reply.caller().uid), reply);
               }});
    table.add({server::kEdit, [this](const json& params, const Reply& reply) {
                   edit_requests_.answer(params, reply);
                   around_.serve_engine();
               }});
    table.add(
        {server::kZero, [this](const json& params, const Reply& reply) { zero(params, reply); }});
    table.add({server::kDrain, [this](const json& params, const Reply& reply) {
                   drain_requests_.drain(params, reply);
                   around_.happenings.drains_asked(drains(), reply.caller().uid);
                   around_.serve_engine();
               }});
    table.add({server::kUndrain, [this](const json& params, const Reply& reply) {
                   drain_requests_.undrain(params, reply);
                   around_.happenings.drains_asked(drains(), reply.caller().uid);
                   around_.serve_engine();
               }});
}

// What is draining, without counting its connections.
std::vector<server::DrainView> Requests::drains() const {
    return drain_views({}, around_.services, around_.clock.now());
}

// {"service": EditKey}, or nothing for all services.
void Requests::zero(const json& params, const Reply& reply) {
    std::string service;
    if (params.contains("service")) {
        const auto key = edit::key_of(params.at("service").get<server::EditKey>());
        if (!key) {
            reply.invalid_params(key.error().message);
            return;
        }
        service = to_string(*key);
    }
    around_.census.take([this, service, reply](const Reports& reports) {
        if (zeroed_.zero(services_view(reports, around_.services.catalogue(), around_.census),
                         service)) {
            reply(json(server::ReloadView{"counting from zero"}));
        } else {
            reply.refuse("there is no service " + service,
                         json(server::EditRefusalView{0, "no-service"}));
        }
    });
    around_.serve_engine();
}

server::StatusView Requests::status_view(const Reports& reports) const {
    server::StatusView view;
    view.version = DIRECTOR_VERSION;
    view.pid = ::getpid();
    view.uptime_seconds = static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(around_.clock.now() - around_.started)
            .count());
    view.workers = around_.engine.worker_count();
    view.memory_kind = around_.engine.memory_kind();
    view.ports = port_views(around_.engine, around_.model.ports.size());
    view.services = around_.model.virtual_services.size();
    for (const config::VirtualService& service : around_.model.virtual_services) {
        view.real_servers += service.real_servers.size();
    }
    for (const auto& report : reports) {
        view.connections += report->totals.connections;
        view.connections_max += report->totals.connections_max;
    }
    view.packets = packet_totals(reports);
    view.config_file = around_.config_file;
    view.last_reload = around_.last_reload;
    view.timeouts = {around_.model.timeouts.tcp_established,
                     around_.model.timeouts.tcp_fin_wait,
                     around_.model.timeouts.udp};
    view.service_timeouts = service_timeouts(around_.services.catalogue());
    view.pools = pool_views(reports, around_.services.catalogue());
    view.drains = drain_views(reports, around_.services, around_.clock.now());
    view.full_tables = full_tables_view(reports, around_.engine.shared_table_counters());
    view.overloaded = overloaded_servers(reports, around_.services.catalogue());
    view.under_attack = services_under_attack(reports, around_.services.catalogue());
    view.vrrp = vrrp_states(around_.vrrp.status());
    view.role = role_of(view.vrrp);
    add_virtual_addresses(view);
    const ServiceSummary summary = summary_of(around_.services.catalogue(), around_.census);
    view.services_up = summary.services_up;
    view.servers_up = summary.servers_up;
    view.rates = summary.rates;
    view.alarms =
        alarms_of({.status = view,
                   .workers = workers_view(
                       reports, around_.engine, around_.model.dataplane, around_.loops_before),
                   .sync = around_.sync ? around_.sync->view() : server::SyncView{},
                   .services = summary,
                   .lost = last_minute_.growth()});
    return view;
}

void Requests::add_virtual_addresses(server::StatusView& view) const {
    const auto add = [&view](std::string address, std::string state) {
        if (++view.virtual_addresses_all <= server::kVirtualAddressesMax) {
            view.virtual_addresses.push_back({std::move(address), std::move(state)});
        }
    };
    const server::VrrpView vrrp = vrrp_view(around_.vrrp.status(), around_.clock.now());
    for (const server::VrrpInstanceView& instance : vrrp.instances) {
        for (const auto* addresses : {&instance.addresses, &instance.excluded_addresses}) {
            for (const std::string& address : *addresses) {
                add(address, instance.state);
            }
        }
    }
    if (!vrrp.instances.empty()) {
        return;
    }
    std::set<IpAddress> seen;
    for (const config::VirtualService& service : around_.model.virtual_services) {
        if (service.mark == 0 && seen.insert(service.endpoint.address).second) {
            add(to_string(service.endpoint.address), "ALONE");
        }
    }
}

void Requests::sample(const Reports& reports) {
    server::StatusView view;
    view.ports = port_views(around_.engine, around_.model.ports.size());
    view.full_tables = full_tables_view(reports, around_.engine.shared_table_counters());
    last_minute_.sample(around_.clock.now(), losses_of(view));
}

}  // namespace director::daemon
