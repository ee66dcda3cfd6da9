// What systemd hears, on a socket as systemd makes it.
#include "controlplane/daemon/service_manager.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>

#include <gtest/gtest.h>

#include "common/assert.h"

namespace director::daemon {
namespace {

using std::chrono::seconds;

class ServiceManagerTest : public testing::Test {
  protected:
    ServiceManagerTest() : name_("@director-test-" + std::to_string(getpid())) {
        sockaddr_un own{};
        own.sun_family = AF_UNIX;
        std::memcpy(own.sun_path, name_.data(), name_.size());
        own.sun_path[0] = '\0';
        const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
        DIRECTOR_ASSERT(bind(socket_, reinterpret_cast<const sockaddr*>(&own), length) == 0);
    }
    ~ServiceManagerTest() override { close(socket_); }

    // The next message; empty if there is none.
    [[nodiscard]] std::string heard() const {
        std::array<char, 512> buffer{};
        const ssize_t length = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        return length < 0 ? "" : std::string(buffer.data(), static_cast<size_t>(length));
    }

    std::string name_;
    int socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

TEST_F(ServiceManagerTest, TellsTheLifeOfTheService) {
    const ServiceManager manager(name_, seconds(10));
    manager.ready("serving 3 virtual services");
    EXPECT_EQ(heard(), "READY=1\nSTATUS=serving 3 virtual services");
    manager.reloading(TimePoint(seconds(7)));
    EXPECT_EQ(heard(), "RELOADING=1\nMONOTONIC_USEC=7000000");
    manager.still_alive();
    EXPECT_EQ(heard(), "WATCHDOG=1");
    manager.stopping();
    EXPECT_EQ(heard(), "STOPPING=1");
}

TEST_F(ServiceManagerTest, TheWatchdogIsFedWhereItIsAskedFor) {
    setenv("NOTIFY_SOCKET", name_.c_str(), 1);
    setenv("WATCHDOG_USEC", "3000000", 1);
    setenv("WATCHDOG_PID", std::to_string(getpid() + 1).c_str(), 1);
    const ServiceManager others = ServiceManager::from_environment();
    EXPECT_FALSE(others.watchdog());
    others.still_alive();
    EXPECT_EQ(heard(), "");
    EXPECT_EQ(getenv("NOTIFY_SOCKET"), nullptr) << "programs that are started must not inherit it";

    setenv("NOTIFY_SOCKET", name_.c_str(), 1);
    setenv("WATCHDOG_USEC", "3000000", 1);
    const ServiceManager ours = ServiceManager::from_environment();
    EXPECT_EQ(ours.watchdog(), Duration(seconds(3)));
    ours.still_alive();
    EXPECT_EQ(heard(), "WATCHDOG=1");
}

TEST_F(ServiceManagerTest, WithoutSystemdNothingIsSaid) {
    const ServiceManager manager("");
    manager.ready("");
    manager.stopping();
    EXPECT_EQ(heard(), "");
}

}  // namespace
}  // namespace director::daemon
