// ICMP errors about packets that we translated: they belong to the connection whose packet they
// quote, and go through the stages as a packet of it would. Path MTU discovery lives on this.
#include "dataplane/core/codecs/icmp_translate.h"
#include "dataplane/core/stages/adjust.h"
#include "dataplane/core/stages/packet_addresses.h"
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

}  // namespace

bool adopt_quoted_ends(const Worker::State& state, Packet& packet) {
    if (!is_icmp(packet)) {
        return false;
    }
    const QuotedPacket quoted = quoted_of(packet);
    if (!quoted.is_good) {
        return false;
    }
    const Protocol protocol = static_cast<Protocol>(quoted.protocol);
    const HashKey& key = state.settings.hash_key;
    packet.source = FlowEnd::of(key, protocol, quoted.destination.address, quoted.destination.port);
    packet.destination = FlowEnd::of(key, protocol, quoted.source.address, quoted.source.port);
    packet.quoted_offset = static_cast<uint16_t>(packet.l3_offset + quoted.ip_offset);
    packet.is_icmp_error = true;
    packet.has_ports = true;
    packet.hash = state.service_ids.hash(packet.destination);
    return true;
}

void rewrite_icmp_error(Worker::State& state, const Connection& connection, Packet& packet) {
    if (connection.translation == Translation::kNone) {
        return;  // the server holds the virtual address: the error is about its own packet
    }
    const QuotedPacket quoted = quoted_of(packet);
    if (connection.has(kHasAdjustment)) {
        adjust_icmp_error(state, connection, packet, quoted.l4_offset);
    }
    const ErrorTranslation translation =
        translation_of(state.connections, connection, packet.direction, source_address(packet));
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
