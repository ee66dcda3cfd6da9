// shard_bucket() against a Toeplitz hash as NICs compute it, bit by bit over the fields that the
// NIC is told to hash: the client side hashes sources, the server side destinations, and both must
// give the bucket that software gives.
#include "dataplane/core/shard.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"

namespace director::dataplane {
namespace {

// A 40-byte RSS key made of the repeated word.
[[nodiscard]] std::array<uint8_t, 40> rss_key() {
    std::array<uint8_t, 40> key{};
    for (size_t i = 0; i < key.size(); i += 2) {
        key[i] = kShardKeyWord >> 8;
        key[i + 1] = kShardKeyWord & 0xff;
    }
    return key;
}

// Microsoft's definition: for every input bit that is set, XOR the 32 bits of the key that begin at
// that bit's place.
[[nodiscard]] uint32_t toeplitz(const std::vector<uint8_t>& input) {
    const auto key = rss_key();
    const auto key_bit = [&key](size_t i) { return uint32_t{key[i / 8]} >> (7 - i % 8) & 1U; };
    uint32_t hash = 0;
    for (size_t bit = 0; bit < input.size() * 8; ++bit) {
        if ((input[bit / 8] >> (7 - bit % 8) & 1) == 0) {
            continue;
        }
        uint32_t window = 0;
        for (size_t i = 0; i < 32; ++i) {
            window = window << 1 | key_bit(bit + i);
        }
        hash ^= window;
    }
    return hash;
}

void append(std::vector<uint8_t>& bytes,
            const Endpoint& endpoint,
            bool with_address,
            bool with_port) {
    const uint32_t address = with_address ? endpoint.address.ipv4().host() : 0;
    const uint16_t port = with_port ? endpoint.port.host() : 0;
    if (with_address) {
        for (const int shift : {24, 16, 8, 0}) {
            bytes.push_back(static_cast<uint8_t>(address >> shift));
        }
    }
    if (with_port) {
        bytes.push_back(static_cast<uint8_t>(port >> 8));
        bytes.push_back(static_cast<uint8_t>(port));
    }
}

[[nodiscard]] Endpoint random_endpoint(Random& random) {
    return {Ipv4Address::from_host(static_cast<uint32_t>(random.next())),
            Be16::from_host(static_cast<uint16_t>(random.next()))};
}

TEST(Shard, NicsAgreeWhateverTheyLeaveOut) {
    Random random(3);
    for (int i = 0; i < 5000; ++i) {
        const Endpoint client = random_endpoint(random);
        const uint32_t bucket = shard_bucket(client);
        // Only the client's fields, packed.
        std::vector<uint8_t> packed;
        append(packed, client, true, true);
        ASSERT_EQ(toeplitz(packed) % kShardBuckets, bucket);
        // The full tuple (both addresses, both ports) with the other side's fields as zero: client
        // as source, and client as destination.
        std::vector<uint8_t> as_source;
        append(as_source, client, true, false);
        append(as_source, {}, true, false);
        append(as_source, client, false, true);
        append(as_source, {}, false, true);
        ASSERT_EQ(toeplitz(as_source) % kShardBuckets, bucket);
        std::vector<uint8_t> as_destination;
        append(as_destination, {}, true, false);
        append(as_destination, client, true, false);
        append(as_destination, {}, false, true);
        append(as_destination, client, false, true);
        ASSERT_EQ(toeplitz(as_destination) % kShardBuckets, bucket);
    }
}

TEST(Shard, PortsOfOneClientAndAddressesOfOnePortAreBalanced) {
    for (const bool by_port : {true, false}) {
        std::array<int, kShardBuckets> counts{};
        for (uint32_t i = 0; i < 128 * 500; ++i) {
            const Endpoint client{
                Ipv4Address::from_host(by_port ? 0xaad27a65 : 0x0a000000 + i),
                Be16::from_host(static_cast<uint16_t>(by_port ? 1024 + i % 64512 : 40000))};
            ++counts[shard_bucket(client)];
        }
        for (const int count : counts) {
            EXPECT_NEAR(count, 500, 75) << (by_port ? "ports" : "addresses");
        }
    }
}

TEST(Shard, WorkersGetEqualShares) {
    Random random(5);
    for (const uint16_t workers :
         {uint16_t{1}, uint16_t{2}, uint16_t{3}, uint16_t{4}, uint16_t{7}}) {
        std::vector<int> counts(workers);
        for (int i = 0; i < 70000; ++i) {
            const WorkerId owner = owner_of(random_endpoint(random), workers);
            ASSERT_LT(index(owner), workers);
            ++counts[index(owner)];
        }
        for (const int count : counts) {
            EXPECT_NEAR(count, 70000.0 / workers, 70000.0 / workers / 8) << workers;
        }
    }
}

}  // namespace
}  // namespace director::dataplane
