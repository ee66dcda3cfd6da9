// Network byte order as a type, so that it cannot be forgotten in a comment.
#pragma once

#include <bit>
#include <compare>
#include <cstdint>

namespace director {

static_assert(std::endian::native == std::endian::little,
              "Director runs on little-endian machines");

// A 16-bit value whose bytes lie in memory as they do on the wire.
struct Be16 {
    uint16_t raw = 0;

    [[nodiscard]] static constexpr Be16 from_host(uint16_t value) {
        return Be16{__builtin_bswap16(value)};
    }
    [[nodiscard]] constexpr uint16_t host() const { return __builtin_bswap16(raw); }
    friend constexpr bool operator==(Be16, Be16) = default;
};

// A 32-bit value whose bytes lie in memory as they do on the wire.
struct Be32 {
    uint32_t raw = 0;

    [[nodiscard]] static constexpr Be32 from_host(uint32_t value) {
        return Be32{__builtin_bswap32(value)};
    }
    [[nodiscard]] constexpr uint32_t host() const { return __builtin_bswap32(raw); }
    friend constexpr bool operator==(Be32, Be32) = default;
};

static_assert(sizeof(Be16) == 2 && sizeof(Be32) == 4);

}  // namespace director
