// Which of many equal events are told: a flood of packets must be no flood of log lines.
#pragma once

#include <chrono>
#include <cstdint>

#include "common/time.h"

namespace director {

// Lets the first of many equal things through, and then one a minute, so that a flood of packets is
// no flood of log lines.
class EventGate {
  public:
    static constexpr Duration kQuiet = std::chrono::minutes(1);

    // Whether to tell it; if so, `held_back` is how many were not told since the last time.
    [[nodiscard]] bool opens(TimePoint now) {
        if (has_opened_ && now - opened_at_ < kQuiet) {
            ++held_;
            return false;
        }
        has_opened_ = true;
        opened_at_ = now;
        held_back = held_;
        held_ = 0;
        return true;
    }
    uint64_t held_back = 0;

  private:
    bool has_opened_ = false;
    TimePoint opened_at_;
    uint64_t held_ = 0;
};

}  // namespace director
