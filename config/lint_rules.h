// The rules' functions, for the table in lint.cc; what each says stands there.
#pragma once

#include "config/lint.h"

namespace director::config {

// lint_vrrp.cc
void lint_vrrp_weights(const Model& model, const TellRisk& tell);
void lint_vrrp_weights_nopreempt(const Model& model, const TellRisk& tell);
void lint_vrrp_weights_group(const Model& model, const TellRisk& tell);
void lint_vrrp_group_halves(const Model& model, const TellRisk& tell);
void lint_vrrp_subnet(const Model& model, const TellRisk& tell);
void lint_vrrp_prefix_length(const Model& model, const TellRisk& tell);
void lint_vrrp_realtime(const Model& model, const TellRisk& tell);
void lint_vrrp_advert_interval(const Model& model, const TellRisk& tell);
void lint_vrrp_tracker_timeout(const Model& model, const TellRisk& tell);
void lint_sync_off(const Model& model, const TellRisk& tell);
void lint_sync_one_way(const Model& model, const TellRisk& tell);
void lint_sync_open(const Model& model, const TellRisk& tell);
void lint_sync_ttl(const Model& model, const TellRisk& tell);

// lint_services.cc
void lint_service_subnet(const Model& model, const TellRisk& tell);
void lint_service_checks(const Model& model, const TellRisk& tell);
void lint_service_weights(const Model& model, const TellRisk& tell);
void lint_check_timeout(const Model& model, const TellRisk& tell);
void lint_check_slow(const Model& model, const TellRisk& tell);
void lint_quorum(const Model& model, const TellRisk& tell);
void lint_sorry_server(const Model& model, const TellRisk& tell);
void lint_slow_start(const Model& model, const TellRisk& tell);
void lint_persistence_short(const Model& model, const TellRisk& tell);
void lint_server_route(const Model& model, const TellRisk& tell);
void lint_server_direct(const Model& model, const TellRisk& tell);
void lint_server_nat(const Model& model, const TellRisk& tell);
void lint_metrics_open(const Model& model, const TellRisk& tell);

// The addresses of ports and VLANs with their subnets, by the kernel's name of the interface.
struct InterfaceSubnet {
    std::string interface;
    IpPrefix prefix;
};
[[nodiscard]] std::vector<InterfaceSubnet> own_subnets(const Model& model);
// "1.5 s".
[[nodiscard]] std::string in_seconds(Duration duration);

}  // namespace director::config
