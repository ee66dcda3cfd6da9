// Internet checksum arithmetic (RFC 1071, RFC 1624). Everything works on values as they lie in
// memory (network order): the one's complement sum does not care about byte order.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace director {

// Folds a sum with carries into 16 bits; the 32-bit one may have lost no carry yet.
[[nodiscard]] constexpr uint16_t checksum_fold32(uint32_t sum) {
    // The upper half of the sum with its own halves swapped: both halves plus the carry.
    return static_cast<uint16_t>((sum + std::rotl(sum, 16)) >> 16);
}
[[nodiscard]] constexpr uint16_t checksum_fold(uint64_t sum) {
    sum = (sum & 0xffffffffU) + (sum >> 32);
    return checksum_fold32(static_cast<uint32_t>(sum) + static_cast<uint32_t>(sum >> 32));
}

// Adds `length` bytes to a running sum; an odd last byte counts as if followed by zero (RFC 1071).
[[nodiscard]] inline uint64_t checksum_add(uint64_t sum, const uint8_t* data, size_t length) {
    while (length >= 4) {
        uint32_t word = 0;
        std::memcpy(&word, data, 4);
        sum += word;
        data += 4;
        length -= 4;
    }
    if (length >= 2) {
        uint16_t half = 0;
        std::memcpy(&half, data, 2);
        sum += half;
        data += 2;
        length -= 2;
    }
    return length == 1 ? sum + *data : sum;
}

// The pseudo header's part of a TCP or UDP checksum over IPv4 (RFC 793 section 3.1). Addresses are
// raw network-order words, `l4_length` is in host order.
[[nodiscard]] constexpr uint64_t checksum_pseudo_ipv4(uint32_t source,
                                                      uint32_t destination,
                                                      uint8_t protocol,
                                                      uint16_t l4_length) {
    return uint64_t{source} + destination + (uint64_t{protocol} << 8) +
           __builtin_bswap16(l4_length);
}

// What has to be added to a checksum's complement when 32-bit words `before` become `after`: RFC
// 1624 equation 3, ~m + m', kept folded so that a connection can store it.
[[nodiscard]] constexpr uint16_t checksum_delta(uint64_t before_sum, uint64_t after_sum) {
    const uint64_t removed = static_cast<uint16_t>(~checksum_fold(before_sum));
    return checksum_fold(removed + after_sum);
}

// Applies a delta, or the sum of several, to a checksum field: HC' = ~(~HC + delta) (RFC 1624
// equation 3).
[[nodiscard]] constexpr uint16_t checksum_apply(uint16_t checksum, uint32_t delta) {
    return static_cast<uint16_t>(
        ~checksum_fold32(uint32_t{static_cast<uint16_t>(~checksum)} + delta));
}

}  // namespace director
