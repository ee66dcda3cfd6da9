// Checksum arithmetic against the RFCs' own examples and against a sum made the slow way:
// big-endian words modulo 65535, which shares no line with the code under test.
#include "common/checksum.h"

#include <array>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"

namespace director {
namespace {

constexpr uint64_t kSeed = 1624;

// One's complement sum in host order; 0 is returned as 0 only for all-zero input, else as 0xffff,
// which is how end-around carry comes out.
uint16_t slow_sum(std::span<const uint8_t> bytes) {
    uint64_t sum = 0;
    bool any = false;
    for (size_t i = 0; i < bytes.size(); ++i) {
        sum += i % 2 == 0 ? uint64_t{bytes[i]} * 256 : bytes[i];
        any = any || bytes[i] != 0;
    }
    const auto rest = static_cast<uint16_t>(sum % 65535);
    return rest == 0 && any ? 0xffff : rest;
}

uint16_t swapped(uint16_t value) {
    return static_cast<uint16_t>(value << 8 | value >> 8);
}

uint16_t fast_sum(std::span<const uint8_t> bytes) {
    return swapped(checksum_fold(checksum_add(0, bytes.data(), bytes.size())));
}

std::vector<uint8_t> random_bytes(Random& random, size_t count) {
    std::vector<uint8_t> out(count);
    for (uint8_t& byte : out) {
        byte = static_cast<uint8_t>(random.next());
    }
    return out;
}

uint16_t fold_complement(uint64_t sum) {
    return static_cast<uint16_t>(~checksum_fold(sum));
}

TEST(Checksum, ExampleOfRfc1071) {
    constexpr std::array<uint8_t, 8> kBytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    EXPECT_EQ(fast_sum(kBytes), 0xddf2);
}

TEST(Checksum, EveryLengthAndAlignment) {
    Random random(kSeed);
    const auto bytes = random_bytes(random, 200);
    for (size_t start = 0; start < 8; ++start) {
        for (size_t length = 0; start + length <= bytes.size(); ++length) {
            const auto part = std::span(bytes).subspan(start, length);
            ASSERT_EQ(fast_sum(part), slow_sum(part)) << "start " << start << " length " << length;
        }
    }
}

TEST(Checksum, FullRangeOfSums) {
    const std::vector<uint8_t> ones(65536, 0xff);
    EXPECT_EQ(fast_sum(ones), 0xffff);
    const std::vector<uint8_t> zeros(65536, 0);
    EXPECT_EQ(fast_sum(zeros), 0);
}

TEST(Checksum, Fold) {
    EXPECT_EQ(checksum_fold(0), 0);
    EXPECT_EQ(checksum_fold(0xffff), 0xffff);
    EXPECT_EQ(checksum_fold(0x10000), 1);
    EXPECT_EQ(checksum_fold(0x1fffe), 0xffff);
    EXPECT_EQ(checksum_fold(0xffffffffU), 0xffff);
    EXPECT_EQ(checksum_fold(0x1ffffffffU), 1);
    EXPECT_EQ(checksum_fold(0xffffffffffffffffU), 0xffff);
    EXPECT_EQ(checksum_fold(0xffffffffffff0000U), 0xffff);
    EXPECT_EQ(checksum_fold(0x8000000080000000U), 1);
    Random random(kSeed);
    for (int i = 0; i < 100000; ++i) {
        const uint64_t value = random.next();
        const uint64_t expected = value % 65535;
        ASSERT_EQ(checksum_fold(value), expected == 0 ? 65535 : expected) << value;
    }
}

TEST(Checksum, PseudoHeader) {
    Random random(kSeed);
    for (int i = 0; i < 10000; ++i) {
        auto header = random_bytes(random, 12);
        header[8] = 0;
        uint32_t source = 0;
        uint32_t destination = 0;
        std::memcpy(&source, header.data(), 4);
        std::memcpy(&destination, header.data() + 4, 4);
        const auto length = static_cast<uint16_t>(header[10] << 8 | header[11]);
        const uint64_t sum = checksum_pseudo_ipv4(source, destination, header[9], length);
        ASSERT_EQ(swapped(checksum_fold(sum)), slow_sum(header));
    }
}

// RFC 1624 section 4: m 0x5555 becomes 0x3285 under checksum 0xdd2f, whose right successor is
// 0x0000; RFC 1141's formula gave 0xffff.
TEST(Checksum, ExampleOfRfc1624) {
    EXPECT_EQ(checksum_apply(0xdd2f, checksum_delta(0x5555, 0x3285)), 0x0000);
}

// The example's other half: the header itself stays valid.
TEST(Checksum, NothingChangedChangesNothing) {
    for (uint32_t checksum = 0; checksum < 0x10000; ++checksum) {
        const auto value = static_cast<uint16_t>(checksum);
        const uint16_t after = checksum_apply(value, checksum_delta(0x1234, 0x1234));
        // 0x0000 and 0xffff are both zero in one's complement; all else must stay as it is.
        if (value == 0xffff) {
            ASSERT_TRUE(after == 0xffff || after == 0) << after;
        } else {
            ASSERT_EQ(after, value);
        }
    }
}

// What a connection does: the delta of its addresses and ports is computed once, kept in 16 bits
// and applied to every packet. The result must be what a checksum over the changed bytes gives.
TEST(Checksum, StoredDeltaGivesTheRecomputedChecksum) {
    Random random(kSeed);
    for (int i = 0; i < 20000; ++i) {
        auto before = random_bytes(random, 40);
        auto after = before;
        const auto endpoint = random_bytes(random, 6);
        std::copy(endpoint.begin(), endpoint.end(), after.begin() + 16);
        const uint16_t delta = checksum_delta(checksum_add(0, before.data() + 16, 6),
                                              checksum_add(0, after.data() + 16, 6));
        // The rest of the packet is another one each time: a delta must not depend on it.
        const auto rest = random_bytes(random, 16);
        std::copy(rest.begin(), rest.end(), before.begin());
        std::copy(rest.begin(), rest.end(), after.begin());
        const uint16_t old_checksum = fold_complement(checksum_add(0, before.data(), 40));
        const uint16_t expected = fold_complement(checksum_add(0, after.data(), 40));
        ASSERT_EQ(checksum_apply(old_checksum, delta), expected)
            << "seed " << kSeed << " round " << i;
    }
}

// All checksums against deltas at the edges: always congruent to the truth modulo 65535, and never
// 0xffff where the recomputed value is 0x0000 (a header whose bytes are not all zero cannot have
// 0xffff, RFC 1624 section 3).
TEST(Checksum, CornersOfZero) {
    for (const uint32_t before : {0x0000U, 0x0001U, 0x8000U, 0xfffeU, 0xffffU}) {
        for (const uint32_t after : {0x0000U, 0x0001U, 0x8000U, 0xfffeU, 0xffffU}) {
            const uint16_t delta = checksum_delta(before, after);
            for (uint32_t rest = 1; rest < 0x10000; ++rest) {
                const uint16_t old_checksum = fold_complement(rest + uint64_t{before});
                const uint16_t expected = fold_complement(rest + uint64_t{after});
                ASSERT_EQ(checksum_apply(old_checksum, delta), expected)
                    << before << " to " << after << " rest " << rest;
            }
        }
    }
}

// There and back again: the reply's delta undoes the request's.
TEST(Checksum, DeltasOfBothDirectionsCancel) {
    Random random(kSeed);
    for (int i = 0; i < 100000; ++i) {
        const uint64_t a = random.next() & 0xffffffffffffU;
        const uint64_t b = random.next() & 0xffffffffffffU;
        const auto start = static_cast<uint16_t>(random.below(0xffff));
        const uint16_t there = checksum_apply(start, checksum_delta(a, b));
        ASSERT_EQ(checksum_apply(there, checksum_delta(b, a)), start);
    }
}

// The report's capture: DNAT 170.210.122.104:80 to 192.168.0.108:80 adds 25638 to every checksum
// (modulo 65535), for instance 33860 becomes 59498.
TEST(Checksum, DeltaOfTheReport) {
    constexpr std::array<uint8_t, 4> kVirtual{170, 210, 122, 104};
    constexpr std::array<uint8_t, 4> kReal{192, 168, 0, 108};
    const uint16_t delta =
        checksum_delta(checksum_add(0, kVirtual.data(), 4), checksum_add(0, kReal.data(), 4));
    EXPECT_EQ(swapped(checksum_apply(swapped(33860), delta)), 59498);
}

}  // namespace
}  // namespace director
