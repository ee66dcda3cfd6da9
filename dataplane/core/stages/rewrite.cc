// Stage 6: the translation. A packet shows the ends of one side and leaves with those of the other;
// one function for both directions.
#include <optional>

#include "common/checksum.h"
#include "common/select.h"
#include "dataplane/core/codecs/fragment_translate.h"
#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/codecs/ipv6_headers.h"
#include "dataplane/core/codecs/sctp_checksum.h"
#include "dataplane/core/stages/adjust.h"
#include "dataplane/core/stages/icmp_echo.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

static_assert(kIpDestinationOffset - kIpSourceOffset == 4 && kL4DestinationOffset == 2);

// What a packet shows once it is on the other side.
struct Ends {
    FlowEnd source;
    FlowEnd destination;
};

// Arithmetic instead of branches: the direction is as good as random.
[[nodiscard]] Ends ends_after(const Connection& connection, Direction direction) {
    const uint32_t to_client = static_cast<uint32_t>(direction);
    const FlowEnds& ends = connection.sides[1 - to_client];
    return {FlowEnd{select(to_client != 0, ends.server.bits, ends.client.bits)},
            FlowEnd{select(to_client != 0, ends.client.bits, ends.server.bits)}};
}

// The stored deltas are those of the way to the server; one's complement arithmetic makes the
// complement the way back.
[[nodiscard]] uint16_t delta_of(uint16_t stored, Direction direction) {
    return stored ^ static_cast<uint16_t>(0 - static_cast<uint32_t>(direction));
}

// From the L4 header to the packet's end.
[[nodiscard]] uint32_t payload_bytes(const Packet& packet) {
    return uint32_t{packet.l3_offset} + packet.ip_length - packet.l4_offset;
}

void write_ports(uint8_t* l4, const Ends& ends) {
    store_raw16(l4, ends.source.port().raw);
    store_raw16(l4 + kL4DestinationOffset, ends.destination.port().raw);
}

void update_tcp_udp_checksum(uint8_t* l4, Protocol protocol, uint16_t delta) {
    const bool is_udp = protocol == Protocol::kUdp;
    uint8_t* const field = l4 + (is_udp ? kUdpChecksumOffset : kTcpChecksumOffset);
    const uint16_t before = load_raw16(field);
    if (is_udp && before == 0) {
        return;  // RFC 768: no checksum; it stays that way
    }
    uint16_t after = checksum_apply(before, delta);
    if (is_udp && after == 0) {
        after = 0xffff;  // RFC 768: 0 means "none"
    }
    store_raw16(field, after);
}

// The CRC knows nothing of addresses: without a new port it stays.
void rewrite_sctp(uint8_t* sctp, uint32_t length, const Ends& ends) {
    const uint32_t before = load_raw32(sctp);
    write_ports(sctp, ends);
    const uint32_t after = load_raw32(sctp);
    if (after != before) {
        uint8_t* const field = sctp + kSctpChecksumOffset;
        store_raw32(field, sctp_checksum_update(load_raw32(field), before, after, length));
    }
}

inline void rewrite_l4(const Connection& connection, Packet& packet, const Ends& ends) {
    uint8_t* const l4 = packet.data + packet.l4_offset;
    if (packet.has_l4_header && packet.protocol != Protocol::kSctp) [[likely]] {
        write_ports(l4, ends);
        update_tcp_udp_checksum(
            l4, packet.protocol, delta_of(connection.l4_delta, packet.direction));
    } else if (packet.has_l4_header) {
        rewrite_sctp(l4, payload_bytes(packet) + packet.fragment.following_bytes, ends);
    } else if (is_echo(packet) && !packet.is_fragment) {
        const bool is_to_client = packet.direction == Direction::kServerToClient;
        rewrite_echo(packet,
                     (is_to_client ? ends.destination : ends.source).port(),
                     delta_of(connection.l4_delta, packet.direction));
    }
}

void rewrite_ipv4(const Worker::State& state, const Connection& connection, Packet& packet) {
    const Ends ends = ends_after(connection, packet.direction);
    uint8_t* const ip = packet.data + packet.l3_offset;
    store_address(ip + kIpSourceOffset, ends.source.ipv4());
    store_address(ip + kIpDestinationOffset, ends.destination.ipv4());
    uint32_t ip_delta = delta_of(connection.ip_delta, packet.direction);
    if (state.settings.decrement_ttl) {
        --ip[kIpTtlOffset];
        ip_delta += kTtlDelta;
    }
    store_raw16(ip + kIpChecksumOffset,
                checksum_apply(load_raw16(ip + kIpChecksumOffset), ip_delta));
    rewrite_l4(connection, packet, ends);
}

// The addresses, source and destination, that an IPv6 packet shows on the other side.
void write_ipv6_addresses(const ConnectionDetails& details, Direction direction, uint8_t* ip) {
    const bool is_from_client = direction == Direction::kClientToServer;
    const std::array<IpAddress, 2>& ends = details.addresses[is_from_client ? 1 : 0];
    const IpAddress& source = ends[is_from_client ? 0 : 1];
    const IpAddress& destination = ends[is_from_client ? 1 : 0];
    std::memcpy(ip + kIpv6SourceOffset, source.bytes.data(), kIpv6AddressBytes);
    std::memcpy(ip + kIpv6DestinationOffset, destination.bytes.data(), kIpv6AddressBytes);
}

void rewrite_ipv6(const Worker::State& state, const Connection& connection, Packet& packet) {
    uint8_t* const ip = packet.data + packet.l3_offset;
    write_ipv6_addresses(state.connections.details(connection), packet.direction, ip);
    if (state.settings.decrement_ttl) {
        --ip[kIpv6HopLimitOffset];
    }
    rewrite_l4(connection, packet, ends_after(connection, packet.direction));
}

// Moves what is in front of the IP header, so that a header of another length fits between it and
// the L4 header. Only the EtherType counts there: the next hop writes all else.
void place_ip_header(Packet& packet, uint32_t header_bytes, uint16_t ether_type) {
    const int32_t growth =
        static_cast<int32_t>(header_bytes + packet.l3_offset) - int32_t{packet.l4_offset};
    packet.data -= growth;
    packet.length_bytes += static_cast<uint32_t>(growth);
    packet.contiguous_bytes += static_cast<uint32_t>(growth);
    packet.headroom_bytes -= static_cast<uint32_t>(growth);
    packet.l4_offset = static_cast<uint16_t>(packet.l3_offset + header_bytes);
    store_raw16(packet.data + packet.l3_offset - 2, __builtin_bswap16(ether_type));
}

// What a fragment between the families needs beside its addresses: of an IPv6 one the word for the
// IPv4 header, of an IPv4 one nothing (0). nullopt: only the whole datagram could be translated,
// for UDP without a checksum needs one then, over all of it (RFC 7915 section 4.5).
[[nodiscard]] std::optional<uint32_t> translate_fragment(const Packet& packet) {
    if (packet.is_ipv6) {
        return ipv4_fragment_word(packet.data + packet.l3_offset,
                                  packet.contiguous_bytes - packet.l3_offset,
                                  packet.ip_length,
                                  static_cast<uint8_t>(packet.protocol));
    }
    const bool lacks_checksum =
        packet.has_l4_header && packet.protocol == Protocol::kUdp &&
        load_raw16(packet.data + packet.l4_offset + kUdpChecksumOffset) == 0;
    return lacks_checksum ? std::nullopt : std::optional<uint32_t>(0);
}

// `fragment` is identification, flags and offset in one word (RFC 7915 sections 5.1 and 5.1.1). Of
// a whole packet, the identification is 0: "don't fragment" is set, as for an IPv6 packet, which no
// router fragments.
void rewrite_six_to_four(const Worker::State& state,
                         const Connection& connection,
                         Packet& packet,
                         uint32_t fragment) {
    const uint8_t* const before = packet.data + packet.l3_offset;
    const uint32_t first_word = load_be16(before);
    const uint8_t traffic_class = static_cast<uint8_t>(first_word >> 4);
    const uint8_t hop_limit =
        static_cast<uint8_t>(before[kIpv6HopLimitOffset] - (state.settings.decrement_ttl ? 1 : 0));
    const uint32_t payload = payload_bytes(packet);
    place_ip_header(packet, kIpv4Bytes, kEtherTypeIpv4);
    const Ends ends = ends_after(connection, packet.direction);
    uint8_t* const ip = packet.data + packet.l3_offset;
    packet.ip_length = static_cast<uint16_t>(kIpv4Bytes + payload);
    packet.is_ipv4 = true;
    packet.is_ipv6 = false;
    ip[0] = 0x45;
    ip[1] = traffic_class;
    store_raw16(ip + kIpLengthOffset, __builtin_bswap16(packet.ip_length));
    store_raw32(ip + kIpIdOffset, __builtin_bswap32(fragment));
    ip[kIpTtlOffset] = hop_limit;
    ip[kIpProtocolOffset] = static_cast<uint8_t>(packet.protocol);
    store_raw16(ip + kIpChecksumOffset, 0);
    store_address(ip + kIpSourceOffset, ends.source.ipv4());
    store_address(ip + kIpDestinationOffset, ends.destination.ipv4());
    store_raw16(ip + kIpChecksumOffset,
                static_cast<uint16_t>(~checksum_fold(checksum_add(0, ip, kIpv4Bytes))));
    rewrite_l4(connection, packet, ends);
}

// RFC 7915 section 4.1. UDP without a checksum gets one (section 4.5). A packet that may be
// fragmented may be so as IPv6 as well, by us alone: only a fragment has a fragment header from the
// start.
void rewrite_four_to_six(const Worker::State& state, const Connection& connection, Packet& packet) {
    const uint8_t* const before = packet.data + packet.l3_offset;
    const uint8_t traffic_class = before[1];
    const uint8_t ttl =
        static_cast<uint8_t>(before[kIpTtlOffset] - (state.settings.decrement_ttl ? 1 : 0));
    const Ipv4FragmentFields fragment = read_fragment_fields(before);
    const uint32_t more_headers = packet.is_fragment ? kIpv6FragmentHeaderBytes : 0;
    const uint32_t payload = payload_bytes(packet) + more_headers;
    place_ip_header(packet, kIpv6Bytes + more_headers, kEtherTypeIpv6);
    packet.may_be_cut = !fragment.is_forbidden;
    packet.fragment_id = fragment.id;
    uint8_t* const ip = packet.data + packet.l3_offset;
    packet.ip_length = static_cast<uint16_t>(kIpv6Bytes + payload);
    packet.is_ipv4 = false;
    packet.is_ipv6 = true;
    store_raw16(ip, __builtin_bswap16(static_cast<uint16_t>(0x6000 | traffic_class << 4)));
    store_raw16(ip + 2, 0);  // flow label
    store_raw16(ip + kIpv6LengthOffset, __builtin_bswap16(static_cast<uint16_t>(payload)));
    ip[kIpv6NextHeaderOffset] = static_cast<uint8_t>(packet.protocol);
    ip[kIpv6HopLimitOffset] = ttl;
    write_ipv6_addresses(state.connections.details(connection), packet.direction, ip);
    if (packet.is_fragment) {
        ip[kIpv6NextHeaderOffset] = kIpv6Fragment;
        write_ipv6_fragment_header(
            ip + kIpv6Bytes, static_cast<uint8_t>(packet.protocol), fragment);
    }
    rewrite_l4(connection, packet, ends_after(connection, packet.direction));
    fill_udp_checksum(packet);
}

// Translates between the families.
void rewrite_family(Worker::State& state, const Connection& connection, Packet& packet) {
    uint32_t fragment = uint32_t{kIpDontFragment};
    if (packet.is_fragment) {
        const auto translated = translate_fragment(packet);
        if (!translated) {
            state.drop(packet, DropReason::kFragment);
            return;
        }
        fragment = *translated;
    }
    constexpr uint32_t kGrowthMax = kIpv6Bytes - kIpv4Bytes + kIpv6FragmentHeaderBytes;
    if (packet.is_ipv6) {
        rewrite_six_to_four(state, connection, packet, fragment);
    } else if (packet.headroom_bytes >= kGrowthMax) {
        rewrite_four_to_six(state, connection, packet);
    } else {
        state.drop(packet, DropReason::kNoHeadroom);
    }
}

void rewrite(Worker::State& state, const Connection& connection, Packet& packet) {
    if (connection.has(kHasAdjustment) && !packet.is_icmp_error &&
        !adjust(state, connection, packet)) {
        return;
    }
    packet.is_translated = connection.translation != Translation::kNone;
    if (packet.is_icmp_error) {
        rewrite_icmp_error(state, connection, packet);
        return;
    }
    switch (connection.translation) {
        case Translation::kIpv4:
            rewrite_ipv4(state, connection, packet);
            break;
        case Translation::kIpv6:
            rewrite_ipv6(state, connection, packet);
            break;
        case Translation::kSixToFour:
            rewrite_family(state, connection, packet);
            break;
        case Translation::kNone:
            if (takes_ttl(state, connection.forwarding)) {
                take_ttl(packet);
            }
            break;
    }
}

}  // namespace

void rewrite_burst(Worker::State& state, Packets packets) {
    for (Packet& packet : packets) {
        if (packet.connection != kNoConnection) {
            rewrite(state, state.connections[packet.connection], packet);
        }
    }
}

}  // namespace director::dataplane
