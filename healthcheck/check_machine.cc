#include "healthcheck/check_machine.h"

#include <algorithm>

#include "common/assert.h"

namespace director::healthcheck {
namespace {

// A probe ends itself in time; this is for one that does not.
constexpr Duration kGrace = std::chrono::seconds(1);

}  // namespace

std::string_view to_string(CheckState state) {
    switch (state) {
        case CheckState::kUntried:
            return "untried";
        case CheckState::kUp:
            return "up";
        case CheckState::kDown:
            return "down";
    }
    return "?";
}

void CheckMachine::start(TimePoint now, Random& random) {
    const auto spread = static_cast<uint64_t>(timing_.warm_up.count());
    deadline_ = now + Duration(spread == 0 ? 0 : static_cast<int64_t>(random.below(spread)));
}

TimePoint CheckMachine::begin_probe(TimePoint now) {
    DIRECTOR_ASSERT(!probing_);
    probing_ = true;
    deadline_ = now + timing_.timeout + kGrace;
    return now + timing_.timeout;
}

bool CheckMachine::end_probe(TimePoint now, Outcome outcome) {
    DIRECTOR_ASSERT(probing_);
    probing_ = false;
    retrying_ = false;
    bool changed = false;
    if (outcome == Outcome::kPassed) {
        changed = pass();
    } else if (outcome == Outcome::kFailed) {
        changed = fail();
    }
    deadline_ = now + (retrying_ ? timing_.retry_delay : timing_.interval);
    return changed;
}

bool CheckMachine::pass() {
    tries_failed_ = 0;
    rounds_failed_ = 0;
    if (state_ == CheckState::kUp) {
        return false;
    }
    ++rounds_passed_;
    if (state_ == CheckState::kDown && rounds_passed_ < timing_.rise) {
        return false;
    }
    rounds_passed_ = 0;
    state_ = CheckState::kUp;
    return true;
}

bool CheckMachine::fail() {
    rounds_passed_ = 0;
    if (state_ == CheckState::kDown) {
        return false;
    }
    // keepalived 2.2: retries are for servers that were seen to work.
    if (state_ == CheckState::kUp) {
        ++tries_failed_;
        if (tries_failed_ <= timing_.retries) {
            retrying_ = true;
            return false;
        }
        tries_failed_ = 0;
        ++rounds_failed_;
        if (rounds_failed_ < timing_.fall) {
            return false;
        }
    }
    rounds_failed_ = 0;
    state_ = CheckState::kDown;
    return true;
}

void CheckMachine::set_timing(TimePoint now, const Timing& timing) {
    timing_ = timing;
    if (!probing_ && deadline_ != kNever) {
        deadline_ = std::min(deadline_, now + (retrying_ ? timing.retry_delay : timing.interval));
    }
}

}  // namespace director::healthcheck
