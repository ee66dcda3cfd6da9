// The answers to "capture", "flows" and "health". Part of protocol.h.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace director::server {

// With this answer comes a descriptor (SCM_RIGHTS): the client's end of a stream socket with what
// was asked for. Closing its sending half ends it.
struct StreamView {
    std::string format;  // "pcapng", "tsv", "json"
};

// What one end of connections did.
struct HealthEndView {
    uint64_t packets = 0;
    uint64_t bytes = 0;
    uint64_t sent_again = 0;  // packets
    double sent_again_share = 0;
    uint64_t zero_windows = 0;
    uint64_t resets = 0;
    uint64_t round_trips = 0;
    double round_trip_mean_seconds = 0;
    double round_trip_max_seconds = 0;
};

struct HealthServerView {
    std::string service;
    std::string server;
    uint64_t connections = 0;
    uint64_t opened = 0;
    uint64_t unanswered = 0;  // SYNs that the server left so
    uint64_t unfinished = 0;  // handshakes that clients left so
    uint64_t scans = 0;
    HealthEndView clients;
    HealthEndView itself;
};

struct HealthVerdictView {
    std::string service;
    std::string server;  // empty: of its clients
    std::string blame;
    double severity = 0;
    std::string text;
};

struct HealthView {
    double observed_seconds = 0;
    uint64_t packets = 0;
    uint64_t missed = 0;
    std::vector<HealthVerdictView> verdicts;  // worst first
    std::vector<HealthServerView> servers;
};

// NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses here
#define DIRECTOR_DECLARE_JSON(Type)                       \
    void to_json(nlohmann::json& json, const Type& view); \
    void from_json(const nlohmann::json& json, Type& view);
// NOLINTEND(bugprone-macro-parentheses)
DIRECTOR_DECLARE_JSON(StreamView)
DIRECTOR_DECLARE_JSON(HealthEndView)
DIRECTOR_DECLARE_JSON(HealthServerView)
DIRECTOR_DECLARE_JSON(HealthVerdictView)
DIRECTOR_DECLARE_JSON(HealthView)
#undef DIRECTOR_DECLARE_JSON

}  // namespace director::server
