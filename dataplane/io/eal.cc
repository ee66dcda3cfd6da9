#include "dataplane/io/eal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <getopt.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "common/log.h"
#include "dataplane/io/memory_plan.h"
#include "dataplane/io/runtime_directory.h"
#include "dataplane/io/telemetry.h"

namespace director::dataplane::io {

namespace fs = std::filesystem;

namespace {

bool g_is_running = false;
bool g_was_started = false;

fs::path& runtime_directory() {
    static fs::path path;
    return path;
}

// EAL leaves its run-time directory behind, and the telemetry socket in it until the process
// exits. Registered before EAL registers its own clean-up, this runs after it.
void remove_runtime_directory() {
    static_cast<void>(rmdir(runtime_directory().c_str()));
}

// Whether `argument` is `option` itself or "option=value".
bool is_option(std::string_view argument, std::string_view option) {
    return argument == option ||
           (argument.starts_with(option) && option.starts_with("--") &&
            argument.size() > option.size() && argument[option.size()] == '=');
}

template <size_t kCount>
bool names_any(const std::vector<std::string>& arguments,
               const std::array<std::string_view, kCount>& options) {
    return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& argument) {
        return std::any_of(options.begin(), options.end(), [&](std::string_view option) {
            // Short options may carry their value: -m512.
            const bool is_short = option.size() == 2;
            return is_option(argument, option) || (is_short && argument.starts_with(option));
        });
    });
}

constexpr std::array<std::string_view, 7> kLcoreOptions{
    "-c", "-l", "-s", "-S", "--lcores", "--main-lcore", "--proc-type"};
constexpr std::array<std::string_view, 9> kMemoryOptions{"--no-huge",
                                                         "--in-memory",
                                                         "--huge-dir",
                                                         "--huge-unlink",
                                                         "--legacy-mem",
                                                         "--socket-mem",
                                                         "--socket-limit",
                                                         "--single-file-segments",
                                                         "--no-shconf"};
constexpr std::array<std::string_view, 5> kPciOptions{"-a", "-b", "--no-pci", "--allow", "--block"};

std::string lcore_map(const EngineSettings& settings) {
    std::string map = fmt::format("0@{}", settings.main_cpu);
    for (size_t i = 0; i < settings.worker_cpus.size(); ++i) {
        map += fmt::format(",{}@{}", i + 1, settings.worker_cpus[i]);
    }
    return map;
}

// CPUs that this process may not use make EAL fail with a hint that names no CPU: look first.
Result<void> check_cpus(const EngineSettings& settings) {
    if (settings.worker_cpus.empty() || settings.worker_cpus.size() + 1 > RTE_MAX_LCORE) {
        return failure(fmt::format("{} workers configured: expected 1 to {}",
                                   settings.worker_cpus.size(),
                                   RTE_MAX_LCORE - 1));
    }
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        return {};
    }
    std::vector<uint16_t> cpus = settings.worker_cpus;
    cpus.push_back(settings.main_cpu);
    for (const uint16_t cpu : cpus) {
        if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &allowed)) {
            return failure(
                fmt::format("CPU {} does not exist or is not allowed for this process ({} are): "
                            "choose others for the main thread and the workers",
                            cpu,
                            CPU_COUNT(&allowed)));
        }
    }
    return {};
}

// rte_eal_init without the pages of usage that it prints when it does not like an argument.
int initialise(std::vector<char*>& arguments) {
    opterr = 0;
    std::fflush(stdout);
    const int kept = dup(STDOUT_FILENO);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (kept >= 0 && nowhere >= 0) {
        dup2(nowhere, STDOUT_FILENO);
    }
    const int result = rte_eal_init(static_cast<int>(arguments.size()), arguments.data());
    std::fflush(stdout);
    if (kept >= 0 && nowhere >= 0) {
        dup2(kept, STDOUT_FILENO);
    }
    close(kept);
    close(nowhere);
    return result;
}

std::string explain(int error, const std::string& told, const std::vector<std::string>& line) {
    std::string text = fmt::format("DPDK does not start: {}", rte_strerror(error));
    if (!told.empty()) {
        text += " (" + told + ")";
    }
    if (error == ENODEV) {
        text += ": check the ports' devices: a driver's name is wrong or the driver not installed";
    } else if (error == EINVAL || error == 0) {
        text += ": an EAL argument or a device's is not understood";
    }
    text += "; started as:";
    for (const std::string& argument : line) {
        text += " " + argument;
    }
    return text;
}

}  // namespace

bool is_pci_device(std::string_view device) {
    return device.size() > 2 && device.find(':') != std::string_view::npos &&
           device.find('.') != std::string_view::npos &&
           std::isxdigit(static_cast<unsigned char>(device.front())) != 0;
}

Result<std::vector<std::string>> eal_command_line(const EngineSettings& settings) {
    const std::vector<std::string>& own = settings.eal_arguments;
    if (names_any(own, kLcoreOptions)) {
        return failure(
            "the EAL arguments choose lcores or a process type: remove that and set the CPUs of "
            "the main thread and of the workers instead");
    }
    std::vector<std::string> line{settings.program_name, "--lcores", lcore_map(settings)};
    const auto add = [&line](std::vector<std::string> arguments) {
        line.insert(line.end(), arguments.begin(), arguments.end());
    };
    if (!names_any(own, kMemoryOptions)) {
        add(memory_arguments(memory_need(settings), free_hugepages()));
    }
    if (!names_any(own, std::array<std::string_view, 1>{"--file-prefix"})) {
        add({"--file-prefix", own_file_prefix(settings.program_name)});
    }
    if (!names_any(own, std::array<std::string_view, 1>{"--log-level"})) {
        add({"--log-level", "error"});
    }
    bool has_pci = false;
    for (const PortSettings& port : settings.ports) {
        if (is_pci_device(port.device)) {
            add({"-a", port.device});
            has_pci = true;
        } else {
            add({"--vdev", port.device});
        }
    }
    if (!has_pci && !names_any(own, kPciOptions)) {
        add({"--no-pci"});
    }
    add(own);
    return line;
}

bool Eal::is_running() {
    return g_is_running;
}

Result<std::unique_ptr<Eal>> Eal::start(const EngineSettings& settings) {
    if (g_was_started) {
        return failure("DPDK can be started once per process and has been: start a new process");
    }
    if (const auto cpus = check_cpus(settings); !cpus) {
        return failure(cpus.error().message);
    }
    auto line = eal_command_line(settings);
    if (!line) {
        return failure(line.error().message);
    }
    std::vector<char*> arguments;
    for (std::string& argument : *line) {
        arguments.push_back(argument.data());
    }
    remove_left_directories(kRuntimeRoot, settings.program_name);
    runtime_directory() = fs::path(kRuntimeRoot) / own_file_prefix(settings.program_name);
    std::atexit(&remove_runtime_directory);
    std::unique_ptr<Eal> eal(new Eal);
    g_was_started = true;
    if (initialise(arguments) < 0) {
        return failure(explain(rte_errno, eal->log_.take(), *line));
    }
    eal->is_initialised_ = true;
    g_is_running = true;
    eal->log_.catch_bpf_libraries();
    static_cast<void>(register_telemetry());  // without the socket nobody asks
    return eal;
}

Eal::~Eal() {
    g_is_running = false;
    if (is_initialised_) {
        rte_eal_cleanup();
    }
}

}  // namespace director::dataplane::io
