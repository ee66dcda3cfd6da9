// Tags put in are found again and come off without a trace; the types stand where 802.1ad wants
// them; what is cut short anywhere in its header is no frame; a third tag is not looked behind.
#include "common/ethernet.h"

#include <tuple>

#include <gtest/gtest.h>

namespace director {
namespace {

const std::vector<uint8_t> kFrame{
    0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00, 0x45, 0xaa, 0xbb};

EthernetHeader parse(const std::vector<uint8_t>& frame) {
    return parse_ethernet(frame.data(), static_cast<uint32_t>(frame.size()));
}

TEST(Ethernet, TagsComeOffAsTheyWerePutIn) {
    for (const VlanTags tags :
         {VlanTags{}, VlanTags{10, 0}, VlanTags{4094, 1}, VlanTags{1, 4094}}) {
        const std::vector<uint8_t> tagged = with_tags(kFrame, tags);
        const EthernetHeader header = parse(tagged);
        EXPECT_EQ(header.vlan, tags);
        EXPECT_EQ(header.type, kEtherTypeIpv4);
        EXPECT_EQ(header.length_bytes + 3, tagged.size());
        EXPECT_EQ(without_tags(tagged, header), kFrame);
    }
}

TEST(Ethernet, TheOuterTagIsOf8021ad) {
    const std::vector<uint8_t> tagged = with_tags(kFrame, {0x123, 0x456});
    const std::vector<uint8_t> header(tagged.begin() + 12, tagged.begin() + 22);
    EXPECT_EQ(header,
              (std::vector<uint8_t>{0x88, 0xa8, 0x04, 0x56, 0x81, 0x00, 0x01, 0x23, 0x08, 0x00}));
}

TEST(Ethernet, APriorityIsNoVlan) {
    std::vector<uint8_t> frame = with_tags(kFrame, {1, 0});
    frame[14] = 0xe0;  // priority 7, VLAN 0
    frame[15] = 0;
    const EthernetHeader header = parse(frame);
    EXPECT_TRUE(header.vlan.is_untagged());
    EXPECT_EQ(without_tags(frame, header), kFrame);
    frame = with_tags(kFrame, {10, 0});
    frame[14] |= 0xf0;  // priority and drop eligibility are not of the id
    EXPECT_EQ(parse(frame).vlan, (VlanTags{10, 0}));
}

TEST(Ethernet, AHeaderCutShortIsNone) {
    for (const auto& [tags, header_bytes] :
         {std::tuple{VlanTags{}, 14U}, {VlanTags{1, 0}, 18U}, {VlanTags{1, 2}, 22U}}) {
        const std::vector<uint8_t> frame = with_tags(kFrame, tags);
        for (uint32_t length = 0; length < header_bytes; ++length) {
            EXPECT_EQ(parse_ethernet(frame.data(), length).length_bytes, 0U) << length;
        }
        EXPECT_EQ(parse_ethernet(frame.data(), header_bytes).length_bytes, header_bytes);
    }
}

TEST(Ethernet, AThirdTagIsAnotherProtocol) {
    const EthernetHeader header = parse(with_tags(with_tags(kFrame, {3, 0}), {2, 1}));
    EXPECT_EQ(header.vlan, (VlanTags{2, 1}));
    EXPECT_EQ(header.type, kEtherTypeVlan);
    EXPECT_EQ(header.length_bytes, 22U);
}

}  // namespace
}  // namespace director
