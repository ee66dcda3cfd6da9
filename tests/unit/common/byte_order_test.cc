// Network order is what lies in memory, and the way back gives the number again.
#include "common/byte_order.h"

#include <array>
#include <bit>

#include <gtest/gtest.h>

namespace director {
namespace {

TEST(ByteOrder, BytesInMemory) {
    using Two = std::array<uint8_t, 2>;
    using Four = std::array<uint8_t, 4>;
    EXPECT_EQ(std::bit_cast<Two>(Be16::from_host(0x0102)), (Two{1, 2}));
    EXPECT_EQ(std::bit_cast<Four>(Be32::from_host(0x01020304)), (Four{1, 2, 3, 4}));
    EXPECT_EQ(std::bit_cast<Be16>(Two{0x12, 0x34}).host(), 0x1234);
    EXPECT_EQ(std::bit_cast<Be32>(Four{0x12, 0x34, 0x56, 0x78}).host(), 0x12345678U);
}

TEST(ByteOrder, RoundTrip) {
    for (uint32_t value = 0; value < 0x10000; ++value) {
        ASSERT_EQ(Be16::from_host(static_cast<uint16_t>(value)).host(), value);
        const uint32_t wide = value * 0x10001U + 7;
        ASSERT_EQ(Be32::from_host(wide).host(), wide);
    }
}

TEST(ByteOrder, DefaultIsZero) {
    EXPECT_EQ(Be16{}.host(), 0);
    EXPECT_EQ(Be32{}.host(), 0U);
    EXPECT_EQ(Be16{}, Be16::from_host(0));
}

}  // namespace
}  // namespace director
