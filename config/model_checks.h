// Health checks in the configuration: what is probed, how, and what follows for the service. The
// defaults are keepalived's, but for where a comment says so. Part of model.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/time.h"

namespace director::config {

enum class CheckType {
    kTcp,
    kHttp,
    kHttps,
    kTls,
    kPing,
    kUdp,
    kDns,
    kSmtp,
    kScript,
    kPassive,
};
enum class HttpVersion { k10, k10Close, k11 };
enum class ScriptWeight { kNone, kExitCode, kPrinted };
enum class PatternOption {
    kCaseless,
    kDollarEndOnly,
    kDotAll,
    kExtended,
    kFirstLine,
    kMultiline,
    kNoAutoCapture,
    kUngreedy,
    kUnicode,
    kUtf,
};
enum class DnsType : uint16_t {  // RFC 1035 section 3.2.2, RFC 3596, RFC 2782
    kA = 1,
    kNs = 2,
    kCname = 5,
    kSoa = 6,
    kPtr = 12,
    kMx = 15,
    kTxt = 16,
    kAaaa = 28,
    kSrv = 33,
    kAny = 255,
};

using Bytes = std::vector<uint8_t>;

struct StatusCodes {
    uint16_t first = 200;
    uint16_t last = 299;

    friend bool operator==(const StatusCodes&, const StatusCodes&) = default;
};

struct CheckUrl {
    std::string path = "/";
    std::string host;    // empty: the check's
    std::string digest;  // MD5 of the body in hexadecimal; empty: any body
    std::vector<StatusCodes> status{StatusCodes{}};
    std::string pattern;  // PCRE2; empty: none
    bool pattern_must_match = true;
    std::vector<PatternOption> pattern_options;
    uint32_t pattern_min_offset = 0;
    uint32_t pattern_max_offset = 0;  // 0: anywhere

    friend bool operator==(const CheckUrl&, const CheckUrl&) = default;
};

struct CheckHttp {
    std::vector<CheckUrl> urls;  // none: "/" alone
    std::string host;            // empty: the server's address
    HttpVersion version = HttpVersion::k10;

    friend bool operator==(const CheckHttp&, const CheckHttp&) = default;
};

struct CheckTls {
    bool send_sni = false;
    std::string sni;
    bool verify = false;

    friend bool operator==(const CheckTls&, const CheckTls&) = default;
};

struct CheckUdp {
    Bytes payload;  // empty: keepalived's text
    bool require_reply = false;
    Bytes reply;
    Bytes reply_mask;  // empty: every bit of `reply` counts
    uint16_t reply_length_min = 0;
    uint16_t reply_length_max = 255;

    friend bool operator==(const CheckUdp&, const CheckUdp&) = default;
};

struct CheckDns {
    DnsType type = DnsType::kSoa;
    std::string name = ".";

    friend bool operator==(const CheckDns&, const CheckDns&) = default;
};

struct CheckSmtp {
    std::string helo_name = "smtpchecker.keepalived.org";

    friend bool operator==(const CheckSmtp&, const CheckSmtp&) = default;
};

struct CheckScript {
    std::vector<std::string> command;
    std::string user;  // empty: the daemon's
    ScriptWeight weight = ScriptWeight::kNone;

    friend bool operator==(const CheckScript&, const CheckScript&) = default;
};

// Not keepalived's: judges by the clients' own connections.
struct CheckPassive {
    uint32_t connections_min = 20;
    uint8_t unanswered_percent = 50;  // 0: not looked at
    uint8_t reset_percent = 50;       // 0: not looked at
    Duration hold = std::chrono::seconds(30);

    friend bool operator==(const CheckPassive&, const CheckPassive&) = default;
};

// One check. Of the groups at the end, that of its type counts.
struct HealthCheck {
    CheckType type = CheckType::kTcp;
    std::optional<IpAddress> address;  // nothing: the real server's
    uint16_t port = 0;                 // 0: the real server's
    std::optional<IpAddress> source;
    uint16_t source_port = 0;
    std::string interface;
    uint32_t mark = 0;
    // Not keepalived's: to the virtual address, by direct routing or in the tunnel.
    bool through_forwarding = false;
    Duration interval = std::chrono::seconds(60);
    std::optional<Duration> timeout;      // nothing: 5 s; a script: the interval
    int32_t retries = -1;                 // -1: as many as keepalived has for the type
    std::optional<Duration> retry_delay;  // nothing: keepalived's for the type
    std::optional<Duration> warm_up;      // nothing: the interval
    uint32_t rise = 1;
    uint32_t fall = 1;
    bool log_all_failures = false;
    CheckHttp http;
    CheckTls tls;
    CheckUdp udp;
    CheckDns dns;
    CheckSmtp smtp;
    CheckScript script;
    CheckPassive passive;

    friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

struct SlowStart {
    Duration duration = Duration::zero();  // 0: off
    uint8_t first_percent = 10;

    friend bool operator==(const SlowStart&, const SlowStart&) = default;
};

// Of a real server.
struct ServerHealth {
    std::vector<HealthCheck> checks;  // none: the service's
    bool inhibit_on_failure = false;
    std::vector<std::string> notify_up;  // a program and its arguments; no shell
    std::vector<std::string> notify_down;
    SlowStart slow_start;

    friend bool operator==(const ServerHealth&, const ServerHealth&) = default;
};

// Of a virtual service, but for its sorry server.
struct ServiceHealth {
    std::vector<HealthCheck> checks;  // of every real server that has none of its own
    bool alpha = false;
    bool omega = false;
    uint32_t quorum = 1;
    uint32_t quorum_hysteresis = 0;
    std::vector<std::string> quorum_up;
    std::vector<std::string> quorum_down;
    uint8_t passive_share_max_percent = 50;  // not keepalived's

    friend bool operator==(const ServiceHealth&, const ServiceHealth&) = default;
};

// Of all checks together.
struct HealthChecks {
    bool notify_first_state = false;
    uint32_t probes_max = 16384;  // not keepalived's, which has no bound
    uint32_t scripts_max = 256;

    friend bool operator==(const HealthChecks&, const HealthChecks&) = default;
};

}  // namespace director::config
