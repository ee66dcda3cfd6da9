#include "common/ethernet.h"

#include "common/assert.h"

namespace director {

std::vector<uint8_t> with_tags(std::span<const uint8_t> frame, VlanTags tags) {
    DIRECTOR_ASSERT(frame.size() >= kEthernetBytes);
    std::vector<uint8_t> added;
    const auto add = [&added](uint16_t type, uint16_t vlan) {
        if (vlan != 0) {
            for (const uint16_t number : {type, vlan}) {
                added.push_back(static_cast<uint8_t>(number >> 8));
                added.push_back(static_cast<uint8_t>(number));
            }
        }
    };
    add(kEtherTypeOuterVlan, tags.outer);
    add(kEtherTypeVlan, tags.inner);
    std::vector<uint8_t> tagged(frame.begin(), frame.end());
    tagged.insert(tagged.begin() + kEtherTypeOffset, added.begin(), added.end());
    return tagged;
}

std::vector<uint8_t> without_tags(std::span<const uint8_t> frame, const EthernetHeader& header) {
    DIRECTOR_ASSERT(header.length_bytes >= kEthernetBytes && header.length_bytes <= frame.size());
    std::vector<uint8_t> plain(frame.begin(), frame.end());
    plain.erase(plain.begin() + kEtherTypeOffset,
                plain.begin() + static_cast<ptrdiff_t>(header.length_bytes) - 2);
    return plain;
}

}  // namespace director
