// The two hashes of IPVS's schedulers, bit for bit, so that a client meets the same server here as
// there. Neither is keyed by a secret: who picks the client addresses picks the slots.
#pragma once

#include <bit>
#include <cstdint>

namespace director::dataplane {

// Linux include/linux/hash.h hash_32(): `bits` of them, 1..32.
[[nodiscard]] constexpr uint32_t ipvs_hash_32(uint32_t value, uint32_t bits) {
    return (value * 0x61C88647U) >> (32 - bits);
}

// The keys of ip_vs_mh.c; each is used for both halves of the 128-bit key.
inline constexpr uint64_t kMhFirstKey = 2654435761U;
inline constexpr uint64_t kMhSecondKey = 2654446892U;

// Linux lib/siphash.c hsiphash() of one 32-bit word on a 64-bit machine: SipHash-1-3 (Aumasson,
// Bernstein: "SipHash: a fast short-input PRF", 2012), cut to 32 bits.
[[nodiscard]] constexpr uint32_t hsiphash(uint32_t value, uint64_t key) {
    uint64_t v0 = 0x736f6d6570736575U ^ key;
    uint64_t v1 = 0x646f72616e646f6dU ^ key;
    uint64_t v2 = 0x6c7967656e657261U ^ key;
    uint64_t v3 = 0x7465646279746573U ^ key;
    const auto round = [&] {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    };
    const uint64_t block = uint64_t{4} << 56 | value;  // the length of the input, and the input
    v3 ^= block;
    round();
    v0 ^= block;
    v2 ^= 0xff;
    round();
    round();
    round();
    return static_cast<uint32_t>(v0 ^ v1 ^ v2 ^ v3);
}

}  // namespace director::dataplane
