#include "cli/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

namespace director::cli {
namespace {

namespace fs = std::filesystem;

std::string trimmed(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.pop_back();
    }
    return text;
}

// One machine's /sys and /proc, and what has been found out so far.
class Examination {
  public:
    Examination(fs::path root, const DoctorQuestion& question)
        : root_(std::move(root)), question_(question) {}

    std::vector<Diagnosis> run() {
        check_hugepages();
        check_isolation();
        check_siblings();
        check_governor();
        check_clock();
        check_iommu();
        for (const std::string& device : question_.devices) {
            check_device(device);
        }
        check_kernel_parameters();
        check_limits();
        return std::move(all_);
    }

  private:
    // --- reading ---

    [[nodiscard]] std::optional<std::string> read(const std::string& path) const {
        std::ifstream stream(root_ / path, std::ios::binary);
        if (!stream) {
            return std::nullopt;
        }
        return trimmed(std::string(std::istreambuf_iterator<char>(stream), {}));
    }
    [[nodiscard]] uint64_t number(const std::string& path) const {
        return number_in(read(path).value_or("0"));
    }
    static uint64_t number_in(std::string_view text) {
        uint64_t value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value);
        return value;
    }
    // "HugePages_Total:     512" of a file of such lines.
    [[nodiscard]] uint64_t line_number(const std::string& path, std::string_view name) const {
        std::istringstream lines(read(path).value_or(""));
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with(name)) {
                const size_t digit = line.find_first_of("0123456789", name.size());
                return digit == std::string::npos ? 0 : number_in(line.substr(digit));
            }
        }
        return 0;
    }
    [[nodiscard]] std::string link_name(const std::string& path) const {
        std::error_code failed;
        const fs::path target = fs::read_symlink(root_ / path, failed);
        return failed ? "" : target.filename().string();
    }
    [[nodiscard]] bool exists(const std::string& path) const {
        std::error_code failed;
        return fs::exists(root_ / path, failed);
    }
    [[nodiscard]] size_t entries(const std::string& path, std::string_view prefix = "") const {
        std::error_code failed;
        const fs::directory_iterator all(root_ / path, failed);
        return failed ? 0
                      : static_cast<size_t>(std::count_if(
                            begin(all), end(all), [&](const fs::directory_entry& one) {
                                return one.path().filename().string().starts_with(prefix);
                            }));
    }

    void ok(std::string check, std::string found) {
        all_.push_back({std::move(check), Verdict::kOk, std::move(found), ""});
    }
    void advise(std::string check, std::string found, std::string advice) {
        all_.push_back({std::move(check), Verdict::kAdvice, std::move(found), std::move(advice)});
    }
    void problem(std::string check, std::string found, std::string advice) {
        all_.push_back({std::move(check), Verdict::kProblem, std::move(found), std::move(advice)});
    }

    [[nodiscard]] static std::string listed(const std::vector<uint16_t>& cpus) {
        std::string text;
        for (const uint16_t cpu : cpus) {
            text += (text.empty() ? "" : ",") + std::to_string(cpu);
        }
        return text;
    }
    [[nodiscard]] bool has_cards() const {
        return std::any_of(question_.devices.begin(), question_.devices.end(), is_pci);
    }
    static bool is_pci(const std::string& device) {
        const std::string name = device.substr(0, device.find(','));
        return std::count(name.begin(), name.end(), ':') >= 1 &&
               name.find('.') != std::string::npos;
    }

    // --- memory ---

    void check_hugepages() {
        constexpr uint64_t kWantedBytes = uint64_t{512} << 20;
        const uint64_t pages = line_number("proc/meminfo", "HugePages_Total:");
        const uint64_t free = line_number("proc/meminfo", "HugePages_Free:");
        const uint64_t size = line_number("proc/meminfo", "Hugepagesize:") << 10;
        const uint64_t large = number("sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages");
        const uint64_t bytes = pages * size + (size == uint64_t{1} << 30 ? 0 : large << 30);
        const std::string found =
            fmt::format("{} of {} MiB, {} free; {} of 1 GiB", pages, size >> 20, free, large);
        if (bytes < kWantedBytes) {
            const std::string advice =
                "sysctl vm.nr_hugepages=512, in /etc/sysctl.d; without them every packet costs "
                "misses in the page table";
            has_cards() ? problem("hugepages", found, advice) : advise("hugepages", found, advice);
            return;
        }
        ok("hugepages", found);
        const bool is_mounted =
            read("proc/mounts").value_or("").find(" hugetlbfs ") != std::string::npos;
        if (!is_mounted) {
            advise("hugetlbfs", "not mounted", "mount -t hugetlbfs hugetlbfs /dev/hugepages");
        }
    }

    // --- CPUs ---

    [[nodiscard]] std::vector<uint16_t> cpus_of_parameter(const std::string& name) const {
        std::istringstream words(read("proc/cmdline").value_or(""));
        for (std::string word; words >> word;) {
            if (word.starts_with(name + "=")) {
                return parse_cpu_list(word.substr(name.size() + 1));
            }
        }
        return {};
    }

    void check_isolation() {
        for (const char* const name : {"isolcpus", "nohz_full", "rcu_nocbs"}) {
            const std::vector<uint16_t> cpus = cpus_of_parameter(name);
            std::vector<uint16_t> missing;
            for (const uint16_t cpu : question_.worker_cpus) {
                if (std::find(cpus.begin(), cpus.end(), cpu) == cpus.end()) {
                    missing.push_back(cpu);
                }
            }
            if (missing.empty()) {
                ok(name, fmt::format("has the workers' CPUs {}", listed(question_.worker_cpus)));
            } else {
                advise(name,
                       cpus.empty() ? std::string("not set") : "is " + listed(cpus),
                       fmt::format("add {}={} to the kernel's command line (GRUB_CMDLINE_LINUX): "
                                   "else other work interrupts workers",
                                   name,
                                   listed(question_.worker_cpus)));
            }
        }
        for (const uint16_t cpu : question_.worker_cpus) {
            if (!exists(fmt::format("sys/devices/system/cpu/cpu{}", cpu))) {
                problem("workers",
                        fmt::format("there is no CPU {}", cpu),
                        "dataplane.worker_cpus names CPUs that this machine has");
            }
        }
    }

    // Two busy hardware threads of one core are half as fast each.
    void check_siblings() {
        std::map<std::string, uint16_t> cores;
        std::vector<uint16_t> all = question_.worker_cpus;
        all.push_back(question_.main_cpu);
        for (const uint16_t cpu : all) {
            const auto siblings = read(
                fmt::format("sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
            if (!siblings) {
                return;  // a machine that does not tell
            }
            const auto [entry, is_new] = cores.emplace(*siblings, cpu);
            if (!is_new) {
                advise("cores",
                       fmt::format("CPUs {} and {} are threads of one core", entry->second, cpu),
                       "give workers and the control plane a core each, or switch threads off "
                       "(nosmt)");
                return;
            }
        }
        ok("cores", "workers and the control plane share none");
    }

    void check_governor() {
        std::vector<uint16_t> slow;
        std::string name;
        for (const uint16_t cpu : question_.worker_cpus) {
            const auto governor =
                read(fmt::format("sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor", cpu));
            if (governor && *governor != "performance") {
                slow.push_back(cpu);
                name = *governor;
            }
        }
        if (slow.empty()) {
            ok("governor", "no worker's CPU is slowed down");
        } else {
            advise("governor",
                   fmt::format("\"{}\" on CPUs {}", name, listed(slow)),
                   "write performance to /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor");
        }
    }

    void check_clock() {
        const std::string source =
            read("sys/devices/system/clocksource/clocksource0/current_clocksource").value_or("?");
        const std::string flags = read("proc/cpuinfo").value_or("");
        const bool is_steady = flags.find("constant_tsc") != std::string::npos &&
                               flags.find("nonstop_tsc") != std::string::npos;
        const bool is_fine =
            source == "tsc" || source == "arch_sys_counter" || (source == "kvm-clock" && is_steady);
        if (is_fine) {
            ok("clock", source);
        } else {
            advise("clock",
                   source,
                   is_steady
                       ? "boot with clocksource=tsc: reading the time is a system call now"
                       : "the CPU's counter is not steady; timers are only as good as " + source);
        }
    }

    // --- cards ---

    void check_iommu() {
        if (!has_cards()) {
            ok("iommu", "not needed: no port is a card");
            return;
        }
        const bool has_iommu = entries("sys/kernel/iommu_groups") > 0;
        const bool does_without =
            read("sys/module/vfio/parameters/enable_unsafe_noiommu_mode").value_or("N") == "Y";
        if (has_iommu) {
            ok("iommu", fmt::format("{} groups", entries("sys/kernel/iommu_groups")));
        } else if (does_without) {
            advise("iommu",
                   "off, and VFIO does without it",
                   "a card can write anywhere in memory: intel_iommu=on or amd_iommu=on, with "
                   "iommu=pt, where the machine has one");
        } else {
            problem("iommu",
                    "off",
                    "add intel_iommu=on (or amd_iommu=on) and iommu=pt to the kernel's command "
                    "line, and switch it on in the firmware; in a virtual machine "
                    "vfio.enable_unsafe_noiommu_mode=1");
        }
    }

    void check_device(const std::string& device) {
        const size_t iface = device.find(",iface=");
        if (iface != std::string::npos) {
            const std::string rest = device.substr(iface + 7);
            check_interface(rest.substr(0, rest.find(',')));
        } else if (is_pci(device)) {
            std::string name = device.substr(0, device.find(','));
            check_card(std::count(name.begin(), name.end(), ':') == 1 ? "0000:" + name : name);
        }
    }

    void check_interface(const std::string& name) {
        const std::string folder = "sys/class/net/" + name;
        if (!exists(folder)) {
            problem(name, "there is no such interface", "see `ip link`");
            return;
        }
        check_queues(name, entries(folder + "/queues", "rx-"));
    }

    void check_queues(const std::string& name, size_t queues) {
        if (queues >= question_.worker_cpus.size()) {
            ok(name, fmt::format("{} queues", queues));
        } else {
            advise(name,
                   fmt::format("{} queues for {} workers", queues, question_.worker_cpus.size()),
                   "workers without a queue get packets from others, which costs both; fewer "
                   "workers, or another card");
        }
    }

    void check_card(const std::string& name) {
        const std::string folder = "sys/bus/pci/devices/" + name;
        if (!exists(folder)) {
            problem(name, "there is no such card", "see `lspci -D`");
            return;
        }
        const std::string driver = link_name(folder + "/driver");
        constexpr std::array<std::string_view, 3> kForDpdk{
            "vfio-pci", "uio_pci_generic", "igb_uio"};
        // These leave the card with the kernel (bifurcated drivers).
        constexpr std::array<std::string_view, 3> kShared{"mlx5_core", "mlx4_core", "mana"};
        const auto is_in = [&driver](const auto& list) {
            return std::find(list.begin(), list.end(), driver) != list.end();
        };
        const std::string what =
            fmt::format("driver {}, {}", driver.empty() ? "none" : driver, model_of(folder));
        if (is_in(kForDpdk) || is_in(kShared)) {
            ok(name, what);
        } else {
            problem(name,
                    what,
                    fmt::format("give it to DPDK: modprobe vfio-pci; echo vfio-pci > "
                                "/sys/bus/pci/devices/{0}/driver_override; echo {0} > "
                                "/sys/bus/pci/devices/{0}/driver/unbind; echo {0} > "
                                "/sys/bus/pci/drivers_probe",
                                name));
        }
        if (const size_t vectors = interrupt_vectors(folder); vectors > 0) {
            check_queues(name + " queues", vectors);
        }
        check_node(name, folder);
        check_slot(name, folder);
    }

    [[nodiscard]] std::string model_of(const std::string& folder) const {
        return fmt::format("{}:{}",
                           read(folder + "/vendor").value_or("?"),
                           read(folder + "/device").value_or("?"));
    }

    // As many queues as it has interrupts: MSI-X's table size (PCI Local Bus 3.0, 6.8.2).
    [[nodiscard]] size_t interrupt_vectors(const std::string& folder) const {
        std::ifstream stream(root_ / folder / "config", std::ios::binary);
        const std::string bytes(std::istreambuf_iterator<char>(stream), {});
        const auto at = [&bytes](size_t i) {
            return i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : uint8_t{0};
        };
        constexpr size_t kCapabilities = 0x34;
        constexpr uint8_t kMsix = 0x11;
        size_t here = at(kCapabilities) & 0xfcU;
        for (int i = 0; i < 48 && here >= 0x40; ++i) {
            if (at(here) == kMsix) {
                return ((static_cast<size_t>(at(here + 3)) << 8U | at(here + 2)) & 0x7ffU) + 1;
            }
            here = at(here + 1) & 0xfcU;
        }
        return 0;
    }

    void check_node(const std::string& name, const std::string& folder) {
        const std::string node = read(folder + "/numa_node").value_or("-1");
        if (node == "-1" || !exists("sys/devices/system/node/node1")) {
            return;  // one node, or a card that belongs to none
        }
        const auto cpus = parse_cpu_list(
            read(fmt::format("sys/devices/system/node/node{}/cpulist", node)).value_or(""));
        std::vector<uint16_t> far;
        for (const uint16_t cpu : question_.worker_cpus) {
            if (std::find(cpus.begin(), cpus.end(), cpu) == cpus.end()) {
                far.push_back(cpu);
            }
        }
        if (far.empty()) {
            ok(name + " node", fmt::format("{}, that of the workers", node));
        } else {
            advise(name + " node",
                   fmt::format("{}, and workers on CPUs {} are on another", node, listed(far)),
                   fmt::format("choose worker_cpus among {}",
                               read(fmt::format("sys/devices/system/node/node{}/cpulist", node))
                                   .value_or("its own")));
        }
    }

    void check_slot(const std::string& name, const std::string& folder) {
        const auto width = read(folder + "/current_link_width");
        const auto width_max = read(folder + "/max_link_width");
        const auto speed = read(folder + "/current_link_speed");
        const auto speed_max = read(folder + "/max_link_speed");
        if (!width || !width_max || !speed || !speed_max || *width_max == "255") {
            return;
        }
        const std::string found = fmt::format("{} x{}", *speed, *width);
        if (*width == *width_max && *speed == *speed_max) {
            ok(name + " slot", found);
        } else {
            advise(name + " slot",
                   found,
                   fmt::format("the card can {} x{}: another slot, or the firmware's settings",
                               *speed_max,
                               *width_max));
        }
    }

    // --- the kernel ---

    void check_kernel_parameters() {
        const std::string filter = read("proc/sys/net/ipv4/conf/all/rp_filter").value_or("0");
        // The kernel takes the stricter of "all" and the interface's own.
        if (filter == "1") {
            advise("rp_filter",
                   "1 for all interfaces",
                   "sysctl net.ipv4.conf.all.rp_filter=0 (or 2), or answers to the director's own "
                   "probes that come by another port are dropped");
        } else {
            ok("rp_filter", filter);
        }
        const std::string forward = read("proc/sys/net/ipv4/ip_forward").value_or("0");
        if (forward == "1") {
            advise("ip_forward",
                   "1",
                   "Director forwards by itself; 0 unless this machine routes for others, too");
        } else {
            ok("ip_forward", forward);
        }
        const std::string ignore = read("proc/sys/net/ipv4/conf/all/arp_ignore").value_or("0");
        const std::string announce = read("proc/sys/net/ipv4/conf/all/arp_announce").value_or("0");
        if (number_in(ignore) == 0 || number_in(announce) < 2) {
            advise("arp",
                   fmt::format("arp_ignore {}, arp_announce {}", ignore, announce),
                   "sysctl net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2: the "
                   "kernel's other interfaces would answer and ask in the name of virtual "
                   "addresses");
        } else {
            ok("arp", fmt::format("arp_ignore {}, arp_announce {}", ignore, announce));
        }
        if (question_.is_realtime) {
            const std::string share =
                read("proc/sys/kernel/sched_rt_runtime_us").value_or("950000");
            if (share != "-1" && question_.polls) {
                problem("sched_rt_runtime_us",
                        share,
                        "sysctl kernel.sched_rt_runtime_us=-1, or the kernel stops workers that "
                        "poll with realtime_priority for 5 % of the time");
            } else {
                ok("sched_rt_runtime_us", share);
            }
        }
        const std::string watchdog = read("proc/sys/kernel/nmi_watchdog").value_or("0");
        if (watchdog == "1") {
            advise("nmi_watchdog", "1", "sysctl kernel.nmi_watchdog=0: it interrupts workers");
        } else {
            ok("nmi_watchdog", watchdog);
        }
    }

    // "Max locked memory  8388608  8388608  bytes": soft and hard.
    [[nodiscard]] std::string limit(std::string_view name) const {
        std::istringstream lines(read("proc/self/limits").value_or(""));
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with(name)) {
                std::istringstream words(line.substr(name.size()));
                std::string soft;
                words >> soft;
                return soft;
            }
        }
        return "?";
    }
    void check_limits() {
        const std::string locked = limit("Max locked memory");
        if (locked == "unlimited" || locked == "?") {
            ok("locked memory", locked);
        } else {
            advise("locked memory",
                   locked + " bytes for this shell",
                   "ulimit -l unlimited, if directord is started by hand; its systemd unit has "
                   "LimitMEMLOCK=infinity");
        }
        const std::string files = limit("Max open files");
        if (files != "?" && files != "unlimited" && number_in(files) < 65536) {
            advise("open files",
                   files + " for this shell",
                   "ulimit -n 1048576, if directord is started by hand with many checks; its "
                   "systemd unit has LimitNOFILE=1048576");
        } else {
            ok("open files", files);
        }
    }

    fs::path root_;
    const DoctorQuestion& question_;
    std::vector<Diagnosis> all_;
};

}  // namespace

std::vector<uint16_t> parse_cpu_list(std::string_view text) {
    constexpr uint16_t kCpusMax = 4096;
    std::vector<uint16_t> cpus;
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find(','));
        text.remove_prefix(std::min(one.size() + 1, text.size()));
        uint16_t first = 0;
        const char* const end = one.data() + one.size();
        const auto [stop, failed] = std::from_chars(one.data(), end, first);
        if (failed != std::errc{}) {
            continue;  // "managed_irq,domain" of isolcpus
        }
        uint16_t last = first;
        if (stop != end && *stop == '-') {
            std::from_chars(stop + 1, end, last);
        }
        for (uint16_t cpu = first; cpu <= last && cpu < kCpusMax; ++cpu) {
            cpus.push_back(cpu);
        }
    }
    return cpus;
}

std::vector<Diagnosis> examine(const fs::path& root, const DoctorQuestion& question) {
    return Examination(root, question).run();
}

}  // namespace director::cli
