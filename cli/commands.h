// What each directorctl command does, once its command line is understood. Each returns the exit
// code; results go to standard output, complaints to standard error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/show.h"
#include "cli/table.h"

namespace director::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnreachable = 3;

// One JSON document per answer, as received.
enum class Output { kText, kJson };

struct Settings {
    std::string socket;
    Output output = Output::kText;
    Colour colour = Colour::kNever;
};

[[nodiscard]] int run_status(const Settings& settings);
[[nodiscard]] int run_drops(const Settings& settings, ZeroRows zero_rows);
[[nodiscard]] int run_sync_status(const Settings& settings);
// Of one server alone, with its counters, where one is named.
[[nodiscard]] int run_checks(const Settings& settings, const std::string& server);
[[nodiscard]] int run_workers(const Settings& settings);
[[nodiscard]] int run_vrrp(const Settings& settings);
[[nodiscard]] int run_vrrp_show(const Settings& settings, const std::string& instance);
[[nodiscard]] int run_reload(const Settings& settings);

struct DrainRequest {
    std::string server;   // "10.0.0.1:80", or an address for all its ports
    std::string service;  // "192.0.2.1:80"; empty: wherever it serves
    std::optional<uint64_t> deadline_seconds;
    bool is_over = false;  // undrain
};
[[nodiscard]] int run_drain(const Settings& settings, const DrainRequest& request);

// Becomes `directord --check FILE`: the one beside this program, else the one in PATH. Returns only
// if there is none.
[[nodiscard]] int run_check(const std::string& file, const char* option = "--check");

}  // namespace director::cli
