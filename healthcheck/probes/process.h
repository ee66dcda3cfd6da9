// Child processes: check scripts and notify commands. Each leads a process group of its own, which
// dies with it by SIGTERM and then SIGKILL; a pidfd tells when one ends, so nobody needs SIGCHLD.
#pragma once

#include <sys/types.h>

#include <list>
#include <optional>
#include <string>

#include "common/result.h"
#include "common/time.h"
#include "healthcheck/codecs/script_verdict.h"
#include "healthcheck/config.h"
#include "healthcheck/probes/owned_fd.h"
#include "healthcheck/probes/poller.h"

namespace director::healthcheck {

enum class Output : uint8_t { kDiscarded, kKept };

class Process {
  public:
    // Starts a program with nothing of ours open, its standard input and error at /dev/null, at a
    // lower priority than ours.
    [[nodiscard]] static Result<Process> spawn(const Command& command, Output output);

    Process() = default;
    Process(Process&& other) noexcept;
    Process& operator=(Process&& other) noexcept;
    // A process that nobody has waited for is killed and left to be reaped at our own end: give it
    // to an Undertaker.
    ~Process();

    [[nodiscard]] bool is_running() const { return pid_ > 0; }
    [[nodiscard]] int pid_fd() const { return pid_fd_.get(); }     // readable when it has ended
    [[nodiscard]] int output_fd() const { return output_.get(); }  // -1 when discarded

    // What it has printed meanwhile goes to `text`, up to a bound; the rest is dropped. False: it
    // has closed its output.
    [[nodiscard]] bool read_output(std::string& text);
    // How it ended, once it has.
    [[nodiscard]] std::optional<Exit> try_wait();
    // To the whole group.
    void signal(int number) const;

  private:
    pid_t pid_ = 0;
    OwnedFd pid_fd_;
    OwnedFd output_;
};

// Ends processes that are no longer wanted: SIGTERM at once, SIGKILL after a while or when the
// first of the group has ended, whichever comes first.
class Undertaker {
  public:
    explicit Undertaker(Poller& poller) : poller_(poller) {}

    void take(Process process, TimePoint now);
    [[nodiscard]] size_t waiting() const { return dying_.size(); }

  private:
    class Dying final : public PollHandler {
      public:
        Dying(Undertaker& owner, Process process, TimePoint now);
        ~Dying() override;
        Dying(const Dying&) = delete;
        Dying& operator=(const Dying&) = delete;
        void on_ready(int fd, Readiness readiness, TimePoint now) override;
        void on_deadline(TimePoint now) override;
        [[nodiscard]] bool is_gone() const { return !process_.is_running(); }

      private:
        Undertaker& owner_;
        Process process_;
        Poller::Seat seat_;
    };
    friend class Dying;

    Poller& poller_;
    std::list<Dying> dying_;
};

}  // namespace director::healthcheck
