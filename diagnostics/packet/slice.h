// Bytes of a packet from some place on: what was kept of them, and how many there were on the wire.
// Nothing outside the kept ones is ever read.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace director::diagnostics {

struct Slice {
    const uint8_t* data = nullptr;
    uint32_t kept = 0;
    uint32_t wire = 0;  // at least `kept`

    [[nodiscard]] bool has(uint32_t bytes) const { return kept >= bytes; }
    // Without the first `bytes`.
    [[nodiscard]] Slice behind(uint32_t bytes) const {
        const uint32_t skipped = std::min(bytes, kept);
        return {data + skipped, kept - skipped, wire - std::min(bytes, wire)};
    }
    // Only the first `bytes`.
    [[nodiscard]] Slice first(uint32_t bytes) const {
        return {data, std::min(bytes, kept), std::min(bytes, wire)};
    }
    [[nodiscard]] std::span<const uint8_t> span() const { return {data, kept}; }
    [[nodiscard]] bool is_cut() const { return kept < wire; }

    // Numbers in network order; the caller has asked has().
    [[nodiscard]] uint8_t byte(uint32_t at) const { return data[at]; }
    [[nodiscard]] uint16_t be16(uint32_t at) const {
        uint16_t raw = 0;
        std::memcpy(&raw, data + at, sizeof(raw));
        return __builtin_bswap16(raw);
    }
    [[nodiscard]] uint32_t be32(uint32_t at) const {
        uint32_t raw = 0;
        std::memcpy(&raw, data + at, sizeof(raw));
        return __builtin_bswap32(raw);
    }
};

}  // namespace director::diagnostics
