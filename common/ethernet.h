// Ethernet headers (IEEE 802.3) with up to two VLAN tags (802.1Q, and 802.1ad around it: QinQ), for
// the packet path and for whoever of the control plane builds or reads frames.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace director {

inline constexpr uint32_t kEthernetBytes = 14;
inline constexpr uint32_t kVlanTagBytes = 4;
inline constexpr uint32_t kEtherTypeOffset = 12;
inline constexpr uint16_t kEtherTypeMin = 0x0600;  // below: a length
inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr uint16_t kEtherTypeOuterVlan = 0x88a8;  // 802.1ad: QinQ

// The VLANs of a frame: 0 = untagged, an 802.1Q VLAN id, and for QinQ (802.1ad) the outer one too.
struct VlanTags {
    uint16_t inner = 0;
    uint16_t outer = 0;

    [[nodiscard]] constexpr bool is_untagged() const { return (inner | outer) == 0; }
    friend constexpr bool operator==(VlanTags, VlanTags) = default;
};

struct EthernetHeader {
    uint32_t length_bytes = 0;  // with its tags; 0 = the frame is too short for one
    uint16_t type = 0;          // of what follows it
    VlanTags vlan;
};

// Either type of tag is taken in either place: older switches put 802.1Q tags into each other. VLAN
// 0 only carries a priority (IEEE 802.1Q clause 6.9): it is no tag. A third tag is the type that is
// answered.
[[nodiscard]] inline EthernetHeader parse_ethernet(const uint8_t* frame, uint32_t frame_bytes) {
    constexpr uint32_t kTagsMax = 2;
    const auto at = [frame](uint32_t offset) {
        return static_cast<uint16_t>(frame[offset] << 8 | frame[offset + 1]);
    };
    if (frame_bytes < kEthernetBytes) {
        return {};
    }
    EthernetHeader header{kEthernetBytes, at(kEtherTypeOffset), {}};
    for (uint32_t tags = 0; tags < kTagsMax; ++tags) {
        if (header.type != kEtherTypeVlan && header.type != kEtherTypeOuterVlan) {
            break;
        }
        if (frame_bytes < header.length_bytes + kVlanTagBytes) {
            return {};
        }
        const auto vlan = static_cast<uint16_t>(at(header.length_bytes) & 0xfff);
        header.length_bytes += kVlanTagBytes;
        header.vlan = {vlan, header.vlan.inner};
        header.type = at(header.length_bytes - 2);
    }
    return header;
}

// A copy of an untagged frame with tags put in, the outer one first, of type 802.1ad.
[[nodiscard]] std::vector<uint8_t> with_tags(std::span<const uint8_t> frame, VlanTags tags);

// A copy of a frame, whose header is `header` (not too short for one), without its tags.
[[nodiscard]] std::vector<uint8_t> without_tags(std::span<const uint8_t> frame,
                                                const EthernetHeader& header);

}  // namespace director
