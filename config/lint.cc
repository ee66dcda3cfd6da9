#include "config/lint.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <utility>

#include "config/lint_rules.h"

namespace director::config {
namespace {

constexpr std::array kRules{
    LintRule{
        "vrrp-weights",
        "trackers' weights that leave a master above the priority 100 that its twin has unless "
        "it says otherwise",
        lint_vrrp_weights},
    LintRule{"vrrp-weights-nopreempt",
             "trackers with weights where preempt = false: nobody takes over for a higher priority",
             lint_vrrp_weights_nopreempt},
    LintRule{"vrrp-weights-group",
             "trackers with weights in a group without use_weights: they count as FAULT",
             lint_vrrp_weights_group},
    LintRule{"vrrp-group-halves",
             "instances of one group that start differently, or decide at different times",
             lint_vrrp_group_halves},
    LintRule{"vrrp-subnet", "a virtual address in no subnet of its interface", lint_vrrp_subnet},
    LintRule{"vrrp-prefix-length",
             "a virtual address with another prefix length than its subnet's",
             lint_vrrp_prefix_length},
    LintRule{"vrrp-realtime",
             "adverts so fast that the scheduler of a busy machine may make them late",
             lint_vrrp_realtime},
    LintRule{"vrrp-advert-interval",
             "version 2 with another interval than 1 s: a twin that has not the same is not heard",
             lint_vrrp_advert_interval},
    LintRule{"vrrp-tracker-timeout",
             "a tracker's script that may run longer than its interval",
             lint_vrrp_tracker_timeout},
    LintRule{"sync-off", "two directors, and connections that end at a takeover", lint_sync_off},
    LintRule{"sync-one-way",
             "two directors of which only one tells the other of connections",
             lint_sync_one_way},
    LintRule{"sync-open", "connections taken from whoever is on the interface", lint_sync_open},
    LintRule{"sync-ttl", "sync messages that end before they reach the twin", lint_sync_ttl},
    LintRule{"service-subnet",
             "a service's address that no subnet and no VRRP instance has: who sends packets here?",
             lint_service_subnet},
    LintRule{"service-checks",
             "a service without checks beside others that have them",
             lint_service_checks},
    LintRule{
        "service-weights", "a service all of whose servers have weight 0", lint_service_weights},
    LintRule{"check-timeout",
             "a probe that may still wait when the next one is due",
             lint_check_timeout},
    LintRule{"check-slow",
             "a dead server that gets connections for more than two minutes",
             lint_check_slow},
    LintRule{
        "quorum", "a quorum that the servers cannot reach, or that nothing can tell", lint_quorum},
    LintRule{
        "sorry-server", "a sorry server that nothing can ever put in place", lint_sorry_server},
    LintRule{"slow-start", "a slow start that has no effect", lint_slow_start},
    LintRule{"persistence-short",
             "persistence shorter than a closed connection is remembered",
             lint_persistence_short},
    LintRule{
        "server-route", "a real server that no subnet and no route reaches", lint_server_route},
    LintRule{"server-direct", "direct routing to a server behind a router", lint_server_direct},
    LintRule{"server-nat",
             "NAT to a server in the clients' own subnet: its answers do not come back here",
             lint_server_nat},
    LintRule{
        "metrics-open", "metrics and status for whoever reaches the address", lint_metrics_open},
};

}  // namespace

std::span<const LintRule> lint_rules() {
    return kRules;
}

std::vector<Risk> lint(const Model& model) {
    std::vector<Risk> risks;
    for (const LintRule& rule : kRules) {
        rule.look(model, [&](std::string path, std::string message) {
            risks.push_back({std::string(rule.name), std::move(path), std::move(message)});
        });
    }
    return risks;
}

std::string to_string(const Risk& risk) {
    return fmt::format("{}: {} [{}]", risk.path, risk.message, risk.rule);
}

std::vector<InterfaceSubnet> own_subnets(const Model& model) {
    std::vector<InterfaceSubnet> all;
    for (const Port& port : model.ports) {
        for (const IpPrefix& address : port.addresses) {
            all.push_back({port.name, address});
        }
        for (const Vlan& vlan : port.vlans) {
            for (const IpPrefix& address : vlan.addresses) {
                all.push_back({interface_name(port, vlan), address});
            }
        }
    }
    return all;
}

std::string in_seconds(Duration duration) {
    return fmt::format("{} s", std::chrono::duration<double>(duration).count());
}

}  // namespace director::config
