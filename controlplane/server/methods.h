// The requests that the control socket takes, as people read about them. Part of protocol.h.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace director::server {

// Whether a request only looks or may leave something different: what readers may send (caller.h).
enum class Access : uint8_t { kReads, kChanges };

// A request as people read about it. `arguments` is the shape of "params", empty if it takes none.
struct MethodText {
    std::string_view name;
    std::string_view arguments;
    std::string_view help;
    Access access = Access::kChanges;
};

// The one table of requests: dispatch, `hello`, directorctl and the schema follow it.
inline constexpr MethodText kHello{
    "hello", "", "program, version, protocol version and the requests that exist", Access::kReads};
inline constexpr MethodText kStatus{
    "status", "", "process, ports, table sizes, packet totals and the last reload", Access::kReads};
inline constexpr MethodText kServices{
    "services",
    R"({"cursor": string, "limit": number, "address": string, "port": number, "mark": number})",
    "virtual services and their real servers, with counters and rates: all, a page, or those of "
    "one "
    "address and port or mark",
    Access::kReads};
inline constexpr MethodText kConnections{
    "connections",
    R"({"cursor": string, "limit": number, "client": string, "virtual": string, "server": string, )"
    R"("protocol": string, "state": string, "mark": number, "is_ipv6": boolean, )"
    R"("idle_seconds_min": number, "idle_seconds_max": number})",
    "one page of the connection table, of all rows or of those that are wanted",
    Access::kReads};
inline constexpr MethodText kRoutes{"routes",
                                    R"({"cursor": string, "limit": number})",
                                    "one page of the routes that the workers have of the kernel",
                                    Access::kReads};
inline constexpr MethodText kNeighbours{
    "neighbours",
    R"({"cursor": string, "limit": number})",
    "one page of the machines on the links whose MAC addresses are known",
    Access::kReads};
inline constexpr MethodText kDrops{
    "drops", "", "packets that were not forwarded, by reason and virtual service", Access::kReads};
inline constexpr MethodText kChecks{
    "checks",
    R"({"cursor": string, "limit": number})",
    "health checks, all or a page: servers up and down, what their checks say, quorum",
    Access::kReads};
inline constexpr MethodText kWorkers{
    "workers", "", "load and counters of each worker", Access::kReads};
inline constexpr MethodText kSync{
    "sync",
    "",
    "connection sync: what the twin is told, what is heard of it, and what is missing",
    Access::kReads};
inline constexpr MethodText kVrrp{
    "vrrp",
    "",
    "who has the shared addresses: instances, groups, trackers and refused packets",
    Access::kReads};
inline constexpr MethodText kEvents{"events",
                                    R"({"since": number, "limit": number, "topics": [string]})",
                                    "what has happened, oldest first",
                                    Access::kReads};
inline constexpr MethodText kSubscribe{"subscribe",
                                       R"({"since": number, "topics": [string]})",
                                       "send what happens from now on as notifications",
                                       Access::kReads};
inline constexpr MethodText kUnsubscribe{
    "unsubscribe", "", "send no more notifications", Access::kReads};
inline constexpr MethodText kLogLevels{
    "log_levels", "", "from which level on lines are logged", Access::kReads};
inline constexpr MethodText kExplain{
    "explain",
    R"({"virtual": string, "client": string, "protocol": string, "direction": string, )"
    R"("server": string, "interface": string})",
    "what would become of a packet, and why; nothing is changed by asking",
    Access::kReads};
inline constexpr MethodText kConfigShow{"config_show",
                                        R"({"defaults": boolean})",
                                        "the configuration that serves now, as text",
                                        Access::kReads};
inline constexpr MethodText kConfigDiff{
    "config_diff", "", "how what serves now differs from the configuration file", Access::kReads};

inline constexpr MethodText kHealth{
    "health",
    R"({"filter": string, "seconds": number, "one_in": number})",
    "watch connections for some seconds: what is wrong with which service and server, worst first",
    Access::kReads};

inline constexpr MethodText kCapture{
    "capture",
    R"({"filter": string, "drops": boolean, "snap": number, "rate": number, "bytes_max": number, )"
    R"("packets_max": number, "seconds": number, "one_in": number})",
    "packets of both sides as pcapng, by a socket that comes with the answer",
    Access::kChanges};
inline constexpr MethodText kFlows{
    "flows",
    R"({"filter": string, "json": boolean, "seconds": number, "rate": number, "one_in": number})",
    "records of flows as they end, by a socket that comes with the answer",
    Access::kChanges};
inline constexpr MethodText kReload{
    "reload", "", "read the configuration file again and apply what changed", Access::kChanges};
inline constexpr MethodText kEdit{
    "edit",
    R"({"edits": [{"action": string, ...}]})",
    "change services, servers and timeouts while directord runs: all edits or none",
    Access::kChanges};
inline constexpr MethodText kZero{"zero",
                                  R"({"service": {...}})",
                                  "let listings count from now on: one service, or all",
                                  Access::kChanges};
inline constexpr MethodText kDrain{
    "drain",
    R"({"server": string, "service": string, "deadline_seconds": number})",
    "give a real server no new connections, until the next reload or \"undrain\"",
    Access::kChanges};
inline constexpr MethodText kUndrain{"undrain",
                                     R"({"server": string, "service": string})",
                                     "give a drained real server new connections again",
                                     Access::kChanges};
inline constexpr MethodText kLogLevel{"log_level",
                                      R"({"level": string, "area": string})",
                                      "log from this level on: everywhere, or in one area",
                                      Access::kChanges};
// Reads files that the text names, which a reader has no business with.
inline constexpr MethodText kConfigCheck{"config_check",
                                         R"({"text": string})",
                                         "the mistakes in a configuration, or what it would change",
                                         Access::kChanges};
inline constexpr MethodText kConfigApply{
    "config_apply",
    R"({"text": string})",
    "apply a configuration, all of it or nothing; the file stays as it is",
    Access::kChanges};
inline constexpr MethodText kConfigSave{
    "config_save",
    "",
    "write the configuration that serves now to the file; the old one is kept beside it",
    Access::kChanges};

inline constexpr std::array kMethods{
    kHello,     kStatus,      kServices,  kConnections, kRoutes,      kNeighbours,
    kDrops,     kChecks,      kWorkers,   kSync,        kVrrp,        kEvents,
    kSubscribe, kUnsubscribe, kLogLevels, kExplain,     kConfigShow,  kConfigDiff,
    kReload,    kEdit,        kZero,      kHealth,      kCapture,     kFlows,
    kDrain,     kUndrain,     kLogLevel,  kConfigCheck, kConfigApply, kConfigSave};

}  // namespace director::server
