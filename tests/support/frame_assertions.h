// GoogleTest assertions about frames, with messages that show the packets.
//
//   EXPECT_TRUE(same_frame(expected, actual));
//   EXPECT_TRUE(has_good_checksums(actual));
#pragma once

#include <span>

#include <gtest/gtest.h>

#include "tests/support/packet_reader.h"

namespace director::test {

[[nodiscard]] inline ::testing::AssertionResult same_frame(std::span<const uint8_t> expected,
                                                           std::span<const uint8_t> actual) {
    const std::string text = difference(expected, actual);
    return text.empty() ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << text;
}

[[nodiscard]] inline ::testing::AssertionResult has_good_checksums(std::span<const uint8_t> frame) {
    const auto complaints = bad_checksums(frame);
    if (complaints.empty()) {
        return ::testing::AssertionSuccess();
    }
    auto result = ::testing::AssertionFailure();
    for (const std::string& complaint : complaints) {
        result << complaint << "\n";
    }
    return result << describe(frame);
}

}  // namespace director::test
