#include "controlplane/metrics/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace director::metrics {
namespace {

template <auto Member>
void number(const Snapshot& snapshot, Samples& samples) {
    samples.add({}, snapshot.process.*Member);
}

// The fields of /proc/self/stat (proc(5)) from the third on: the second, the program's name, may
// have blanks and parentheses.
std::vector<std::string> stat_fields() {
    std::ifstream file("/proc/self/stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const size_t end_of_name = text.rfind(')');
    std::istringstream rest(end_of_name == std::string::npos ? "" : text.substr(end_of_name + 1));
    return {std::istream_iterator<std::string>(rest), {}};
}

// When the machine started, in seconds since 1970.
double boot_seconds() {
    std::ifstream file("/proc/stat");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("btime ")) {
            return std::strtod(line.c_str() + 6, nullptr);
        }
    }
    return 0;
}

uint64_t count_descriptors() {
    DIR* const folder = ::opendir("/proc/self/fd");
    if (folder == nullptr) {
        return 0;
    }
    uint64_t count = 0;
    while (const dirent* const entry = ::readdir(folder)) {
        count += entry->d_name[0] != '.' ? 1U : 0U;
    }
    ::closedir(folder);
    return count - 1;  // that of the folder itself
}

// https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
constexpr std::array kProcessMetrics{
    Metric{"process_cpu_seconds_total",
           kCounter,
           "CPU time of directord, user and system.",
           number<&ProcessView::cpu_seconds>},
    Metric{"process_resident_memory_bytes",
           kGauge,
           "Resident memory, without hugepages.",
           number<&ProcessView::resident_bytes>},
    Metric{"process_virtual_memory_bytes",
           kGauge,
           "Virtual memory.",
           number<&ProcessView::virtual_bytes>},
    Metric{"process_open_fds", kGauge, "Open file descriptors.", number<&ProcessView::open_fds>},
    Metric{"process_max_fds",
           kGauge,
           "Most file descriptors that may be open.",
           number<&ProcessView::max_fds>},
    Metric{"process_threads", kGauge, "Threads.", number<&ProcessView::threads>},
    Metric{"process_start_time_seconds",
           kGauge,
           "When directord started, in seconds since 1970.",
           number<&ProcessView::start_seconds>},
};

}  // namespace

ProcessView read_process() {
    // proc(5) counts from 1: utime is 14, stime 15, num_threads 20, starttime 22, vsize 23, rss 24.
    constexpr size_t kFirst = 3;
    const std::vector<std::string> fields = stat_fields();
    const auto field = [&fields](size_t number) {
        return number - kFirst < fields.size()
                   ? std::strtod(fields[number - kFirst].c_str(), nullptr)
                   : 0.0;
    };
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    ProcessView view;
    view.cpu_seconds = (field(14) + field(15)) / ticks;
    view.threads = static_cast<uint64_t>(field(20));
    static const double kBooted = boot_seconds();
    view.start_seconds = kBooted + field(22) / ticks;
    view.virtual_bytes = static_cast<uint64_t>(field(23));
    view.resident_bytes =
        static_cast<uint64_t>(field(24)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    view.open_fds = count_descriptors();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        view.max_fds = limit.rlim_cur;
    }
    return view;
}

std::span<const Metric> process_metrics() {
    return kProcessMetrics;
}

}  // namespace director::metrics
