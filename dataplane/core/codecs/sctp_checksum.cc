#include "dataplane/core/codecs/sctp_checksum.h"

#include <array>

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#endif

namespace director::dataplane {
namespace {

// Castagnoli's polynomial, its bits reversed: the register's lowest bit is the highest power.
constexpr uint32_t kPolynomial = 0x82f63b78;

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

}  // namespace

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
