// ICMP errors: whatever the packet, parsing stays within it; a translation gives the ends asked for
// and leaves right checksums right and wrong ones wrong; a conversion is a packet that parses to
// the ends asked for. Input: the number of bytes that are not at hand, then a packet with its IP
// header.
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/assert.h"
#include "common/checksum.h"
#include "common/random.h"
#include "dataplane/core/codecs/icmp_generate.h"
#include "dataplane/core/codecs/icmp_translate.h"
#include "dataplane/core/codecs/ipv6_headers.h"
#include "dataplane/core/codecs/tunnel.h"

namespace {

using namespace director;
using namespace director::dataplane;
using Bytes = std::vector<uint8_t>;

Endpoint make_end(Random& random, Family family) {
    std::array<uint8_t, 16> raw{};
    for (uint8_t& byte : raw) {
        byte = static_cast<uint8_t>(random.next());
    }
    raw[0] = 0x20;
    const IpAddress v4 = Ipv4Address::from_host(static_cast<uint32_t>(random.next() | 1U << 24));
    return {family == Family::kIpv4 ? v4 : IpAddress(raw),
            Be16::from_host(static_cast<uint16_t>(random.next()))};
}

ErrorTranslation make_ends(Random& random, Family family) {
    return {make_end(random, family),
            make_end(random, family),
            make_end(random, family).address,
            make_end(random, family).address};
}

uint32_t size_of(const Bytes& bytes) {
    return static_cast<uint32_t>(bytes.size());
}

// The sum that a right ICMP checksum makes 0xffff (or 0, when all bytes are 0).
uint16_t icmp_sum(const Bytes& packet, uint32_t icmp_offset) {
    const uint32_t length = size_of(packet) - icmp_offset;
    uint64_t sum = checksum_add(0, packet.data() + icmp_offset, length);
    if (packet[0] >> 4 == 6) {
        sum = checksum_add(sum, packet.data() + 8, 32) + __builtin_bswap32(length) + (58U << 8);
    }
    const uint16_t folded = checksum_fold(sum);
    return folded == 0 ? uint16_t{0xffff} : folded;  // one's complement has two zeros
}

void check_ends(const QuotedPacket& quoted, const ErrorTranslation& ends) {
    DIRECTOR_ASSERT(quoted.source == ends.quoted_source);
    DIRECTOR_ASSERT(quoted.destination == ends.quoted_destination);
}

void check_translation(Bytes packet, const QuotedPacket& quoted, Random& random) {
    ErrorTranslation ends = make_ends(random, quoted.family);
    if (quoted.protocol == 1 || quoted.protocol == 58) {  // an echo: who asks has a port
        const uint8_t type = packet[quoted.l4_offset];
        (type == 8 || type == 128 ? ends.quoted_destination : ends.quoted_source).port = {};
    }
    const uint16_t before = icmp_sum(packet, quoted.icmp_offset);
    const size_t end_before = packet.size();
    translate_error(packet.data(), quoted, ends);
    DIRECTOR_ASSERT(packet.size() == end_before);
    DIRECTOR_ASSERT(icmp_sum(packet, quoted.icmp_offset) == before);
    const QuotedPacket again =
        parse_quoted(packet.data(), size_of(packet), size_of(packet), quoted.icmp_offset);
    DIRECTOR_ASSERT(again.is_good);
    check_ends(again, ends);
}

void check_conversion(const Bytes& packet, const QuotedPacket& quoted, Random& random) {
    const bool is_v4 = quoted.family == Family::kIpv4;
    ErrorConversion conversion;
    conversion.ends = make_ends(random, is_v4 ? Family::kIpv6 : Family::kIpv4);
    Bytes out(kConvertedErrorBytesMax);
    out.resize(convert_error(packet.data(), quoted, conversion, out.data()));
    if (out.empty()) {
        return;
    }
    const uint32_t icmp = is_v4 ? 40 : 20;
    DIRECTOR_ASSERT(is_v4 || out.size() <= 576);
    DIRECTOR_ASSERT(is_icmp_checksum_good(out.data(), size_of(out), size_of(out), icmp));
    const QuotedPacket again = parse_quoted(out.data(), size_of(out), size_of(out), icmp);
    // Headers whose lengths contradict each other may have come with the quote.
    if (again.is_good) {
        check_ends(again, conversion.ends);
    }
}

void check_generation(const Bytes& packet, uint32_t l4_offset, uint8_t protocol) {
    OffendingPacket offending;
    offending.ip = packet.data();
    offending.available_bytes = offending.ip_length = size_of(packet);
    offending.l4_offset = l4_offset;
    offending.protocol = protocol;
    const bool is_v4 = packet[0] >> 4 == 4;
    IcmpError error;
    error.source = *IpAddress::parse(is_v4 ? "192.0.2.1" : "2001:db8::1");
    Bytes out(kIcmpErrorBytesMax);
    out.resize(build_icmp_error(error, offending, out.data()));
    if (!out.empty()) {
        const uint32_t icmp = is_v4 ? 20 : 40;
        DIRECTOR_ASSERT(is_icmp_checksum_good(out.data(), size_of(out), size_of(out), icmp));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 41 || size > 3000) {
        return 0;
    }
    const uint32_t missing = data[0];
    const Bytes packet(data + 1, data + size);
    const bool is_v4 = packet[0] >> 4 == 4;
    uint32_t icmp = 0;
    uint8_t protocol = packet[9];
    if (is_v4) {
        icmp = packet[0] % 16U * 4;
    } else if (packet[0] >> 4 == 6) {
        const Ipv6Walk walk = walk_ipv6(packet.data(), size_of(packet), size_of(packet));
        icmp = walk.is_good && !walk.is_fragment ? walk.l4_offset : 0;
        protocol = walk.protocol;
    }
    if (icmp < 20 || icmp >= packet.size()) {
        return 0;  // the parse stage refuses it
    }
    check_generation(packet, icmp, protocol);
    Random random(size);
    const QuotedPacket quoted =
        parse_quoted(packet.data(), size_of(packet), size_of(packet) + missing, icmp);
    if (quoted.is_good) {
        check_translation(packet, quoted, random);
        check_conversion(packet, quoted, random);
    } else if (quoted.fault == QuoteFault::kProtocolUnknown) {
        const auto inside = tunnel_payload_offset(quoted.protocol,
                                                  packet.data() + quoted.l4_offset,
                                                  uint32_t{quoted.end_offset} - quoted.l4_offset,
                                                  Be16());
        if (inside.has_value()) {
            static_cast<void>(
                parse_quoted_at(packet.data(), quoted.l4_offset + *inside, quoted.end_offset));
        }
    }
    return 0;
}
