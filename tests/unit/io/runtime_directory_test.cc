// Shows which run-time directories a director removes as it starts: those of killed ones alone.
#include "dataplane/io/runtime_directory.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

#include <gtest/gtest.h>

namespace director::test {
namespace {

namespace fs = std::filesystem;
using dataplane::io::remove_left_directories;

// A PID that was somebody's and is nobody's.
pid_t ended_process() {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    return child;
}

class RuntimeDirectoryTest : public ::testing::Test {
  protected:
    RuntimeDirectoryTest() {
        std::string pattern = (fs::temp_directory_path() / "director-run-XXXXXX").string();
        root_ = ::mkdtemp(pattern.data());
    }
    ~RuntimeDirectoryTest() override { fs::remove_all(root_); }

    fs::path make(const std::string& name) {
        fs::create_directory(root_ / name);
        return root_ / name;
    }

    fs::path root_;
};

TEST_F(RuntimeDirectoryTest, OfKilledOnesAlone) {
    const auto gone = make(fmt::format("directord-{}", ended_process()));
    std::ofstream(gone / "dpdk_telemetry.v2") << "left";
    const auto alive = make(fmt::format("directord-{}", ::getpid()));
    const auto another = make(fmt::format("pktgen-{}", ended_process()));
    const auto named = make("directord-mine");
    const auto negative = make("directord--5");
    EXPECT_EQ(remove_left_directories(root_, "directord"), 1);
    EXPECT_FALSE(fs::exists(gone));
    for (const auto& kept : {alive, another, named, negative}) {
        EXPECT_TRUE(fs::exists(kept)) << kept;
    }
}

TEST_F(RuntimeDirectoryTest, NotWhereSomebodyListens) {
    const auto folder = make(fmt::format("directord-{}", ended_process()));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = (folder / "dpdk_telemetry.v2").string();
    ASSERT_LT(path.size(), sizeof(address.sun_path));
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const int listener = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(listener, 1), 0);
    EXPECT_EQ(remove_left_directories(root_, "directord"), 0);
    ::close(listener);
    EXPECT_EQ(remove_left_directories(root_, "directord"), 1);
    EXPECT_FALSE(fs::exists(folder));
}

TEST_F(RuntimeDirectoryTest, WithoutARootThereIsNothing) {
    EXPECT_EQ(remove_left_directories(root_ / "none", "directord"), 0);
}

}  // namespace
}  // namespace director::test
