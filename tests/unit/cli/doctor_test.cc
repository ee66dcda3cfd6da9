// The doctor before machines made of files: one that has all a director wants, and for each check
// the file by which it gets ill.
#include "cli/doctor.h"

#include <stdlib.h>

#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/assert.h"

namespace director::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kCard = "sys/bus/pci/devices/0000:03:00.0/";

// The configuration space of a card with capabilities at 0x40: power management, then MSI-X with a
// table of `vectors`.
std::string config_space(size_t vectors) {
    std::string bytes(256, '\0');
    bytes[0x34] = 0x40;
    bytes[0x40] = 0x01;
    bytes[0x41] = 0x50;
    bytes[0x50] = 0x11;
    bytes[0x52] = static_cast<char>((vectors - 1) & 0xff);
    bytes[0x53] = static_cast<char>((vectors - 1) >> 8);
    return bytes;
}

class DoctorTest : public testing::Test {
  protected:
    DoctorTest() {
        std::string name = (fs::temp_directory_path() / "doctor_test_XXXXXX").string();
        DIRECTOR_ASSERT(mkdtemp(name.data()) != nullptr);
        root_ = name;
        make_healthy();
    }
    ~DoctorTest() override {
        std::error_code ignored;
        fs::remove_all(root_, ignored);
    }

    void write(const std::string& path, const std::string& text) const {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path, std::ios::binary) << text;
    }
    void drive(const std::string& driver) const {
        const fs::path link = root_ / (std::string(kCard) + "driver");
        fs::remove(link);
        fs::create_symlink("../../../../bus/pci/drivers/" + driver, link);
    }

    void make_healthy() const {
        write("proc/meminfo",
              "MemTotal: 1 kB\nHugePages_Total:     512\nHugePages_Free:      400\n"
              "Hugepagesize:       2048 kB\n");
        write("proc/mounts", "hugetlbfs /dev/hugepages hugetlbfs rw 0 0\n");
        write("proc/cmdline",
              "quiet isolcpus=managed_irq,domain,2-3 nohz_full=2-3 rcu_nocbs=2,3\n");
        for (int cpu = 0; cpu < 4; ++cpu) {
            const std::string folder = "sys/devices/system/cpu/cpu" + std::to_string(cpu);
            write(folder + "/topology/thread_siblings_list", std::to_string(cpu) + "\n");
            write(folder + "/cpufreq/scaling_governor", "performance\n");
        }
        write("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
        write("proc/cpuinfo", "flags : constant_tsc nonstop_tsc\n");
        write("sys/kernel/iommu_groups/1/type", "DMA\n");
        write(std::string(kCard) + "vendor", "0x8086\n");
        write(std::string(kCard) + "device", "0x1572\n");
        write(std::string(kCard) + "config", config_space(129));
        write(std::string(kCard) + "numa_node", "0\n");
        for (const char* const kind : {"current", "max"}) {
            write(kCard + std::string(kind) + "_link_width", "8\n");
            write(kCard + std::string(kind) + "_link_speed", "8.0 GT/s PCIe\n");
        }
        drive("vfio-pci");
        write("sys/devices/system/node/node0/cpulist", "0-3\n");
        write("sys/devices/system/node/node1/cpulist", "4-7\n");
        write("sys/class/net/eth1/queues/rx-0/x", "");
        write("sys/class/net/eth1/queues/rx-1/x", "");
        write("proc/sys/net/ipv4/conf/all/rp_filter", "0\n");
        write("proc/sys/net/ipv4/conf/all/arp_ignore", "1\n");
        write("proc/sys/net/ipv4/conf/all/arp_announce", "2\n");
        write("proc/sys/net/ipv4/ip_forward", "0\n");
        write("proc/sys/kernel/sched_rt_runtime_us", "-1\n");
        write("proc/sys/kernel/nmi_watchdog", "0\n");
        write("proc/self/limits",
              "Max open files            1048576  1048576  files\n"
              "Max locked memory         unlimited  unlimited  bytes\n");
    }

    // What is not OK, as "check: found".
    [[nodiscard]] std::vector<std::string> complaints() const {
        std::vector<std::string> out;
        for (const Diagnosis& one : examine(root_, question_)) {
            EXPECT_EQ(one.verdict == Verdict::kOk, one.advice.empty()) << one.check;
            if (one.verdict != Verdict::kOk) {
                out.push_back(one.check + ": " + one.found);
            }
        }
        return out;
    }

    fs::path root_;
    DoctorQuestion question_{.worker_cpus = {2, 3},
                             .main_cpu = 0,
                             .is_realtime = true,
                             .polls = true,
                             .devices = {"0000:03:00.0", "net_af_xdp0,iface=eth1,busy_budget=0"}};
};

TEST_F(DoctorTest, NothingIsSaidOfAHealthyMachine) {
    EXPECT_THAT(complaints(), IsEmpty());
    EXPECT_GT(examine(root_, question_).size(), 15U);
}

TEST_F(DoctorTest, EachFileMakesItsOwnComplaint) {
    const struct {
        std::string path;
        std::string text;
        std::string complaint;
    } rows[] = {
        {"proc/meminfo", "HugePages_Total: 0\nHugepagesize: 2048 kB\n", "hugepages: 0 of 2 MiB"},
        {"proc/mounts", "", "hugetlbfs: not mounted"},
        {"proc/cmdline", "isolcpus=3 nohz_full=2-3 rcu_nocbs=2-3", "isolcpus: is 3"},
        {"proc/cmdline", "isolcpus=2-3 rcu_nocbs=2-3", "nohz_full: not set"},
        {"proc/cmdline", "isolcpus=2-3 nohz_full=2-3", "rcu_nocbs: not set"},
        {"sys/devices/system/cpu/cpu3/cpufreq/scaling_governor",
         "powersave\n",
         "governor: \"powersave\" on CPUs 3"},
        {"sys/devices/system/clocksource/clocksource0/current_clocksource",
         "hpet\n",
         "clock: hpet"},
        {std::string(kCard) + "config",
         config_space(1),
         "0000:03:00.0 queues: 1 queues for 2 workers"},
        {std::string(kCard) + "numa_node",
         "1\n",
         "0000:03:00.0 node: 1, and workers on CPUs 2,3 are on another"},
        {std::string(kCard) + "current_link_width", "4\n", "0000:03:00.0 slot: 8.0 GT/s PCIe x4"},
        {"proc/sys/net/ipv4/conf/all/rp_filter", "1\n", "rp_filter: 1 for all interfaces"},
        {"proc/sys/net/ipv4/ip_forward", "1\n", "ip_forward: 1"},
        {"proc/sys/net/ipv4/conf/all/arp_ignore", "0\n", "arp: arp_ignore 0, arp_announce 2"},
        {"proc/sys/kernel/sched_rt_runtime_us", "950000\n", "sched_rt_runtime_us: 950000"},
        {"proc/sys/kernel/nmi_watchdog", "1\n", "nmi_watchdog: 1"},
        {"proc/self/limits",
         "Max locked memory 8388608 8388608 bytes\n",
         "locked memory: 8388608 bytes"},
        {"proc/self/limits", "Max open files 1024 1048576 files\n", "open files: 1024"},
    };
    for (const auto& row : rows) {
        write(row.path, row.text);
        EXPECT_THAT(complaints(), ElementsAre(HasSubstr(row.complaint))) << row.path;
        make_healthy();
    }
}

TEST_F(DoctorTest, ThreadsOfOneCoreAreSeen) {
    write("sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2-3\n");
    write("sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "2-3\n");
    EXPECT_THAT(complaints(), ElementsAre("cores: CPUs 2 and 3 are threads of one core"));
}

TEST_F(DoctorTest, CardsNeedTheirDriverAndAnIommu) {
    drive("ixgbe");
    EXPECT_THAT(complaints(), ElementsAre(HasSubstr("0000:03:00.0: driver ixgbe, 0x8086:0x1572")));
    drive("mlx5_core");
    EXPECT_THAT(complaints(), IsEmpty());
    drive("vfio-pci");
    fs::remove_all(root_ / "sys/kernel/iommu_groups");
    EXPECT_THAT(complaints(), ElementsAre("iommu: off"));
    write("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
    EXPECT_THAT(complaints(), ElementsAre("iommu: off, and VFIO does without it"));
    question_.devices = {"net_af_packet0,iface=eth1"};
    EXPECT_THAT(complaints(), IsEmpty()) << "without a card nobody needs it";
    question_.devices = {"04:00.0", "net_af_packet0,iface=eth9"};
    EXPECT_THAT(complaints(),
                ElementsAre(HasSubstr("iommu"),
                            "0000:04:00.0: there is no such card",
                            "eth9: there is no such interface"));
}

TEST(CpuList, IsTheKernels) {
    EXPECT_THAT(parse_cpu_list("0-3,8\n"), ElementsAre(0, 1, 2, 3, 8));
    EXPECT_THAT(parse_cpu_list("managed_irq,domain,5"), ElementsAre(5));
    EXPECT_THAT(parse_cpu_list(""), IsEmpty());
    EXPECT_THAT(parse_cpu_list("7-x,3-1,99999999999"), ElementsAre(7));
}

}  // namespace
}  // namespace director::cli
