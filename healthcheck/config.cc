#include "healthcheck/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include "healthcheck/codecs/body_pattern.h"
#include "healthcheck/codecs/dns_message.h"
#include "healthcheck/names.h"

namespace director::healthcheck {
namespace {

constexpr size_t kInterfaceNameMax = 15;  // IFNAMSIZ - 1
constexpr size_t kUdpPayloadMax = 1400;
constexpr size_t kDigestCharacters = 32;
constexpr uint32_t kWeightWithoutSteps = 10;

bool has_space_or_control(std::string_view text) {
    return std::any_of(
        text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

bool is_digest(std::string_view text) {
    return text.size() == kDigestCharacters &&
           std::all_of(
               text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

class Findings {
  public:
    void error(std::string text) { add(Finding::Weight::kError, std::move(text)); }
    void warning(std::string text) { add(Finding::Weight::kWarning, std::move(text)); }
    void error_if(bool is_wrong, std::string_view text) {
        if (is_wrong) {
            error(std::string(text));
        }
    }
    void stand_at(std::string where) { where_ = std::move(where); }
    [[nodiscard]] std::vector<Finding> take() { return std::move(list_); }

  private:
    void add(Finding::Weight weight, std::string text) {
        list_.push_back({weight, where_, std::move(text)});
    }
    std::string where_;
    std::vector<Finding> list_;
};

void check_timing(const Timing& timing, Findings& findings) {
    findings.error_if(timing.interval <= Duration::zero(),
                      "interval is 0: expected more, the time from one probe to the next");
    findings.error_if(timing.timeout <= Duration::zero(),
                      "timeout is 0: expected more, the time that a probe may take");
    findings.error_if(timing.retry_delay < Duration::zero(),
                      "retry delay is negative: expected 0 or more");
    findings.error_if(timing.warm_up < Duration::zero(), "warm-up is negative: expected 0 or more");
    findings.error_if(timing.rise == 0, "rise is 0: expected 1 or more passed rounds");
    findings.error_if(timing.fall == 0, "fall is 0: expected 1 or more failed rounds");
}

void check_target(const CheckSettings& check, Findings& findings) {
    const Target& target = check.target;
    const bool has_port = !std::holds_alternative<PingCheck>(check.sort) &&
                          !std::holds_alternative<ScriptCheck>(check.sort) &&
                          !std::holds_alternative<PassiveCheck>(check.sort);
    findings.error_if(has_port && target.to.port.host() == 0,
                      "port is 0: expected 1..65535, the server's or `connect_port`");
    findings.error_if(
        !std::holds_alternative<ScriptCheck>(check.sort) && target.to.address.is_any(),
        "no address to probe: expected the server's or `connect_ip`");
    findings.error_if(target.source && target.source->family() != target.to.address.family(),
                      "source address and server are of different families: expected both IPv4 "
                      "or both IPv6");
    if (target.interface.size() > kInterfaceNameMax) {
        findings.error(fmt::format("interface \"{}\": expected a name of at most {} characters",
                                   target.interface,
                                   kInterfaceNameMax));
    }
}

void check_url(const Url& url, Findings& findings) {
    if (!url.path.starts_with('/') || has_space_or_control(url.path)) {
        findings.error(fmt::format("path \"{}\": expected one that begins with / and has no spaces",
                                   url.path));
    }
    findings.error_if(has_space_or_control(url.host), "host: expected a name without spaces");
    if (!url.digest.empty() && !is_digest(url.digest)) {
        findings.error(fmt::format(
            "digest \"{}\": expected {} hexadecimal digits", url.digest, kDigestCharacters));
    }
    findings.error_if(url.status.empty(), "no status codes: expected at least one, such as 200");
    for (const StatusRange& range : url.status) {
        if (range.first < 100 || range.last > 999 || range.first > range.last) {
            findings.error(fmt::format(
                "status codes {}-{}: expected a range within 100-999", range.first, range.last));
        }
    }
    const BodyPattern& body = url.body;
    if (!body.pattern.empty()) {
        if (const auto compiled = BodyMatcher::compile(body); !compiled) {
            findings.error(fmt::format("regex \"{}\": expected a PCRE2 pattern, but {}",
                                       body.pattern,
                                       compiled.error().message));
        }
        findings.error_if(body.max_offset != 0 && body.max_offset < body.min_offset,
                          "regex_max_offset is below regex_min_offset: expected it above");
    }
}

void check_command(const Command& command, std::string_view what, Findings& findings) {
    if (!command.is_set()) {
        return;
    }
    if (!command.arguments.front().starts_with('/')) {
        findings.error(fmt::format(
            "{} \"{}\": expected the absolute path of a program", what, command.arguments.front()));
    }
    if (command.timeout <= Duration::zero()) {
        findings.error(fmt::format("{}: expected a timeout above 0", what));
    }
}

struct SortChecker {
    Findings& findings;

    void operator()(const TcpCheck& /*check*/) const {}
    void operator()(const PingCheck& /*check*/) const {}
    void operator()(const HttpCheck& check) const {
        findings.error_if(check.urls.empty(), "no url: expected at least one");
        findings.error_if(has_space_or_control(check.host), "host: expected a name without spaces");
        findings.error_if(has_space_or_control(check.sni), "SNI: expected a name without spaces");
        for (const Url& url : check.urls) {
            check_url(url, findings);
        }
    }
    void operator()(const TlsCheck& check) const {
        findings.error_if(has_space_or_control(check.sni), "SNI: expected a name without spaces");
        findings.error_if(check.verify && check.sni.empty(),
                          "verify without SNI: expected the name that the certificate is for");
    }
    void operator()(const UdpCheck& check) const {
        if (check.payload.size() > kUdpPayloadMax) {
            findings.error(fmt::format(
                "payload of {} bytes: expected at most {}", check.payload.size(), kUdpPayloadMax));
        }
        findings.error_if(check.reply.size() != check.reply_mask.size(),
                          "reply and its mask differ in length: expected the same");
        findings.error_if(check.reply_length_min > check.reply_length_max,
                          "min_reply_length is above max_reply_length: expected it below");
        findings.error_if(check.reply.size() > check.reply_length_max,
                          "reply is longer than max_reply_length: expected it shorter");
    }
    void operator()(const DnsCheck& check) const {
        if (const auto name = encode_dns_name(check.name); !name) {
            findings.error(
                fmt::format("name \"{}\": expected {}", check.name, name.error().message));
        }
    }
    void operator()(const SmtpCheck& check) const {
        findings.error_if(check.helo_name.empty() || has_space_or_control(check.helo_name),
                          "helo_name: expected a host name without spaces");
    }
    void operator()(const ScriptCheck& check) const {
        findings.error_if(!check.command.is_set(), "no script: expected a program's path");
        check_command(check.command, "script", findings);
    }
    void operator()(const PassiveCheck& check) const {
        findings.error_if(check.connections_min == 0, "connections_min is 0: expected 1 or more");
        findings.error_if(check.unanswered_percent > 100 || check.reset_percent > 100,
                          "a share is above 100 percent: expected 0..100");
        findings.error_if(check.unanswered_percent == 0 && check.reset_percent == 0,
                          "looks at neither unanswered SYNs nor resets: expected a share above 0");
    }
};

void check_server(const ServiceSettings& service,
                  const ServerSettings& server,
                  Findings& findings) {
    const std::string name =
        fmt::format("{} real server {}", service.name, to_string(server.endpoint));
    findings.stand_at(name);
    check_command(server.notify_up, "notify_up", findings);
    check_command(server.notify_down, "notify_down", findings);
    const SlowStart& ramp = server.slow_start;
    findings.error_if(ramp.duration < Duration::zero(), "slow start: expected 0 or more");
    if (ramp.duration > Duration::zero()) {
        findings.error_if(ramp.first_percent == 0 || ramp.first_percent > 100,
                          "slow start's first share: expected 1..100 percent");
        if (server.weight > 0 && server.weight < kWeightWithoutSteps) {
            findings.warning(fmt::format(
                "slow start has few steps or none with weight {}: weights of {} or more have",
                server.weight,
                kWeightWithoutSteps));
        }
    }
    for (size_t i = 0; i < server.checks.size(); ++i) {
        const CheckSettings& check = server.checks[i];
        findings.stand_at(fmt::format("{} check {} ({})", name, i + 1, to_string(check.sort)));
        check_timing(check.timing, findings);
        check_target(check, findings);
        std::visit(SortChecker{findings}, check.sort);
    }
}

void check_service(const ServiceSettings& service, Findings& findings) {
    findings.stand_at(service.name);
    uint64_t total = 0;
    std::set<Endpoint> seen;
    for (const ServerSettings& server : service.servers) {
        total += server.weight;
        if (!seen.insert(server.endpoint).second) {
            findings.error(fmt::format("real server {} is there twice: expected once",
                                       to_string(server.endpoint)));
        }
    }
    findings.error_if(service.quorum == 0, "quorum is 0: expected 1 or more");
    if (service.quorum > total && total > 0) {
        findings.warning(fmt::format(
            "quorum {} is above the sum of all weights: {} counts", service.quorum, total));
    }
    if (service.hysteresis >= service.quorum && service.quorum > 0 && service.hysteresis > 0) {
        findings.error(fmt::format("hysteresis {}: expected less than the quorum, which is {}",
                                   service.hysteresis,
                                   service.quorum));
    }
    findings.error_if(service.passive_share_max_percent > 100,
                      "share that passive checks may take out: expected 0..100 percent");
    check_command(service.quorum_up, "quorum_up", findings);
    check_command(service.quorum_down, "quorum_down", findings);
    if (service.sorry_server && seen.contains(service.sorry_server->endpoint)) {
        findings.warning(
            "the sorry server is also a real server: it serves whether it works or not");
    }
    for (const ServerSettings& server : service.servers) {
        check_server(service, server, findings);
    }
}

template <typename T>
void take_first(T& value,
                std::span<const TimingWishes> wishes,
                std::optional<T> TimingWishes::*wish) {
    const auto found = std::find_if(wishes.begin(), wishes.end(), [wish](const TimingWishes& one) {
        return (one.*wish).has_value();
    });
    if (found != wishes.end()) {
        value = *((*found).*wish);
    }
}

}  // namespace

std::vector<Finding> validate(const Settings& settings) {
    Findings findings;
    findings.stand_at("health checks");
    findings.error_if(settings.probes_max == 0, "probes at a time: expected 1 or more");
    findings.error_if(settings.scripts_max == 0, "scripts at a time: expected 1 or more");
    std::set<std::string_view> names;
    for (const ServiceSettings& service : settings.services) {
        check_service(service, findings);
        findings.stand_at(service.name);
        findings.error_if(service.name.empty(), "a service without name: expected one");
        findings.error_if(!names.insert(service.name).second,
                          "two services have this name: expected each to have its own");
    }
    return findings.take();
}

// Reference: keepalived 2.2, check_*.c: retry and delay_before_retry of each checker.
Timing resolve_timing(const CheckSort& sort, std::span<const TimingWishes> wishes) {
    Timing timing;
    take_first(timing.interval, wishes, &TimingWishes::interval);
    timing.warm_up = timing.interval;
    if (std::holds_alternative<HttpCheck>(sort)) {
        timing.retry_delay = std::chrono::seconds(3);
    } else if (std::holds_alternative<DnsCheck>(sort)) {
        timing.retries = 3;
        timing.retry_delay = timing.interval;
    } else if (std::holds_alternative<ScriptCheck>(sort)) {
        timing.retries = 0;
        timing.timeout = timing.interval;
    } else if (std::holds_alternative<PassiveCheck>(sort)) {
        timing.retries = 0;
    }
    take_first(timing.timeout, wishes, &TimingWishes::timeout);
    take_first(timing.retries, wishes, &TimingWishes::retries);
    take_first(timing.retry_delay, wishes, &TimingWishes::retry_delay);
    take_first(timing.warm_up, wishes, &TimingWishes::warm_up);
    take_first(timing.rise, wishes, &TimingWishes::rise);
    take_first(timing.fall, wishes, &TimingWishes::fall);
    return timing;
}

}  // namespace director::healthcheck
