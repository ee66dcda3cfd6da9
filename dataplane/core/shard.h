// Which worker owns a connection: decided by the client's endpoint alone, the one thing that NAT
// leaves as it is, so that both directions come to the same worker.
//
// The function is a Toeplitz hash whose key has a period of 16 bits (0x6d5a...). Such a hash does
// not care where in the tuple the words stand: a NIC that hashes only the source on the client side
// and only the destination on the server side gets the same value as we do here. The worker checks
// every packet in software all the same, so a NIC that hashes otherwise costs a hand-over, never a
// connection.
#pragma once

#include <array>
#include <cstdint>

#include "common/address.h"
#include "dataplane/api/ids.h"

namespace director::dataplane {

// Buckets of the redirection table (RETA): as many as common NICs have. Bucket b is worker b mod n.
inline constexpr uint16_t kShardBuckets = 128;

// The RSS key's repeating 16-bit word.
inline constexpr uint16_t kShardKeyWord = 0x6d5a;

namespace shard_detail {

// Toeplitz contribution of one byte, standing at an even (`shift` 8) or odd (`shift` 0) offset.
constexpr uint8_t toeplitz_byte(uint8_t byte, int shift) {
    uint16_t hash = 0;
    for (int bit = 0; bit < 8; ++bit) {
        if ((byte >> bit & 1) != 0) {
            const int from_left = 15 - (bit + shift);
            const uint32_t twice = uint32_t{kShardKeyWord} << 16 | kShardKeyWord;
            hash = static_cast<uint16_t>(hash ^ static_cast<uint16_t>(twice << from_left >> 16));
        }
    }
    return hash & (kShardBuckets - 1);
}

constexpr std::array<uint8_t, 256> toeplitz_table(int shift) {
    std::array<uint8_t, 256> table{};
    for (int byte = 0; byte < 256; ++byte) {
        table[static_cast<size_t>(byte)] = toeplitz_byte(static_cast<uint8_t>(byte), shift);
    }
    return table;
}

inline constexpr std::array<uint8_t, 256> kHighByte = toeplitz_table(8);
inline constexpr std::array<uint8_t, 256> kLowByte = toeplitz_table(0);

}  // namespace shard_detail

// The function is linear: a tuple's bucket is the exclusive or of its 16-bit words' parts. Words
// are as they lie in memory.
[[nodiscard]] constexpr uint16_t shard_part_of_word(uint16_t raw) {
    return static_cast<uint16_t>(shard_detail::kHighByte[raw & 0xff] ^
                                 shard_detail::kLowByte[raw >> 8]);
}
[[nodiscard]] constexpr uint16_t shard_part_of_ipv4(uint32_t raw) {
    return shard_part_of_word(static_cast<uint16_t>(raw ^ raw >> 16));
}
// Of an IPv6 address's two halves.
[[nodiscard]] constexpr uint16_t shard_part_of_ipv6(uint64_t high, uint64_t low) {
    const uint64_t both = high ^ low;
    return shard_part_of_ipv4(static_cast<uint32_t>(both ^ both >> 32));
}

// The RETA bucket of a client, 0 .. kShardBuckets - 1.
[[nodiscard]] constexpr uint16_t shard_bucket(const Endpoint& client) {
    const std::array<uint8_t, 16>& bytes = client.address.bytes;
    uint16_t folded = client.port.raw;
    for (size_t i = client.address.is_ipv4() ? 12 : 0; i < bytes.size(); i += 2) {
        folded = static_cast<uint16_t>(folded ^ (bytes[i] | bytes[i + 1] << 8));
    }
    return shard_part_of_word(folded);
}

// The worker that owns a client's connections; `worker_count` is at least 1.
[[nodiscard]] constexpr WorkerId owner_of(const Endpoint& client, uint16_t worker_count) {
    return WorkerId{static_cast<uint16_t>(shard_bucket(client) % worker_count)};
}

}  // namespace director::dataplane
