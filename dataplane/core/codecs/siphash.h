// SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012): a keyed hash that
// nobody can forge, for what a stranger sees and sends back (SYN cookies). Tables use the faster
// keyed_hash (common/hash.h).
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "common/hash.h"

namespace director::dataplane {

// The hash of whole 64-bit words, in the order and with the length of their bytes in memory.
[[nodiscard]] constexpr uint64_t siphash24(const HashKey& key, std::span<const uint64_t> words) {
    std::array<uint64_t, 4> v{key.first ^ 0x736f6d6570736575U,
                              key.second ^ 0x646f72616e646f6dU,
                              key.first ^ 0x6c7967656e657261U,
                              key.second ^ 0x7465646279746573U};
    const auto rounds = [&v](int count) {
        for (int i = 0; i < count; ++i) {
            v[0] += v[1];
            v[1] = std::rotl(v[1], 13) ^ v[0];
            v[0] = std::rotl(v[0], 32);
            v[2] += v[3];
            v[3] = std::rotl(v[3], 16) ^ v[2];
            v[0] += v[3];
            v[3] = std::rotl(v[3], 21) ^ v[0];
            v[2] += v[1];
            v[1] = std::rotl(v[1], 17) ^ v[2];
            v[2] = std::rotl(v[2], 32);
        }
    };
    const auto absorb = [&](uint64_t word) {
        v[3] ^= word;
        rounds(2);
        v[0] ^= word;
    };
    for (const uint64_t word : words) {
        absorb(word);
    }
    absorb(uint64_t{words.size() * 8} << 56);
    v[2] ^= 0xff;
    rounds(4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

}  // namespace director::dataplane
