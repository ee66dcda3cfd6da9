// ICMP errors about translated packets. For random errors of every kind, the rewritten packet
// equals one built from nothing for the new ends, to the byte; and translating back is the
// identity. Frames made with scapy are in frames_test.cc.
#include "dataplane/core/icmp_translate.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/unit/codecs/plain_packets.h"

namespace director::dataplane {
namespace {

using namespace director::test;

constexpr uint8_t kProtocols[] = {6, 17, 132};

// An error with all that a translation leaves alone.
struct ErrorShape {
    Family family = Family::kIpv4;
    uint8_t type = 3;
    uint8_t code = 3;
    uint32_t rest = 0;
    uint8_t protocol = 6;
    Bytes payload;           // of the quoted packet
    size_t quoted_l4 = 100;  // bytes of its transport packet that are quoted
    bool has_udp_checksum = true;
    PlainIp outer;
    PlainIp inner;

    [[nodiscard]] Bytes build(const ErrorTranslation& ends) const {
        PlainIp ip = inner;
        ip.source = ends.quoted_source.address;
        ip.destination = ends.quoted_destination.address;
        ip.protocol = protocol;
        const Bytes l4 = plain_transport(
            protocol, ends.quoted_source, ends.quoted_destination, payload, has_udp_checksum);
        PlainIp error = outer;
        error.source = ends.source;
        error.destination = ends.destination;
        // Half a TCP checksum is left as it was: the other half is needed to know.
        const size_t bytes = protocol == 6 && quoted_l4 == 17 ? 18 : quoted_l4;
        const Bytes quote = ip.wrap(first_bytes(l4, bytes), l4.size());
        return plain_icmp(error, type, code, rest, quote);
    }
    [[nodiscard]] uint32_t icmp_offset() const {
        const size_t header = family == Family::kIpv4 ? 20 : 40;
        return static_cast<uint32_t>(header + outer.options.size());
    }
};

ErrorTranslation random_ends(Random& random, Family family) {
    return {random_end(random, family),
            random_end(random, family),
            random_address(random, family),
            random_address(random, family)};
}

ErrorShape random_shape(Random& random, Family family) {
    ErrorShape shape;
    shape.family = family;
    const bool is_v6 = family == Family::kIpv6;
    constexpr uint8_t kTypes4[] = {3, 11, 12};
    shape.type = is_v6 ? static_cast<uint8_t>(1 + random.below(4)) : kTypes4[random.below(3)];
    shape.code = static_cast<uint8_t>(random.below(16));
    shape.rest = static_cast<uint32_t>(random.below(65536));  // an MTU; no RFC 4884 length
    shape.protocol = kProtocols[random.below(3)];
    shape.payload = random_bytes(random, random.below(60));
    shape.quoted_l4 = random.below(2) != 0 ? 8 : 8 + random.below(90);
    shape.has_udp_checksum = random.below(4) != 0;
    for (PlainIp* ip : {&shape.outer, &shape.inner}) {
        ip->hop_limit = static_cast<uint8_t>(random.next());
        ip->traffic_class = static_cast<uint8_t>(random.next());
        ip->id = static_cast<uint16_t>(random.next());
        if (!is_v6) {
            ip->options = Bytes(random.below(4) * 4, 1);
        } else if (random.below(2) != 0) {
            ip->first_header = 60;  // destination options, all padding
            ip->options = {ip == &shape.inner ? shape.protocol : uint8_t{58}, 0, 1, 4, 0, 0, 0, 0};
        }
    }
    return shape;
}

QuotedPacket parse(const Bytes& error, const ErrorShape& shape) {
    const uint32_t size = static_cast<uint32_t>(error.size());
    return parse_quoted(error.data(), size, size, shape.icmp_offset());
}

TEST(IcmpTranslate, RandomErrorsBecomeWhatTheirReceiverSent) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
        Random random(family == Family::kIpv4 ? 40 : 41);
        for (int round = 0; round < 10000; ++round) {
            const ErrorShape shape = random_shape(random, family);
            const ErrorTranslation before = random_ends(random, family);
            ErrorTranslation after = random_ends(random, family);
            if (random.below(4) == 0) {
                after.quoted_source = before.quoted_source;  // as plain NAT does
                after.destination = before.destination;
            }
            const Bytes original = shape.build(before);
            Bytes error = original;
            const QuotedPacket quoted = parse(error, shape);
            ASSERT_TRUE(quoted.is_good) << "round " << round << " " << hex(error);
            EXPECT_EQ(quoted.family, family);
            EXPECT_EQ(quoted.protocol, shape.protocol);
            EXPECT_EQ(quoted.source, before.quoted_source);
            EXPECT_EQ(quoted.destination, before.quoted_destination);
            ASSERT_TRUE(is_icmp_checksum_good(error.data(),
                                              static_cast<uint32_t>(error.size()),
                                              static_cast<uint32_t>(error.size()),
                                              shape.icmp_offset()));
            translate_error(error.data(), quoted, after);
            ASSERT_EQ(hex(error), hex(shape.build(after))) << "round " << round;
            translate_error(error.data(), parse(error, shape), before);
            ASSERT_EQ(hex(error), hex(original)) << "round " << round;
        }
    }
}

TEST(IcmpTranslate, WrongChecksumsStayWrong) {
    Random random(42);
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
        ErrorShape shape;
        shape.family = family;
        shape.type = family == Family::kIpv4 ? 3 : 1;
        Bytes error = shape.build(random_ends(random, family));
        const uint32_t at = shape.icmp_offset() + 2;
        error[at] ^= 0x40;
        const auto is_good = [&] {
            const uint32_t size = static_cast<uint32_t>(error.size());
            return is_icmp_checksum_good(error.data(), size, size, shape.icmp_offset());
        };
        EXPECT_FALSE(is_good());
        translate_error(error.data(), parse(error, shape), random_ends(random, family));
        EXPECT_FALSE(is_good());
    }
}

TEST(IcmpTranslate, ExtensionsBehindTheQuoteAreLeftAlone) {
    Random random(43);
    ErrorShape shape;
    shape.payload = random_bytes(random, 200);
    // RFC 4884: the quote is 128 bytes, 32 words, and then come extensions.
    shape.rest = 32U << 16;
    shape.quoted_l4 = 108;
    const ErrorTranslation before = random_ends(random, Family::kIpv4);
    const ErrorTranslation after = random_ends(random, Family::kIpv4);
    Bytes error = shape.build(before);
    error.resize(error.size() + 16, 0x55);
    const QuotedPacket quoted = parse(error, shape);
    ASSERT_TRUE(quoted.is_good);
    EXPECT_EQ(quoted.end_offset, 20 + 8 + 128);
    translate_error(error.data(), quoted, after);
    EXPECT_EQ(hex(Bytes(error.end() - 16, error.end())), hex(Bytes(16, 0x55)));
}

TEST(IcmpTranslate, WhatQuotesNothingUsefulIsRefusedByReason) {
    Random random(44);
    const ErrorTranslation ends = random_ends(random, Family::kIpv4);
    const ErrorTranslation ends6 = random_ends(random, Family::kIpv6);
    const auto fault = [&](auto change, Family family = Family::kIpv4) {
        ErrorShape shape;
        shape.family = family;
        shape.type = family == Family::kIpv4 ? 3 : 1;
        change(shape);
        return parse(shape.build(family == Family::kIpv4 ? ends : ends6), shape).fault;
    };
    const auto type = [](uint8_t value) {
        return [value](ErrorShape& shape) { shape.type = value; };
    };
    EXPECT_EQ(fault([](ErrorShape&) {}), QuoteFault::kNone);
    EXPECT_EQ(fault([](ErrorShape&) {}, Family::kIpv6), QuoteFault::kNone);
    EXPECT_EQ(fault(type(8)), QuoteFault::kNotAnError);
    EXPECT_EQ(fault(type(128), Family::kIpv6), QuoteFault::kNotAnError);
    EXPECT_EQ(fault(type(135), Family::kIpv6), QuoteFault::kNotAnError);
    EXPECT_EQ(fault(type(4)), QuoteFault::kUnwantedType);
    EXPECT_EQ(fault(type(5)), QuoteFault::kUnwantedType);
    EXPECT_EQ(fault(type(0), Family::kIpv6), QuoteFault::kUnwantedType);
    EXPECT_EQ(fault(type(5), Family::kIpv6), QuoteFault::kUnwantedType);
    EXPECT_EQ(fault(type(137), Family::kIpv6), QuoteFault::kUnwantedType);
    EXPECT_EQ(fault([](ErrorShape& shape) { shape.quoted_l4 = 7; }), QuoteFault::kTruncated);
    EXPECT_EQ(fault([](ErrorShape& shape) { shape.inner.fragment = 1; }),
              QuoteFault::kLaterFragment);
    EXPECT_EQ(fault([](ErrorShape& shape) { shape.inner.fragment = 0x2000; }), QuoteFault::kNone);
    EXPECT_EQ(fault(
                  [](ErrorShape& shape) {
                      shape.inner.first_header = 44;
                      shape.inner.options = {6, 0, 0, 8, 0, 0, 0, 1};
                  },
                  Family::kIpv6),
              QuoteFault::kLaterFragment);
    EXPECT_EQ(fault(
                  [](ErrorShape& shape) {
                      shape.inner.first_header = 43;
                      shape.inner.options = {6, 0, 2, 1, 0, 0, 0, 0};
                  },
                  Family::kIpv6),
              QuoteFault::kBadHeader);  // segments left: the destination is not the final one
    EXPECT_EQ(fault([](ErrorShape& shape) { shape.inner.options = Bytes(60, 1); }),
              QuoteFault::kBadHeader);  // 0x45 + 15 is version 5
}

TEST(IcmpTranslate, EachVersionsErrorsQuoteItsOwnPackets) {
    Random random(51);
    PlainIp inner;
    inner.source = inner.destination = random_address(random, Family::kIpv6);
    PlainIp outer;
    outer.source = outer.destination = random_address(random, Family::kIpv4);
    const Bytes error = plain_icmp(outer, 3, 3, 0, inner.wrap(Bytes(40, 0)));
    const uint32_t size = static_cast<uint32_t>(error.size());
    EXPECT_EQ(parse_quoted(error.data(), size, size, 20).fault, QuoteFault::kBadHeader);
}

// Whose checksum comes out as 0 for the new ends, which would mean that there is none.
TEST(IcmpTranslate, UdpChecksumNeverBecomesNone) {
    Random random(52);
    const ErrorTranslation before = random_ends(random, Family::kIpv4);
    const ErrorTranslation after = random_ends(random, Family::kIpv4);
    ErrorShape shape;
    shape.protocol = 17;
    Bytes l4;
    for (uint32_t word = 0; word < 65536; ++word) {
        shape.payload = {static_cast<uint8_t>(word >> 8), static_cast<uint8_t>(word)};
        l4 = plain_transport(17, after.quoted_source, after.quoted_destination, shape.payload);
        if (l4[6] == 0xff && l4[7] == 0xff) {
            break;
        }
    }
    ASSERT_EQ(l4[6] & l4[7], 0xff);
    Bytes error = shape.build(before);
    translate_error(error.data(), parse(error, shape), after);
    EXPECT_EQ(hex(error), hex(shape.build(after)));
}

// 0xffff is 0 to a receiver, but nothing has changed.
TEST(IcmpTranslate, UnchangedEndsLeaveEveryByte) {
    Random random(53);
    const ErrorTranslation ends = random_ends(random, Family::kIpv4);
    ErrorShape shape;
    Bytes error = shape.build(ends);
    const QuotedPacket quoted = parse(error, shape);
    set16(error, quoted.l4_offset + 16U, 0xffff);
    set16(error, quoted.ip_offset + 10U, 0xffff);
    const Bytes original = error;
    translate_error(error.data(), quoted, ends);
    EXPECT_EQ(hex(error), hex(original));
}

// SCTP's checksum depends on the packet's length, which the first fragment does not tell.
TEST(IcmpTranslate, SctpChecksumOfAFragmentIsLeftAlone) {
    Random random(54);
    const ErrorTranslation before = random_ends(random, Family::kIpv4);
    ErrorShape shape;
    shape.protocol = 132;
    shape.payload = random_bytes(random, 40);
    shape.inner.fragment = 0x2000;
    Bytes error = shape.build(before);
    const QuotedPacket quoted = parse(error, shape);
    const auto checksum = [&] {
        const auto at = error.begin() + quoted.l4_offset + 8;
        return hex(Bytes(at, at + 4));
    };
    const std::string original = checksum();
    translate_error(error.data(), quoted, random_ends(random, Family::kIpv4));
    EXPECT_EQ(checksum(), original);
    EXPECT_TRUE(is_icmp_checksum_good(error.data(),
                                      static_cast<uint32_t>(error.size()),
                                      static_cast<uint32_t>(error.size()),
                                      shape.icmp_offset()));
}

TEST(IcmpTranslate, OtherProtocolsAreNamedButNotTranslated) {
    Random random(45);
    PlainIp inner{random_address(random, Family::kIpv4), random_address(random, Family::kIpv4)};
    inner.protocol = 47;
    PlainIp outer{random_address(random, Family::kIpv4), random_address(random, Family::kIpv4)};
    const Bytes error = plain_icmp(outer, 3, 4, 1400, inner.wrap(random_bytes(random, 30)));
    const uint32_t size = static_cast<uint32_t>(error.size());
    const QuotedPacket quoted = parse_quoted(error.data(), size, size, 20);
    EXPECT_EQ(quoted.fault, QuoteFault::kProtocolUnknown);
    EXPECT_FALSE(quoted.is_good);
    EXPECT_EQ(quoted.protocol, 47);
    EXPECT_EQ(quoted.source.address, inner.source);
    EXPECT_EQ(quoted.l4_offset, 48);
}

TEST(IcmpTranslate, EveryCutIsSeenAndNothingBehindItIsRead) {
    Random random(46);
    for (int round = 0; round < 50; ++round) {
        const Family family = round % 2 == 0 ? Family::kIpv4 : Family::kIpv6;
        const ErrorShape shape = random_shape(random, family);
        const Bytes whole = shape.build(random_ends(random, family));
        for (size_t available = shape.icmp_offset(); available < whole.size(); ++available) {
            Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(available));
            cut.shrink_to_fit();
            const QuotedPacket quoted = parse_quoted(cut.data(),
                                                     static_cast<uint32_t>(cut.size()),
                                                     static_cast<uint32_t>(whole.size()),
                                                     shape.icmp_offset());
            if (quoted.is_good) {
                EXPECT_LE(quoted.l4_offset + 8U, cut.size());
                translate_error(cut.data(), quoted, random_ends(random, family));
            } else {
                EXPECT_EQ(quoted.fault, QuoteFault::kTruncated);
            }
        }
    }
}

// --- between IP versions ---

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
