#include "common/whole_number.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace director {
namespace {

TEST(WholeNumber, IsAllOfTheText) {
    EXPECT_EQ(whole_number<uint16_t>("0"), 0);
    EXPECT_EQ(whole_number<uint16_t>("65535"), 65535);
    EXPECT_EQ(whole_number<int>("-7"), -7);
    EXPECT_EQ(whole_number<uint32_t>("ff", 16), 255U);
}

TEST(WholeNumber, IsNothingWithAnythingElse) {
    for (const char* text : {"", " 1", "1 ", "+1", "-1", "1s", "0x1", "1.0", "65536"}) {
        EXPECT_EQ(whole_number<uint16_t>(text), std::nullopt) << "\"" << text << '"';
    }
}

}  // namespace
}  // namespace director
