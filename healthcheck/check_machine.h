// One check's states: when it probes, and what its results mean. Sans-IO: it takes `now` and says
// what to do; it owns no timer and no socket.
#pragma once

#include <cstdint>

#include "common/random.h"
#include "common/time.h"
#include "healthcheck/actions.h"
#include "healthcheck/config.h"
#include "healthcheck/deadline_heap.h"

namespace director::healthcheck {

enum class CheckState : uint8_t {
    kUntried,  // no result yet: what its server was assumed to be stands
    kUp,
    kDown,
};

[[nodiscard]] std::string_view to_string(CheckState state);

class CheckMachine {
  public:
    explicit CheckMachine(const Timing& timing) : timing_(timing) {}

    // Plans the first probe, at random within the warm-up time.
    void start(TimePoint now, Random& random);
    // A probe starts, which is to answer until the moment returned.
    TimePoint begin_probe(TimePoint now);
    // Result of the probe, or of having waited for it in vain. Plans the next one. Returns whether
    // the state changed.
    [[nodiscard]] bool end_probe(TimePoint now, Outcome outcome);
    // Keeps what is known and counted; what is planned stays, but no later than the new interval.
    void set_timing(TimePoint now, const Timing& timing);

    // When to begin a probe; while one runs, when to give up on it: a little after it should have
    // ended itself.
    [[nodiscard]] TimePoint deadline() const { return deadline_; }
    [[nodiscard]] bool is_probing() const { return probing_; }
    [[nodiscard]] CheckState state() const { return state_; }

  private:
    [[nodiscard]] bool pass();
    [[nodiscard]] bool fail();

    Timing timing_;
    TimePoint deadline_ = kNever;
    CheckState state_ = CheckState::kUntried;
    bool probing_ = false;
    bool retrying_ = false;
    uint32_t tries_failed_ = 0;   // in this round
    uint32_t rounds_failed_ = 0;  // on end, while up
    uint32_t rounds_passed_ = 0;  // on end, while down
};

}  // namespace director::healthcheck
