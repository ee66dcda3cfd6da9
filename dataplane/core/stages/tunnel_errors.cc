// ICMP errors about our own tunnel packets: a router on the way to a real server cannot carry them.
// Who can do something about it is the client, whose packet is inside; it hears of it as if the
// virtual service had found out (ip_vs_in_icmp() in net/netfilter/ipvs/ip_vs_core.c does the same).
#include "dataplane/core/codecs/icmp.h"
#include "dataplane/core/codecs/icmp_generate.h"
#include "dataplane/core/codecs/icmp_translate.h"
#include "dataplane/core/codecs/tunnel.h"
#include "dataplane/core/codecs/wire.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

// RFC 1191 section 4; RFC 8201 section 4. 0 for any other message, and for routers older than 1990.
[[nodiscard]] uint32_t reported_mtu(const Packet& packet) {
    const uint8_t* const message = packet.data + packet.l4_offset;
    if (packet.is_ipv4) {
        return message[0] == icmp::kUnreachable4 && message[1] == icmp::kFragmentationNeeded4
                   ? wire::load16(message + icmp::kMtu4)
                   : 0;
    }
    return message[0] == icmp::kTooBig6 ? uint32_t{wire::load16(message + icmp::kMtu6)} << 16 |
                                              wire::load16(message + icmp::kMtu6 + 2)
                                        : 0;
}

[[nodiscard]] bool is_our_tunnel(const Worker::State& state,
                                 const Packet& packet,
                                 const QuotedPacket& outer) {
    if (!outer.is_good && outer.fault != QuoteFault::kProtocolUnknown) {
        return false;
    }
    const Interface* const interface = state.forwarder.interface_of(packet.in_port, packet.vlan);
    return interface != nullptr &&
           outer.source.address == (packet.is_ipv4 ? interface->ipv4 : interface->ipv6);
}

// The client's packet inside; not good when there is none that is for a service of ours.
[[nodiscard]] QuotedPacket inner_packet(const Worker::State& state,
                                        uint8_t* ip,
                                        const QuotedPacket& outer) {
    const std::optional<uint32_t> payload =
        tunnel_payload_offset(outer.protocol,
                              ip + outer.l4_offset,
                              uint32_t{outer.end_offset} - outer.l4_offset,
                              outer.destination.port);
    if (!payload) {
        return {};
    }
    QuotedPacket inner = parse_quoted_at(ip, outer.l4_offset + *payload, outer.end_offset);
    if (inner.is_good) {
        Packet asked;
        asked.is_ipv4 = inner.family == Family::kIpv4;
        asked.is_ipv6 = !asked.is_ipv4;
        asked.protocol = static_cast<Protocol>(inner.protocol);
        asked.data = ip + inner.ip_offset;
        asked.destination = FlowEnd::of(state.settings.hash_key,
                                        asked.protocol,
                                        inner.destination.address,
                                        inner.destination.port);
        const ServiceId exact = state.service_ids.value_or(
            asked.destination, state.service_ids.hash(asked.destination), kNoService);
        inner.is_good = find_wide_service(state, asked, exact) != kNoService;
    }
    return inner;
}

}  // namespace

bool pass_on_tunnel_error(Worker::State& state, Packet& packet) {
    const bool is_icmp = packet.protocol == (packet.is_ipv4 ? Protocol::kIcmp : Protocol::kIcmpv6);
    uint8_t* const ip = packet.data + packet.l3_offset;
    const uint32_t icmp_offset = uint32_t{packet.l4_offset} - packet.l3_offset;
    const uint32_t available = packet.contiguous_bytes - packet.l3_offset;
    if (!is_icmp || available < icmp_offset + icmp::kHeaderBytes) {
        return false;
    }
    const uint32_t mtu = reported_mtu(packet);
    const QuotedPacket outer = parse_quoted(ip, available, packet.ip_length, icmp_offset);
    if (mtu == 0 || !is_our_tunnel(state, packet, outer)) {
        return false;
    }
    const QuotedPacket inner = inner_packet(state, ip, outer);
    const uint32_t overhead = uint32_t{inner.ip_offset} - outer.ip_offset;
    if (!inner.is_good || mtu <= overhead || !state.answers.admits(state.now) ||
        !is_icmp_checksum_good(ip, available, packet.ip_length, icmp_offset)) {
        return false;
    }
    const OffendingPacket offending{.ip = ip + inner.ip_offset,
                                    .available_bytes = uint32_t{inner.end_offset} - inner.ip_offset,
                                    .ip_length = uint32_t{inner.end_offset} - inner.ip_offset,
                                    .l4_offset = uint32_t{inner.l4_offset} - inner.ip_offset,
                                    .protocol = inner.protocol};
    const IcmpError error{
        .cause = IcmpCause::kTooBig, .mtu = mtu - overhead, .source = inner.destination.address};
    const uint32_t length = build_icmp_error(error, offending, state.scratch.data());
    if (length == 0 || !replace_ip_packet(packet, state.scratch.data(), length)) {
        return false;
    }
    return true;
}

}  // namespace director::dataplane
