// CRC32c by known answers, and each of its ways against a computation bit by bit.
#include "dataplane/core/codecs/sctp_checksum.h"

#include <cstring>

#include <gtest/gtest.h>

#include "tests/unit/codecs/plain_packets.h"

namespace director::dataplane {
namespace {

using namespace director::test;

uint32_t crc32c(const Bytes& bytes) {
    return ~crc32c_add(0xffffffffU, bytes.data(), bytes.size());
}

TEST(SctpChecksum, KnownAnswersOfRfc3720) {
    // RFC 3720 appendix B.4, its bytes read as a number, least significant first.
    EXPECT_EQ(crc32c(Bytes(32, 0)), 0x8a9136aaU);
    EXPECT_EQ(crc32c(Bytes(32, 0xff)), 0x62a8ab43U);
    const std::string digits = "123456789";
    EXPECT_EQ(crc32c(Bytes(digits.begin(), digits.end())), 0xe3069283U);
}

TEST(SctpChecksum, BothWaysAreTheBitwiseOne) {
    Random random(30);
    for (int round = 0; round < 2000; ++round) {
        const Bytes bytes = random_bytes(random, random.below(100));
        const size_t cut = random.below(bytes.size() + 1);
        const uint32_t expected = plain_crc32c(bytes);
        for (const auto add : {crc32c_add, crc32c_add_portable}) {
            const uint32_t first = add(0xffffffffU, bytes.data(), cut);
            EXPECT_EQ(~add(first, bytes.data() + cut, bytes.size() - cut), expected);
        }
    }
}

TEST(SctpChecksum, UpdatedForNewPortsAsIfComputedAnew) {
    Random random(31);
    for (int round = 0; round < 2000; ++round) {
        const Endpoint a = random_end(random, Family::kIpv4);
        const Endpoint b = random_end(random, Family::kIpv4);
        const size_t length = round < 3 ? 65500 + random.below(24) : random.below(3000);
        const Bytes payload = random_bytes(random, length);
        const Bytes before = plain_transport(132, a, b, payload);
        const Bytes after = plain_transport(132, b, a, payload);
        uint32_t sums[2];
        uint32_t ports[2];
        std::memcpy(&sums[0], before.data() + 8, 4);
        std::memcpy(&sums[1], after.data() + 8, 4);
        std::memcpy(&ports[0], before.data(), 4);
        std::memcpy(&ports[1], after.data(), 4);
        ASSERT_EQ(sctp_checksum(before.data(), before.size()), sums[0]);
        EXPECT_EQ(sctp_checksum_update(sums[0], ports[0], ports[1], before.size()), sums[1]);
        EXPECT_EQ(sctp_checksum_update_portable(sums[0], ports[0], ports[1], before.size()),
                  sums[1]);
        // What was wrong stays wrong.
        EXPECT_EQ(sctp_checksum_update(~sums[0], ports[0], ports[1], before.size()), ~sums[1]);
    }
}

}  // namespace
}  // namespace director::dataplane
