// Randomness that can be repeated: the same seed gives the same numbers everywhere.
#pragma once

#include <cstdint>

#include "common/wide.h"

namespace director {

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): small,
// fast, and good enough for jitter and tests. Not for secrets: see system_random().
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}

    [[nodiscard]] uint64_t next() {
        state_ += 0x9e3779b97f4a7c15U;
        uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }

    // A number in [0, bound); bound must not be 0. The bias of 2^-32 for small bounds is accepted.
    [[nodiscard]] uint64_t below(uint64_t bound) { return multiply_high(next(), bound); }

  private:
    uint64_t state_;
};

// 64 bits from the operating system's generator, for keys that an attacker must not know.
[[nodiscard]] uint64_t system_random();

}  // namespace director
