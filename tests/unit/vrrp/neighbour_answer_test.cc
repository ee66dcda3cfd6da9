// Questions as Linux asks them, and the answers that it must get, byte for byte.
#include "vrrp/neighbour_answer.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/checksum.h"
#include "tests/unit/vrrp/vrrp_support.h"

namespace director::vrrp {
namespace {

std::vector<uint8_t> bytes_of(std::string_view text) {
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
        bytes.push_back(
            static_cast<uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
    }
    return bytes;
}

constexpr std::string_view kArpQuestion =
    "ffffffffffff0200000000010806"
    "0001080006040001020000000001c0a80a03000000000000c0a80a64";
const MacAddress kOurs{{0x00, 0x00, 0x5e, 0x00, 0x01, 0x33}};

TEST(NeighbourAnswer, Arp) {
    const auto question = parse_question(bytes_of(kArpQuestion));
    ASSERT_TRUE(question.has_value());
    EXPECT_EQ(to_string(question->target), "192.168.10.100");
    EXPECT_EQ(hex(build_answer(*question, kOurs)),
              "02000000000100005e0001330806"
              "000108000604000200005e000133c0a80a64020000000001c0a80a03");
}

// fe80::1 asks for 2001:db8::64 at its solicited-node group.
std::vector<uint8_t> solicitation(std::string_view source) {
    std::vector<uint8_t> frame =
        bytes_of("3333ff00006402000000000186dd6000000000203aff" + std::string(source) +
                 "ff0200000000000000000001ff000064"
                 "870000000000000020010db8000000000000000000000064"
                 "0101020000000001");
    uint64_t sum = checksum_add(0, &frame[22], 32);
    const std::array<uint8_t, 8> tail{0, 0, 0, 32, 0, 0, 0, 58};
    sum = checksum_add(sum, tail.data(), tail.size());
    sum = checksum_add(sum, &frame[54], 32);
    const auto checksum = static_cast<uint16_t>(~checksum_fold(sum));
    frame[56] = static_cast<uint8_t>(checksum);
    frame[57] = static_cast<uint8_t>(checksum >> 8);
    return frame;
}

TEST(NeighbourAnswer, Solicitation) {
    const auto question = parse_question(solicitation("fe800000000000000000000000000001"));
    ASSERT_TRUE(question.has_value());
    const std::string answer = hex(build_answer(*question, kOurs));
    // To the asker: router, solicited, override (RFC 4861 section 4.4).
    EXPECT_EQ(answer.substr(0, 28), "02000000000100005e00013386dd");
    EXPECT_EQ(answer.substr(28, 16), "6000000000203aff");
    EXPECT_EQ(answer.substr(44, 64),
              "20010db8000000000000000000000064fe800000000000000000000000000001");
    EXPECT_EQ(answer.substr(116), "e000000020010db8000000000000000000000064020100005e000133");
}

TEST(NeighbourAnswer, DuplicateDetectionIsAnsweredToAll) {
    const auto question = parse_question(solicitation("00000000000000000000000000000000"));
    ASSERT_TRUE(question.has_value());
    const std::string answer = hex(build_answer(*question, kOurs));
    EXPECT_EQ(answer.substr(0, 12), "333300000001");
    EXPECT_EQ(answer.substr(76, 32), "ff020000000000000000000000000001");
    EXPECT_EQ(answer.substr(116, 8), "a0000000");  // not solicited
}

TEST(NeighbourAnswer, WhatIsNoQuestion) {
    const auto question = bytes_of(kArpQuestion);
    for (size_t length = 0; length < question.size(); ++length) {
        EXPECT_FALSE(parse_question(std::span(question).first(length))) << length;
    }
    auto reply = question;
    reply[21] = 2;
    EXPECT_FALSE(parse_question(reply));
    auto from_a_group = question;
    from_a_group[22] = 0x01;
    EXPECT_FALSE(parse_question(from_a_group));
    auto damaged = solicitation("fe800000000000000000000000000001");
    damaged[70] ^= 1;
    EXPECT_FALSE(parse_question(damaged));
    auto from_afar = solicitation("fe800000000000000000000000000001");
    from_afar[21] = 254;  // hop limit: RFC 4861 section 7.1.1
    EXPECT_FALSE(parse_question(from_afar));
}

}  // namespace
}  // namespace director::vrrp
