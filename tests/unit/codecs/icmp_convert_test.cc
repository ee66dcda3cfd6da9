// ICMP errors from one IP version to the other: each row of RFC 7915's tables, and random packets
// against ones built from nothing.
#include <algorithm>

#include <gtest/gtest.h>

#include "dataplane/core/codecs/icmp_translate.h"
#include "tests/unit/codecs/error_shape.h"
#include "tests/unit/codecs/plain_packets.h"

namespace director::dataplane {
namespace {

using namespace director::test;

struct Converted {
    uint8_t type;
    uint8_t code;
    uint32_t rest;
};

// What an error of either version becomes; type 0 stands for nothing.
Converted convert(Family from,
                  uint8_t type,
                  uint8_t code,
                  uint32_t rest,
                  uint16_t mtu_max = 65535,
                  size_t quoted_payload = 1480) {
    Random random(47);
    ErrorShape shape;
    shape.family = from;
    shape.type = type;
    shape.code = code;
    shape.rest = rest;
    shape.payload = random_bytes(random, quoted_payload);
    const Family to = from == Family::kIpv4 ? Family::kIpv6 : Family::kIpv4;
    const Bytes error = shape.build(random_ends(random, from));
    const QuotedPacket quoted = parse(error, shape);
    EXPECT_TRUE(quoted.is_good);
    ErrorConversion conversion;
    conversion.ends = random_ends(random, to);
    conversion.path_mtu_max = mtu_max;
    Bytes out(kConvertedErrorBytesMax);
    const uint32_t length = convert_error(error.data(), quoted, conversion, out.data());
    if (length == 0) {
        return {};
    }
    const size_t icmp = to == Family::kIpv4 ? 20 : 40;
    const auto byte = [&](size_t i) { return uint32_t{out[icmp + i]}; };
    return {out[icmp], out[icmp + 1], byte(4) << 24 | byte(5) << 16 | byte(6) << 8 | byte(7)};
}

void expect_converted(const Converted& is, uint8_t type, uint8_t code, uint32_t rest) {
    EXPECT_EQ(int{is.type}, int{type});
    EXPECT_EQ(int{is.code}, int{code});
    EXPECT_EQ(is.rest, rest);
}

TEST(IcmpConvert, UnreachablesOfIpv4BecomeThoseOfRfc7915) {
    // The codes of RFC 7915 section 4.2 in order; -1: dropped, 40: parameter problem.
    constexpr int kExpected[17] = {0, 0, 40, 4, -2, 0, 0, 0, 0, 1, 1, 0, 0, 1, -1, 1, -1};
    for (uint8_t code = 0; code < 17; ++code) {
        const Converted is = convert(Family::kIpv4, 3, code, 1400);
        if (kExpected[code] == -1) {
            expect_converted(is, 0, 0, 0);
        } else if (kExpected[code] == -2) {
            expect_converted(is, 2, 0, 1420);
        } else if (kExpected[code] == 40) {
            expect_converted(is, 4, 1, 6);
        } else {
            expect_converted(is, 1, static_cast<uint8_t>(kExpected[code]), 0);
        }
    }
}

TEST(IcmpConvert, MtuIsAdjustedForTheHeaderAndTheLinks) {
    expect_converted(convert(Family::kIpv4, 3, 4, 576), 2, 0, 1280);  // not below IPv6's minimum
    expect_converted(convert(Family::kIpv4, 3, 4, 1500, 1500), 2, 0, 1500);
    // No MTU told: the quoted packet had 1520 bytes, and the plateau below that is 1492.
    expect_converted(convert(Family::kIpv4, 3, 4, 0), 2, 0, 1512);
    // 1492 itself was too long: less than that, and no plateau between it and 1280.
    expect_converted(convert(Family::kIpv4, 3, 4, 0, 65535, 1452), 2, 0, 1300);
    expect_converted(convert(Family::kIpv4, 3, 4, 0, 65535, 1453), 2, 0, 1512);
    expect_converted(convert(Family::kIpv6, 2, 0, 1400), 3, 4, 1380);
    expect_converted(convert(Family::kIpv6, 2, 0, 1400, 1300), 3, 4, 1300);
    expect_converted(convert(Family::kIpv6, 2, 0, 0xffffffff, 1500), 3, 4, 1500);
    expect_converted(convert(Family::kIpv6, 2, 0, 5), 3, 4, 1260);
}

TEST(IcmpConvert, UnreachablesOfIpv6BecomeThoseOfRfc7915) {
    constexpr int kExpected[6] = {1, 10, 1, 1, 3, -1};
    for (uint8_t code = 0; code < 6; ++code) {
        const Converted is = convert(Family::kIpv6, 1, code, 0);
        if (kExpected[code] == -1) {
            expect_converted(is, 0, 0, 0);
        } else {
            expect_converted(is, 3, static_cast<uint8_t>(kExpected[code]), 0);
        }
    }
}

TEST(IcmpConvert, TimeExceededKeepsItsCode) {
    expect_converted(convert(Family::kIpv4, 11, 1, 0), 3, 1, 0);
    expect_converted(convert(Family::kIpv6, 3, 0, 0), 11, 0, 0);
}

TEST(IcmpConvert, PointersFollowTheField) {
    // RFC 7915 figure 3 and figure 6, field by field.
    constexpr int kTo6[20] = {0, 1, 4, 4, -1, -1, -1, -1, 7, 6, -1, -1, 8, 8, 8, 8, 24, 24, 24, 24};
    for (uint32_t pointer = 0; pointer < 22; ++pointer) {
        const Converted is = convert(Family::kIpv4, 12, 0, pointer << 24);
        const int expected = pointer < 20 ? kTo6[pointer] : -1;
        if (expected < 0) {
            expect_converted(is, 0, 0, 0);
        } else {
            expect_converted(is, 4, 0, static_cast<uint32_t>(expected));
        }
    }
    expect_converted(convert(Family::kIpv4, 12, 1, 0), 0, 0, 0);  // a missing option
    for (uint32_t pointer = 0; pointer < 42; ++pointer) {
        int expected = -1;
        if (pointer <= 1) {
            expected = static_cast<int>(pointer);
        } else if (pointer == 4 || pointer == 5) {
            expected = 2;
        } else if (pointer == 6) {
            expected = 9;
        } else if (pointer == 7) {
            expected = 8;
        } else if (pointer >= 8 && pointer <= 39) {
            expected = pointer <= 23 ? 12 : 16;
        }
        const Converted is = convert(Family::kIpv6, 4, 0, pointer);
        if (expected < 0) {
            expect_converted(is, 0, 0, 0);
        } else {
            expect_converted(is, 12, 0, static_cast<uint32_t>(expected) << 24);
        }
    }
    expect_converted(convert(Family::kIpv6, 4, 1, 6), 3, 2, 0);
    expect_converted(convert(Family::kIpv6, 4, 2, 6), 0, 0, 0);
}

// The whole packet, for random quotes: what would have been built of the other version.
TEST(IcmpConvert, RandomErrorsBecomeWhatTheirReceiverSent) {
    for (const Family from : {Family::kIpv4, Family::kIpv6}) {
        const Family to = from == Family::kIpv4 ? Family::kIpv6 : Family::kIpv4;
        Random random(from == Family::kIpv4 ? 48 : 49);
        for (int round = 0; round < 5000; ++round) {
            ErrorShape shape = random_shape(random, from);
            shape.type = from == Family::kIpv4 ? 11 : 3;
            shape.code = static_cast<uint8_t>(random.below(2));
            shape.rest = 0;
            shape.payload = random_bytes(random, random.below(1400));
            shape.quoted_l4 = 8 + random.below(1400);
            const bool is_fragment = from == Family::kIpv4 && random.below(4) == 0;
            shape.inner.fragment = is_fragment ? 0x2000 : 0x4000;
            const Bytes error = shape.build(random_ends(random, from));
            ErrorConversion conversion;
            conversion.ends = random_ends(random, to);
            conversion.hop_limit = static_cast<uint8_t>(random.next());

            ErrorShape expected = shape;
            expected.family = to;
            expected.type = to == Family::kIpv4 ? 11 : 3;
            expected.outer.options.clear();
            expected.inner.options.clear();
            expected.inner.id = expected.outer.id = 0;
            expected.outer.hop_limit = conversion.hop_limit;
            size_t headers = to == Family::kIpv4 ? 20 + 8 + 20 : 40 + 8 + 40;
            if (is_fragment) {
                expected.inner.first_header = 44;
                expected.inner.options = {shape.protocol,
                                          0,
                                          0,
                                          1,
                                          0,
                                          0,
                                          static_cast<uint8_t>(shape.inner.id >> 8),
                                          static_cast<uint8_t>(shape.inner.id)};
                headers += 8;
            }
            expected.quoted_l4 =
                std::min(shape.quoted_l4, (to == Family::kIpv4 ? 576 : 1280) - headers);
            if (is_fragment && shape.protocol == 132) {
                continue;  // its checksum covers what is not known
            }
            Bytes out(kConvertedErrorBytesMax);
            const QuotedPacket quoted = parse(error, shape);
            ASSERT_TRUE(quoted.is_good);
            out.resize(convert_error(error.data(), quoted, conversion, out.data()));
            ASSERT_EQ(hex(out), hex(expected.build(conversion.ends))) << "round " << round;
        }
    }
}

}  // namespace
}  // namespace director::dataplane
