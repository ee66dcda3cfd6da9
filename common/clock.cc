#include "common/time.h"

namespace director {

TimePoint SteadyClock::now() const {
    return TimePoint(
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

}  // namespace director
