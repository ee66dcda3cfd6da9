// Sequence numbers compare modulo 2^32 (RFC 9293 section 3.4).
#pragma once

#include <cstdint>

namespace director::diagnostics {

// From `b` to `a`: positive if `a` is the later.
[[nodiscard]] constexpr int32_t sequence_distance(uint32_t a, uint32_t b) {
    return static_cast<int32_t>(a - b);
}
[[nodiscard]] constexpr bool is_after(uint32_t a, uint32_t b) {
    return sequence_distance(a, b) > 0;
}
[[nodiscard]] constexpr bool is_before(uint32_t a, uint32_t b) {
    return sequence_distance(a, b) < 0;
}

}  // namespace director::diagnostics
