// Time as every part of Director speaks of it.
//
// Nobody below the event loop reads a clock: protocol logic and the dataplane take `now` as an
// argument, so that tests run under virtual time. Only the daemon (SteadyClock, common/clock.cc)
// and the lcore loop (TSC) turn real time into a TimePoint.
#pragma once

#include <chrono>
#include <cstdint>

namespace director {

using Duration = std::chrono::nanoseconds;

// A monotonic timeline with an arbitrary origin. It deliberately has no now().
struct Timeline {
    using rep = Duration::rep;
    using period = Duration::period;
    using duration = Duration;
    using time_point = std::chrono::time_point<Timeline, Duration>;
    // NOLINTNEXTLINE(readability-identifier-naming): the standard's name for it.
    static constexpr bool is_steady = true;
};

using TimePoint = Timeline::time_point;

// Where time comes from. The only method is now(); what it returns never goes back.
class Clock {
  public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;
    [[nodiscard]] virtual TimePoint now() const = 0;
};

// The machine's monotonic clock. Constructed by main() alone.
class SteadyClock final : public Clock {
  public:
    [[nodiscard]] TimePoint now() const override;
};

// Nanoseconds since 1970: for what must grow from one start of the machine to the next, for what
// people read, and nothing else. What it returns may go back when the machine's clock is set.
[[nodiscard]] uint64_t wall_clock_nanoseconds();

}  // namespace director
