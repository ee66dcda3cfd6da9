// Runs notify commands: those of one service one after the other, in the order of what happened;
// those of several services side by side. Each has a hard timeout.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "healthcheck/actions.h"
#include "healthcheck/probes/poller.h"
#include "healthcheck/probes/process.h"

namespace director::healthcheck {

class CommandRunner {
  public:
    CommandRunner(Poller& poller, Undertaker& undertaker)
        : poller_(poller), undertaker_(undertaker) {}

    void run(const RunCommand& command, TimePoint now);
    // What went wrong since the last call. To be taken after run() and after Poller::run().
    [[nodiscard]] std::vector<Event> take_events();
    // Commands that run or wait.
    [[nodiscard]] size_t pending() const;

  private:
    // The commands of one service.
    class Queue final : public PollHandler {
      public:
        Queue(CommandRunner& owner, std::string service);
        ~Queue() override;
        Queue(const Queue&) = delete;
        Queue& operator=(const Queue&) = delete;
        void push(const Command& command, TimePoint now);
        void on_ready(int fd, Readiness readiness, TimePoint now) override;
        void on_deadline(TimePoint now) override;
        [[nodiscard]] size_t pending() const { return waiting_.size() + (is_busy() ? 1 : 0); }

      private:
        [[nodiscard]] bool is_busy() const { return process_.is_running(); }
        void start_next(TimePoint now);
        void complain(std::string text);

        CommandRunner& owner_;
        std::string service_;
        Poller::Seat seat_;
        Process process_;
        std::string name_;  // of the program that runs
        std::deque<Command> waiting_;
    };
    friend class Queue;

    Poller& poller_;
    Undertaker& undertaker_;
    std::map<std::string, std::unique_ptr<Queue>> queues_;
    std::vector<Event> events_;
};

}  // namespace director::healthcheck
