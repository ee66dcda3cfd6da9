// ICMP errors about translated packets. For random errors of every kind, the rewritten packet
// equals one built from nothing for the new ends, to the byte; and translating back is the
// identity. Frames made with scapy are in frames_test.cc.
#include "dataplane/core/codecs/icmp_translate.h"

#include <gtest/gtest.h>

#include "tests/unit/codecs/error_shape.h"
#include "tests/unit/codecs/plain_packets.h"

namespace director::dataplane {
namespace {

using namespace director::test;

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

}  // namespace
}  // namespace director::dataplane
