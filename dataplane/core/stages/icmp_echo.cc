#include "dataplane/core/stages/icmp_echo.h"

#include "common/checksum.h"
#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/codecs/icmp.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kIdentifierOffset = 4;  // RFC 792, RFC 4443 section 4.1

[[nodiscard]] bool is_whole(const Packet& packet) {
    const uint8_t* const ip = packet.data + packet.l3_offset;
    return !packet.is_fragment &&
           (packet.is_ipv6 || (load_be16(ip + kIpFragmentOffset) & kIpFragmentMask) == 0);
}

}  // namespace

bool is_echo_request(const Packet& packet) {
    return packet.data[packet.l4_offset] ==
           (packet.is_ipv4 ? icmp::kEchoRequest4 : icmp::kEchoRequest6);
}

bool adopt_echo_ends(const Worker::State& state, Packet& packet) {
    const bool is_icmp = packet.protocol == (packet.is_ipv4 ? Protocol::kIcmp : Protocol::kIcmpv6);
    const uint32_t end = packet.l4_offset + icmp::kHeaderBytes;
    if (!is_icmp || !is_whole(packet) || end > packet.contiguous_bytes ||
        end > uint32_t{packet.l3_offset} + packet.ip_length) {
        return false;
    }
    const uint8_t* const message = packet.data + packet.l4_offset;
    const bool is_request = is_echo_request(packet);
    if (!is_request && message[0] != (packet.is_ipv4 ? icmp::kEchoReply4 : icmp::kEchoReply6)) {
        return false;
    }
    FlowEnd& asks = is_request ? packet.source : packet.destination;
    asks = asks.with_port(Be16{load_raw16(message + kIdentifierOffset)});
    packet.has_ports = true;  // but no header that has them: has_l4_header stays false
    packet.hash = state.service_ids.hash(packet.destination);
    return true;
}

void rewrite_echo(Packet& packet, Be16 identifier, uint16_t address_and_port_delta) {
    uint8_t* const message = packet.data + packet.l4_offset;
    uint8_t* const field = message + icmp::kChecksum;
    const uint16_t delta =
        packet.is_ipv6 ? address_and_port_delta
                       : checksum_delta(load_raw16(message + kIdentifierOffset), identifier.raw);
    store_raw16(field, checksum_apply(load_raw16(field), delta));
    store_raw16(message + kIdentifierOffset, identifier.raw);
}

}  // namespace director::dataplane
