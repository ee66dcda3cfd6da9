// Server ids in QUIC packets: RFC 8999's two headers, and every way for them to be too short.
#include "dataplane/core/codecs/quic.h"

#include <vector>

#include <gtest/gtest.h>

namespace director::dataplane {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(Quic, ReadsTheIdOfALongHeader) {
    // Flags, version 1, length 8, id, source id's length.
    const Bytes packet{0xc3, 0, 0, 0, 1, 8, 0x21, 0xde, 0xad, 0xbe, 0xef, 5, 6, 7, 0};
    EXPECT_TRUE(is_quic_long_header(packet));
    EXPECT_EQ(quic_server_id(packet, 1, 4), 0xdeadbeefU);
    EXPECT_EQ(quic_server_id(packet, 0, 1), 0x21U);
    EXPECT_EQ(quic_server_id(packet, 0, 8), 0x21deadbeef050607U);
    EXPECT_EQ(quic_server_id(packet, 1, 8), std::nullopt) << "behind the id";
    EXPECT_EQ(quic_server_id(packet, 255, 8), std::nullopt);
    EXPECT_EQ(quic_server_id(packet, 1, 0), std::nullopt);
    EXPECT_EQ(quic_server_id(packet, 0, 9), std::nullopt);
}

TEST(Quic, ReadsTheIdOfAShortHeader) {
    const Bytes packet{0x43, 0x21, 0xde, 0xad, 0xbe, 0xef};
    EXPECT_FALSE(is_quic_long_header(packet));
    EXPECT_EQ(quic_server_id(packet, 1, 4), 0xdeadbeefU);
    EXPECT_EQ(quic_server_id(packet, 1, 5), std::nullopt);
    Bytes longer(100, 0x11);
    longer[0] = 0x40;
    EXPECT_EQ(quic_destination_id(longer)->size(), kQuicIdBytesMax);
    EXPECT_EQ(quic_server_id(longer, 18, 2), 0x1111U);
    EXPECT_EQ(quic_server_id(longer, 18, 3), std::nullopt);
}

TEST(Quic, ShortPacketsHaveNone) {
    EXPECT_EQ(quic_destination_id({}), std::nullopt);
    EXPECT_EQ(quic_destination_id(Bytes{0x40})->size(), 0U);
    const Bytes packet{0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    for (size_t length = 1; length < packet.size(); ++length) {
        const Bytes cut(packet.begin(), packet.begin() + static_cast<ptrdiff_t>(length));
        EXPECT_EQ(quic_destination_id(cut), std::nullopt) << length;
    }
    EXPECT_TRUE(quic_destination_id(packet));
    Bytes too_long(60, 0);
    too_long[0] = 0xc0;
    too_long[5] = 21;
    EXPECT_EQ(quic_destination_id(too_long), std::nullopt);
}

}  // namespace
}  // namespace director::dataplane
