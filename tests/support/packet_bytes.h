// Bytes in network order, and checksums by the letter of their RFCs: what PacketBuilder and the
// reader are made of. Slow on purpose, and shared with nothing that is tested.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace director::test {

inline void put8(std::vector<uint8_t>& out, uint8_t value) {
    out.push_back(value);
}

inline void put16(std::vector<uint8_t>& out, uint16_t value) {
    put8(out, static_cast<uint8_t>(value >> 8));
    put8(out, static_cast<uint8_t>(value & 0xff));
}

inline void put32(std::vector<uint8_t>& out, uint32_t value) {
    put16(out, static_cast<uint16_t>(value >> 16));
    put16(out, static_cast<uint16_t>(value & 0xffff));
}

inline void put_bytes(std::vector<uint8_t>& out, std::span<const uint8_t> bytes) {
    // Not insert(): GCC 12 at -O3 sees an overflow in it that is not there.
    for (const uint8_t byte : bytes) {
        out.push_back(byte);
    }
}

inline void overwrite16(std::vector<uint8_t>& out, size_t at, uint16_t value) {
    out.at(at) = static_cast<uint8_t>(value >> 8);
    out.at(at + 1) = static_cast<uint8_t>(value & 0xff);
}

// RFC 1071 as it is worded: big-endian words, one at a time, end-around carry at once.
[[nodiscard]] inline uint16_t slow_checksum(std::span<const uint8_t> bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); i += 2) {
        const uint32_t low = i + 1 < bytes.size() ? bytes[i + 1] : 0;
        sum += uint32_t{bytes[i]} << 8 | low;
        if (sum > 0xffff) {
            sum = sum - 0x10000 + 1;
        }
    }
    return static_cast<uint16_t>(0xffff - sum);
}

// RFC 9260 appendix A: CRC-32C over the whole packet with the checksum field (bytes 8 to 11) zero,
// bit by bit.
[[nodiscard]] inline uint32_t slow_crc32c(std::span<const uint8_t> sctp) {
    uint32_t crc = 0xffffffffU;
    for (size_t i = 0; i < sctp.size(); ++i) {
        crc ^= i >= 8 && i < 12 ? 0U : sctp[i];
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78U : crc >> 1;
        }
    }
    return ~crc;
}

}  // namespace director::test
