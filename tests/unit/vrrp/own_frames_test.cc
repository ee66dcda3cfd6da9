// What the kernel says in a virtual address's name shows the virtual MAC address, and nothing else
// changes.
#include "vrrp/own_frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/checksum.h"
#include "tests/unit/vrrp/vrrp_support.h"

namespace director::vrrp {
namespace {

constexpr MacAddress kVirtual{{0x00, 0x00, 0x5e, 0x00, 0x01, 0x33}};

std::vector<uint8_t> bytes_of(const std::string& text) {
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
        bytes.push_back(static_cast<uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

std::string shown(std::vector<uint8_t> frame) {
    show_mac(frame, kVirtual);
    return hex(frame);
}

// 192.168.10.100 asks for 192.168.10.3.
const std::string kArp =
    "ffffffffffff020000000001"
    "0806"
    "0001080006040001020000000001c0a80a64000000000000c0a80a03";
const std::string kArpShown =
    "ffffffffffff00005e000133"
    "0806"
    "000108000604000100005e000133c0a80a64000000000000c0a80a03";

TEST(OwnFrames, Arp) {
    EXPECT_EQ(to_string(speaker_of(bytes_of(kArp)).value()), "192.168.10.100");
    EXPECT_EQ(shown(bytes_of(kArp)), kArpShown);
}

TEST(OwnFrames, Vlan) {
    const auto with_tag = [](std::string frame) { return frame.insert(24, "81000064"); };
    EXPECT_EQ(to_string(speaker_of(bytes_of(with_tag(kArp))).value()), "192.168.10.100");
    EXPECT_EQ(shown(bytes_of(with_tag(kArp))), with_tag(kArpShown));
}

TEST(OwnFrames, Ipv4) {
    const std::string content = "0800450000140001000040010000c0a80a64c0a80a03";
    EXPECT_EQ(to_string(speaker_of(bytes_of("020000000002020000000001" + content)).value()),
              "192.168.10.100");
    EXPECT_EQ(shown(bytes_of("020000000002020000000001" + content)),
              "02000000000200005e000133" + content);
}

uint16_t icmpv6_sum(const std::vector<uint8_t>& frame) {
    const size_t length = frame.size() - 54;
    const std::array<uint8_t, 8> tail{0, 0, 0, static_cast<uint8_t>(length), 0, 0, 0, 58};
    uint64_t sum = checksum_add(0, &frame[22], 32);
    sum = checksum_add(sum, tail.data(), tail.size());
    return checksum_fold(checksum_add(sum, &frame[54], length));
}

// fe80::56 asks for fe80::3, or says that it is fe80::56; with an option before the address's.
std::vector<uint8_t> neighbour_message(const std::string& type, const std::string& option) {
    auto frame = bytes_of(
        "33330000000302000000000186dd6000000000283aff"
        "fe800000000000000000000000000056ff0200000000000000000001ff000003" +
        type + "00000000000000" + "fe800000000000000000000000000056" + "0e01000000000000" + option +
        "01020000000001");
    const auto sum = static_cast<uint16_t>(~icmpv6_sum(frame));
    frame[56] = static_cast<uint8_t>(sum);
    frame[57] = static_cast<uint8_t>(sum >> 8);
    return frame;
}

TEST(OwnFrames, NeighbourDiscovery) {
    for (const auto& [type, option] : {std::pair("87", "01"), std::pair("88", "02")}) {
        auto frame = neighbour_message(type, option);
        ASSERT_EQ(icmpv6_sum(frame), 0xffff);
        EXPECT_EQ(to_string(speaker_of(frame).value()), "fe80::56");
        show_mac(frame, kVirtual);
        EXPECT_EQ(hex(frame).substr(12, 12), "00005e000133");
        EXPECT_EQ(hex(frame).substr(hex(frame).size() - 16),
                  std::string(option) + "0100005e000133");
        EXPECT_EQ(icmpv6_sum(frame), 0xffff) << "the checksum follows";
    }
    // An option that is no business of this message, and one without end.
    auto other = neighbour_message("87", "02");
    show_mac(other, kVirtual);
    EXPECT_EQ(hex(other).substr(hex(other).size() - 16), "0201020000000001");
    auto endless = neighbour_message("87", "01");
    endless[79] = 0;
    show_mac(endless, kVirtual);
    EXPECT_EQ(hex(endless).substr(hex(endless).size() - 16), "0101020000000001");
}

// An advertisement may be sent from another address than it speaks of.
TEST(OwnFrames, AdvertisementSpeaksForItsTarget) {
    auto frame = neighbour_message("88", "02");
    frame[37] = 0x01;
    EXPECT_EQ(to_string(speaker_of(frame).value()), "fe80::56");
    frame[54] = 0x87;
    EXPECT_EQ(to_string(speaker_of(frame).value()), "fe80::1");
}

TEST(OwnFrames, WhatIsCutSpeaksForNobody) {
    for (const std::string& whole : {kArp, hex(neighbour_message("88", "02"))}) {
        const auto frame = bytes_of(whole);
        for (size_t length = 0; length < frame.size(); ++length) {
            std::vector<uint8_t> cut(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(length));
            if (speaker_of(cut)) {
                show_mac(cut, kVirtual);  // within its bytes: the sanitizers look
            }
        }
    }
    EXPECT_FALSE(speaker_of(bytes_of(kArp.substr(0, 80))));
    EXPECT_FALSE(speaker_of({}));
}

}  // namespace
}  // namespace director::vrrp
