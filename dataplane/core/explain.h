// What would become of a packet: the stages' decisions without what they leave behind.
#pragma once

#include "dataplane/api/explanation.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

// Answers at once: a look at each table that the packet's own way looks at. `state` is as before
// afterwards.
void explain(Worker::State& state, Explanation& answer);

}  // namespace director::dataplane
