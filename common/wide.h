// The 64x64 -> 128 bit product, which ISO C++ has no type for.
#pragma once

#include <cstdint>

namespace director {

// `using` cannot carry __extension__.
// NOLINTNEXTLINE(modernize-use-using)
__extension__ typedef unsigned __int128 Uint128;

[[nodiscard]] constexpr uint64_t multiply_high(uint64_t a, uint64_t b) {
    return static_cast<uint64_t>(static_cast<Uint128>(a) * b >> 64);
}

// High half XOR low half of the product.
[[nodiscard]] constexpr uint64_t multiply_fold(uint64_t a, uint64_t b) {
    const Uint128 product = static_cast<Uint128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace director
