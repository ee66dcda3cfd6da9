// What is risky in virtual services: where packets come from and go to, checks, quorum.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <string>
#include <string_view>

#include "config/lint_rules.h"

namespace director::config {
namespace {

using std::chrono::seconds;

template <typename Look>
void for_each_service(const Model& model, const Look& look) {
    for (size_t i = 0; i < model.virtual_services.size(); ++i) {
        look(model.virtual_services[i], fmt::format("virtual_services[{}]", i));
    }
}

template <typename Look>
void for_each_server(const Model& model, const Look& look) {
    for_each_service(model, [&](const VirtualService& service, const std::string& path) {
        for (size_t i = 0; i < service.real_servers.size(); ++i) {
            look(service, service.real_servers[i], fmt::format("{}.real_servers[{}]", path, i));
        }
    });
}

bool has_checks(const VirtualService& service) {
    return !service.health.checks.empty() ||
           std::any_of(service.real_servers.begin(),
                       service.real_servers.end(),
                       [](const auto& one) { return !one.health.checks.empty(); });
}

// Every check that is written down, with its path: a service's once, not once for each server.
template <typename Look>
void for_each_check(const Model& model, const Look& look) {
    const auto list = [&](const std::vector<HealthCheck>& checks, const std::string& path) {
        for (size_t i = 0; i < checks.size(); ++i) {
            look(checks[i], fmt::format("{}.checks[{}]", path, i));
        }
    };
    for_each_service(model, [&](const VirtualService& service, const std::string& path) {
        list(service.health.checks, path);
    });
    for_each_server(model, [&](const auto&, const RealServer& server, const std::string& path) {
        list(server.health.checks, path);
    });
}

bool is_on_link(const std::vector<InterfaceSubnet>& subnets, const IpAddress& address) {
    return std::any_of(subnets.begin(), subnets.end(), [&](const InterfaceSubnet& own) {
        return own.prefix.contains(address);
    });
}

std::set<IpAddress> virtual_addresses(const Model& model) {
    std::set<IpAddress> all;
    for (const VrrpInstance& instance : model.vrrp_instances) {
        for (const auto* list : {&instance.addresses, &instance.excluded_addresses}) {
            for (const VirtualAddress& address : *list) {
                all.insert(address.address.address);
            }
        }
    }
    return all;
}

uint64_t weight_sum(const VirtualService& service) {
    uint64_t sum = 0;
    for (const RealServer& server : service.real_servers) {
        sum += server.weight;
    }
    return sum;
}

// keepalived's numbers of attempts and pauses where nothing is said.
Duration time_to_notice(const HealthCheck& check) {
    constexpr Duration kTimeout = seconds(5);
    const Duration timeout = check.timeout.value_or(kTimeout);
    const auto retries = static_cast<int64_t>(std::max<int32_t>(check.retries, 0));
    const Duration pause = check.retry_delay.value_or(Duration::zero());
    return check.interval * check.fall + timeout + (timeout + pause) * retries;
}

}  // namespace

void lint_service_subnet(const Model& model, const TellRisk& tell) {
    const auto subnets = own_subnets(model);
    const auto virtuals = virtual_addresses(model);
    for_each_service(model, [&](const VirtualService& service, const std::string& path) {
        const IpAddress& address = service.endpoint.address;
        if (service.mark == 0 && !is_on_link(subnets, address) && !virtuals.contains(address)) {
            tell(path + ".address",
                 fmt::format("{} is in no subnet of the ports and in no VRRP instance: nobody asks "
                             "for it on a link here, so the routers before must have a route to it",
                             to_string(address)));
        }
    });
}

void lint_service_checks(const Model& model, const TellRisk& tell) {
    const bool others_have =
        std::any_of(model.virtual_services.begin(), model.virtual_services.end(), has_checks);
    for_each_service(model, [&](const VirtualService& service, const std::string& path) {
        if (others_have && !service.real_servers.empty() && !has_checks(service)) {
            tell(path + ".checks",
                 "none, while other services have them: a server that dies goes on getting "
                 "connections");
        }
    });
}

void lint_service_weights(const Model& model, const TellRisk& tell) {
    for_each_service(model, [&](const VirtualService& service, const std::string& path) {
        if (!service.real_servers.empty() && weight_sum(service) == 0) {
            tell(path + ".real_servers", "all have weight 0: no new connection is served");
        }
    });
}

void lint_check_timeout(const Model& model, const TellRisk& tell) {
    for_each_check(model, [&](const HealthCheck& check, const std::string& path) {
        const bool probes = check.type != CheckType::kPassive;
        if (probes && check.timeout && *check.timeout > check.interval) {
            tell(path + ".timeout",
                 fmt::format("{} is longer than the interval {}: while a server hangs it is asked "
                             "each {}, not as often as the interval says",
                             in_seconds(*check.timeout),
                             in_seconds(check.interval),
                             in_seconds(*check.timeout)));
        }
    });
}

void lint_check_slow(const Model& model, const TellRisk& tell) {
    for_each_check(model, [&](const HealthCheck& check, const std::string& path) {
        const Duration notice = time_to_notice(check);
        if (check.type != CheckType::kPassive && notice > seconds(120)) {
            tell(
                path + ".interval",
                fmt::format("a server that dies gets new connections for up to {} (interval, fall, "
                            "timeout and retries together)",
                            in_seconds(notice)));
        }
    });
}

void lint_quorum(const Model& model, const TellRisk& tell) {
    for_each_service(model, [&](const VirtualService& service, const std::string& path) {
        const uint64_t weights = weight_sum(service);
        const uint32_t quorum = service.health.quorum;
        if (quorum <= 1 || service.real_servers.empty()) {
            return;
        }
        if (quorum > weights) {
            tell(path + ".quorum",
                 fmt::format("{} is more than all servers' weights together, {}: the service is "
                             "never up, and the sorry server, if any, always serves",
                             quorum,
                             weights));
        } else if (!has_checks(service)) {
            tell(path + ".quorum", "without checks no server is ever down, and the quorum holds");
        }
    });
}

void lint_sorry_server(const Model& model, const TellRisk& tell) {
    for_each_service(model, [&](const VirtualService& service, const std::string& path) {
        if (service.sorry_server.is_set() && !service.real_servers.empty() &&
            !has_checks(service)) {
            tell(path + ".sorry_server",
                 "without checks no server is ever down, and the sorry server never serves");
        }
    });
}

void lint_slow_start(const Model& model, const TellRisk& tell) {
    constexpr std::array<std::string_view, 2> kWithoutWeights{"rr", "lc"};
    for_each_server(
        model,
        [&](const VirtualService& service, const RealServer& server, const std::string& path) {
            const SlowStart& ramp = server.health.slow_start;
            if (ramp.duration == Duration::zero()) {
                return;
            }
            const std::string here = path + ".slow_start";
            if (service.health.checks.empty() && server.health.checks.empty()) {
                tell(here, "without checks the server never comes up, and never starts slowly");
            } else if (std::find(kWithoutWeights.begin(),
                                 kWithoutWeights.end(),
                                 service.scheduler) != kWithoutWeights.end()) {
                tell(here,
                     fmt::format("raises the weight step by step, and {} does not look at weights: "
                                 "use w{}",
                                 service.scheduler,
                                 service.scheduler));
            } else if (server.weight == 1 && ramp.first_percent < 100) {
                tell(here,
                     "weight 1 has no smaller one to begin with: write weights of 10 and more in "
                     "this service");
            }
        });
}

void lint_persistence_short(const Model& model, const TellRisk& tell) {
    for_each_service(model, [&](const VirtualService& service, const std::string& path) {
        const uint32_t own = service.timeouts.tcp_time_wait;
        const uint32_t closed = own != 0 ? own : model.timeouts.tcp_time_wait;
        const uint32_t timeout = service.persistence.timeout;
        if (service.protocol == Protocol::kTcp && timeout != 0 && timeout < closed) {
            tell(path + ".persistence.timeout",
                 fmt::format("a client is remembered as long as its connections are, and a closed "
                             "one is for tcp_time_wait, {} s: {} s is in truth {} s",
                             closed,
                             timeout,
                             closed));
        }
    });
}

void lint_server_route(const Model& model, const TellRisk& tell) {
    const auto subnets = own_subnets(model);
    for_each_server(
        model,
        [&](const VirtualService& service, const RealServer& server, const std::string& path) {
            const IpAddress& address = server.endpoint.address;
            const bool is_routed =
                std::any_of(model.routes.begin(), model.routes.end(), [&](const Route& route) {
                    return route.to.contains(address);
                });
            if (server.forwarding != ForwardingMethod::kLocal && !is_routed &&
                !is_on_link(subnets, address) && service.endpoint.address != address) {
                tell(path + ".address",
                     fmt::format("{} is in no subnet of the ports, and no route in this file leads "
                                 "to it: unless the kernel has one, its packets are dropped",
                                 to_string(address)));
            }
        });
}

void lint_server_direct(const Model& model, const TellRisk& tell) {
    const auto subnets = own_subnets(model);
    for_each_server(
        model, [&](const VirtualService&, const RealServer& server, const std::string& path) {
            const IpAddress& address = server.endpoint.address;
            if (server.forwarding == ForwardingMethod::kDirect && !is_on_link(subnets, address)) {
                tell(path + ".forwarding",
                     fmt::format("direct routing changes the MAC address alone, and {} is in no "
                                 "subnet of the ports: the router between sends the packet back to "
                                 "the virtual address; use a tunnel",
                                 to_string(address)));
            }
        });
}

void lint_server_nat(const Model& model, const TellRisk& tell) {
    const auto subnets = own_subnets(model);
    for_each_server(
        model,
        [&](const VirtualService& service, const RealServer& server, const std::string& path) {
            const auto shared =
                std::find_if(subnets.begin(), subnets.end(), [&](const InterfaceSubnet& own) {
                    return own.prefix.contains(server.endpoint.address) &&
                           own.prefix.contains(service.endpoint.address);
                });
            if (server.forwarding == ForwardingMethod::kNat && service.mark == 0 &&
                shared != subnets.end()) {
                tell(path + ".forwarding",
                     fmt::format("{} is in the virtual address's own subnet: it answers clients of "
                                 "{} directly, from an address that they do not know; use full-nat "
                                 "or direct",
                                 to_string(server.endpoint.address),
                                 shared->interface));
            }
        });
}

void lint_metrics_open(const Model& model, const TellRisk& tell) {
    const auto endpoint = Endpoint::parse(model.control.metrics_address);
    if (endpoint && !endpoint->address.is_loopback()) {
        tell("control.metrics_address",
             fmt::format("whoever reaches {} reads names, addresses and rates of every service: a "
                         "firewall before it, or a loopback address",
                         to_string(*endpoint)));
    }
}

}  // namespace director::config
