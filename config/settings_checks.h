// The settings of health checks. Part of settings.h, which says what a visitor is.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "config/model_checks.h"
#include "config/setting_forms.h"

namespace director::config {

extern const TextForm<std::optional<Duration>> kOptionalDurationForm;
extern const TextForm<std::optional<IpAddress>> kOptionalAddressForm;
extern const TextForm<Endpoint> kSorryAddressForm;
extern const TextForm<std::string> kAnyTextForm;
extern const TextForm<std::string> kWordForm;
extern const TextForm<std::string> kUrlPathForm;
extern const TextForm<std::string> kCommandForm;
extern const TextForm<std::string> kOptionalInterfaceForm;
extern const TextForm<StatusCodes> kStatusCodesForm;
extern const TextForm<PatternOption> kPatternOptionForm;
extern const TextForm<Bytes> kBytesForm;

inline constexpr std::array kCheckTypes{Choice<CheckType>{"tcp", CheckType::kTcp},
                                        Choice<CheckType>{"http", CheckType::kHttp},
                                        Choice<CheckType>{"https", CheckType::kHttps},
                                        Choice<CheckType>{"tls", CheckType::kTls},
                                        Choice<CheckType>{"ping", CheckType::kPing},
                                        Choice<CheckType>{"udp", CheckType::kUdp},
                                        Choice<CheckType>{"dns", CheckType::kDns},
                                        Choice<CheckType>{"smtp", CheckType::kSmtp},
                                        Choice<CheckType>{"script", CheckType::kScript},
                                        Choice<CheckType>{"passive", CheckType::kPassive}};
inline constexpr std::array kHttpVersions{Choice<HttpVersion>{"1.0", HttpVersion::k10},
                                          Choice<HttpVersion>{"1.0c", HttpVersion::k10Close},
                                          Choice<HttpVersion>{"1.1", HttpVersion::k11}};
inline constexpr std::array kScriptWeights{
    Choice<ScriptWeight>{"none", ScriptWeight::kNone},
    Choice<ScriptWeight>{"exit-code", ScriptWeight::kExitCode},
    Choice<ScriptWeight>{"printed", ScriptWeight::kPrinted}};
inline constexpr std::array kDnsTypes{Choice<DnsType>{"A", DnsType::kA},
                                      Choice<DnsType>{"NS", DnsType::kNs},
                                      Choice<DnsType>{"CNAME", DnsType::kCname},
                                      Choice<DnsType>{"SOA", DnsType::kSoa},
                                      Choice<DnsType>{"PTR", DnsType::kPtr},
                                      Choice<DnsType>{"MX", DnsType::kMx},
                                      Choice<DnsType>{"TXT", DnsType::kTxt},
                                      Choice<DnsType>{"AAAA", DnsType::kAaaa},
                                      Choice<DnsType>{"SRV", DnsType::kSrv},
                                      Choice<DnsType>{"ANY", DnsType::kAny}};
inline constexpr std::array kPatternOptions{
    Choice<PatternOption>{"caseless", PatternOption::kCaseless},
    Choice<PatternOption>{"dollar-endonly", PatternOption::kDollarEndOnly},
    Choice<PatternOption>{"dotall", PatternOption::kDotAll},
    Choice<PatternOption>{"extended", PatternOption::kExtended},
    Choice<PatternOption>{"firstline", PatternOption::kFirstLine},
    Choice<PatternOption>{"multiline", PatternOption::kMultiline},
    Choice<PatternOption>{"no-auto-capture", PatternOption::kNoAutoCapture},
    Choice<PatternOption>{"ungreedy", PatternOption::kUngreedy},
    Choice<PatternOption>{"ucp", PatternOption::kUnicode},
    Choice<PatternOption>{"utf", PatternOption::kUtf}};

template <typename Visitor>
void visit_settings(CheckUrl& url, Visitor& visitor) {
    constexpr Range kOffsets{0, 1 << 30};
    visitor.text("path", url.path, kUrlPathForm, Need::kOptional);
    visitor.text("host", url.host, kAnyTextForm, Need::kOptional);
    visitor.texts("status", url.status, kStatusCodesForm);
    visitor.text("digest", url.digest, kAnyTextForm, Need::kOptional);
    visitor.text("pattern", url.pattern, kAnyTextForm, Need::kOptional);
    visitor.flag("pattern_must_match", url.pattern_must_match);
    visitor.texts("pattern_options", url.pattern_options, kPatternOptionForm);
    visitor.number("pattern_min_offset", url.pattern_min_offset, kOffsets, Need::kOptional);
    visitor.number("pattern_max_offset", url.pattern_max_offset, kOffsets, Need::kOptional);
}

template <typename Visitor>
void visit_settings(CheckHttp& http, Visitor& visitor) {
    visitor.list("urls", http.urls);
    visitor.text("host", http.host, kAnyTextForm, Need::kOptional);
    visitor.choice("version", http.version, std::span(kHttpVersions));
}

template <typename Visitor>
void visit_settings(CheckTls& tls, Visitor& visitor) {
    visitor.flag("send_sni", tls.send_sni);
    visitor.text("sni", tls.sni, kAnyTextForm, Need::kOptional);
    visitor.flag("verify", tls.verify);
}

template <typename Visitor>
void visit_settings(CheckUdp& udp, Visitor& visitor) {
    constexpr Range kLengths{0, 65535};
    visitor.text("payload", udp.payload, kBytesForm, Need::kOptional);
    visitor.flag("require_reply", udp.require_reply);
    visitor.text("reply", udp.reply, kBytesForm, Need::kOptional);
    visitor.text("reply_mask", udp.reply_mask, kBytesForm, Need::kOptional);
    visitor.number("reply_length_min", udp.reply_length_min, kLengths, Need::kOptional);
    visitor.number("reply_length_max", udp.reply_length_max, kLengths, Need::kOptional);
}

template <typename Visitor>
void visit_settings(CheckDns& dns, Visitor& visitor) {
    visitor.choice("type", dns.type, std::span(kDnsTypes));
    visitor.text("name", dns.name, kWordForm, Need::kOptional);
}

template <typename Visitor>
void visit_settings(CheckSmtp& smtp, Visitor& visitor) {
    visitor.text("helo_name", smtp.helo_name, kWordForm, Need::kOptional);
}

template <typename Visitor>
void visit_settings(CheckScript& script, Visitor& visitor) {
    visitor.texts("command", script.command, kCommandForm);
    visitor.text("user", script.user, kAnyTextForm, Need::kOptional);
    visitor.choice("weight", script.weight, std::span(kScriptWeights));
}

template <typename Visitor>
void visit_settings(CheckPassive& passive, Visitor& visitor) {
    constexpr Range kPercent{0, 100};
    visitor.number("connections_min", passive.connections_min, {1, 1'000'000'000}, Need::kOptional);
    visitor.number("unanswered_percent", passive.unanswered_percent, kPercent, Need::kOptional);
    visitor.number("reset_percent", passive.reset_percent, kPercent, Need::kOptional);
    visitor.text("hold", passive.hold, kDurationForm, Need::kOptional);
}

template <typename Visitor>
void visit_settings(HealthCheck& check, Visitor& visitor) {
    constexpr Need kOptional = Need::kOptional;
    constexpr Range kPorts{0, 65535};
    constexpr Range kTimes{1, 1000};
    visitor.choice("type", check.type, std::span(kCheckTypes));
    visitor.text("address", check.address, kOptionalAddressForm, kOptional);
    visitor.number("port", check.port, kPorts, kOptional);
    visitor.text("source", check.source, kOptionalAddressForm, kOptional);
    visitor.number("source_port", check.source_port, kPorts, kOptional);
    visitor.text("interface", check.interface, kOptionalInterfaceForm, kOptional);
    visitor.number("mark", check.mark, {0, 4294967295}, kOptional);
    visitor.flag("through_forwarding", check.through_forwarding);
    visitor.text("interval", check.interval, kDurationForm, kOptional);
    visitor.text("timeout", check.timeout, kOptionalDurationForm, kOptional);
    visitor.number("retries", check.retries, {-1, 1000}, kOptional);
    visitor.text("retry_delay", check.retry_delay, kOptionalDurationForm, kOptional);
    visitor.text("warm_up", check.warm_up, kOptionalDurationForm, kOptional);
    visitor.number("rise", check.rise, kTimes, kOptional);
    visitor.number("fall", check.fall, kTimes, kOptional);
    visitor.flag("log_all_failures", check.log_all_failures);
    visitor.group("http", check.http);
    visitor.group("tls", check.tls);
    visitor.group("udp", check.udp);
    visitor.group("dns", check.dns);
    visitor.group("smtp", check.smtp);
    visitor.group("script", check.script);
    visitor.group("passive", check.passive);
}

template <typename Visitor>
void visit_settings(SlowStart& ramp, Visitor& visitor) {
    visitor.text("duration", ramp.duration, kDurationForm, Need::kOptional);
    visitor.number("first_percent", ramp.first_percent, {1, 100}, Need::kOptional);
}

// These two stand among the settings of what they belong to.
template <typename Visitor>
void visit_settings(ServerHealth& health, Visitor& visitor) {
    visitor.list("checks", health.checks);
    visitor.flag("inhibit_on_failure", health.inhibit_on_failure);
    visitor.texts("notify_up", health.notify_up, kCommandForm);
    visitor.texts("notify_down", health.notify_down, kCommandForm);
    visitor.group("slow_start", health.slow_start);
}

template <typename Visitor>
void visit_settings(ServiceHealth& health, Visitor& visitor) {
    constexpr Range kWeights{0, 2147483647};
    visitor.list("checks", health.checks);
    visitor.flag("alpha", health.alpha);
    visitor.flag("omega", health.omega);
    visitor.number("quorum", health.quorum, {1, kWeights.max}, Need::kOptional);
    visitor.number("quorum_hysteresis", health.quorum_hysteresis, kWeights, Need::kOptional);
    visitor.texts("quorum_up", health.quorum_up, kCommandForm);
    visitor.texts("quorum_down", health.quorum_down, kCommandForm);
    visitor.number(
        "passive_share_max_percent", health.passive_share_max_percent, {0, 100}, Need::kOptional);
}

template <typename Visitor>
void visit_settings(HealthChecks& checks, Visitor& visitor) {
    visitor.flag("notify_first_state", checks.notify_first_state);
    visitor.number("probes_max", checks.probes_max, {1, 1 << 20}, Need::kOptional);
    visitor.number("scripts_max", checks.scripts_max, {1, 65536}, Need::kOptional);
}

}  // namespace director::config
