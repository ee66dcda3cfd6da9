// What systemd is told of this process (sd_notify(3), systemd.service(5) Type=notify): that it
// serves, that it reloads, that it stops, and that its workers still answer. Without systemd all of
// it does nothing.
#pragma once

#include <optional>
#include <string>

#include "common/time.h"

namespace director::daemon {

class ServiceManager {
  public:
    // `socket`: a path, or a name in the abstract space with '@' before it; empty: there is nobody.
    explicit ServiceManager(std::string socket, std::optional<Duration> watchdog = std::nullopt);
    // By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which programs that are started from here
    // do not inherit. Call before there are threads.
    [[nodiscard]] static ServiceManager from_environment();

    void ready(const std::string& status) const;
    void reloading(TimePoint now) const;
    void stopping() const;
    // Only where systemd waits for it.
    void still_alive() const;
    // How long systemd waits for still_alive().
    [[nodiscard]] std::optional<Duration> watchdog() const { return watchdog_; }

  private:
    void tell(const std::string& text) const;

    std::string socket_;
    std::optional<Duration> watchdog_;
};

}  // namespace director::daemon
