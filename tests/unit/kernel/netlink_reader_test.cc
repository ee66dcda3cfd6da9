// Messages and attributes are taken off byte by byte, and what does not fit ends the walk: shown
// with hand-made datagrams, cut at every length.
#include "controlplane/kernel/netlink_reader.h"

#include <vector>

#include <gtest/gtest.h>

namespace director::kernel {
namespace {

// Two messages: 17 bytes (one of payload, padded to 20) and 16 (no payload).
const std::vector<uint8_t> kDatagram{17,   0, 0, 0, 24, 0, 2, 0, 7, 0, 0, 0, 9, 0, 0, 0,
                                     0xaa, 0, 0, 0,  //
                                     16,   0, 0, 0, 3,  0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0};

TEST(NetlinkReader, SplitsADatagramIntoMessages) {
    std::span<const uint8_t> rest = kDatagram;
    const auto first = take_message(rest);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->size(), 17U);
    const MessageHeader header = read_header(*first);
    EXPECT_EQ(header.type, 24);
    EXPECT_EQ(header.flags, 2);
    EXPECT_EQ(header.sequence, 7U);
    EXPECT_EQ(header.port, 9U);
    ASSERT_EQ(payload_of(*first).size(), 1U);
    EXPECT_EQ(payload_of(*first)[0], 0xaa);

    const auto second = take_message(rest);
    ASSERT_TRUE(second);
    EXPECT_EQ(read_header(*second).type, 3);
    EXPECT_TRUE(payload_of(*second).empty());
    EXPECT_FALSE(take_message(rest));
}

TEST(NetlinkReader, StopsAtACutOffMessage) {
    for (size_t length = 0; length < kDatagram.size(); ++length) {
        std::span<const uint8_t> rest = std::span(kDatagram).first(length);
        size_t messages = 0;
        while (take_message(rest)) {
            ++messages;
        }
        EXPECT_EQ(messages, length < 17 ? 0U : 1U) << length;
    }
}

TEST(NetlinkReader, RefusesAMessageShorterThanItsHeader) {
    std::vector<uint8_t> datagram = kDatagram;
    datagram[0] = 15;
    std::span<const uint8_t> rest = datagram;
    EXPECT_FALSE(take_message(rest));
}

TEST(NetlinkReader, RefusesALengthNearTheLimitOfItsType) {
    std::vector<uint8_t> datagram = kDatagram;
    std::fill(datagram.begin(), datagram.begin() + 4, uint8_t{0xff});
    std::span<const uint8_t> rest = datagram;
    EXPECT_FALSE(take_message(rest));
}

TEST(NetlinkReader, WalksAttributesAndStripsFlagBits) {
    // Type 3 with the nested flag (0x8000) and 5 bytes, padded; then type 4 with none.
    const std::vector<uint8_t> bytes{9, 0, 3, 0x80, 'e', 't', 'h', '0', 0, 0, 0, 0, 4, 0, 4, 0};
    AttributeReader reader(bytes);
    const auto first = reader.next();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->type, 3);
    EXPECT_EQ(read_text(first->value), "eth0");
    const auto second = reader.next();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->type, 4);
    EXPECT_TRUE(second->value.empty());
    EXPECT_FALSE(reader.next());
}

TEST(NetlinkReader, EndsAtAnAttributeThatClaimsTooMuchOrTooLittle) {
    EXPECT_FALSE(AttributeReader(std::vector<uint8_t>{9, 0, 1, 0, 1, 2, 3, 4}).next());
    EXPECT_FALSE(AttributeReader(std::vector<uint8_t>{3, 0, 1, 0}).next());
    EXPECT_FALSE(AttributeReader(std::vector<uint8_t>{4, 0, 1}).next());
}

TEST(NetlinkReader, ReadsNumbersOnlyWhereTheyFit) {
    const std::vector<uint8_t> bytes{0x01, 0x02, 0x03, 0x04};
    EXPECT_EQ(read_u16(bytes), 0x0201);
    EXPECT_EQ(read_u32(bytes), 0x04030201U);
    EXPECT_FALSE(read_u32(std::span(bytes).first(3)));
    EXPECT_FALSE(read_u16(std::span(bytes).first(1)));
    EXPECT_EQ(read_text(bytes), "\x01\x02\x03\x04");
}

}  // namespace
}  // namespace director::kernel
