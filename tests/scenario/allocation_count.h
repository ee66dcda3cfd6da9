// How often this program has asked for heap memory so far: what must not change while a worker
// processes. operator new is replaced by one that counts.
#pragma once

#include <cstdint>

namespace director::test {

[[nodiscard]] uint64_t allocation_count();

}  // namespace director::test
