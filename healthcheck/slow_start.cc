#include "healthcheck/slow_start.h"

#include <algorithm>

namespace director::healthcheck {
namespace {

int64_t steps_done(Duration elapsed, const SlowStart& ramp) {
    const Duration step = ramp.duration / kSlowStartSteps;
    return step.count() <= 0 ? kSlowStartSteps
                             : std::clamp(elapsed / step, int64_t{0}, kSlowStartSteps);
}

}  // namespace

uint32_t ramped_weight(uint32_t weight, Duration elapsed, const SlowStart& ramp) {
    const auto done = static_cast<uint64_t>(steps_done(elapsed, ramp));
    const uint64_t first = std::min<uint64_t>(ramp.first_percent, 100);
    const uint64_t hundredths = first + (100 - first) * done / uint64_t{kSlowStartSteps};
    const uint64_t part = weight * hundredths / 100;
    return weight == 0 ? 0 : static_cast<uint32_t>(std::max<uint64_t>(part, 1));
}

Duration next_ramp_step(Duration elapsed, const SlowStart& ramp) {
    const int64_t done = steps_done(elapsed, ramp);
    return done >= kSlowStartSteps ? Duration::zero()
                                   : ramp.duration / kSlowStartSteps * (done + 1);
}

}  // namespace director::healthcheck
