// The keyed hash behind every table that a packet can reach.
//
// Two rounds of a folded 64x64->128 bit multiplication with secret keys: about 2 ns, not linear in
// its input (unlike CRC or Toeplitz, whose collisions do not depend on the key), so who picks
// addresses and ports still cannot pick buckets. It is no cryptographic hash.
#pragma once

#include <cstdint>

#include "common/wide.h"

namespace director {

// Drawn once at start from the system's randomness; tests use a fixed one.
struct HashKey {
    uint64_t first = 0x9e3779b97f4a7c15U;
    uint64_t second = 0xc2b2ae3d27d4eb4fU;
};

[[nodiscard]] constexpr uint64_t keyed_hash(const HashKey& key, uint64_t value) {
    const uint64_t mixed = multiply_fold(value ^ key.first, key.second | 1);
    return multiply_fold(mixed ^ key.second, key.first | 1);
}

}  // namespace director
