#include "common/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace director {
namespace {

// Castagnoli's polynomial, its bits reversed: the register's lowest bit is the highest power.
constexpr uint32_t kPolynomial = 0x82f63b78;

constexpr uint32_t kSlices = 8;
using Tables = std::array<std::array<uint32_t, 256>, kSlices>;

// Table k has, for each byte, the register after that byte and k zero bytes ("slicing by 8").
constexpr Tables make_tables() {
    Tables tables{};
    for (uint32_t byte = 0; byte < 256; ++byte) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ kPolynomial : crc >> 1;
        }
        tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; ++byte) {
        for (size_t k = 1; k < kSlices; ++k) {
            const uint32_t before = tables[k - 1][byte];
            tables[k][byte] = before >> 8 ^ tables[0][before & 0xff];
        }
    }
    return tables;
}

constexpr Tables kTables = make_tables();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t add_by_instruction(uint32_t crc,
                                                              const uint8_t* data,
                                                              size_t length) {
    uint64_t wide = crc;
    for (; length >= 8; data += 8, length -= 8) {
        uint64_t word = 0;
        std::memcpy(&word, data, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = static_cast<uint32_t>(wide);
    for (; length > 0; ++data, --length) {
        crc = _mm_crc32_u8(crc, *data);
    }
    return crc;
}
#endif

}  // namespace

uint32_t crc32c_add_portable(uint32_t crc, const uint8_t* data, size_t length) {
    for (; length >= 8; data += 8, length -= 8) {
        uint32_t low = 0;
        uint32_t high = 0;
        std::memcpy(&low, data, 4);
        std::memcpy(&high, data + 4, 4);
        low ^= crc;
        crc = kTables[7][low & 0xff] ^ kTables[6][low >> 8 & 0xff] ^ kTables[5][low >> 16 & 0xff] ^
              kTables[4][low >> 24] ^ kTables[3][high & 0xff] ^ kTables[2][high >> 8 & 0xff] ^
              kTables[1][high >> 16 & 0xff] ^ kTables[0][high >> 24];
    }
    for (; length > 0; ++data, --length) {
        crc = crc >> 8 ^ kTables[0][(crc ^ *data) & 0xff];
    }
    return crc;
}

uint32_t crc32c_add(uint32_t crc, const uint8_t* data, size_t length) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return add_by_instruction(crc, data, length);
    }
#endif
    return crc32c_add_portable(crc, data, length);
}

}  // namespace director
