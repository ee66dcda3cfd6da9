// Stage 6: the translation. One function for both directions: towards the server the destination
// becomes the real server, towards the client the source becomes the virtual service.
#include "common/checksum.h"
#include "dataplane/core/frame.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

// ~m + m' (RFC 1624) for the 16-bit word of TTL and protocol when the TTL, its first byte, loses
// one.
constexpr uint16_t kTtlDelta = 0xfffe;

void rewrite(const Worker::State& state, const Connection& connection, Packet& packet) {
    const size_t direction = static_cast<size_t>(packet.direction);
    const bool to_server = packet.direction == Direction::kClientToServer;
    // The packet met the client at peer[direction]; the other side knows the connection by the
    // other.
    const Endpoint& replacement = connection.peer[1 - direction];
    // The stored deltas are those of the way to the server; one's complement arithmetic makes the
    // complement the way back.
    const uint16_t sign = to_server ? 0 : 0xffff;

    uint8_t* const ip = packet.data + packet.l3_offset;
    uint8_t* const l4 = packet.data + packet.l4_offset;
    std::memcpy(ip + (to_server ? kIpDestinationOffset : kIpSourceOffset),
                &replacement.address.bits.raw,
                4);
    std::memcpy(l4 + (to_server ? 2 : 0), &replacement.port.raw, 2);

    uint16_t ip_checksum = checksum_apply(load_raw16(ip + kIpChecksumOffset),
                                          static_cast<uint16_t>(connection.ip_delta ^ sign));
    if (state.settings.decrement_ttl) {
        --ip[kIpTtlOffset];
        ip_checksum = checksum_apply(ip_checksum, kTtlDelta);
    }
    store_raw16(ip + kIpChecksumOffset, ip_checksum);

    const bool is_udp = packet.protocol == Protocol::kUdp;
    uint8_t* const l4_checksum = l4 + (is_udp ? kUdpChecksumOffset : kTcpChecksumOffset);
    const uint16_t before = load_raw16(l4_checksum);
    if (is_udp && before == 0) {
        return;  // RFC 768: no checksum; it stays that way
    }
    uint16_t after = checksum_apply(before, static_cast<uint16_t>(connection.l4_delta ^ sign));
    if (is_udp && after == 0) {
        after = 0xffff;  // RFC 768: 0 means "none"
    }
    store_raw16(l4_checksum, after);
}

}  // namespace

void rewrite_burst(Worker::State& state, Burst& burst) {
    for (Packet& packet : burst) {
        if (packet.verdict == Verdict::kUndecided && packet.connection != kNoConnection) {
            rewrite(state, state.connections[packet.connection], packet);
        }
    }
}

}  // namespace director::dataplane
