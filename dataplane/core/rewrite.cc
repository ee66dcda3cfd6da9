// Stage 6: the translation. One function for both directions: towards the server the destination
// becomes the real server, towards the client the source becomes the virtual service.
#include "common/checksum.h"
#include "dataplane/core/frame.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

// ~m + m' (RFC 1624) for the 16-bit word of TTL and protocol when the TTL, its first byte, loses
// one.
constexpr uint32_t kTtlDelta = 0xfffe;

static_assert(kIpDestinationOffset - kIpSourceOffset == 4 && kL4DestinationOffset == 2);

void rewrite(const Worker::State& state, const Connection& connection, Packet& packet) {
    // Arithmetic instead of branches: the direction is as good as random.
    const uint32_t to_client = static_cast<uint32_t>(packet.direction);
    // The packet met the client at peer[direction]; the other side knows the connection by the
    // other.
    const FlowEnd replacement = connection.peer[1 - to_client];
    // The stored deltas are those of the way to the server; one's complement arithmetic makes the
    // complement the way back.
    const uint16_t sign = static_cast<uint16_t>(0 - to_client);
    const uint16_t l4_delta = connection.l4_delta ^ sign;

    uint8_t* const ip = packet.data + packet.l3_offset;
    uint8_t* const l4 = packet.data + packet.l4_offset;
    store_address(ip + kIpDestinationOffset - 4 * to_client, replacement.address());
    store_raw16(l4 + kL4DestinationOffset - 2 * to_client, replacement.port().raw);

    uint32_t ip_delta = connection.ip_delta ^ sign;
    if (state.settings.decrement_ttl) {
        --ip[kIpTtlOffset];
        ip_delta += kTtlDelta;
    }
    store_raw16(ip + kIpChecksumOffset,
                checksum_apply(load_raw16(ip + kIpChecksumOffset), ip_delta));

    const bool is_udp = packet.protocol == Protocol::kUdp;
    uint8_t* const l4_checksum = l4 + (is_udp ? kUdpChecksumOffset : kTcpChecksumOffset);
    const uint16_t before = load_raw16(l4_checksum);
    if (is_udp && before == 0) {
        return;  // RFC 768: no checksum; it stays that way
    }
    uint16_t after = checksum_apply(before, l4_delta);
    if (is_udp && after == 0) {
        after = 0xffff;  // RFC 768: 0 means "none"
    }
    store_raw16(l4_checksum, after);
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
