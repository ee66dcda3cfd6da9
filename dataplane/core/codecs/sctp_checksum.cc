#include "dataplane/core/codecs/sctp_checksum.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#endif

namespace director::dataplane {
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

// The product of two polynomials, modulo the CRC's; bit 31 is x^0.
constexpr uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (int bit = 31; bit >= 0; --bit) {
        product ^= (a >> bit & 1) != 0 ? b : 0;
        b = (b & 1) != 0 ? b >> 1 ^ kPolynomial : b >> 1;  // times x
    }
    return product;
}

constexpr uint32_t divide_by_x(uint32_t a) {
    return (a & 0x80000000U) != 0 ? (a ^ kPolynomial) << 1 | 1 : a << 1;
}

// What a register is multiplied by when d * 16^p zero bytes follow, x^(8 * d * 16^p): packets are
// below 2^16 bytes, so one product for each digit of the length. `scale` times that, to be exact.
constexpr uint32_t kDigits = 4;
using ZeroPowers = std::array<std::array<uint32_t, 16>, kDigits>;

constexpr ZeroPowers make_zero_powers(uint32_t scale) {
    ZeroPowers powers{};
    uint32_t step = 1U << (31 - 8);  // x^8
    for (auto& digit : powers) {
        digit[0] = scale;
        for (size_t d = 1; d < 16; ++d) {
            digit[d] = multiply(digit[d - 1], step);
        }
        for (int doubled = 0; doubled < 4; ++doubled) {
            step = multiply(step, step);
        }
    }
    return powers;
}

constexpr uint32_t kOne = 1U << 31;
constexpr ZeroPowers kZeroPowers = make_zero_powers(kOne);

// The register after `count` zero bytes.
uint32_t add_zeros(uint32_t crc, size_t count) {
    for (size_t p = 0; p < kDigits; ++p) {
        const size_t digit = count >> 4 * p & 15;
        crc = digit == 0 ? crc : multiply(crc, kZeroPowers[p][digit]);
    }
    return crc;
}

#if defined(__x86_64__)
// The instructions multiply by x^33 as well: x because bit 63 of a 63-bit product is missing, x^32
// because the CRC instruction makes room for a register behind its operand.
constexpr uint32_t make_instruction_scale() {
    uint32_t scale = kOne;
    for (int i = 0; i < 33; ++i) {
        scale = divide_by_x(scale);
    }
    return scale;
}

constexpr ZeroPowers kInstructionZeroPowers = make_zero_powers(make_instruction_scale());

__attribute__((target("sse4.2,pclmul"))) uint32_t add_zeros_by_instruction(uint32_t crc,
                                                                           size_t count) {
    for (size_t p = 0; p < kDigits; ++p) {
        const uint32_t power = kInstructionZeroPowers[p][count >> 4 * p & 15];
        const __m128i product =
            _mm_clmulepi64_si128(_mm_cvtsi64_si128(crc), _mm_cvtsi64_si128(power), 0);
        const uint64_t low = static_cast<uint64_t>(_mm_cvtsi128_si64(product));
        crc = static_cast<uint32_t>(_mm_crc32_u64(0, low));
    }
    return crc;
}
#endif

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

uint32_t sctp_checksum(const uint8_t* sctp, size_t length) {
    constexpr uint8_t kZero[4] = {};
    uint32_t crc = crc32c_add(0xffffffffU, sctp, kSctpChecksumOffset);
    crc = crc32c_add(crc, kZero, sizeof(kZero));
    return ~crc32c_add(crc, sctp + kSctpHeaderBytes, length - kSctpHeaderBytes);
}

uint32_t sctp_checksum_update(uint32_t before,
                              uint32_t ports_before,
                              uint32_t ports_after,
                              size_t length) {
    // Two packets of one length: the difference of their registers is the register of their
    // difference, begun at 0, which is the ports' bytes and then zeros. The ports' bytes are what a
    // register that begins as them gets from four zeros.
    const uint32_t difference = ports_before ^ ports_after;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul")) {
        return before ^ add_zeros_by_instruction(difference, length);
    }
#endif
    return before ^ add_zeros(difference, length);
}

uint32_t sctp_checksum_update_portable(uint32_t before,
                                       uint32_t ports_before,
                                       uint32_t ports_after,
                                       size_t length) {
    return before ^ add_zeros(ports_before ^ ports_after, length);
}

}  // namespace director::dataplane
