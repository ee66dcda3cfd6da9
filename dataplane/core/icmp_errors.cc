// ICMP errors about packets that we translated: they belong to the connection whose packet they
// quote, and go through the stages as a packet of it would. Path MTU discovery lives on this.
#include <algorithm>
#include <utility>

#include "dataplane/core/adjust.h"
#include "dataplane/core/icmp.h"
#include "dataplane/core/icmp_translate.h"
#include "dataplane/core/tunnel.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

[[nodiscard]] bool is_icmp(const Packet& packet) {
    return (packet.is_ipv4 && packet.protocol == Protocol::kIcmp) ||
           (packet.is_ipv6 && packet.protocol == Protocol::kIcmpv6);
}

[[nodiscard]] QuotedPacket quoted_of(const Packet& packet) {
    const uint32_t icmp_offset = uint32_t{packet.l4_offset} - packet.l3_offset;
    return parse_quoted(packet.data + packet.l3_offset,
                        packet.contiguous_bytes - packet.l3_offset,
                        packet.ip_length,
                        icmp_offset);
}

// What an error that arrives in `direction` says on the other side. Its sender there is the virtual
// service, as far as the client can know; a server hears it from who sent it, unless full NAT hides
// the client's network.
[[nodiscard]] ErrorTranslation translation_of(const ConnTable& table,
                                              const Connection& connection,
                                              Direction direction,
                                              const IpAddress& sender) {
    const Side side = other(side_of(direction));
    const Endpoint client = table.endpoint(connection, side, Role::kClient);
    const Endpoint server = table.endpoint(connection, side, Role::kServer);
    if (direction == Direction::kServerToClient) {
        return {client, server, server.address, client.address};
    }
    const bool hides_client = connection.has(kHasSecondPlace);
    return {server, client, hides_client ? client.address : sender, server.address};
}

[[nodiscard]] IpAddress sender_of(const Packet& packet) {
    const uint8_t* const ip = packet.data + packet.l3_offset;
    return packet.is_ipv4 ? IpAddress(load_address(ip + kIpSourceOffset))
                          : IpAddress::load_ipv6(ip + kIpv6SourceOffset);
}

// To the other IP version. The MTU that it promises fits the translation by RFC 7915 already.
void convert(Worker::State& state,
             Packet& packet,
             const QuotedPacket& quoted,
             const ErrorTranslation& translation) {
    const uint8_t* const ip = packet.data + packet.l3_offset;
    const uint32_t length = convert_error(
        ip, quoted, {.ends = translation, .hop_limit = ttl_of(packet)}, state.scratch.data());
    if (length == 0) {
        state.drop(packet, DropReason::kUntranslatableIcmp);
    } else if (!replace_ip_packet(packet, state.scratch.data(), length)) {
        state.drop(packet, DropReason::kNoHeadroom);
    }
}

// What the quoted packet carries, if it is one that we wrapped for a tunnel.
[[nodiscard]] QuotedPacket wrapped_in(const Worker::State& state,
                                      const Packet& packet,
                                      const QuotedPacket& quoted) {
    const bool may_be = quoted.fault == QuoteFault::kProtocolUnknown ||
                        (quoted.is_good && state.gue_port != Be16{} &&
                         quoted.protocol == static_cast<uint8_t>(Protocol::kUdp) &&
                         quoted.destination.port == state.gue_port);
    if (!may_be || quoted.end_offset < quoted.l4_offset) {
        return {};
    }
    const uint8_t* const ip = packet.data + packet.l3_offset;
    const auto inner = tunnel_payload_offset(quoted.protocol,
                                             ip + quoted.l4_offset,
                                             uint32_t{quoted.end_offset} - quoted.l4_offset,
                                             state.gue_port);
    return inner ? parse_quoted_at(ip, quoted.l4_offset + *inner, quoted.end_offset)
                 : QuotedPacket{};
}

// What an error about the outer packet means for the inner one (RFC 2003 section 4): its sender
// cannot know the tunnel.
[[nodiscard]] IcmpCause cause_inside(const Packet& packet) {
    const uint8_t* const message = packet.data + packet.l4_offset;
    const bool is_too_big = packet.is_ipv4 ? message[0] == icmp::kUnreachable4 &&
                                                 message[1] == icmp::kFragmentationNeeded4
                                           : message[0] == icmp::kTooBig6;
    return is_too_big ? IcmpCause::kTooBig : IcmpCause::kHostUnreachable;
}

// The MTU that a "too big" tells, for what is inside the tunnel.
[[nodiscard]] uint32_t mtu_inside(const Packet& packet, const Tunnel& tunnel) {
    const uint8_t* const message = packet.data + packet.l4_offset;
    const uint32_t told = packet.is_ipv4 ? load_be16(message + icmp::kMtu4)
                                         : __builtin_bswap32(load_raw32(message + icmp::kMtu6));
    return tunnel_mtu(tunnel, packet.is_ipv4 ? Family::kIpv4 : Family::kIpv6, told);
}

// An error about a packet that we wrapped becomes one to the client, about the client's own packet.
void report_inside(Worker::State& state, const Connection& connection, Packet& packet) {
    const uint8_t* const inner = packet.data + packet.quoted_offset;
    const bool is_ipv4 = inner[0] >> 4 == 4;
    const uint32_t quoted_bytes = packet.contiguous_bytes - packet.quoted_offset;
    const QuotedPacket about = parse_quoted_at(inner, 0, static_cast<uint16_t>(quoted_bytes));
    const uint32_t length = is_ipv4 ? load_be16(inner + kIpLengthOffset)
                                    : kIpv6Bytes + load_be16(inner + kIpv6LengthOffset);
    const OffendingPacket offending{.ip = inner,
                                    .available_bytes = std::min(quoted_bytes, length),
                                    .ip_length = length,
                                    .l4_offset = about.l4_offset,
                                    .protocol = about.protocol};
    const IcmpError error{
        .cause = cause_inside(packet),
        .mtu = mtu_inside(packet, state.server_tallies[index(connection.server)].tunnel),
        .source = about.destination.address};
    const uint32_t built =
        about.is_good ? build_icmp_error(error, offending, state.scratch.data()) : 0;
    packet.connection = kNoConnection;  // on its way to the client, like any routed packet
    if (built == 0) {
        state.drop(packet, DropReason::kUntranslatableIcmp);
    } else if (!replace_ip_packet(packet, state.scratch.data(), built)) {
        state.drop(packet, DropReason::kNoHeadroom);
    }
}

}  // namespace

bool adopt_quoted_ends(const Worker::State& state, Packet& packet) {
    if (!is_icmp(packet)) {
        return false;
    }
    const QuotedPacket quoted = quoted_of(packet);
    const QuotedPacket inner = wrapped_in(state, packet, quoted);
    packet.quotes_tunnel = inner.is_good;
    if (!inner.is_good && !quoted.is_good) {
        return false;
    }
    const HashKey& key = state.settings.hash_key;
    const QuotedPacket& about = inner.is_good ? inner : quoted;
    const Protocol protocol = static_cast<Protocol>(about.protocol);
    packet.source = FlowEnd::of(key, protocol, about.destination.address, about.destination.port);
    packet.destination = FlowEnd::of(key, protocol, about.source.address, about.source.port);
    if (inner.is_good) {
        std::swap(packet.source, packet.destination);
    }
    packet.quoted_offset = static_cast<uint16_t>(packet.l3_offset + about.ip_offset);
    packet.is_icmp_error = true;
    packet.has_ports = true;
    packet.hash = state.service_ids.hash(packet.destination);
    return true;
}

void rewrite_icmp_error(Worker::State& state, const Connection& connection, Packet& packet) {
    if (packet.quotes_tunnel) {
        report_inside(state, connection, packet);
        return;
    }
    if (connection.translation == Translation::kNone) {
        return;  // the server holds the virtual address: the error is about its own packet
    }
    const QuotedPacket quoted = quoted_of(packet);
    if (connection.has(kHasAdjustment)) {
        adjust_icmp_error(state, connection, packet, quoted.l4_offset);
    }
    const ErrorTranslation translation =
        translation_of(state.connections, connection, packet.direction, sender_of(packet));
    const bool is_same_family = translation.destination.is_ipv4() == packet.is_ipv4;
    if (is_same_family) {
        if (state.settings.decrement_ttl) {
            take_ttl(packet);
        }
        translate_error(packet.data + packet.l3_offset, quoted, translation);
        return;
    }
    const bool is_good = is_icmp_checksum_good(packet.data + packet.l3_offset,
                                               packet.contiguous_bytes - packet.l3_offset,
                                               packet.ip_length,
                                               uint32_t{packet.l4_offset} - packet.l3_offset);
    if (!is_good) {
        state.drop(packet, DropReason::kBadL4Checksum);
        return;
    }
    convert(state, packet, quoted, translation);
}

}  // namespace director::dataplane
