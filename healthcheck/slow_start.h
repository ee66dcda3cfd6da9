// The weight ramp of a server that came back: from SlowStart::first_percent to all of its weight,
// in equal steps, so that there are few changes of the table.
#pragma once

#include <cstdint>

#include "common/time.h"
#include "healthcheck/config.h"

namespace director::healthcheck {

inline constexpr int64_t kSlowStartSteps = 20;

// What `weight` is `elapsed` after the return; at least 1, unless it is 0.
[[nodiscard]] uint32_t ramped_weight(uint32_t weight, Duration elapsed, const SlowStart& ramp);

// How long after the return the next step is due; zero when there is none left.
[[nodiscard]] Duration next_ramp_step(Duration elapsed, const SlowStart& ramp);

}  // namespace director::healthcheck
