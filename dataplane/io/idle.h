// How long a worker sleeps after polls that brought nothing (IdleMode::kAdaptive).
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/time.h"
#include "dataplane/io/engine.h"

namespace director::dataplane::io {

class IdleBackoff {
  public:
    // Empty polls before the first sleep: with a veth port about 10 us, longer than the gap between
    // the segments of one connection at full speed.
    static constexpr uint32_t kPollsBeforeSleep = 64;
    static constexpr Duration kFirstSleep{20000};
    // Bounds what an idle director adds to the first packet's delay.
    static constexpr Duration kLongestSleep{200000};

    explicit IdleBackoff(IdleMode mode) : mode_(mode) {}

    void on_busy_poll() {
        empty_polls_ = 0;
        sleep_ = kFirstSleep;
    }
    // How long to sleep now; zero means to poll on.
    [[nodiscard]] Duration on_empty_poll() {
        if (mode_ == IdleMode::kPoll || ++empty_polls_ < kPollsBeforeSleep) {
            return Duration::zero();
        }
        const Duration sleep = sleep_;
        sleep_ = std::min(sleep_ * 2, kLongestSleep);
        return sleep;
    }

  private:
    IdleMode mode_;
    uint32_t empty_polls_ = 0;
    Duration sleep_ = kFirstSleep;
};

}  // namespace director::dataplane::io
