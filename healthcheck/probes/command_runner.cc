#include "healthcheck/probes/command_runner.h"

#include <fmt/format.h>

#include <utility>

#include "healthcheck/codecs/script_verdict.h"

namespace director::healthcheck {
namespace {

// A command that hangs while its service flaps must not fill memory; the oldest news go first.
constexpr size_t kWaitingMax = 64;

}  // namespace

void CommandRunner::run(const RunCommand& command, TimePoint now) {
    std::erase_if(queues_, [&command](const auto& entry) {
        return entry.second->pending() == 0 && entry.first != command.service;
    });
    auto& queue = queues_[command.service];
    if (!queue) {
        queue = std::make_unique<Queue>(*this, command.service);
    }
    queue->push(command.command, now);
}

std::vector<Event> CommandRunner::take_events() {
    return std::exchange(events_, {});
}

size_t CommandRunner::pending() const {
    size_t count = 0;
    for (const auto& [service, queue] : queues_) {
        count += queue->pending();
    }
    return count;
}

CommandRunner::Queue::Queue(CommandRunner& owner, std::string service)
    : owner_(owner), service_(std::move(service)), seat_(owner.poller_.join(*this)) {}

CommandRunner::Queue::~Queue() {
    owner_.poller_.leave(seat_);
}

void CommandRunner::Queue::push(const Command& command, TimePoint now) {
    if (waiting_.size() >= kWaitingMax) {
        complain(fmt::format("{} is not run: {} wait before it",
                             waiting_.front().arguments.front(),
                             waiting_.size()));
        waiting_.pop_front();
    }
    waiting_.push_back(command);
    if (!is_busy()) {
        start_next(now);
    }
}

void CommandRunner::Queue::start_next(TimePoint now) {
    owner_.poller_.set_deadline(seat_, kNever);
    while (!is_busy() && !waiting_.empty()) {
        const Command command = std::move(waiting_.front());
        waiting_.pop_front();
        name_ = command.arguments.front();
        auto spawned = Process::spawn(command, Output::kDiscarded);
        if (!spawned) {
            complain(spawned.error().message);
            continue;
        }
        process_ = std::move(*spawned);
        static_cast<void>(owner_.poller_.watch(seat_, process_.pid_fd(), Readiness::kRead));
        owner_.poller_.set_deadline(seat_, now + command.timeout);
    }
}

void CommandRunner::Queue::on_ready(int /*fd*/, Readiness /*readiness*/, TimePoint now) {
    const auto exit = process_.try_wait();
    if (!exit) {
        return;
    }
    if (exit->by_signal || exit->code != 0) {
        complain(fmt::format("{}: {}", name_, to_string(*exit)));
    }
    process_ = Process();
    start_next(now);
}

void CommandRunner::Queue::on_deadline(TimePoint now) {
    complain(fmt::format("{} is ended: it ran too long", name_));
    owner_.undertaker_.take(std::exchange(process_, Process()), now);
    start_next(now);
}

void CommandRunner::Queue::complain(std::string text) {
    owner_.events_.push_back(
        Event{EventKind::kCommandFailed, LogLevel::kWarning, service_, {}, std::move(text)});
}

}  // namespace director::healthcheck
