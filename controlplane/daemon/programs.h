// Programs that VRRP runs: notify commands, one after the other for the same subject, and trackers'
// scripts, whose exit code is waited for. On the event loop; none holds anything up.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "healthcheck/probes/command_runner.h"
#include "healthcheck/probes/poller.h"
#include "healthcheck/probes/process.h"

namespace director::daemon {

class Programs {
  public:
    using Done = std::function<void(bool succeeded)>;

    [[nodiscard]] static Result<std::unique_ptr<Programs>> make(asio::io_context& io,
                                                                const Clock& clock);
    ~Programs();
    Programs(const Programs&) = delete;
    Programs& operator=(const Programs&) = delete;

    // Runs `arguments` after what was given before for the same subject has ended.
    void notify(const std::string& subject, const std::vector<std::string>& arguments);

    // `done` is called once: when it has ended, or at once if it could not be started. Exit code 0
    // is success.
    void start(uint64_t run, const std::vector<std::string>& arguments, const Done& done);
    // Nobody waits for it any more: SIGTERM, then SIGKILL. Its `done` is not called.
    void end(uint64_t run);

  private:
    class Run;

    Programs(asio::io_context& io, const Clock& clock, healthcheck::Poller poller);
    void wait();
    void turn();
    void arm();

    const Clock& clock_;
    healthcheck::Poller poller_;
    healthcheck::Undertaker undertaker_{poller_};
    healthcheck::CommandRunner commands_{poller_, undertaker_};
    std::map<uint64_t, std::unique_ptr<Run>> runs_;
    asio::posix::stream_descriptor readable_;
    asio::steady_timer timer_;
};

}  // namespace director::daemon
