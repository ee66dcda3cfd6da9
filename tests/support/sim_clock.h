// A clock that moves only when a test says so.
#pragma once

#include "common/assert.h"
#include "common/time.h"

namespace director::test {

class SimClock final : public Clock {
  public:
    // Starts away from zero, so that code which takes "0" for "never" is found out.
    SimClock() = default;
    explicit SimClock(TimePoint start) : now_(start) {}

    [[nodiscard]] TimePoint now() const override { return now_; }

    void advance(Duration step) {
        DIRECTOR_ASSERT(step >= Duration::zero());
        now_ += step;
    }
    void jump_to(TimePoint moment) {
        DIRECTOR_ASSERT(moment >= now_);
        now_ = moment;
    }

  private:
    TimePoint now_{std::chrono::hours(1)};
};

}  // namespace director::test
