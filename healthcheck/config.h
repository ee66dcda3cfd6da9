// What is checked, how, and what follows from it: plain values, which the daemon fills from its
// configuration. The words in brackets are keepalived's; its defaults are the defaults here, except
// where a comment says why not.
//
// Two checks with equal CheckSettings are one check, whichever services they belong to.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/address.h"
#include "common/time.h"

namespace director::healthcheck {

// A program with its arguments; no shell. Empty arguments: nothing is run.
struct Command {
    std::vector<std::string> arguments;
    std::string user;  // empty: the daemon's own
    Duration timeout = std::chrono::seconds(60);

    [[nodiscard]] bool is_set() const { return !arguments.empty(); }
    friend auto operator<=>(const Command&, const Command&) = default;
};

// When probes start and how many of them decide.
//
// A *round* is one probe and, of a check that is up, up to `retries` more, `retry_delay` apart,
// until one passes. `fall` failed rounds on end bring a check down, `rise` passed ones up again.
// The first round of all decides at once, by one probe.
struct Timing {
    Duration interval = std::chrono::seconds(60);    // [delay_loop] from the end of one to the next
    Duration timeout = std::chrono::seconds(5);      // [connect_timeout] of a whole probe
    uint32_t retries = 1;                            // [retry]
    Duration retry_delay = std::chrono::seconds(1);  // [delay_before_retry]
    Duration warm_up = std::chrono::seconds(60);     // [warmup] first probe: random within this
    uint32_t rise = 1;
    uint32_t fall = 1;

    friend auto operator<=>(const Timing&, const Timing&) = default;
};

// Where a probe's packets go and come from.
struct Target {
    Endpoint to;  // [connect_ip, connect_port]; the real server, or the VIP when there is a path
    std::optional<IpAddress> source;  // [bindto]
    uint16_t source_port = 0;         // [bind_port]
    std::string interface;            // [bind_if]
    uint32_t mark = 0;                // [fwmark] SO_MARK
    // 0: packets take the way that the kernel's routes say. Otherwise a number that the daemon gave
    // to "through this service's forwarding method to this real server"; see probes/sockets.h.
    uint64_t path = 0;

    friend auto operator<=>(const Target&, const Target&) = default;
};

// [TCP_CHECK] The handshake completes.
struct TcpCheck {
    friend auto operator<=>(const TcpCheck&, const TcpCheck&) = default;
};

struct StatusRange {
    uint16_t first = 200;
    uint16_t last = 299;

    friend auto operator<=>(const StatusRange&, const StatusRange&) = default;
};

// [regex, regex_no_match, regex_options, regex_min_offset, regex_max_offset] PCRE2.
struct BodyPattern {
    std::string pattern;  // empty: none
    bool must_match = true;
    uint32_t options = 0;   // PCRE2_CASELESS and so on
    size_t min_offset = 0;  // the match starts here or later
    size_t max_offset = 0;  // and here or earlier; 0: anywhere

    friend auto operator<=>(const BodyPattern&, const BodyPattern&) = default;
};

// [url] What is asked for and what the answer must be.
struct Url {
    std::string path = "/";
    std::string host;    // [virtualhost]; empty: the check's
    std::string digest;  // MD5 of the body in hexadecimal, as genhash prints it; empty: any
    std::vector<StatusRange> status{StatusRange{}};  // [status_code]
    BodyPattern body;

    friend auto operator<=>(const Url&, const Url&) = default;
};

enum class HttpVersion : uint8_t { k10, k10Close, k11 };

// [HTTP_GET, SSL_GET] Every URL answers as it should, all within one timeout. keepalived asks for
// one URL per interval; here a round asks for all.
struct HttpCheck {
    std::vector<Url> urls{Url{}};
    std::string host;  // [virtualhost]; empty: the server's address, with a port that is not usual
    HttpVersion version = HttpVersion::k10;  // [http_protocol]
    bool tls = false;                        // SSL_GET
    bool send_sni = false;                   // [enable_sni]
    std::string sni;                         // [sni_name]; empty: the host
    bool verify = false;                     // keepalived never does

    friend auto operator<=>(const HttpCheck&, const HttpCheck&) = default;
};

// The TLS handshake completes.
struct TlsCheck {
    std::string sni;
    bool verify = false;  // the certificate, against the system's authorities and `sni`

    friend auto operator<=>(const TlsCheck&, const TlsCheck&) = default;
};

// [PING_CHECK] An echo reply with our identifier, number and payload.
struct PingCheck {
    friend auto operator<=>(const PingCheck&, const PingCheck&) = default;
};

// [UDP_CHECK] No ICMP error before the timeout, or an answer as described.
struct UdpCheck {
    std::vector<uint8_t> payload;  // empty: keepalived's text
    bool require_reply = false;    // [require_reply]
    // What the reply must begin with; where a mask bit is 0, anything goes.
    std::vector<uint8_t> reply;
    std::vector<uint8_t> reply_mask;
    uint16_t reply_length_min = 0;    // [min_reply_length]
    uint16_t reply_length_max = 255;  // [max_reply_length]

    friend auto operator<=>(const UdpCheck&, const UdpCheck&) = default;
};

// [DNS_CHECK] A reply to our question, with response code 0.
struct DnsCheck {
    uint16_t type = 6;       // [type] SOA
    std::string name = ".";  // [name]

    friend auto operator<=>(const DnsCheck&, const DnsCheck&) = default;
};

// [SMTP_CHECK] 220, HELO, 250.
struct SmtpCheck {
    std::string helo_name = "smtpchecker.keepalived.org";  // [helo_name]

    friend auto operator<=>(const SmtpCheck&, const SmtpCheck&) = default;
};

// Where a script's weight comes from; always absolute, never added to what was.
enum class ScriptWeight : uint8_t {
    kNone,      // exit code 0: up; else down
    kExitCode,  // [misc_dynamic] 0: up, configured weight; 1: down; 2..255: up, weight 0..253
    kPrinted,   // exit code 0: up, with the number on the first line of its output as weight
};

// [MISC_CHECK] A program's exit code. At the timeout its process group gets SIGTERM, then SIGKILL.
struct ScriptCheck {
    Command command;  // [misc_path, user]; its timeout is not used: Timing has it
    ScriptWeight weight = ScriptWeight::kNone;

    friend auto operator<=>(const ScriptCheck&, const ScriptCheck&) = default;
};

// Judges by the clients' own connections, each interval: of no less than `connections_min` that
// were tried, `unanswered_percent` got no answer to their SYN, or `reset_percent` were reset by the
// server. A server that is down gets no clients, so after `hold` it is tried again.
struct PassiveCheck {
    uint32_t connections_min = 20;
    uint32_t unanswered_percent = 50;  // 0: not looked at
    uint32_t reset_percent = 50;       // 0: not looked at; some services end with resets always
    Duration hold = std::chrono::seconds(30);

    friend auto operator<=>(const PassiveCheck&, const PassiveCheck&) = default;
};

using CheckSort = std::variant<TcpCheck,
                               HttpCheck,
                               TlsCheck,
                               PingCheck,
                               UdpCheck,
                               DnsCheck,
                               SmtpCheck,
                               ScriptCheck,
                               PassiveCheck>;

struct CheckSettings {
    Target target;
    CheckSort sort;
    Timing timing;
    bool log_all_failures = false;  // [log_all_failures] each failed probe, not the first alone

    friend auto operator<=>(const CheckSettings&, const CheckSettings&) = default;
};

// A server that comes back gets a part of its weight first. Off by default, as keepalived has none.
struct SlowStart {
    Duration duration = Duration::zero();
    uint32_t first_percent = 10;

    friend bool operator==(const SlowStart&, const SlowStart&) = default;
};

struct ServerSettings {
    Endpoint endpoint;
    uint32_t weight = 1;
    std::vector<CheckSettings> checks;  // none: always up
    bool alpha = false;                 // down until every check has passed once
    bool inhibit_on_failure = false;    // stays in the table with weight 0
    Command notify_up;
    Command notify_down;
    SlowStart slow_start;

    friend bool operator==(const ServerSettings&, const ServerSettings&) = default;
};

// [sorry_server] Serves while there is no quorum. Never checked.
struct SorryServer {
    Endpoint endpoint;
    uint32_t weight = 1;
    bool inhibit = false;  // [sorry_server_inhibit] while not in use, in the table with weight 0

    friend bool operator==(const SorryServer&, const SorryServer&) = default;
};

struct ServiceSettings {
    std::string name;  // unique; in logs and for the notify stream: "[192.0.2.1]:tcp:80"
    Protocol protocol = Protocol::kTcp;
    std::vector<ServerSettings> servers;
    uint32_t quorum = 1;  // sum of the weights of servers that are up
    uint32_t hysteresis = 0;
    bool omega = false;  // notify_down and quorum_down at stop
    Command quorum_up;
    Command quorum_down;
    std::optional<SorryServer> sorry_server;
    // No more than this share of the servers is out because a passive check alone says so.
    uint32_t passive_share_max_percent = 50;

    friend bool operator==(const ServiceSettings&, const ServiceSettings&) = default;
};

struct Settings {
    std::vector<ServiceSettings> services;
    bool notify_first_state = false;  // [rs_init_notifies] also when a first result changes nothing
    // More probes than these wait for their turn. A probe that hangs holds a place until its
    // timeout.
    uint32_t probes_max = 16384;
    uint32_t scripts_max = 256;

    friend bool operator==(const Settings&, const Settings&) = default;
};

// What stands in one block of a configuration; what is not set comes from the block around it.
struct TimingWishes {
    std::optional<Duration> interval;
    std::optional<Duration> timeout;
    std::optional<uint32_t> retries;
    std::optional<Duration> retry_delay;
    std::optional<Duration> warm_up;
    std::optional<uint32_t> rise;
    std::optional<uint32_t> fall;
};

// The wishes of checker, real server and virtual service, in this order, over keepalived's defaults
// for this sort of check.
[[nodiscard]] Timing resolve_timing(const CheckSort& sort, std::span<const TimingWishes> wishes);

// "tcp", "http", "https", "tls", "ping", "udp", "dns", "smtp", "script", "passive".
[[nodiscard]] std::string_view to_string(const CheckSort& sort);

struct Finding {
    enum class Weight : uint8_t { kWarning, kError };
    Weight weight = Weight::kError;
    std::string where;  // "[192.0.2.1]:tcp:80 real server 10.0.0.1:80 check 1 (http)"
    std::string text;   // what was found and what was expected
};

// Everything that cannot work (errors) or does not do what it seems to (warnings).
[[nodiscard]] std::vector<Finding> validate(const Settings& settings);

}  // namespace director::healthcheck
