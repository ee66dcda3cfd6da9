// Runs single probes against loopback servers. Time is virtual: a deadline comes when the test says
// so. Waiting for sockets is real, and ends the test with a failure after some seconds.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "healthcheck/probes/poller.h"
#include "healthcheck/probes/prober.h"
#include "healthcheck/probes/sockets.h"
#include "tests/support/sim_clock.h"
#include "tests/unit/healthcheck/loopback_servers.h"

namespace director::healthcheck::test {

// Waits until one of `fds` is readable, or `mask_write`-able ones are... at most a real second.
// False: nothing happened.
[[nodiscard]] bool wait_for_any(const std::vector<int>& fds, int milliseconds = 5000);

class ProbeLab {
  public:
    ProbeLab();
    explicit ProbeLab(Sockets& sockets);

    void add(LoopbackServer& server) { servers_.push_back(&server); }
    // Starts a probe; its deadline is one second from now.
    void start(const CheckSettings& settings);
    // Serves both sides until `done`. False after some seconds of silence.
    [[nodiscard]] bool run_until(const std::function<bool()>& done);
    // Starts it and serves until it ends.
    [[nodiscard]] ProbeResult probe(const CheckSettings& settings);
    void jump(Duration time);
    [[nodiscard]] std::optional<ProbeResult> result();
    void cancel();

    director::test::SimClock clock;
    KernelSockets kernel_sockets;
    Poller poller;
    std::unique_ptr<Prober> prober;

  private:
    void take();

    std::vector<LoopbackServer*> servers_;
    StartProbe start_;
    uint64_t attempts_ = 0;
    std::vector<ProbeResult> results_;
};

// A check of a server with this sort.
[[nodiscard]] CheckSettings check_of(const Endpoint& to, CheckSort sort);

}  // namespace director::healthcheck::test
