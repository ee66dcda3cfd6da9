// `directorctl service ...` and `directorctl server ...`: what each does once its command line is
// understood. Each returns the exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace director::cli {

// What is not said stays as it is, or gets the configuration's default in a new service.
struct ServiceChange {
    std::string service;
    std::optional<std::string> scheduler;
    std::optional<std::vector<std::string>> flags;
    std::optional<uint32_t> persistence_seconds;
    std::optional<uint32_t> persistence_prefix;
    std::optional<bool> one_packet;
};

struct ServerChange {
    std::string service;
    std::string server;
    std::optional<std::string> forwarding;
    std::optional<uint32_t> weight;
    std::optional<uint32_t> upper_threshold;
    std::optional<uint32_t> lower_threshold;
    std::optional<std::string> tunnel;
    std::optional<uint32_t> tunnel_port;
    std::optional<std::string> tunnel_checksum;
};

[[nodiscard]] int run_service_list(const Settings& settings);
[[nodiscard]] int run_service_show(const Settings& settings, const std::string& service);
[[nodiscard]] int run_service_add(const Settings& settings, const ServiceChange& change);
[[nodiscard]] int run_service_set(const Settings& settings, const ServiceChange& change);
[[nodiscard]] int run_service_del(const Settings& settings, const std::string& service);
// Empty: all of them.
[[nodiscard]] int run_service_zero(const Settings& settings, const std::string& service);

// Empty: of every service.
[[nodiscard]] int run_server_list(const Settings& settings, const std::string& service);
// In every service that it is in, with its checks.
[[nodiscard]] int run_server_show(const Settings& settings, const std::string& server);
[[nodiscard]] int run_server_add(const Settings& settings, const ServerChange& change);
[[nodiscard]] int run_server_set(const Settings& settings, const ServerChange& change);
[[nodiscard]] int run_server_del(const Settings& settings, const ServerChange& change);

}  // namespace director::cli
