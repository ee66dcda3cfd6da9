// `directorctl doctor`: whether a machine is fit for a director, line by line, and what to do where
// it is not. Looks at files alone, below a root that a test may put elsewhere; changes nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace director::cli {

enum class Verdict { kOk, kAdvice, kProblem };

struct Diagnosis {
    std::string check;  // "hugepages"
    Verdict verdict = Verdict::kOk;
    std::string found;
    std::string advice;  // empty where it is OK
};

// What of a configuration the machine has to serve.
struct DoctorQuestion {
    std::vector<uint16_t> worker_cpus{1};
    uint16_t main_cpu = 0;
    bool is_realtime = false;
    bool polls = false;                // idle = "poll"
    std::vector<std::string> devices;  // of the ports: "0000:03:00.0", "net_af_xdp0,iface=eth0"
};

[[nodiscard]] std::vector<Diagnosis> examine(const std::filesystem::path& root,
                                             const DoctorQuestion& question);

// "0-3,8": what the kernel calls a list of CPUs.
[[nodiscard]] std::vector<uint16_t> parse_cpu_list(std::string_view text);

struct DoctorRequest {
    std::string root = "/";
    std::string config;  // empty: /etc/director.conf, if there is one
    bool is_json = false;
};

// Prints it. Exit code 0: nothing to do, 1: something, 2: the configuration cannot be read.
[[nodiscard]] int run_doctor(const DoctorRequest& request);

}  // namespace director::cli
