// Health checks as the daemon sees them: Monitor's decisions, Prober's sockets and the notify
// commands behind one descriptor and one deadline. Control-plane thread only.
//
//   auto engine = Engine::make(sockets, seed, now);
//   handle((*engine)->apply(settings, now));          // at start and at reload
//   // whenever fd() is readable, or deadline() has come:
//   handle((*engine)->run(now));
//
// Of the actions that come out, TableChange and Event are the caller's to carry out; probes and
// commands never come out. A TableChange is to be applied as a whole; `monitor().find_service(name)
// ->table()` has the same as one table, for those who apply differences themselves.
#pragma once

#include <cstdint>
#include <memory>

#include "common/result.h"
#include "common/time.h"
#include "healthcheck/actions.h"
#include "healthcheck/monitor.h"
#include "healthcheck/probes/command_runner.h"
#include "healthcheck/probes/poller.h"
#include "healthcheck/probes/prober.h"
#include "healthcheck/probes/sockets.h"

namespace director::healthcheck {

class Engine {
  public:
    // `sockets` outlives the engine. The seed spreads first probes and numbers questions.
    [[nodiscard]] static Result<std::unique_ptr<Engine>> make(Sockets& sockets, uint64_t seed);

    // Precondition: validate() found no error.
    [[nodiscard]] Actions apply(const Settings& settings, TimePoint now);
    [[nodiscard]] Actions run(TimePoint now);
    // Cancels everything and starts omega's commands, which need run() until pending_commands() is
    // 0.
    [[nodiscard]] Actions stop(TimePoint now);
    void add_traffic(const Endpoint& server, const Traffic& traffic) {
        monitor_.add_traffic(server, traffic);
    }

    [[nodiscard]] int fd() const { return poller_.fd(); }
    // Rounded up, so that thousands of checks wake the event loop some hundred times a second.
    [[nodiscard]] TimePoint deadline() const;
    [[nodiscard]] size_t pending_commands() const { return commands_->pending(); }
    [[nodiscard]] const Monitor& monitor() const { return monitor_; }

  private:
    Engine(Poller poller, uint64_t seed);
    // Carries out what is ours, until nothing of it is left.
    [[nodiscard]] Actions settle(Actions actions, TimePoint now);
    void carry_out(Actions& actions, Actions& others, TimePoint now);

    Poller poller_;
    Monitor monitor_;
    std::unique_ptr<Prober> prober_;
    std::unique_ptr<CommandRunner> commands_;
};

}  // namespace director::healthcheck
