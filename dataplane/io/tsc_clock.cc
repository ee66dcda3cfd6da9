#include "dataplane/io/tsc_clock.h"

#include <algorithm>

#include "common/wide.h"

namespace director::dataplane::io {
namespace {

constexpr uint64_t kNanosecondsPerSecond = 1000000000;

// `numerator / denominator` times 2^bits.
int64_t scaled_ratio(uint64_t numerator, uint64_t denominator, unsigned bits) {
    return static_cast<int64_t>((static_cast<Uint128>(numerator) << bits) / denominator);
}

}  // namespace

TscClock::TscClock(const Clock& reference, Counter counter, uint64_t frequency_hz)
    : reference_(reference),
      counter_(counter),
      frequency_hz_(frequency_hz),
      // The first intervals are short, because the first estimate may be off by 0.2 %.
      interval_cycles_(frequency_hz / 1000),
      nanoseconds_per_cycle_(scaled_ratio(kNanosecondsPerSecond, frequency_hz, kScaleBits)) {
    const Sample first = sample();
    origin_tsc_ = first.tsc;
    origin_ns_ = latest_ns_ = first.nanoseconds;
    next_calibration_ = first.tsc + interval_cycles_;
}

// The best of three, in case the thread is interrupted between the two readings.
TscClock::Sample TscClock::sample() const {
    Sample best;
    uint64_t narrowest = UINT64_MAX;
    for (int attempt = 0; attempt < 3; ++attempt) {
        const uint64_t before = counter_();
        const int64_t nanoseconds = reference_.now().time_since_epoch().count();
        const uint64_t width = counter_() - before;
        if (width < narrowest) {
            narrowest = width;
            best = Sample{.tsc = before + width / 2, .nanoseconds = nanoseconds};
        }
    }
    return best;
}

void TscClock::calibrate() {
    const Sample now = sample();
    const uint64_t cycles = now.tsc - origin_tsc_;
    const int64_t nanoseconds = now.nanoseconds - origin_ns_;
    if (cycles > 0 && nanoseconds > 0) {
        nanoseconds_per_cycle_ =
            scaled_ratio(static_cast<uint64_t>(nanoseconds), cycles, kScaleBits);
    }
    origin_tsc_ = now.tsc;
    origin_ns_ = now.nanoseconds;
    interval_cycles_ = std::min(interval_cycles_ * 10, frequency_hz_ / 10);
    next_calibration_ = now.tsc + interval_cycles_;
}

}  // namespace director::dataplane::io
