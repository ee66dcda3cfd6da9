// What flow records say of a service's real servers, added up: the facts behind verdicts (health.h)
// and metrics. Plain data.
#pragma once

#include <array>
#include <cstdint>

#include "diagnostics/flow/flow_record.h"

namespace director::diagnostics {

// Round trips by how long they took. Upper bounds in seconds, the last one without.
inline constexpr std::array kTripBounds{
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5};

struct TripFacts {
    uint64_t count = 0;
    double sum_s = 0;
    double max_s = 0;
    std::array<uint64_t, kTripBounds.size() + 1> buckets{};

    // Of one connection's direction: its mean counts for each of its trips.
    void add(uint64_t trips, double mean_s, double longest_s);
    void add(const TripFacts& other);
    [[nodiscard]] double mean_s() const {
        return count != 0 ? sum_s / static_cast<double>(count) : 0;
    }
};

// What one end of connections, all clients or a server, did.
struct EndFacts {
    uint64_t packets = 0;
    uint64_t bytes = 0;               // of layer 7
    uint64_t data_packets_again = 0;  // it sent again
    uint64_t zero_windows = 0;        // it advertised
    uint64_t zero_episodes = 0;
    int64_t zero_total_ns = 0;
    uint64_t resets = 0;  // it sent
    TripFacts trips;      // from the director to it and back

    [[nodiscard]] double share_again() const {
        return packets != 0 ? static_cast<double>(data_packets_again) / static_cast<double>(packets)
                            : 0;
    }
};

struct ServerFacts {
    uint64_t connections = 0;  // with a packet in this time
    uint64_t opened = 0;       // whose SYN was seen
    uint64_t unanswered = 0;   // SYNs that the server left so
    uint64_t unfinished = 0;   // SYN-ACKs that the client left so
    uint64_t scans = 0;        // tries of a scan
    EndFacts client;
    EndFacts server;

    // A connection of it; `server` is null when nothing came back. Handshakes that began less than
    // a second before `end_ns` have time left.
    void add(const FlowRecord* client_side, const FlowRecord* server_side, int64_t end_ns);
    void add(const ServerFacts& other);
};

}  // namespace director::diagnostics
