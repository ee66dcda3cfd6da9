#include "dataplane/core/codecs/icmp_translate.h"

#include <algorithm>

#include "common/checksum.h"
#include "dataplane/core/codecs/icmp.h"
#include "dataplane/core/codecs/icmp_rewrite.h"
#include "dataplane/core/codecs/ipv6_headers.h"
#include "dataplane/core/codecs/sctp_checksum.h"
#include "dataplane/core/codecs/wire.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kPortsBytes = 8;  // of a quoted transport header

[[nodiscard]] bool is_ipv6(const uint8_t* ip) {
    return ip[0] >> 4 == 6;
}

[[nodiscard]] QuotedPacket failed(QuoteFault fault) {
    QuotedPacket result;
    result.fault = fault;
    return result;
}

[[nodiscard]] QuoteFault check_type(uint8_t type, bool is_v6) {
    if (is_v6) {
        if (type > icmp::kErrorMax6) {
            return type == icmp::kRedirect6 ? QuoteFault::kUnwantedType : QuoteFault::kNotAnError;
        }
        return type >= icmp::kUnreachable6 && type <= icmp::kParameter6 ? QuoteFault::kNone
                                                                        : QuoteFault::kUnwantedType;
    }
    switch (type) {
        case icmp::kUnreachable4:
        case icmp::kTimeExceeded4:
        case icmp::kParameter4:
            return QuoteFault::kNone;
        case icmp::kSourceQuench4:
        case icmp::kRedirect4:
            return QuoteFault::kUnwantedType;
        default:
            return QuoteFault::kNotAnError;
    }
}

// The end of the quote within a message that ends at `end`: RFC 4884 section 4 gives the quote's
// length where an extension follows. Those messages have a quote of 128 bytes at least, by which
// older ones with something else in that byte are told apart.
[[nodiscard]] uint32_t quote_end(const uint8_t* message, uint32_t quote, uint32_t end, bool is_v6) {
    constexpr uint32_t kExtendedQuoteMin = 128;
    const uint8_t type = message[0];
    const bool may_extend = is_v6 ? type == icmp::kUnreachable6 || type == icmp::kTimeExceeded6
                                  : true;  // all three that check_type() lets through
    const uint32_t bytes =
        is_v6 ? message[icmp::kQuoteWords6] * 8U : message[icmp::kQuoteWords4] * 4U;
    return may_extend && bytes >= kExtendedQuoteMin ? std::min(end, quote + bytes) : end;
}

// The quoted header at `quote`, of which `bytes` are there.
[[nodiscard]] QuotedPacket parse_quoted_ipv4(const uint8_t* quote, uint32_t bytes) {
    if (bytes < wire::kIpv4HeaderBytes) {
        return failed(QuoteFault::kTruncated);
    }
    const uint32_t header_bytes = quote[0] % 16U * 4;
    if (quote[0] >> 4 != 4 || header_bytes < wire::kIpv4HeaderBytes) {
        return failed(QuoteFault::kBadHeader);
    }
    const uint16_t fragment = wire::load16(quote + wire::kIpv4Fragment);
    if ((fragment & wire::kIpv4OffsetMask) != 0) {
        return failed(QuoteFault::kLaterFragment);
    }
    QuotedPacket result;
    result.family = Family::kIpv4;
    result.protocol = quote[wire::kIpv4Protocol];
    result.is_first_fragment = (fragment & wire::kIpv4MoreFragments) != 0;
    result.fragment_id = wire::load16(quote + wire::kIpv4Id);
    result.source.address = wire::load_ipv4(quote + wire::kIpv4Source);
    result.destination.address = wire::load_ipv4(quote + wire::kIpv4Destination);
    result.l4_offset = static_cast<uint16_t>(header_bytes);
    return result;
}

[[nodiscard]] QuotedPacket parse_quoted_ipv6(const uint8_t* quote, uint32_t bytes) {
    if (bytes < wire::kIpv6HeaderBytes) {
        return failed(QuoteFault::kTruncated);
    }
    const uint32_t ip_length =
        wire::kIpv6HeaderBytes + wire::load16(quote + wire::kIpv6PayloadLength);
    const Ipv6Walk walk = walk_ipv6(quote, bytes, ip_length);
    if (!walk.is_good) {
        return failed(walk.fault == Ipv6Fault::kNotAvailable ? QuoteFault::kTruncated
                                                             : QuoteFault::kBadHeader);
    }
    if (walk.fragment_offset_bytes != 0) {
        return failed(QuoteFault::kLaterFragment);
    }
    if (walk.has_segments_left) {
        return failed(QuoteFault::kBadHeader);  // nobody translated it: see Ipv6Walk
    }
    QuotedPacket result;
    result.family = Family::kIpv6;
    result.protocol = walk.protocol;
    result.is_first_fragment = walk.more_fragments;
    result.fragment_id = walk.fragment_id;
    result.source.address = wire::load_ipv6(quote + wire::kIpv6Source);
    result.destination.address = wire::load_ipv6(quote + wire::kIpv6Destination);
    result.l4_offset = walk.l4_offset;
    return result;
}

[[nodiscard]] bool has_ports(uint8_t protocol) {
    return protocol == static_cast<uint8_t>(Protocol::kTcp) ||
           protocol == static_cast<uint8_t>(Protocol::kUdp) ||
           protocol == static_cast<uint8_t>(Protocol::kSctp);
}

// Of a quoted echo, 8 bytes of which are there.
constexpr uint32_t kEchoIdentifier = 4;

[[nodiscard]] bool is_echo_request(uint8_t type, Family family) {
    return type == (family == Family::kIpv4 ? icmp::kEchoRequest4 : icmp::kEchoRequest6);
}

[[nodiscard]] bool is_echo(uint8_t protocol, uint8_t type, Family family) {
    return family == Family::kIpv4 ? protocol == static_cast<uint8_t>(Protocol::kIcmp) &&
                                         (type == icmp::kEchoRequest4 || type == icmp::kEchoReply4)
                                   : protocol == static_cast<uint8_t>(Protocol::kIcmpv6) &&
                                         (type == icmp::kEchoRequest6 || type == icmp::kEchoReply6);
}

[[nodiscard]] uint16_t load_raw(const uint8_t* at) {
    uint16_t raw = 0;
    std::memcpy(&raw, at, 2);
    return raw;
}

}  // namespace

QuotedPacket parse_quoted(const uint8_t* ip,
                          uint32_t available_bytes,
                          uint32_t ip_length,
                          uint32_t icmp_offset) {
    const uint32_t end = std::min({available_bytes, ip_length, wire::kIpLengthMax});
    const uint32_t quote = icmp_offset + icmp::kHeaderBytes;
    if (quote > end) {
        return failed(QuoteFault::kTruncated);
    }
    const bool is_v6 = is_ipv6(ip);
    const uint8_t* const message = ip + icmp_offset;
    if (const QuoteFault fault = check_type(message[0], is_v6); fault != QuoteFault::kNone) {
        return failed(fault);
    }
    const uint32_t end_of_quote = quote_end(message, quote, end, is_v6);
    if (end_of_quote > quote && ip[quote] >> 4 != ip[0] >> 4) {
        return failed(QuoteFault::kBadHeader);  // each version's ICMP quotes its own
    }
    QuotedPacket result = parse_quoted_at(ip, quote, end_of_quote);
    result.icmp_offset = static_cast<uint16_t>(icmp_offset);
    return result;
}

QuotedPacket parse_quoted_at(const uint8_t* ip, uint32_t ip_offset, uint32_t end_offset) {
    if (end_offset <= ip_offset || end_offset > wire::kIpLengthMax) {
        return failed(QuoteFault::kTruncated);
    }
    const uint32_t bytes = end_offset - ip_offset;
    const uint8_t* const quote = ip + ip_offset;
    QuotedPacket result =
        is_ipv6(quote) ? parse_quoted_ipv6(quote, bytes) : parse_quoted_ipv4(quote, bytes);
    if (result.fault != QuoteFault::kNone) {
        return result;
    }
    if (result.l4_offset + kPortsBytes > bytes) {
        return failed(QuoteFault::kTruncated);
    }
    result.ip_offset = static_cast<uint16_t>(ip_offset);
    result.l4_offset = static_cast<uint16_t>(ip_offset + result.l4_offset);
    result.end_offset = static_cast<uint16_t>(end_offset);
    const uint8_t* const message = ip + result.l4_offset;
    if (is_echo(result.protocol, message[0], result.family)) {
        Endpoint& asks =
            is_echo_request(message[0], result.family) ? result.source : result.destination;
        asks.port = Be16::from_host(wire::load16(message + kEchoIdentifier));
        result.is_good = true;
        return result;
    }
    if (!has_ports(result.protocol)) {
        result.fault = QuoteFault::kProtocolUnknown;
        return result;
    }
    result.source.port = Be16::from_host(wire::load16(ip + result.l4_offset));
    result.destination.port = Be16::from_host(wire::load16(ip + result.l4_offset + 2));
    result.is_good = true;
    return result;
}

uint32_t quoted_l4_length(const uint8_t* quote, const QuotedPacket& quoted) {
    const uint32_t ip_length =
        quoted.family == Family::kIpv4
            ? wire::load16(quote + wire::kIpv4Length)
            : wire::kIpv6HeaderBytes + wire::load16(quote + wire::kIpv6PayloadLength);
    const uint32_t headers = uint32_t{quoted.l4_offset} - quoted.ip_offset;
    return quoted.is_first_fragment || ip_length < headers ? 0 : ip_length - headers;
}

namespace {

// An echo's identifier stands for the port of who asks; ICMP's checksum knows no addresses.
Change rewrite_echo_identifier(uint8_t* message,
                               const ErrorTranslation& ends,
                               const Change& addresses) {
    const Family family = ends.quoted_source.address.family();
    const Be16 identifier = is_echo_request(message[0], family) ? ends.quoted_source.port
                                                                : ends.quoted_destination.port;
    Change change;
    change.write(message + kEchoIdentifier, &identifier.raw, 2);
    const Change seen = family == Family::kIpv4 ? change : addresses + change;
    const uint16_t checksum = seen.apply(load_raw(message + icmp::kChecksum));
    change.write(message + icmp::kChecksum, &checksum, 2);
    return change;
}

}  // namespace

Change rewrite_transport(const QuotedTransport& transport,
                         const ErrorTranslation& ends,
                         const Change& addresses) {
    uint8_t* const l4 = transport.l4;
    if (transport.protocol == static_cast<uint8_t>(Protocol::kIcmp) ||
        transport.protocol == static_cast<uint8_t>(Protocol::kIcmpv6)) {
        return rewrite_echo_identifier(l4, ends, addresses);
    }
    const uint16_t ports[2] = {ends.quoted_source.port.raw, ends.quoted_destination.port.raw};
    uint32_t ports_before = 0;
    uint32_t ports_after = 0;
    std::memcpy(&ports_before, l4, 4);
    std::memcpy(&ports_after, ports, 4);
    Change change;
    change.write(l4, ports, 4);
    if (transport.protocol == static_cast<uint8_t>(Protocol::kSctp)) {
        if (transport.bytes > kSctpChecksumOffset && transport.length >= kSctpHeaderBytes) {
            // Each byte changes by itself, so a part of the checksum can be kept right.
            uint32_t checksum = 0;
            const uint32_t bytes = std::min(transport.bytes - kSctpChecksumOffset, 4U);
            std::memcpy(&checksum, l4 + kSctpChecksumOffset, bytes);
            checksum = sctp_checksum_update(checksum, ports_before, ports_after, transport.length);
            change.write(l4 + kSctpChecksumOffset, &checksum, bytes);
        }
        return change;
    }
    const bool is_udp = transport.protocol == static_cast<uint8_t>(Protocol::kUdp);
    const uint32_t offset = is_udp ? 6 : 16;
    if (transport.bytes < offset + 2) {
        return change;
    }
    const uint16_t before = load_raw(l4 + offset);
    if (is_udp && before == 0) {
        return change;  // RFC 768: none
    }
    uint16_t after = (addresses + change).apply(before);
    after = is_udp && after == 0 ? uint16_t{0xffff} : after;
    change.write(l4 + offset, &after, 2);
    return change;
}

bool is_icmp_checksum_good(const uint8_t* ip,
                           uint32_t available_bytes,
                           uint32_t ip_length,
                           uint32_t icmp_offset) {
    if (available_bytes < ip_length) {
        return true;
    }
    const uint32_t length = ip_length - icmp_offset;
    uint64_t sum = checksum_add(0, ip + icmp_offset, length);
    if (is_ipv6(ip)) {  // RFC 8200 section 8.1
        sum = checksum_add(sum, ip + wire::kIpv6Source, 32);
        sum += __builtin_bswap32(length) + (uint64_t{static_cast<uint8_t>(Protocol::kIcmpv6)} << 8);
    }
    return checksum_fold(sum) == 0xffff;
}

void translate_error(uint8_t* ip, const QuotedPacket& quoted, const ErrorTranslation& translation) {
    const bool is_v6 = quoted.family == Family::kIpv6;
    const uint32_t source_at = is_v6 ? wire::kIpv6Source : wire::kIpv4Source;
    const uint32_t destination_at = is_v6 ? wire::kIpv6Destination : wire::kIpv4Destination;
    uint8_t* const quote = ip + quoted.ip_offset;

    Change addresses;
    addresses.write_address(quote + source_at, translation.quoted_source.address, is_v6);
    addresses.write_address(quote + destination_at, translation.quoted_destination.address, is_v6);
    Change all = addresses;  // that the ICMP checksum covers
    if (!is_v6) {
        const uint16_t checksum = addresses.apply(load_raw(quote + wire::kIpv4Checksum));
        all.write(quote + wire::kIpv4Checksum, &checksum, 2);
    }
    const QuotedTransport transport{ip + quoted.l4_offset,
                                    uint32_t{quoted.end_offset} - quoted.l4_offset,
                                    quoted_l4_length(quote, quoted),
                                    quoted.protocol};
    all = all + rewrite_transport(transport, translation, addresses);

    Change outer;
    outer.write_address(ip + source_at, translation.source, is_v6);
    outer.write_address(ip + destination_at, translation.destination, is_v6);
    if (is_v6) {
        all = all + outer;  // ICMPv6 has a pseudo header, ICMP has none
    } else {
        const uint16_t checksum = outer.apply(load_raw(ip + wire::kIpv4Checksum));
        std::memcpy(ip + wire::kIpv4Checksum, &checksum, 2);
    }
    uint8_t* const field = ip + quoted.icmp_offset + icmp::kChecksum;
    const uint16_t checksum = all.apply(load_raw(field));
    std::memcpy(field, &checksum, 2);
}

}  // namespace director::dataplane
