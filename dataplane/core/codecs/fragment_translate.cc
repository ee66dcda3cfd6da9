#include "dataplane/core/codecs/fragment_translate.h"

#include "dataplane/core/codecs/ipv6_headers.h"
#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kUnitBytes = 8;

}  // namespace

Ipv4FragmentFields read_fragment_fields(const uint8_t* ip) {
    const uint16_t field = wire::load16(ip + wire::kIpv4Fragment);
    return {.id = wire::load16(ip + wire::kIpv4Id),
            .offset_bytes = static_cast<uint16_t>((field & wire::kIpv4OffsetMask) * kUnitBytes),
            .is_followed = (field & wire::kIpv4MoreFragments) != 0,
            .is_forbidden = (field & wire::kIpv4DontFragment) != 0};
}

void write_ipv6_fragment_header(uint8_t* to, uint8_t protocol, const Ipv4FragmentFields& fields) {
    to[0] = protocol;
    to[1] = 0;
    wire::store16(to + 2, fields.offset_bytes | (fields.is_followed ? 1U : 0U));
    wire::store32(to + 4, fields.id);
}

std::optional<uint32_t> ipv4_fragment_word(const uint8_t* ip,
                                           uint32_t available_bytes,
                                           uint32_t ip_length,
                                           uint8_t protocol) {
    const Ipv6Walk walk = walk_ipv6(ip, available_bytes, ip_length);
    if (!walk.is_good || walk.fragment_data_offset == 0 ||
        walk.l4_offset != walk.fragment_data_offset || walk.protocol != protocol) {
        return std::nullopt;
    }
    const uint32_t more = walk.more_fragments ? wire::kIpv4MoreFragments : 0U;
    return (walk.fragment_id & 0xffff) << 16 | more | walk.fragment_offset_bytes / kUnitBytes;
}

}  // namespace director::dataplane
