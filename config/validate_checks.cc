// What the health checks of a service must be to make sense together. Single settings that only the
// checks themselves can judge, such as patterns, are for Vocabulary::further.
#include <fmt/format.h>

#include <array>
#include <string_view>

#include "config/findings.h"
#include "config/settings_checks.h"

namespace director::config {
namespace {

std::string_view name_of(CheckType type) {
    for (const auto& choice : kCheckTypes) {
        if (choice.value == type) {
            return choice.name;
        }
    }
    return "";
}

// A group that its check does not read is a mistake: somebody meant something by it.
void check_groups(const HealthCheck& check, const std::string& path, Findings& findings) {
    const auto refuse = [&](std::string_view group, std::string_view types, bool is_wrong) {
        if (is_wrong) {
            findings.add(fmt::format("{}.{}", path, group),
                         fmt::format("is for type {}, not for \"{}\"", types, name_of(check.type)),
                         {path + ".type"});
        }
    };
    const CheckType type = check.type;
    const bool is_http = type == CheckType::kHttp || type == CheckType::kHttps;
    const bool is_tls = type == CheckType::kTls || type == CheckType::kHttps;
    refuse("http", "\"http\" and \"https\"", !is_http && check.http != CheckHttp{});
    refuse("tls", "\"https\" and \"tls\"", !is_tls && check.tls != CheckTls{});
    refuse("udp", "\"udp\"", type != CheckType::kUdp && check.udp != CheckUdp{});
    refuse("dns", "\"dns\"", type != CheckType::kDns && check.dns != CheckDns{});
    refuse("smtp", "\"smtp\"", type != CheckType::kSmtp && check.smtp != CheckSmtp{});
    refuse("script", "\"script\"", type != CheckType::kScript && check.script != CheckScript{});
    refuse(
        "passive", "\"passive\"", type != CheckType::kPassive && check.passive != CheckPassive{});
}

void check_each(const std::vector<HealthCheck>& checks,
                const std::string& path,
                Findings& findings) {
    for (size_t i = 0; i < checks.size(); ++i) {
        check_groups(checks[i], fmt::format("{}.checks[{}]", path, i), findings);
    }
}

}  // namespace

void validate_checks(const VirtualService& service,
                     const std::string& service_path,
                     Findings& findings) {
    check_each(service.health.checks, service_path, findings);
    for (size_t i = 0; i < service.real_servers.size(); ++i) {
        check_each(service.real_servers[i].health.checks,
                   fmt::format("{}.real_servers[{}]", service_path, i),
                   findings);
    }
    if (service.health.quorum_hysteresis >= service.health.quorum &&
        service.health.quorum_hysteresis > 0) {
        findings.add(service_path + ".quorum_hysteresis",
                     fmt::format("expected less than quorum, {}, found {}",
                                 service.health.quorum,
                                 service.health.quorum_hysteresis),
                     {service_path + ".quorum"});
    }
    const SorryServer& sorry = service.sorry_server;
    if (!sorry.is_set() && sorry != SorryServer{}) {
        findings.add(service_path + ".sorry_server.address",
                     "missing; expected where the sorry server listens");
    }
}

}  // namespace director::config
