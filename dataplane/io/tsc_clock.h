// Time for an lcore loop: the CPU's time stamp counter, scaled onto the timeline of a reference
// clock. Reading costs a multiplication; the reference is looked at ten times a second, so that
// workers and control plane agree within a microsecond or so although nobody knows the counter's
// frequency exactly (EAL rounds it to 10 MHz).
//
// Not thread-safe: one thread owns it.
#pragma once

#include <cstdint>

#include "common/time.h"

namespace director::dataplane::io {

class TscClock {
  public:
    using Counter = uint64_t (*)();

    // `counter` reads the time stamp counter; `frequency_hz` is a first estimate of its speed.
    TscClock(const Clock& reference, Counter counter, uint64_t frequency_hz);

    // The time at which the counter read `tsc`. Never goes back.
    [[nodiscard]] TimePoint at(uint64_t tsc) {
        if (tsc >= next_calibration_) {
            calibrate();
        }
        const int64_t nanoseconds = origin_ns_ + to_nanoseconds(tsc - origin_tsc_);
        latest_ns_ = latest_ns_ < nanoseconds ? nanoseconds : latest_ns_;
        return TimePoint(Duration(latest_ns_));
    }

  private:
    struct Sample {
        uint64_t tsc = 0;
        int64_t nanoseconds = 0;
    };

    [[nodiscard]] int64_t to_nanoseconds(uint64_t cycles) const {
        // Signed: a counter read just before the calibration lies before its origin.
        return static_cast<int64_t>(cycles) * nanoseconds_per_cycle_ / (int64_t{1} << kScaleBits);
    }
    [[nodiscard]] Sample sample() const;
    void calibrate();

    static constexpr unsigned kScaleBits = 28;

    const Clock& reference_;
    Counter counter_;
    uint64_t frequency_hz_;
    uint64_t interval_cycles_;
    uint64_t next_calibration_ = 0;
    uint64_t origin_tsc_ = 0;
    int64_t origin_ns_ = 0;
    int64_t latest_ns_ = 0;
    int64_t nanoseconds_per_cycle_;  // times 2^kScaleBits
};

}  // namespace director::dataplane::io
