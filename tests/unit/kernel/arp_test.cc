// The question as Linux asks it, byte for byte, and what counts as an answer.
#include "controlplane/kernel/arp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace director::kernel {
namespace {

constexpr MacAddress kOwnMac{{0x02, 0, 0, 0, 0, 0x0a}};
constexpr MacAddress kTheirMac{{0x02, 0, 0, 0, 0, 0x0b}};
constexpr Ipv4Address kOwn = Ipv4Address::of(192, 168, 10, 1);
constexpr Ipv4Address kTheirs = Ipv4Address::of(192, 168, 10, 3);

TEST(Arp, Question) {
    const std::vector<uint8_t> wanted{
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0,   0,  0, 0, 0x0a, 8, 6,  // to everybody
        0,    1,    8,    0,    6,    4,    0,   1,                          // request
        2,    0,    0,    0,    0,    0x0a, 192, 168, 10, 1,                 // from us
        0,    0,    0,    0,    0,    0,    192, 168, 10, 3};
    EXPECT_EQ(build_arp_question(kOwnMac, kOwn, kTheirs), wanted);
}

std::vector<uint8_t> answer() {
    auto frame = build_arp_question(kTheirMac, kTheirs, kOwn);
    frame[21] = 2;
    return frame;
}

TEST(Arp, Answer) {
    const auto found = parse_arp_answer(answer());
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->address, kTheirs);
    EXPECT_EQ(found->mac, kTheirMac);
    auto padded = answer();
    padded.resize(60);
    EXPECT_TRUE(parse_arp_answer(padded).has_value());
}

TEST(Arp, WhatIsNoAnswer) {
    EXPECT_FALSE(parse_arp_answer(build_arp_question(kTheirMac, kTheirs, kOwn)));
    // Each byte that says what it is, changed.
    for (size_t at = 12; at < 22; ++at) {
        auto frame = answer();
        frame[at] ^= 1;
        EXPECT_FALSE(parse_arp_answer(frame)) << at;
    }
    auto group = answer();
    group[22] |= 1;
    EXPECT_FALSE(parse_arp_answer(group));
    for (size_t length = 0; length < 42; ++length) {
        EXPECT_FALSE(parse_arp_answer(std::span<const uint8_t>(answer()).first(length)));
    }
}

}  // namespace
}  // namespace director::kernel
