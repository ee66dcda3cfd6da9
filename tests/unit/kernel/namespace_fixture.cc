#include "tests/unit/kernel/namespace_fixture.h"

#include <sched.h>
#include <sys/wait.h>

#include <array>
#include <asio/steady_timer.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace director::kernel {

bool NamespaceTest::enter_new_namespace() {
    return ::unshare(CLONE_NEWNET) == 0;
}

void NamespaceTest::SetUp() {
    ASSERT_TRUE(enter_new_namespace()) << "needs root: it makes a network namespace";
    run("ip link set lo up");
}

bool NamespaceTest::succeeds(const std::string& command) {
    const int status = std::system((command + " >/dev/null 2>&1").c_str());
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void NamespaceTest::run(const std::string& command) {
    const int status = std::system(command.c_str());
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << command;
}

std::string NamespaceTest::output_of(const std::string& command) {
    std::string text;
    FILE* const pipe = ::popen(command.c_str(), "r");
    std::array<char, 512> buffer{};
    while (pipe != nullptr && std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) {
        text += buffer.data();
    }
    if (pipe != nullptr) {
        ::pclose(pipe);
    }
    return text;
}

bool NamespaceTest::await(const std::function<bool()>& condition, std::chrono::seconds deadline) {
    asio::steady_timer timer(io_, deadline);
    bool is_over = false;
    timer.async_wait([&](const std::error_code& error) { is_over = !error; });
    while (!condition() && !is_over) {
        io_.restart();
        io_.run_one();
    }
    timer.cancel();
    io_.poll();
    return condition();
}

}  // namespace director::kernel

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
