#include "controlplane/daemon/programs.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/log.h"

namespace director::daemon {

using healthcheck::Command;
using healthcheck::PollHandler;
using healthcheck::Process;
using healthcheck::Readiness;

namespace {
constexpr LogArea kLog{"programs"};
}  // namespace

// One script that is waited for.
class Programs::Run final : public PollHandler {
  public:
    Run(Programs& owner, Process process, Done done)
        : owner_(owner),
          process_(std::move(process)),
          done_(std::move(done)),
          seat_(owner.poller_.join(*this)) {}
    ~Run() override {
        owner_.poller_.leave(seat_);
        if (process_.is_running()) {
            owner_.undertaker_.take(std::move(process_), owner_.clock_.now());
        }
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    [[nodiscard]] bool watch() {
        return owner_.poller_.watch(seat_, process_.pid_fd(), Readiness::kRead) == 0;
    }
    void on_ready(int /*fd*/, Readiness /*readiness*/, TimePoint /*now*/) override {
        if (const auto exit = process_.try_wait()) {
            // What follows may end this run, and with it this object.
            const Done done = std::exchange(done_, nullptr);
            if (done) {
                done(!exit->by_signal && exit->code == 0);
            }
        }
    }
    void on_deadline(TimePoint /*now*/) override {}
    [[nodiscard]] bool is_over() const { return done_ == nullptr; }

  private:
    Programs& owner_;
    Process process_;
    Done done_;
    healthcheck::Poller::Seat seat_;
};

Programs::Programs(asio::io_context& io, const Clock& clock, healthcheck::Poller poller)
    : clock_(clock), poller_(std::move(poller)), readable_(io, ::dup(poller_.fd())), timer_(io) {
    wait();
}

Programs::~Programs() = default;

Result<std::unique_ptr<Programs>> Programs::make(asio::io_context& io, const Clock& clock) {
    auto poller = healthcheck::Poller::make();
    if (!poller) {
        return Failure(poller.error());
    }
    std::unique_ptr<Programs> made(new Programs(io, clock, std::move(*poller)));
    return made;
}

void Programs::notify(const std::string& subject, const std::vector<std::string>& arguments) {
    commands_.run({.service = subject, .command = {.arguments = arguments, .user = {}}},
                  clock_.now());
    arm();
}

void Programs::start(uint64_t run, const std::vector<std::string>& arguments, const Done& done) {
    auto process =
        Process::spawn({.arguments = arguments, .user = {}}, healthcheck::Output::kDiscarded);
    if (!process) {
        kLog.warning("cannot run program={} error=\"{}\"",
                     arguments.empty() ? "" : arguments.front(),
                     process.error().message);
        done(false);
        return;
    }
    auto made = std::make_unique<Run>(*this, std::move(*process), done);
    if (!made->watch()) {
        done(false);
        return;
    }
    runs_[run] = std::move(made);
    arm();
}

void Programs::end(uint64_t run) {
    runs_.erase(run);
    arm();
}

void Programs::wait() {
    readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [this](const asio::error_code& error) {
                             if (!error) {
                                 turn();
                                 wait();
                             }
                         });
}

void Programs::turn() {
    poller_.run(clock_.now());
    std::erase_if(runs_, [](const auto& entry) { return entry.second->is_over(); });
    for (const healthcheck::Event& event : commands_.take_events()) {
        kLog.warning("notify command of={} problem=\"{}\"", event.service, event.text);
    }
    arm();
}

void Programs::arm() {
    const TimePoint deadline = poller_.deadline();
    const Duration left = deadline - clock_.now();
    // Whatever the poller's "never" is, asio must not be asked to add it to a moment.
    timer_.expires_after(std::clamp<Duration>(left, Duration(0), std::chrono::hours(1)));
    timer_.async_wait([this](const asio::error_code& error) {
        if (!error) {
            turn();
        }
    });
}

}  // namespace director::daemon
