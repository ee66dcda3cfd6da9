// A choice without a branch, for conditions that are as good as random: a mispredicted branch costs
// 20 cycles, and compilers like to make one of a conditional expression.
#pragma once

#include <concepts>

namespace director {

// `yes` where `condition` holds, else `no`.
template <std::unsigned_integral T>
[[nodiscard]] constexpr T select(bool condition, T yes, T no) {
    const T mask = static_cast<T>(T{0} - static_cast<T>(condition));
    return static_cast<T>(no ^ ((yes ^ no) & mask));
}

}  // namespace director
