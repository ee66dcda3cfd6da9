#include "controlplane/daemon/health_settings.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "controlplane/plan/translate.h"
#include "healthcheck/names.h"

namespace director::daemon {

using healthcheck::CheckSettings;
using healthcheck::CheckSort;
using healthcheck::ServerSettings;
using healthcheck::ServiceSettings;
using healthcheck::Settings;

namespace {

uint32_t pcre2_option(config::PatternOption option) {
    using From = config::PatternOption;
    switch (option) {
        case From::kCaseless:
            return PCRE2_CASELESS;
        case From::kDollarEndOnly:
            return PCRE2_DOLLAR_ENDONLY;
        case From::kDotAll:
            return PCRE2_DOTALL;
        case From::kExtended:
            return PCRE2_EXTENDED;
        case From::kFirstLine:
            return PCRE2_FIRSTLINE;
        case From::kMultiline:
            return PCRE2_MULTILINE;
        case From::kNoAutoCapture:
            return PCRE2_NO_AUTO_CAPTURE;
        case From::kUngreedy:
            return PCRE2_UNGREEDY;
        case From::kUnicode:
            return PCRE2_UCP;
        case From::kUtf:
            return PCRE2_UTF;
    }
    return 0;
}

healthcheck::HttpVersion translated(config::HttpVersion version) {
    switch (version) {
        case config::HttpVersion::k10:
            return healthcheck::HttpVersion::k10;
        case config::HttpVersion::k10Close:
            return healthcheck::HttpVersion::k10Close;
        case config::HttpVersion::k11:
            return healthcheck::HttpVersion::k11;
    }
    return healthcheck::HttpVersion::k10;
}

healthcheck::ScriptWeight translated(config::ScriptWeight weight) {
    switch (weight) {
        case config::ScriptWeight::kNone:
            return healthcheck::ScriptWeight::kNone;
        case config::ScriptWeight::kExitCode:
            return healthcheck::ScriptWeight::kExitCode;
        case config::ScriptWeight::kPrinted:
            return healthcheck::ScriptWeight::kPrinted;
    }
    return healthcheck::ScriptWeight::kNone;
}

healthcheck::Url translated(const config::CheckUrl& url) {
    healthcheck::Url to;
    to.path = url.path;
    to.host = url.host;
    to.digest = url.digest;
    to.status.clear();
    for (const config::StatusCodes& codes : url.status) {
        to.status.push_back({codes.first, codes.last});
    }
    to.body.pattern = url.pattern;
    to.body.must_match = url.pattern_must_match;
    for (const config::PatternOption option : url.pattern_options) {
        to.body.options |= pcre2_option(option);
    }
    to.body.min_offset = url.pattern_min_offset;
    to.body.max_offset = url.pattern_max_offset;
    return to;
}

healthcheck::HttpCheck http_of(const config::HealthCheck& check) {
    healthcheck::HttpCheck to;
    if (!check.http.urls.empty()) {
        to.urls.clear();
    }
    for (const config::CheckUrl& url : check.http.urls) {
        to.urls.push_back(translated(url));
    }
    to.host = check.http.host;
    to.version = translated(check.http.version);
    to.tls = check.type == config::CheckType::kHttps;
    to.send_sni = check.tls.send_sni;
    to.sni = check.tls.sni;
    to.verify = check.tls.verify;
    return to;
}

healthcheck::UdpCheck translated(const config::CheckUdp& udp) {
    constexpr uint8_t kEveryBit = 0xff;
    healthcheck::UdpCheck to;
    to.payload = udp.payload;
    to.require_reply = udp.require_reply;
    to.reply = udp.reply;
    to.reply_mask =
        udp.reply_mask.empty() ? config::Bytes(udp.reply.size(), kEveryBit) : udp.reply_mask;
    to.reply_length_min = udp.reply_length_min;
    to.reply_length_max = udp.reply_length_max;
    return to;
}

healthcheck::ScriptCheck translated(const config::CheckScript& script) {
    healthcheck::ScriptCheck to;
    to.command.arguments = script.command;
    to.command.user = script.user;
    to.weight = translated(script.weight);
    return to;
}

CheckSort sort_of(const config::HealthCheck& check) {
    switch (check.type) {
        case config::CheckType::kTcp:
            return healthcheck::TcpCheck{};
        case config::CheckType::kHttp:
        case config::CheckType::kHttps:
            return http_of(check);
        case config::CheckType::kTls:
            return healthcheck::TlsCheck{check.tls.sni, check.tls.verify};
        case config::CheckType::kPing:
            return healthcheck::PingCheck{};
        case config::CheckType::kUdp:
            return translated(check.udp);
        case config::CheckType::kDns:
            return healthcheck::DnsCheck{static_cast<uint16_t>(check.dns.type), check.dns.name};
        case config::CheckType::kSmtp:
            return healthcheck::SmtpCheck{check.smtp.helo_name};
        case config::CheckType::kScript:
            return translated(check.script);
        case config::CheckType::kPassive:
            return healthcheck::PassiveCheck{check.passive.connections_min,
                                             check.passive.unanswered_percent,
                                             check.passive.reset_percent,
                                             check.passive.hold};
    }
    return healthcheck::TcpCheck{};
}

healthcheck::TimingWishes wishes_of(const config::HealthCheck& check) {
    healthcheck::TimingWishes wishes;
    wishes.interval = check.interval;
    wishes.timeout = check.timeout;
    if (check.retries >= 0) {
        wishes.retries = static_cast<uint32_t>(check.retries);
    }
    wishes.retry_delay = check.retry_delay;
    wishes.warm_up = check.warm_up;
    wishes.rise = check.rise;
    wishes.fall = check.fall;
    return wishes;
}

[[nodiscard]] bool has_virtual_address_at_server(const config::RealServer& server) {
    return server.forwarding == config::ForwardingMethod::kDirect ||
           server.forwarding == config::ForwardingMethod::kTunnel;
}

// Nothing where the server gets packets to its own address: a plain probe is what clients send.
std::optional<ProbePath> path_of(const config::VirtualService& service,
                                 const config::RealServer& server,
                                 const config::HealthCheck& check) {
    if (!check.through_forwarding || !has_virtual_address_at_server(server)) {
        return std::nullopt;
    }
    const dataplane::RealServerSlot slot = plan::slot_of(server);
    return ProbePath{.virtual_address = check.address.value_or(service.endpoint.address),
                     .server = server.endpoint.address,
                     .forwarding = slot.forwarding,
                     .tunnel = slot.tunnel,
                     .source = check.source};
}

// Where a probe goes; what a sort of check has no use for is left out, so that equal checks of one
// machine are one.
healthcheck::Target target_of(const config::VirtualService& service,
                              const config::RealServer& server,
                              const config::HealthCheck& check) {
    healthcheck::Target to;
    to.to = server.endpoint;
    if (check.type == config::CheckType::kPassive) {
        return to;  // it is about this server's own traffic
    }
    const auto path = path_of(service, server, check);
    to.to.address = path ? path->virtual_address : check.address.value_or(to.to.address);
    if (path && service.endpoint.port != Be16{}) {
        to.to.port = service.endpoint.port;
    }
    if (check.port != 0) {
        to.to.port = Be16::from_host(check.port);
    }
    if (check.type == config::CheckType::kPing) {
        to.to.port = Be16{};
    }
    if (path) {
        to.path = number_of(*path);
        return to;
    }
    to.source = check.source;
    to.source_port = check.source_port;
    to.interface = check.interface;
    to.mark = check.mark;
    return to;
}

CheckSettings check_settings(const config::VirtualService& service,
                             const config::RealServer& server,
                             const config::HealthCheck& check) {
    CheckSettings to;
    to.target = target_of(service, server, check);
    to.sort = sort_of(check);
    const healthcheck::TimingWishes wishes = wishes_of(check);
    to.timing = resolve_timing(to.sort, std::span(&wishes, 1));
    to.log_all_failures = check.log_all_failures;
    return to;
}

healthcheck::Command command_of(const std::vector<std::string>& arguments) {
    healthcheck::Command command;
    command.arguments = arguments;
    return command;
}

// But for its checks.
ServerSettings bare_settings(const config::RealServer& server) {
    ServerSettings to;
    to.endpoint = server.endpoint;
    to.weight = server.weight;
    to.inhibit_on_failure = server.health.inhibit_on_failure;
    to.notify_up = command_of(server.health.notify_up);
    to.notify_down = command_of(server.health.notify_down);
    to.slow_start = {server.health.slow_start.duration, server.health.slow_start.first_percent};
    return to;
}

// But for its servers.
ServiceSettings bare_settings(const config::VirtualService& service) {
    ServiceSettings to;
    to.name = health_name(service);
    to.protocol = service.protocol;
    to.quorum = service.health.quorum;
    to.hysteresis = service.health.quorum_hysteresis;
    to.omega = service.health.omega;
    to.quorum_up = command_of(service.health.quorum_up);
    to.quorum_down = command_of(service.health.quorum_down);
    to.passive_share_max_percent = service.health.passive_share_max_percent;
    if (const config::SorryServer& sorry = service.sorry_server; sorry.is_set()) {
        to.sorry_server = {sorry.endpoint, sorry.weight, sorry.inhibit};
    }
    return to;
}

const std::vector<config::HealthCheck>& checks_of(const config::VirtualService& service,
                                                  const config::RealServer& server) {
    return server.health.checks.empty() ? service.health.checks : server.health.checks;
}

ServiceSettings service_settings(const config::VirtualService& service) {
    ServiceSettings to = bare_settings(service);
    for (const config::RealServer& server : service.real_servers) {
        ServerSettings& added = to.servers.emplace_back(bare_settings(server));
        added.alpha = service.health.alpha;
        for (const config::HealthCheck& check : checks_of(service, server)) {
            added.checks.push_back(check_settings(service, server, check));
        }
    }
    return to;
}

// Asks the library about one thing at a time, so that what it says has a place in the file.
class Mistakes {
  public:
    void find_in(const config::VirtualService& service, const std::string& path) {
        add(bare_settings(service), path);
        for (size_t i = 0; i < service.real_servers.size(); ++i) {
            const config::RealServer& server = service.real_servers[i];
            const std::string server_path = fmt::format("{}.real_servers[{}]", path, i);
            add(with(bare_settings(server)), server_path);
            const std::string& checks_path = server.health.checks.empty() ? path : server_path;
            find_in(service, server, checks_path);
            look_at_passive(service, server, checks_path);
            look_at_paths(service, server, checks_path);
        }
    }
    [[nodiscard]] std::vector<config::Finding> take() { return std::move(list_); }

  private:
    static ServiceSettings with(ServerSettings server) {
        ServiceSettings service;
        service.name = "service";
        service.servers = {std::move(server)};
        return service;
    }

    void find_in(const config::VirtualService& service,
                 const config::RealServer& server,
                 const std::string& path) {
        const auto& checks = checks_of(service, server);
        for (size_t i = 0; i < checks.size(); ++i) {
            ServerSettings settings;
            settings.endpoint = server.endpoint;
            settings.checks = {check_settings(service, server, checks[i])};
            add(with(std::move(settings)), fmt::format("{}.checks[{}]", path, i));
        }
    }

    void look_at_paths(const config::VirtualService& service,
                       const config::RealServer& server,
                       const std::string& path) {
        const auto& checks = checks_of(service, server);
        for (size_t i = 0; i < checks.size(); ++i) {
            if (!checks[i].through_forwarding) {
                continue;
            }
            const std::string at = fmt::format("{}.checks[{}].through_forwarding", path, i);
            for (const std::string_view text : wrong_with_path(checks[i])) {
                add_once(at, std::string(text));
            }
        }
    }

    static std::vector<std::string_view> wrong_with_path(const config::HealthCheck& check) {
        using config::CheckType;
        std::vector<std::string_view> wrong;
        if (check.type == CheckType::kScript || check.type == CheckType::kPassive) {
            return {"only probes can take the clients' way: expected another type"};
        }
        if (check.type == CheckType::kUdp && !check.udp.require_reply) {
            wrong.emplace_back("no answer tells nothing: expected udp.require_reply = true");
        }
        if (!check.interface.empty() || check.mark != 0 || check.source_port != 0) {
            wrong.emplace_back("the way is the clients': expected no interface, mark, source_port");
        }
        return wrong;
    }

    // Workers see what servers say to clients where it comes by them, of TCP.
    void look_at_passive(const config::VirtualService& service,
                         const config::RealServer& server,
                         const std::string& path) {
        const bool is_seen = server.forwarding == config::ForwardingMethod::kNat ||
                             server.forwarding == config::ForwardingMethod::kFullNat;
        const bool is_tcp = service.protocol == Protocol::kTcp || service.mark != 0;
        const auto& checks = checks_of(service, server);
        for (size_t i = 0; i < checks.size(); ++i) {
            const std::string at = fmt::format("{}.checks[{}]", path, i);
            if (checks[i].type == config::CheckType::kPassive && !is_seen) {
                add_once(at,
                         "a passive check needs forwarding \"nat\" or \"full-nat\": other servers' "
                         "answers go past the director");
            }
            if (checks[i].type == config::CheckType::kPassive && !is_tcp) {
                add_once(at, "a passive check needs a service of TCP: it goes by handshakes");
            }
        }
    }

    void add_once(const std::string& path, std::string text) {
        if (seen_.emplace(path, text).second) {
            list_.push_back({path, std::move(text), {}});
        }
    }

    // A check that a service has for all its servers is said once.
    void add(ServiceSettings service, const std::string& path) {
        Settings settings;
        settings.services = {std::move(service)};
        for (healthcheck::Finding& finding : validate(settings)) {
            if (finding.weight == healthcheck::Finding::Weight::kError) {
                add_once(path, std::move(finding.text));
            }
        }
    }

    std::vector<config::Finding> list_;
    std::set<std::pair<std::string, std::string>> seen_;
};

}  // namespace

std::vector<ProbePath> health_paths(const config::Model& model) {
    std::vector<ProbePath> paths;
    std::set<uint64_t> numbers;
    for (const config::VirtualService& service : model.virtual_services) {
        for (const config::RealServer& server : service.real_servers) {
            for (const config::HealthCheck& check : checks_of(service, server)) {
                const auto path = path_of(service, server, check);
                if (path && numbers.insert(number_of(*path)).second) {
                    paths.push_back(*path);
                }
            }
        }
    }
    return paths;
}

bool is_watched(const config::VirtualService& service) {
    // Made once: there may be 100,000 real servers to compare with.
    static const config::ServiceHealth kNoServiceHealth;
    static const config::ServerHealth kNoServerHealth;
    return service.health != kNoServiceHealth || service.sorry_server.is_set() ||
           std::any_of(
               service.real_servers.begin(),
               service.real_servers.end(),
               [](const config::RealServer& server) { return server.health != kNoServerHealth; });
}

std::string health_name(const config::VirtualService& service) {
    if (service.mark != 0) {
        return fmt::format(
            "FWM {}{}", service.mark, service.family() == Family::kIpv6 ? " IPv6" : "");
    }
    return healthcheck::server_name(service.endpoint, service.protocol);
}

Settings health_settings(const config::Model& model) {
    Settings settings;
    settings.notify_first_state = model.health_checks.notify_first_state;
    settings.probes_max = model.health_checks.probes_max;
    settings.scripts_max = model.health_checks.scripts_max;
    for (const config::VirtualService& service : model.virtual_services) {
        if (is_watched(service)) {
            settings.services.push_back(service_settings(service));
        }
    }
    return settings;
}

std::vector<config::Finding> find_health_mistakes(const config::Model& model) {
    Mistakes mistakes;
    for (size_t i = 0; i < model.virtual_services.size(); ++i) {
        if (is_watched(model.virtual_services[i])) {
            mistakes.find_in(model.virtual_services[i], fmt::format("virtual_services[{}]", i));
        }
    }
    return mistakes.take();
}

std::vector<std::string> health_warnings(const Settings& settings) {
    std::vector<std::string> warnings;
    for (const healthcheck::Finding& finding : validate(settings)) {
        if (finding.weight == healthcheck::Finding::Weight::kWarning) {
            warnings.push_back(finding.where + ": " + finding.text);
        }
    }
    return warnings;
}

}  // namespace director::daemon
