#include "dataplane/core/stages/new_connection.h"

#include <array>
#include <cstring>

#include "common/checksum.h"
#include "dataplane/core/codecs/frame.h"

namespace director::dataplane {
namespace {

[[nodiscard]] bool is_translated(ForwardingMethod method) {
    return method == ForwardingMethod::kNat || method == ForwardingMethod::kFullNat;
}

// Sum of an address's words as they lie in memory, for checksum deltas.
[[nodiscard]] uint64_t sum_of(const IpAddress& address) {
    const uint8_t* const bytes = address.bytes.data();
    return address.is_ipv4() ? checksum_add(0, bytes + 12, 4)
                             : checksum_add(0, bytes, kIpv6AddressBytes);
}

[[nodiscard]] uint64_t address_sum(const EndpointPair& ends) {
    return sum_of(ends.client.address) + sum_of(ends.server.address);
}

[[nodiscard]] uint64_t port_sum(const EndpointPair& ends) {
    return uint64_t{ends.client.port.raw} + ends.server.port.raw;
}

[[nodiscard]] Translation translation_of(const EndpointPair& outside,
                                         const EndpointPair& inside,
                                         ForwardingMethod method) {
    if (!is_translated(method)) {
        return Translation::kNone;
    }
    if (outside.server.address.is_ipv4()) {
        return Translation::kIpv4;
    }
    return inside.server.address.is_ipv4() ? Translation::kSixToFour : Translation::kIpv6;
}

[[nodiscard]] FlowEnds ends_of(const HashKey& key, Protocol protocol, const EndpointPair& pair) {
    return {FlowEnd::of(key, protocol, pair.client.address, pair.client.port),
            FlowEnd::of(key, protocol, pair.server.address, pair.server.port)};
}

[[nodiscard]] uint8_t traits_of(const Connection& entry) {
    const bool has_ipv6 = entry.sides[0].client.is_ipv6() || entry.sides[1].server.is_ipv6();
    const bool has_second_place = !(entry.sides[0].client == entry.sides[1].client);
    return static_cast<uint8_t>((has_ipv6 ? kIsIpv6 : 0) |
                                (has_second_place ? kHasSecondPlace : 0));
}

}  // namespace

EndpointPair endpoints_of(const Packet& packet) {
    if (packet.is_ipv4) {
        return {{packet.source.ipv4(), packet.source.port()},
                {packet.destination.ipv4(), packet.destination.port()}};
    }
    const uint8_t* const ip = packet.data + packet.l3_offset;
    return {{IpAddress::load_ipv6(ip + kIpv6SourceOffset), packet.source.port()},
            {IpAddress::load_ipv6(ip + kIpv6DestinationOffset), packet.destination.port()}};
}

NewConnection make_connection(const HashKey& key,
                              Protocol protocol,
                              const EndpointPair& outside,
                              const EndpointPair& inside,
                              ForwardingMethod method) {
    NewConnection made;
    Connection& entry = made.entry;
    entry.sides = {ends_of(key, protocol, outside), ends_of(key, protocol, inside)};
    entry.forwarding = method;
    entry.translation = translation_of(outside, inside, method);
    entry.traits = traits_of(entry);
    entry.ip_delta = checksum_delta(address_sum(outside), address_sum(inside));
    entry.l4_delta = checksum_delta(address_sum(outside) + port_sum(outside),
                                    address_sum(inside) + port_sum(inside));
    made.has_details = entry.traits != 0;
    if (made.has_details) {
        made.details.addresses = {{{outside.client.address, outside.server.address},
                                   {inside.client.address, inside.server.address}}};
    }
    return made;
}

// A packet made for this carries IPv6's addresses.
uint32_t find_outside(const Worker::State& state, Protocol protocol, const EndpointPair& outside) {
    std::array<uint8_t, kIpv6Bytes> ip{};
    std::memcpy(ip.data() + kIpv6SourceOffset, outside.client.address.bytes.data(), 16);
    std::memcpy(ip.data() + kIpv6DestinationOffset, outside.server.address.bytes.data(), 16);
    Packet probe;
    probe.data = ip.data();
    probe.direction = Direction::kClientToServer;
    const HashKey& key = state.settings.hash_key;
    probe.source = FlowEnd::of(key, protocol, outside.client.address, outside.client.port);
    probe.destination = FlowEnd::of(key, protocol, outside.server.address, outside.server.port);
    const uint64_t hash = state.connections.hash(probe.source);
    return state.connections.find(
        hash, connection_key_of(probe), state.connections.candidate(hash));
}

}  // namespace director::dataplane
