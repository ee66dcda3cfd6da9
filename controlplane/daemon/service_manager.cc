#include "controlplane/daemon/service_manager.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "common/log.h"
#include "common/whole_number.h"

namespace director::daemon {
namespace {

constexpr LogArea kLog{"daemon"};

// Before there are threads; and gone, so that check scripts and notify programs do not speak for
// us.
std::string take_variable(const char* name) {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
    std::string text = value == nullptr ? "" : value;
    unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
    return text;
}

std::optional<long long> number_in(std::string_view text) {
    const auto number = whole_number<long long>(text);
    return number > 0 ? number : std::nullopt;
}

}  // namespace

ServiceManager::ServiceManager(std::string socket, std::optional<Duration> watchdog)
    : socket_(std::move(socket)), watchdog_(watchdog) {}

ServiceManager ServiceManager::from_environment() {
    std::string socket = take_variable("NOTIFY_SOCKET");
    const auto period = number_in(take_variable("WATCHDOG_USEC"));
    const auto process = number_in(take_variable("WATCHDOG_PID"));
    const bool is_meant = !process || *process == getpid();
    return ServiceManager(std::move(socket),
                          period && is_meant
                              ? std::optional<Duration>(std::chrono::microseconds(*period))
                              : std::nullopt);
}

void ServiceManager::ready(const std::string& status) const {
    tell("READY=1\nSTATUS=" + status);
}

void ServiceManager::reloading(TimePoint now) const {
    const auto since_boot =
        std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
    tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", since_boot.count()));
}

void ServiceManager::stopping() const {
    tell("STOPPING=1");
}

void ServiceManager::still_alive() const {
    if (watchdog_) {
        tell("WATCHDOG=1");
    }
}

void ServiceManager::tell(const std::string& text) const {
    sockaddr_un to{};
    if (socket_.empty() || socket_.size() >= sizeof to.sun_path) {
        return;
    }
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, socket_.data(), socket_.size());
    const bool is_abstract = socket_.front() == '@';
    if (is_abstract) {
        to.sun_path[0] = '\0';
    }
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size() +
                                               (is_abstract ? 0 : 1));
    const ssize_t sent = fd < 0
                             ? -1
                             : sendto(fd,
                                      text.data(),
                                      text.size(),
                                      MSG_NOSIGNAL | MSG_DONTWAIT,
                                      // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
                                      reinterpret_cast<const sockaddr*>(&to),
                                      length);
    if (fd >= 0) {
        close(fd);
    }
    if (sent < 0) {
        kLog.warning("systemd does not hear socket={}", socket_);
    }
}

}  // namespace director::daemon
