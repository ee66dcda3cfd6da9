// How soon the kernel lets a thread run that has just woken.
#pragma once

#include "common/result.h"

namespace director {

// Asks for short turns, soon (Linux 6.12: a slice of 0.1 ms for a thread of usual priority; older
// kernels take no notice). A thread that mostly sleeps then runs in the midst of others' turns
// instead of after them, and its share of the CPU stays what it was.
void ask_for_short_turns();

// SCHED_RR at this priority (1..99) for the calling thread, ahead of all usual ones; what it starts
// has the usual priority.
[[nodiscard]] Result<void> become_realtime(int priority);

}  // namespace director
