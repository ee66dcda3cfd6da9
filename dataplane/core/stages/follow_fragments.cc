// Part of stage 2: fragments of packets with ports. One worker follows all fragments of a datagram;
// it knows the ports once the first has come, and then they go the way of every other packet.
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

[[nodiscard]] DropReason reason_of(FragmentFault fault) {
    switch (fault) {
        case FragmentFault::kTinyFirst:
            return DropReason::kFragmentTiny;
        case FragmentFault::kDuplicate:
            return DropReason::kFragmentDuplicate;
        case FragmentFault::kOverlap:
        case FragmentFault::kRefused:
            return DropReason::kFragmentOverlap;
        case FragmentFault::kTooManyHeld:
        case FragmentFault::kHoldFull:
        case FragmentFault::kTableFull:
            return DropReason::kFragmentTableFull;
        case FragmentFault::kHeldTooLong:
            return DropReason::kFragmentLate;
        case FragmentFault::kNone:
        case FragmentFault::kBadLength:
        case FragmentFault::kTooLong:
        case FragmentFault::kContradiction:
        case FragmentFault::kTooManyHoles:
            break;
    }
    return DropReason::kFragmentBad;
}

[[nodiscard]] Fragment fragment_of(const Packet& packet) {
    const uint8_t* const ip = packet.data + packet.l3_offset;
    const uint32_t available = packet.contiguous_bytes - packet.l3_offset;
    return packet.is_ipv4
               ? parse_ipv4_fragment(ip, available, packet.ip_length)
               : parse_ipv6_fragment(
                     ip, available, packet.ip_length, walk_ipv6(ip, available, packet.ip_length));
}

// Both ends' addresses decide: all fragments of a datagram meet on one worker.
[[nodiscard]] WorkerId follower_of(const Worker::State& state, const Packet& packet) {
    const uint16_t bucket = packet.source.shard_bucket() ^ packet.destination.shard_bucket();
    return state.owners[bucket];
}

// The packet is one with ports from here on.
void adopt_ports(Packet& packet, const FragmentPorts& ports) {
    packet.protocol = ports.protocol;
    packet.source = packet.source.with_protocol(ports.protocol).with_port(ports.source);
    packet.destination =
        packet.destination.with_protocol(ports.protocol).with_port(ports.destination);
    packet.has_ports = true;
    packet.has_l4_header = ports.is_first;
    if (ports.is_first && ports.protocol == Protocol::kTcp) {
        packet.tcp_flags = packet.data[packet.l4_offset + kTcpFlagsOffset];
    }
}

[[nodiscard]] FragmentPorts ports_of(const FragmentResult& result, bool is_first) {
    return {.is_known = true,
            .is_first = is_first,
            .protocol = static_cast<Protocol>(result.protocol),
            .source = result.source_port,
            .destination = result.destination_port,
            .following_bytes = result.following_bytes};
}

void collect_releases(Worker::State& state, const FragmentResult& result) {
    while (const auto released = state.fragments.take_released()) {
        state.add_frame_operation({.kind = FrameOperation::Kind::kResume,
                                   .slot = released->slot,
                                   .ports = ports_of(result, released->is_first)});
    }
}

void collect_drops(Worker::State& state) {
    while (const auto dropped = state.fragments.take_dropped()) {
        const DropReason reason = reason_of(dropped->fault);
        ++state.counters.resumed;
        ++state.counters.dropped[static_cast<size_t>(reason)];
        state.add_frame_operation(
            {.kind = FrameOperation::Kind::kDrop, .slot = dropped->slot, .reason = reason});
    }
}

void add_to_table(Worker::State& state, Packet& packet) {
    const Fragment fragment = fragment_of(packet);
    if (fragment.fault != FragmentFault::kNone) {
        state.drop(packet, reason_of(fragment.fault));
        return;
    }
    const FragmentResult result = state.fragments.add(fragment, state.now);
    collect_drops(state);
    switch (result.verdict) {
        case FragmentVerdict::kPass:
            packet.fragment = ports_of(result, fragment.is_first());
            break;
        case FragmentVerdict::kHold:
            packet.verdict = Verdict::kHold;
            ++state.counters.held;
            state.add_frame_operation(
                {.kind = FrameOperation::Kind::kHold, .slot = result.slot, .packet = &packet});
            break;
        case FragmentVerdict::kDrop:
            state.drop(packet, reason_of(result.fault));
            break;
    }
    collect_releases(state, result);
}

}  // namespace

bool follow_fragment(Worker::State& state, Packet& packet) {
    if (!packet.fragment.is_known) {
        const WorkerId follower = follower_of(state, packet);
        if (follower != state.settings.id && !packet.is_to_follow) {
            state.hand_over(packet, follower);
            return false;
        }
        add_to_table(state, packet);
        if (!packet.fragment.is_known) {
            return false;
        }
    }
    adopt_ports(packet, packet.fragment);
    packet.hash = state.service_ids.hash(packet.destination);
    return true;
}

void expire_fragments(Worker::State& state) {
    constexpr uint32_t kSteps = 8;
    state.fragments.expire(state.now, kSteps);
    collect_drops(state);
}

}  // namespace director::dataplane
