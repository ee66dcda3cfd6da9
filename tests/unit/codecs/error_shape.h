// Random ICMP errors, built from nothing for given ends: what a translated or converted one should
// be.
#pragma once

#include "dataplane/core/codecs/icmp_translate.h"
#include "tests/unit/codecs/plain_packets.h"

namespace director::test {

using dataplane::ErrorTranslation;
using dataplane::parse_quoted;
using dataplane::QuotedPacket;

inline constexpr uint8_t kQuotedProtocols[] = {6, 17, 132};

// An error with all that a translation leaves alone.
struct ErrorShape {
    Family family = Family::kIpv4;
    uint8_t type = 3;
    uint8_t code = 3;
    uint32_t rest = 0;
    uint8_t protocol = 6;
    Bytes payload;           // of the quoted packet
    size_t quoted_l4 = 100;  // bytes of its transport packet that are quoted
    bool has_udp_checksum = true;
    PlainIp outer;
    PlainIp inner;

    [[nodiscard]] Bytes build(const ErrorTranslation& ends) const {
        PlainIp ip = inner;
        ip.source = ends.quoted_source.address;
        ip.destination = ends.quoted_destination.address;
        ip.protocol = protocol;
        const Bytes l4 = plain_transport(
            protocol, ends.quoted_source, ends.quoted_destination, payload, has_udp_checksum);
        PlainIp error = outer;
        error.source = ends.source;
        error.destination = ends.destination;
        // Half a TCP checksum is left as it was: the other half is needed to know.
        const size_t bytes = protocol == 6 && quoted_l4 == 17 ? 18 : quoted_l4;
        const Bytes quote = ip.wrap(first_bytes(l4, bytes), l4.size());
        return plain_icmp(error, type, code, rest, quote);
    }
    [[nodiscard]] uint32_t icmp_offset() const {
        const size_t header = family == Family::kIpv4 ? 20 : 40;
        return static_cast<uint32_t>(header + outer.options.size());
    }
};

inline ErrorTranslation random_ends(Random& random, Family family) {
    return {random_end(random, family),
            random_end(random, family),
            random_address(random, family),
            random_address(random, family)};
}

inline ErrorShape random_shape(Random& random, Family family) {
    ErrorShape shape;
    shape.family = family;
    const bool is_v6 = family == Family::kIpv6;
    constexpr uint8_t kTypes4[] = {3, 11, 12};
    shape.type = is_v6 ? static_cast<uint8_t>(1 + random.below(4)) : kTypes4[random.below(3)];
    shape.code = static_cast<uint8_t>(random.below(16));
    shape.rest = static_cast<uint32_t>(random.below(65536));  // an MTU; no RFC 4884 length
    shape.protocol = kQuotedProtocols[random.below(3)];
    shape.payload = random_bytes(random, random.below(60));
    shape.quoted_l4 = random.below(2) != 0 ? 8 : 8 + random.below(90);
    shape.has_udp_checksum = random.below(4) != 0;
    for (PlainIp* ip : {&shape.outer, &shape.inner}) {
        ip->hop_limit = static_cast<uint8_t>(random.next());
        ip->traffic_class = static_cast<uint8_t>(random.next());
        ip->id = static_cast<uint16_t>(random.next());
        if (!is_v6) {
            ip->options = Bytes(random.below(4) * 4, 1);
        } else if (random.below(2) != 0) {
            ip->first_header = 60;  // destination options, all padding
            ip->options = {ip == &shape.inner ? shape.protocol : uint8_t{58}, 0, 1, 4, 0, 0, 0, 0};
        }
    }
    return shape;
}

inline QuotedPacket parse(const Bytes& error, const ErrorShape& shape) {
    const uint32_t size = static_cast<uint32_t>(error.size());
    return parse_quoted(error.data(), size, size, shape.icmp_offset());
}

}  // namespace director::test
