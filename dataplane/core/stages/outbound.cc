// Source NAT: the real servers' own connections to the outside get a local address, as iptables'
// MASQUERADE would give them. Such a packet looks like a real server's answer until the lookup by
// its destination has failed; only then its source is taken for a client. So is that of a packet to
// a service by match rules whose rules are gone: its connections go on.
#include "dataplane/core/stages/icmp_echo.h"
#include "dataplane/core/stages/new_connection.h"
#include "dataplane/core/stages/sctp_state.h"
#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/tables/match.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

// Whether the packet goes on to another machine: what is our own stays untranslated.
[[nodiscard]] bool leaves(const Worker::State& state, const IpAddress& destination) {
    NextHop hop;
    state.forwarder.resolve({&destination, 1}, {&hop, 1});
    return hop.kind == NextHop::Kind::kAdjacent || hop.kind == NextHop::Kind::kUnknownMac;
}

[[nodiscard]] bool opens(const Packet& packet) {
    constexpr uint8_t kDeciding = kTcpSyn | kTcpAck | kTcpRst | kTcpFin;
    switch (packet.protocol) {
        case Protocol::kUdp:
            return true;
        case Protocol::kTcp:
            return (packet.tcp_flags & kDeciding) == kTcpSyn;
        case Protocol::kSctp:
            return sctp_event_of(packet) == SctpEvent::kInit;
        default:
            return is_echo(packet) && is_echo_request(packet);
    }
}

[[nodiscard]] ConnState first_state(const Packet& packet) {
    switch (packet.protocol) {
        case Protocol::kUdp:
            return ConnState::kUdp;
        case Protocol::kTcp:
            return next_tcp_state(ConnState::kNone, TcpView::kClientToServer, packet.tcp_flags);
        case Protocol::kSctp:
            return next_sctp_state(
                ConnState::kSctpNone, TcpView::kClientToServer, sctp_event_of(packet));
        default:
            return ConnState::kIcmp;
    }
}

void open(Worker::State& state,
          Packet& packet,
          const SourceNatRule& rule,
          const EndpointPair& outside) {
    LocalPool* const pool =
        rule.local_pool < kLocalPoolsMax ? state.local_pools[rule.local_pool] : nullptr;
    const uint32_t group = local_port_group(packet.protocol, outside.server);
    const auto local = pool != nullptr
                           ? take_local_port(*pool, group, outside.server.address.family())
                           : std::nullopt;
    if (!local) {
        state.drop(packet, DropReason::kNoLocalPort);
        return;
    }
    NewConnection wanted = make_connection(state.settings.hash_key,
                                           packet.protocol,
                                           outside,
                                           {*local, outside.server},
                                           ForwardingMethod::kFullNat);
    wanted.entry.server = rule.server;
    wanted.entry.state = first_state(packet);
    wanted.details.local_pool = rule.local_pool;
    packet.connection = insert_connection(state, wanted);
    if (packet.connection == kNoConnection) {
        give_back_local_port(*pool, *local, group);
        state.drop(packet, DropReason::kConnTableFull);
    }
}

}  // namespace

void admit_by_source(Worker::State& state, Packet& packet) {
    const EndpointPair outside = endpoints_of(packet);
    const SourceNatRule* rule =
        find_source_nat(*state.tables, outside.client.address, outside.server.address);
    if (rule != nullptr && !leaves(state, outside.server.address)) {
        rule = nullptr;
    }
    if (rule == nullptr && !state.has_had_match_rules) {
        return;
    }
    packet.direction = Direction::kClientToServer;
    packet.hash = state.connections.hash(packet.source);
    const WorkerId owner = state.owners[packet.source.shard_bucket()];
    if (owner != state.settings.id && !packet.is_outbound) {
        packet.is_outbound = true;
        state.hand_over(packet, owner);
        return;
    }
    packet.connection = state.connections.find(
        packet.hash, connection_key_of(packet), state.connections.candidate(packet.hash));
    if (packet.connection == kNoConnection && rule != nullptr && opens(packet)) {
        open(state, packet, *rule, outside);
    }
}

}  // namespace director::dataplane
