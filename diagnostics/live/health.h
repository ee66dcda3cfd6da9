// Facts to verdicts: which real servers and services are unwell, how badly, and why, in a sentence.
// A pure function; thresholds are arguments.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "diagnostics/live/health_facts.h"
#include "diagnostics/report/explain.h"

namespace director::diagnostics {

struct HealthSettings {
    // Fewer packets of an end say nothing about shares.
    uint64_t packets_min = 50;
    double share_again = 0.02;     // retransmissions of an end's packets
    double trip_client_s = 0.150;  // mean round trip to clients, and to a server
    double trip_server_s = 0.020;
    uint64_t zero_windows = 3;
    double resets_share = 0.05;  // of connections
    uint64_t resets_min = 3;
    uint64_t handshakes_min = 3;     // failed ones
    double handshakes_share = 0.05;  // of those begun
    uint64_t scans_min = 10;
};

// One real server of one service in a time of observation.
struct ObservedServer {
    std::string service;
    std::string server;
    ServerFacts facts;
};

struct Verdict {
    std::string service;
    std::string server;  // empty: of the service's clients
    Blame blame = Blame::kNeither;
    // For ranking: 1 is at the threshold, 2 twice as bad.
    double severity = 0;
    std::string text;  // a sentence without its full stop
};

// Worst first; what is equally bad in the order of its names.
[[nodiscard]] std::vector<Verdict> judge(std::span<const ObservedServer> servers,
                                         double observed_s,
                                         const HealthSettings& settings = {});

}  // namespace director::diagnostics
