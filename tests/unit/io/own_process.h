// DPDK starts once per process, so a test that starts an engine runs in a process of its own.
#pragma once

#include <functional>

namespace director::test {

// Forks, runs `body` there and fails the calling test when an expectation failed there, or when the
// process did not end by itself.
void run_in_own_process(const std::function<void()>& body);

}  // namespace director::test
