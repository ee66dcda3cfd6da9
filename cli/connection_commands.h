// `directorctl conn`, `route` and `neigh`: tables that are asked for page by page, and printed as
// they come. Each returns the exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/commands.h"

namespace director::cli {

// What is empty lets every connection pass. directord looks, not we.
struct ConnectionQuery {
    std::string client;    // an address or a network
    std::string service;   // as for other commands, or an address alone
    std::string server;    // "10.0.0.1:80", or an address
    std::string protocol;  // "tcp", "udp", "sctp", "icmp"
    std::string state;     // "ESTABLISHED", ...
    std::optional<uint64_t> idle_seconds_min;
    std::optional<uint64_t> idle_seconds_max;
    uint64_t rows_max = 0;  // 0: all
};

// JSON: one row a line.
[[nodiscard]] int run_conn_list(const Settings& settings, const ConnectionQuery& query);
// How many there are, by state.
[[nodiscard]] int run_conn_count(const Settings& settings, const ConnectionQuery& query);

[[nodiscard]] int run_route_list(const Settings& settings);
[[nodiscard]] int run_neigh_list(const Settings& settings);

}  // namespace director::cli
