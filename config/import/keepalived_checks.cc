#include "config/import/keepalived_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

#include "config/settings_checks.h"

namespace director::config {
namespace {

// A checker while it is read: `defaults` are overwritten by its own words.
struct Checker {
    HealthCheck check;
    CheckDefaults defaults;
};

template <typename T>
void take_default(const Statement& statement, T& to, ImportState& state) {
    take_check_default(statement, to.defaults, state);
}

// --- words of every checker ---

void take_connect_address(const Statement& statement, Checker& to, ImportState& state) {
    if (const auto address = read_address(statement, 1, state)) {
        to.check.address = address;
    }
}
void take_source_address(const Statement& statement, Checker& to, ImportState& state) {
    if (const auto address = read_address(statement, 1, state)) {
        to.check.source = address;
    }
}
template <uint16_t HealthCheck::*kMember>
void take_port(const Statement& statement, Checker& to, ImportState& state) {
    if (const auto port = read_number(statement, 1, 1, 65535, state)) {
        to.check.*kMember = static_cast<uint16_t>(*port);
    }
}
void take_check_interface(const Statement& statement, Checker& to, ImportState& /*state*/) {
    to.check.interface = statement.word(1);
}
void take_mark(const Statement& statement, Checker& to, ImportState& state) {
    if (const auto mark =
            read_number(statement, 1, 0, std::numeric_limits<uint32_t>::max(), state)) {
        to.check.mark = static_cast<uint32_t>(*mark);
    }
}
void take_log_all(const Statement& statement, Checker& to, ImportState& state) {
    to.check.log_all_failures = read_flag(statement, state).value_or(false);
}

constexpr std::array kCommonWords{
    Keyword<Checker>{"connect_ip", take_connect_address},
    Keyword<Checker>{"connect_port", take_port<&HealthCheck::port>},
    Keyword<Checker>{"bindto", take_source_address},
    Keyword<Checker>{"bind_port", take_port<&HealthCheck::source_port>},
    Keyword<Checker>{"bind_if", take_check_interface},
    Keyword<Checker>{"connect_timeout", take_default<Checker>},
    Keyword<Checker>{"fwmark", take_mark},
    Keyword<Checker>{"retry", take_default<Checker>},
    Keyword<Checker>{"nb_get_retry", take_default<Checker>},
    Keyword<Checker>{"nb_sock_retry", take_default<Checker>},
    Keyword<Checker>{"delay_before_retry", take_default<Checker>},
    Keyword<Checker>{"warmup", take_default<Checker>},
    Keyword<Checker>{"delay_loop", take_default<Checker>},
    Keyword<Checker>{"virtualhost", take_default<Checker>},
    Keyword<Checker>{"alpha", nullptr, "alpha is the whole service's; write it in virtual_server"},
    Keyword<Checker>{"log_all_failures", take_log_all},
};

// --- HTTP_GET, SSL_GET ---

void take_path(const Statement& statement, CheckUrl& to, ImportState& /*state*/) {
    to.path = statement.word(1);
}
void take_digest(const Statement& statement, CheckUrl& to, ImportState& /*state*/) {
    to.digest = statement.word(1);
    std::transform(to.digest.begin(), to.digest.end(), to.digest.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
}
void take_status(const Statement& statement, CheckUrl& to, ImportState& state) {
    std::vector<StatusCodes> codes;
    for (size_t i = 1; i < statement.words.size(); ++i) {
        StatusCodes code;
        if (kStatusCodesForm.read(statement.word(i), code)) {
            codes.push_back(code);
        } else {
            state.lost(
                statement,
                fmt::format("status_code: expected a code such as 200 or 200-299, found \"{}\"",
                            statement.word(i)));
        }
    }
    if (!codes.empty()) {
        to.status = codes;
    }
}
void take_url_host(const Statement& statement, CheckUrl& to, ImportState& /*state*/) {
    to.host = statement.word(1);
}
void take_pattern(const Statement& statement, CheckUrl& to, ImportState& /*state*/) {
    to.pattern = statement.word(1);
}
void take_no_match(const Statement& /*statement*/, CheckUrl& to, ImportState& /*state*/) {
    to.pattern_must_match = false;
}
// keepalived's are PCRE2's names: "CASELESS", "dollar_endonly".
void take_pattern_options(const Statement& statement, CheckUrl& to, ImportState& state) {
    constexpr std::array<std::pair<std::string_view, PatternOption>, 10> kNames{{
        {"caseless", PatternOption::kCaseless},
        {"dollar_endonly", PatternOption::kDollarEndOnly},
        {"dotall", PatternOption::kDotAll},
        {"extended", PatternOption::kExtended},
        {"firstline", PatternOption::kFirstLine},
        {"multiline", PatternOption::kMultiline},
        {"no_auto_capture", PatternOption::kNoAutoCapture},
        {"ungreedy", PatternOption::kUngreedy},
        {"ucp", PatternOption::kUnicode},
        {"utf", PatternOption::kUtf},
    }};
    for (size_t i = 1; i < statement.words.size(); ++i) {
        std::string word(statement.word(i));
        std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) {
            return static_cast<char>(std::tolower(c));
        });
        const auto* const found = std::find_if(
            kNames.begin(), kNames.end(), [&](const auto& name) { return name.first == word; });
        if (found != kNames.end()) {
            to.pattern_options.push_back(found->second);
        } else {
            state.lost(statement,
                       fmt::format("regex_options: \"{}\" is not known", statement.word(i)));
        }
    }
}
template <uint32_t CheckUrl::*kMember>
void take_offset(const Statement& statement, CheckUrl& to, ImportState& state) {
    if (const auto offset =
            read_number(statement, 1, 0, std::numeric_limits<int32_t>::max(), state)) {
        to.*kMember = static_cast<uint32_t>(*offset);
    }
}

constexpr std::array kUrlWords{
    Keyword<CheckUrl>{"path", take_path},
    Keyword<CheckUrl>{"digest", take_digest},
    Keyword<CheckUrl>{"status_code", take_status},
    Keyword<CheckUrl>{"virtualhost", take_url_host},
    Keyword<CheckUrl>{"regex", take_pattern},
    Keyword<CheckUrl>{"regex_no_match", take_no_match},
    Keyword<CheckUrl>{"regex_options", take_pattern_options},
    Keyword<CheckUrl>{"regex_min_offset", take_offset<&CheckUrl::pattern_min_offset>},
    Keyword<CheckUrl>{"regex_max_offset", take_offset<&CheckUrl::pattern_max_offset>},
    Keyword<CheckUrl>{"regex_stack", nullptr, "is not needed", Gravity::kRemark},
    Keyword<CheckUrl>{
        "tls_compliant", nullptr, "a close without TLS's farewell is accepted", Gravity::kRemark},
};

void take_url(const Statement& statement, Checker& to, ImportState& state) {
    CheckUrl url;
    take_block<CheckUrl>(statement.block, kUrlWords, url, state);
    to.check.http.urls.push_back(std::move(url));
}
void take_http_version(const Statement& statement, Checker& to, ImportState& state) {
    const std::string_view word = statement.word(1);
    if (word == "1.0" || word == "1.0C" || word == "1.0c" || word == "1.1") {
        to.check.http.version = word == "1.0"   ? HttpVersion::k10
                                : word == "1.1" ? HttpVersion::k11
                                                : HttpVersion::k10Close;
    } else {
        state.lost(statement,
                   fmt::format("http_protocol: expected 1.0, 1.0C or 1.1, found \"{}\"", word));
    }
}
void take_sni(const Statement& statement, Checker& to, ImportState& /*state*/) {
    to.check.tls.send_sni = true;
    to.check.tls.sni = statement.word(1);
}

constexpr std::array kHttpWords{
    Keyword<Checker>{"url", take_url},
    Keyword<Checker>{"http_protocol", take_http_version},
    Keyword<Checker>{"enable_sni", take_sni},
    Keyword<Checker>{"sni_name", take_sni},
    Keyword<Checker>{"fast_recovery",
                     nullptr,
                     "a round asks for every URL, so that it is always fast",
                     Gravity::kRemark},
    Keyword<Checker>{"genhash_cert", nullptr, "not a keyword of keepalived.conf"},
};

// --- the others ---

void take_helo(const Statement& statement, Checker& to, ImportState& /*state*/) {
    to.check.smtp.helo_name = statement.word(1);
}
void take_host_block(const Statement& statement, Checker& to, ImportState& state) {
    take_block<Checker>(statement.block, kCommonWords, to, state);
}
constexpr std::array kSmtpWords{
    Keyword<Checker>{"helo_name", take_helo},
    Keyword<Checker>{"host", take_host_block},
};

void take_dns_type(const Statement& statement, Checker& to, ImportState& state) {
    for (const auto& type : kDnsTypes) {
        if (type.name == statement.word(1)) {
            to.check.dns.type = type.value;
            return;
        }
    }
    state.lost(statement,
               fmt::format("type: \"{}\" is not asked for; a SOA is, instead", statement.word(1)));
}
void take_dns_name(const Statement& statement, Checker& to, ImportState& /*state*/) {
    to.check.dns.name = statement.word(1);
}
constexpr std::array kDnsWords{
    Keyword<Checker>{"type", take_dns_type},
    Keyword<Checker>{"name", take_dns_name},
};

// Hexadecimal, blanks anywhere; X is a half byte that may be anything.
bool read_hex(const Statement& statement, Bytes& bytes, Bytes& mask, ImportState& state) {
    std::string digits;
    for (size_t i = 1; i < statement.words.size(); ++i) {
        digits += statement.words[i];
    }
    bytes.clear();
    mask.clear();
    for (size_t i = 0; i < digits.size(); ++i) {
        const auto c = static_cast<unsigned char>(digits[i]);
        const bool is_any = c == 'X' || c == 'x';
        if (!is_any && std::isxdigit(c) == 0) {
            state.lost(statement,
                       fmt::format("{}: expected hexadecimal digits", statement.keyword()));
            return false;
        }
        const int digit = is_any ? 0 : std::isdigit(c) != 0 ? c - '0' : std::tolower(c) - 'a' + 10;
        if (i % 2 == 0) {
            bytes.push_back(0);
            mask.push_back(0);
        }
        const int shift = i % 2 == 0 ? 4 : 0;
        bytes.back() = static_cast<uint8_t>(bytes.back() | digit << shift);
        mask.back() = static_cast<uint8_t>(mask.back() | (is_any ? 0 : 0xf) << shift);
    }
    return true;
}
void take_payload(const Statement& statement, Checker& to, ImportState& state) {
    Bytes mask;
    if (!read_hex(statement, to.check.udp.payload, mask, state)) {
        to.check.udp.payload.clear();
    }
}
void take_reply(const Statement& statement, Checker& to, ImportState& state) {
    to.check.udp.require_reply = true;
    CheckUdp& udp = to.check.udp;
    if (!read_hex(statement, udp.reply, udp.reply_mask, state)) {
        udp.reply.clear();
        udp.reply_mask.clear();
    }
    if (std::all_of(
            udp.reply_mask.begin(), udp.reply_mask.end(), [](uint8_t m) { return m == 0xff; })) {
        udp.reply_mask.clear();
    }
}
template <uint16_t CheckUdp::*kMember>
void take_reply_length(const Statement& statement, Checker& to, ImportState& state) {
    if (const auto length = read_number(statement, 1, 0, 65535, state)) {
        to.check.udp.*kMember = static_cast<uint16_t>(*length);
    }
}
constexpr std::array kUdpWords{
    Keyword<Checker>{"payload", take_payload},
    Keyword<Checker>{"require_reply", take_reply},
    Keyword<Checker>{"min_reply_length", take_reply_length<&CheckUdp::reply_length_min>},
    Keyword<Checker>{"max_reply_length", take_reply_length<&CheckUdp::reply_length_max>},
};

void take_script_path(const Statement& statement, Checker& to, ImportState& state) {
    to.check.script.command = read_command(statement, state);
}
void take_script_timeout(const Statement& statement, Checker& to, ImportState& state) {
    to.check.timeout = read_seconds(statement, 1, state);
}
void take_dynamic(const Statement& /*statement*/, Checker& to, ImportState& /*state*/) {
    to.check.script.weight = ScriptWeight::kExitCode;
}
void take_script_user(const Statement& statement, Checker& to, ImportState& /*state*/) {
    to.check.script.user = statement.word(1);
}
constexpr std::array kScriptWords{
    Keyword<Checker>{"misc_path", take_script_path},
    Keyword<Checker>{"misc_timeout", take_script_timeout},
    Keyword<Checker>{"misc_dynamic", take_dynamic},
    Keyword<Checker>{"user", take_script_user},
};

struct Kind {
    std::string_view keyword;
    CheckType type;
    std::span<const Keyword<Checker>> words;
};
constexpr std::array kKinds{
    Kind{"TCP_CHECK", CheckType::kTcp, {}},
    Kind{"HTTP_GET", CheckType::kHttp, kHttpWords},
    Kind{"SSL_GET", CheckType::kHttps, kHttpWords},
    Kind{"SMTP_CHECK", CheckType::kSmtp, kSmtpWords},
    Kind{"DNS_CHECK", CheckType::kDns, kDnsWords},
    Kind{"UDP_CHECK", CheckType::kUdp, kUdpWords},
    Kind{"PING_CHECK", CheckType::kPing, {}},
    Kind{"MISC_CHECK", CheckType::kScript, kScriptWords},
};

}  // namespace

void take_check_default(const Statement& statement, CheckDefaults& to, ImportState& state) {
    const std::string& keyword = statement.keyword();
    if (keyword == "virtualhost") {
        to.host = statement.word(1);
        return;
    }
    if (keyword == "retry" || keyword == "nb_get_retry" || keyword == "nb_sock_retry") {
        if (const auto retries = read_number(statement, 1, 0, 1000, state)) {
            to.retries = static_cast<int32_t>(*retries);
        }
        return;
    }
    const auto seconds = read_seconds(statement, 1, state);
    if (!seconds) {
        return;
    }
    if (keyword == "delay_loop" && *seconds == Duration::zero()) {
        state.lost(statement, "delay_loop 0 is ignored, as in keepalived");
        return;
    }
    auto& member = keyword == "delay_loop"        ? to.interval
                   : keyword == "connect_timeout" ? to.timeout
                   : keyword == "warmup"          ? to.warm_up
                                                  : to.retry_delay;
    member = seconds;
}

std::optional<HealthCheck> read_checker(const Statement& statement,
                                        const CheckDefaults& defaults,
                                        ImportState& state) {
    const auto* const kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& one) {
        return one.keyword == statement.keyword();
    });
    if (kind == kKinds.end()) {
        return std::nullopt;
    }
    Checker checker;
    checker.check.type = kind->type;
    checker.defaults = defaults;
    std::vector<Keyword<Checker>> words(kCommonWords.begin(), kCommonWords.end());
    words.insert(words.end(), kind->words.begin(), kind->words.end());
    take_block<Checker>(statement.block, words, checker, state);

    HealthCheck& check = checker.check;
    const CheckDefaults& said = checker.defaults;
    check.interval = said.interval.value_or(check.interval);
    if (kind->type != CheckType::kScript) {
        check.timeout = said.timeout;
        check.retries = said.retries.value_or(check.retries);
        check.retry_delay = said.retry_delay;
    } else if (check.script.command.empty()) {
        state.lost(statement, "MISC_CHECK: expected a misc_path");
        return std::nullopt;
    }
    check.warm_up = said.warm_up;
    if (kind->type == CheckType::kHttp || kind->type == CheckType::kHttps) {
        check.http.host = said.host;
    }
    return check;
}

}  // namespace director::config
