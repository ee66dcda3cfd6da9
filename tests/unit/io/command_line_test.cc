// Shows the command line that EAL is started with.
#include <gmock/gmock.h>

#include "dataplane/io/eal.h"

namespace director::test {
namespace {

using namespace dataplane::io;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

EngineSettings two_workers() {
    EngineSettings settings;
    settings.main_cpu = 0;
    settings.worker_cpus = {1, 0};
    settings.ports = {{.name = "outside", .device = "net_af_xdp0,iface=d0"}};
    return settings;
}

std::string line_of(const EngineSettings& settings) {
    const auto line = eal_command_line(settings);
    if (!line) {
        return "error: " + line.error().message;
    }
    std::string text;
    for (const std::string& argument : *line) {
        text += " " + argument;
    }
    return text;
}

TEST(CommandLineTest, WorkersAreLcoresOneAndUp) {
    EXPECT_THAT(line_of(two_workers()), HasSubstr("--lcores 0@0,1@1,2@0"));
}

TEST(CommandLineTest, VirtualDevicesNeedNoPci) {
    EXPECT_THAT(line_of(two_workers()), HasSubstr("--vdev net_af_xdp0,iface=d0"));
    EXPECT_THAT(line_of(two_workers()), HasSubstr("--no-pci"));
}

TEST(CommandLineTest, PciDevicesAreAllowedOneByOne) {
    auto settings = two_workers();
    settings.ports[0].device = "0000:03:00.0";
    EXPECT_THAT(line_of(settings), HasSubstr("-a 0000:03:00.0"));
    EXPECT_THAT(line_of(settings), Not(HasSubstr("--no-pci")));
    EXPECT_TRUE(is_pci_device("03:00.0"));
    EXPECT_TRUE(is_pci_device("0000:03:00.0,representor=1"));
    EXPECT_FALSE(is_pci_device("net_memif0,socket=/run/x.sock,mac=02:00:00:00:00:01"));
}

TEST(CommandLineTest, UsersArgumentsComeLastAndReplaceOurs) {
    auto settings = two_workers();
    settings.eal_arguments = {"--huge-dir=/mnt/huge", "--file-prefix", "mine"};
    const std::string line = line_of(settings);
    EXPECT_THAT(line, Not(HasSubstr("--in-memory")));
    EXPECT_THAT(line, Not(HasSubstr("--no-huge")));
    EXPECT_THAT(line, Not(HasSubstr("--file-prefix directord")));
    EXPECT_TRUE(line.ends_with("--huge-dir=/mnt/huge --file-prefix mine"));
}

TEST(CommandLineTest, PlacementOfWorkersIsNotTheUsersToBreak) {
    for (const char* argument : {"-l", "-l0,1", "--lcores=0,1", "-c", "--proc-type=secondary"}) {
        auto settings = two_workers();
        settings.eal_arguments = {argument};
        EXPECT_THAT(line_of(settings), HasSubstr("error: ")) << argument;
    }
    auto settings = two_workers();
    settings.eal_arguments = {"--log-level=lib.eal:8"};
    EXPECT_THAT(line_of(settings), Not(HasSubstr("error: ")));
}

}  // namespace
}  // namespace director::test
