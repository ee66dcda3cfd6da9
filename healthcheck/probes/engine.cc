#include "healthcheck/probes/engine.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace director::healthcheck {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(5);
// curl asks to be called again at once while it begins a transfer; whatever asks longer waits a
// tick.
constexpr int kRoundsMax = 8;

}  // namespace

Engine::Engine(Poller poller, uint64_t seed) : poller_(std::move(poller)), monitor_(seed) {}

Result<std::unique_ptr<Engine>> Engine::make(Sockets& sockets, uint64_t seed) {
    auto poller = Poller::make();
    if (!poller) {
        return Failure(poller.error());
    }
    std::unique_ptr<Engine> engine(new Engine(std::move(*poller), seed));
    auto prober = Prober::make(engine->poller_, sockets, seed);
    if (!prober) {
        return Failure(prober.error());
    }
    engine->prober_ = std::move(*prober);
    engine->commands_ =
        std::make_unique<CommandRunner>(engine->poller_, engine->prober_->undertaker());
    return engine;
}

Actions Engine::apply(const Settings& settings, TimePoint now) {
    Actions actions;
    monitor_.apply(settings, now, actions);
    return settle(std::move(actions), now);
}

Actions Engine::run(TimePoint now) {
    poller_.run(now);
    Actions actions;
    // Results first: one that came in time is not to be given up on.
    monitor_.on_results(prober_->take_results(), now, actions);
    monitor_.on_deadline(now, actions);
    return settle(std::move(actions), now);
}

Actions Engine::stop(TimePoint now) {
    Actions actions;
    monitor_.stop(actions);
    return settle(std::move(actions), now);
}

TimePoint Engine::deadline() const {
    const TimePoint earliest = std::min(poller_.deadline(), monitor_.deadline());
    if (earliest == kNever) {
        return kNever;
    }
    const Duration beyond = earliest.time_since_epoch() % kTick;
    return beyond == Duration::zero() ? earliest : earliest + (kTick - beyond);
}

void Engine::carry_out(Actions& actions, Actions& others, TimePoint now) {
    for (Action& action : actions) {
        if (const auto* start = std::get_if<StartProbe>(&action)) {
            prober_->start(*start, now);
        } else if (const auto* cancel = std::get_if<CancelProbe>(&action)) {
            prober_->cancel(*cancel);
        } else if (const auto* command = std::get_if<RunCommand>(&action)) {
            commands_->run(*command, now);
        } else {
            others.push_back(std::move(action));
        }
    }
    actions.clear();
}

Actions Engine::settle(Actions actions, TimePoint now) {
    Actions others;
    carry_out(actions, others, now);
    for (int round = 0; round < kRoundsMax && poller_.deadline() <= now; ++round) {
        poller_.run(now);
    }
    while (prober_->has_results()) {
        monitor_.on_results(prober_->take_results(), now, actions);
        carry_out(actions, others, now);
    }
    std::vector<Event> events = commands_->take_events();
    std::move(events.begin(), events.end(), std::back_inserter(others));
    return others;
}

}  // namespace director::healthcheck
