// Bytes as they stand in packets: numbers in network order, and byte after byte.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace director::vrrp {

[[nodiscard]] inline uint16_t load16(const uint8_t* data) {
    return static_cast<uint16_t>(data[0] << 8 | data[1]);
}

[[nodiscard]] inline uint32_t load32(const uint8_t* data) {
    return uint32_t{load16(data)} << 16 | load16(data + 2);
}

inline void store16(uint8_t* data, size_t value) {
    data[0] = static_cast<uint8_t>(value >> 8);
    data[1] = static_cast<uint8_t>(value);
}

inline void store32(uint8_t* data, uint32_t value) {
    store16(data, value >> 16);
    store16(data + 2, value & 0xffff);
}

// Not vector::insert(): GCC 12 warns of an overflow there that cannot be.
inline void append(std::vector<uint8_t>& to, std::span<const uint8_t> bytes) {
    const size_t before = to.size();
    to.resize(before + bytes.size());
    std::copy(bytes.begin(), bytes.end(), to.begin() + static_cast<ptrdiff_t>(before));
}

}  // namespace director::vrrp
