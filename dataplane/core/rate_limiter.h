// How often something may happen.
#pragma once

#include <chrono>
#include <cstdint>

#include "common/time.h"

namespace director::dataplane {

// Lets through `rate` per second on average and a tenth of a second's worth at once (GCRA, the
// leaky bucket of ITU-T I.371 annex A: one number of state).
class RateLimiter {
  public:
    explicit RateLimiter(uint32_t rate_per_second)
        : cost_(Duration(1000000000) / (rate_per_second == 0 ? 1 : rate_per_second)) {}

    [[nodiscard]] bool admits(TimePoint now) {
        constexpr Duration kBurst = std::chrono::milliseconds(100);
        if (paid_until_ > now + kBurst) {
            return false;
        }
        paid_until_ = (paid_until_ > now ? paid_until_ : now) + cost_;
        return true;
    }

  private:
    Duration cost_;
    TimePoint paid_until_{};
};

}  // namespace director::dataplane
