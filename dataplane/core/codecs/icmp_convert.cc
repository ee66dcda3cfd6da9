// ICMP errors from one IP version to the other. The tables are RFC 7915's.
#include <algorithm>

#include "dataplane/core/codecs/icmp.h"
#include "dataplane/core/codecs/icmp_rewrite.h"
#include "dataplane/core/codecs/icmp_translate.h"
#include "dataplane/core/codecs/ip_write.h"
#include "dataplane/core/codecs/ipv6_headers.h"
#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kIpv6MtuMin = 1280;
constexpr uint32_t kHeaderGrowth = wire::kIpv6HeaderBytes - wire::kIpv4HeaderBytes;
// RFC 1812 section 4.3.2.3: an ICMP error should be no longer.
constexpr uint32_t kIpv4ErrorBytesMax = 576;

// The first eight bytes of a message without its checksum.
struct Message {
    bool exists = false;
    uint8_t type = 0;
    uint8_t code = 0;
    uint32_t rest = 0;  // bytes 4 to 7
};

// RFC 1191 section 7.1: what a path's MTU usually is, for routers that do not tell it. Those of
// 1280 and more, for RFC 7915 section 4.2.
[[nodiscard]] uint32_t plateau_below(uint32_t total_length) {
    constexpr uint32_t kPlateaus[] = {65535, 32000, 17914, 8166, 4352, 2002, 1492};
    for (const uint32_t plateau : kPlateaus) {
        if (plateau < total_length) {
            return plateau;
        }
    }
    return kIpv6MtuMin;
}

// RFC 7915 section 4.2, Figure 3: which field an IPv4 pointer points to; ~0: in none of IPv6's.
[[nodiscard]] uint32_t pointer_to_ipv6(uint8_t pointer) {
    constexpr uint32_t kNone = 0xffffffffU;
    constexpr uint32_t kTable[20] = {0,     1,     4, 4, kNone, kNone, kNone, kNone, 7,  6,
                                     kNone, kNone, 8, 8, 8,     8,     24,    24,    24, 24};
    return pointer < 20 ? kTable[pointer] : kNone;
}

// RFC 7915 section 5.2, Figure 6.
[[nodiscard]] uint32_t pointer_to_ipv4(uint32_t pointer) {
    if (pointer < 2) {
        return pointer;
    }
    if (pointer == 4 || pointer == 5) {
        return 2;
    }
    if (pointer == 6 || pointer == 7) {
        return pointer == 6 ? 9 : 8;
    }
    if (pointer >= 8 && pointer < 40) {
        return pointer < 24 ? 12 : 16;
    }
    return 0xffffffffU;
}

[[nodiscard]] Message unreachable_to_ipv6(const uint8_t* icmp,
                                          const uint8_t* quote,
                                          uint32_t path_mtu_max) {
    constexpr uint32_t kNextHeaderPointer = 6;
    switch (icmp[1]) {
        case icmp::kProtocol4:
            return {true, icmp::kParameter6, icmp::kNextHeader6, kNextHeaderPointer};
        case icmp::kPort4:
            return {true, icmp::kUnreachable6, icmp::kPort6, 0};
        case icmp::kFragmentationNeeded4: {
            const uint32_t told = wire::load16(icmp + icmp::kMtu4);
            const uint32_t mtu =
                told != 0 ? told : plateau_below(wire::load16(quote + wire::kIpv4Length));
            return {true,
                    icmp::kTooBig6,
                    0,
                    std::max(kIpv6MtuMin, std::min(mtu + kHeaderGrowth, path_mtu_max))};
        }
        case 0:
        case 1:
        case 5:
        case 6:
        case 7:
        case 8:
        case 11:
        case 12:
            return {true, icmp::kUnreachable6, icmp::kNoRoute6, 0};
        case 9:
        case 10:
        case 13:
        case 15:
            return {true, icmp::kUnreachable6, icmp::kProhibited6, 0};
        default:
            return {};
    }
}

// RFC 7915 section 4.2.
[[nodiscard]] Message to_ipv6(const uint8_t* icmp, const uint8_t* quote, uint32_t path_mtu_max) {
    switch (icmp[0]) {
        case icmp::kUnreachable4:
            return unreachable_to_ipv6(icmp, quote, path_mtu_max);
        case icmp::kTimeExceeded4:
            return {true, icmp::kTimeExceeded6, icmp[1], 0};
        case icmp::kParameter4: {
            const uint32_t pointer = pointer_to_ipv6(icmp[icmp::kPointer4]);
            const bool is_known = (icmp[1] == 0 || icmp[1] == 2) && pointer != 0xffffffffU;
            return {is_known, icmp::kParameter6, icmp::kErroneousField6, pointer};
        }
        default:
            return {};
    }
}

// RFC 7915 section 5.2.
[[nodiscard]] Message to_ipv4(const uint8_t* icmp, uint32_t path_mtu_max) {
    switch (icmp[0]) {
        case icmp::kUnreachable6:
            switch (icmp[1]) {
                case icmp::kNoRoute6:
                case icmp::kBeyondScope6:
                case icmp::kAddress6:
                    return {true, icmp::kUnreachable4, icmp::kHost4, 0};
                case icmp::kProhibited6:
                    return {true, icmp::kUnreachable4, icmp::kHostProhibited4, 0};
                case icmp::kPort6:
                    return {true, icmp::kUnreachable4, icmp::kPort4, 0};
                default:
                    return {};
            }
        case icmp::kTooBig6: {
            // RFC 8201 section 4: no path's MTU is below 1280, whatever a message says.
            const uint32_t told = std::max(kIpv6MtuMin, wire::load32(icmp + icmp::kMtu6));
            const uint32_t mtu = std::min(told - kHeaderGrowth, path_mtu_max);
            return {true, icmp::kUnreachable4, icmp::kFragmentationNeeded4, mtu};
        }
        case icmp::kTimeExceeded6:
            return {true, icmp::kTimeExceeded4, icmp[1], 0};
        case icmp::kParameter6: {
            if (icmp[1] == icmp::kNextHeader6) {
                return {true, icmp::kUnreachable4, icmp::kProtocol4, 0};
            }
            const uint32_t pointer = pointer_to_ipv4(wire::load32(icmp + icmp::kPointer6));
            const bool is_known = icmp[1] == icmp::kErroneousField6 && pointer != 0xffffffffU;
            return {is_known, icmp::kParameter4, 0, pointer << 24};
        }
        default:
            return {};
    }
}

void write_message(uint8_t* icmp, const Message& message) {
    icmp[0] = message.type;
    icmp[1] = message.code;
    wire::store16(icmp + icmp::kChecksum, 0);
    wire::store32(icmp + 4, message.rest);
}

// The pseudo header's addresses of the quoted packet, before and after.
[[nodiscard]] Change pseudo_change(const QuotedPacket& quoted, const ErrorTranslation& ends) {
    const auto sum = [](const IpAddress& source, const IpAddress& destination) {
        const size_t from = source.is_ipv4() ? 12 : 0;
        const uint64_t first = checksum_add(0, source.bytes.data() + from, 16 - from);
        return checksum_add(first, destination.bytes.data() + from, 16 - from);
    };
    return {sum(quoted.source.address, quoted.destination.address),
            sum(ends.quoted_source.address, ends.quoted_destination.address)};
}

// Copies the quoted transport to `l4`, as much as there is and has room, and translates it. Answers
// how much.
uint32_t copy_transport(const uint8_t* ip,
                        const QuotedPacket& quoted,
                        const ErrorTranslation& ends,
                        uint8_t* l4,
                        uint32_t room) {
    const uint32_t bytes = std::min(uint32_t{quoted.end_offset} - quoted.l4_offset, room);
    std::memcpy(l4, ip + quoted.l4_offset, bytes);
    const QuotedTransport transport{
        l4, bytes, quoted_l4_length(ip + quoted.ip_offset, quoted), quoted.protocol};
    static_cast<void>(rewrite_transport(transport, ends, pseudo_change(quoted, ends)));
    return bytes;
}

// What the quoted IPv4 packet carried behind its header, by its own account.
[[nodiscard]] uint32_t ipv4_payload(const uint8_t* quote) {
    const uint32_t headers = quote[0] % 16U * 4;
    const uint32_t total = wire::load16(quote + wire::kIpv4Length);
    return total > headers ? total - headers : 0;
}

uint32_t convert_to_ipv6(const uint8_t* ip,
                         const QuotedPacket& quoted,
                         const ErrorConversion& conversion,
                         uint8_t* out) {
    const uint8_t* const quote = ip + quoted.ip_offset;
    const Message message = to_ipv6(ip + quoted.icmp_offset, quote, conversion.path_mtu_max);
    if (!message.exists) {
        return 0;
    }
    const ErrorTranslation& ends = conversion.ends;
    uint8_t* const icmp = out + wire::kIpv6HeaderBytes;
    uint8_t* const inner = icmp + icmp::kHeaderBytes;
    uint8_t* l4 = inner + wire::kIpv6HeaderBytes;
    uint32_t inner_payload = ipv4_payload(quote);
    IpFields fields{quote[wire::kIpv4Tos],
                    quote[wire::kIpv4Ttl],
                    quoted.protocol,
                    ends.quoted_source.address,
                    ends.quoted_destination.address};
    if (quoted.is_first_fragment) {  // RFC 7915 section 4.1: a fragment header
        *l4 = quoted.protocol;
        l4[1] = 0;
        wire::store16(l4 + 2, 1);
        wire::store32(l4 + 4, quoted.fragment_id);
        fields.protocol = kIpv6Fragment;
        inner_payload += kIpv6FragmentHeaderBytes;
        l4 += kIpv6FragmentHeaderBytes;
    }
    write_ipv6(inner, fields, std::min(inner_payload, 65535U));
    const uint32_t headers = static_cast<uint32_t>(l4 - out);
    const uint32_t total =
        headers + copy_transport(ip, quoted, ends, l4, kConvertedErrorBytesMax - headers);
    const uint32_t icmp_bytes = total - wire::kIpv6HeaderBytes;
    write_ipv6(out,
               {ip[wire::kIpv4Tos],
                conversion.hop_limit,
                static_cast<uint8_t>(Protocol::kIcmpv6),
                ends.source,
                ends.destination},
               icmp_bytes);
    write_message(icmp, message);
    const uint64_t pseudo = checksum_pseudo(
        ends.source, ends.destination, static_cast<uint8_t>(Protocol::kIcmpv6), icmp_bytes);
    store_checksum(icmp + icmp::kChecksum, checksum_add(pseudo, icmp, icmp_bytes));
    return total;
}

uint32_t convert_to_ipv4(const uint8_t* ip,
                         const QuotedPacket& quoted,
                         const ErrorConversion& conversion,
                         uint8_t* out) {
    const uint8_t* const quote = ip + quoted.ip_offset;
    const Message message = to_ipv4(ip + quoted.icmp_offset, conversion.path_mtu_max);
    if (!message.exists) {
        return 0;
    }
    const ErrorTranslation& ends = conversion.ends;
    uint8_t* const icmp = out + wire::kIpv4HeaderBytes;
    uint8_t* const inner = icmp + icmp::kHeaderBytes;
    uint8_t* const l4 = inner + wire::kIpv4HeaderBytes;
    // RFC 7915 section 5.1: identification and flags of a fragment come from its header. RFC 6864
    // section 4.1: what is not to be fragmented needs no identification.
    const uint32_t fragment = quoted.is_first_fragment
                                  ? quoted.fragment_id << 16 | wire::kIpv4MoreFragments
                                  : wire::kIpv4DontFragment;
    const uint32_t extension_bytes =
        uint32_t{quoted.l4_offset} - quoted.ip_offset - wire::kIpv6HeaderBytes;
    const uint32_t payload = wire::load16(quote + wire::kIpv6PayloadLength) - extension_bytes;
    write_ipv4(inner,
               {ipv6_traffic_class(quote),
                quote[wire::kIpv6HopLimit],
                quoted.protocol,
                ends.quoted_source.address,
                ends.quoted_destination.address},
               std::min(payload + wire::kIpv4HeaderBytes, wire::kIpLengthMax),
               fragment);
    const uint32_t headers = static_cast<uint32_t>(l4 - out);
    const uint32_t total =
        headers + copy_transport(ip, quoted, ends, l4, kIpv4ErrorBytesMax - headers);
    write_ipv4(out,
               {ipv6_traffic_class(ip),
                conversion.hop_limit,
                static_cast<uint8_t>(Protocol::kIcmp),
                ends.source,
                ends.destination},
               total);
    write_message(icmp, message);
    store_checksum(icmp + icmp::kChecksum, checksum_add(0, icmp, total - wire::kIpv4HeaderBytes));
    return total;
}

}  // namespace

uint32_t convert_error(const uint8_t* ip,
                       const QuotedPacket& quoted,
                       const ErrorConversion& conversion,
                       uint8_t* out) {
    if (quoted.protocol == static_cast<uint8_t>(Protocol::kIcmp) ||
        quoted.protocol == static_cast<uint8_t>(Protocol::kIcmpv6)) {
        return 0;  // echoes are not translated between the versions
    }
    return quoted.family == Family::kIpv4 ? convert_to_ipv6(ip, quoted, conversion, out)
                                          : convert_to_ipv4(ip, quoted, conversion, out);
}

}  // namespace director::dataplane
