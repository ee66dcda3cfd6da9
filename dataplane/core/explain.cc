// Follows classify.cc, admit.cc, choose_server.cc and forward.cc in their order, and asks the same
// tables by the functions that leave no trace (foresee...). tests/unit/core/explain_test.cc holds
// it to what the stages do with the same packet.
#include "dataplane/core/explain.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/schedulers/schedulers.h"
#include "dataplane/core/stages/choose_server.h"
#include "dataplane/core/stages/new_connection.h"
#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/tables/local_ports.h"
#include "dataplane/core/tables/match.h"

namespace director::dataplane {
namespace {

// The packet in question, as parse would describe it: its addresses lie behind an Ethernet header.
struct Question {
    std::array<uint8_t, kEthernetBytes + kIpv6Bytes + 20> frame{};
    Packet packet;
};

void make_packet(const Worker::State& state, const Explanation& asked, Question& question) {
    Packet& packet = question.packet;
    uint8_t* const ip = question.frame.data() + kEthernetBytes;
    packet.data = question.frame.data();
    packet.length_bytes = static_cast<uint32_t>(question.frame.size());
    packet.contiguous_bytes = packet.length_bytes;
    packet.protocol = asked.protocol;
    packet.is_ipv4 = asked.destination.address.is_ipv4();
    packet.is_ipv6 = !packet.is_ipv4;
    packet.has_ports = true;
    packet.has_l4_header = true;
    packet.tcp_flags = asked.protocol == Protocol::kTcp ? kTcpSyn : 0;
    packet.l3_offset = kEthernetBytes;
    packet.l4_offset =
        static_cast<uint16_t>(kEthernetBytes + (packet.is_ipv4 ? kIpv4Bytes : kIpv6Bytes));
    packet.connection = kNoConnection;
    if (packet.is_ipv6) {
        std::memcpy(ip + kIpv6SourceOffset, asked.source.address.bytes.data(), kIpv6AddressBytes);
        std::memcpy(
            ip + kIpv6DestinationOffset, asked.destination.address.bytes.data(), kIpv6AddressBytes);
    }
    const HashKey& key = state.settings.hash_key;
    packet.source = FlowEnd::of(key, asked.protocol, asked.source.address, asked.source.port);
    packet.destination =
        FlowEnd::of(key, asked.protocol, asked.destination.address, asked.destination.port);
}

[[nodiscard]] ServiceId service_of(const Worker::State& state, const Packet& packet) {
    const ServiceId exact = state.service_ids.value_or(
        packet.destination, state.service_ids.hash(packet.destination), kNoService);
    if (state.has_wide_services) {
        return find_wide_service(state, packet, exact);
    }
    const bool is_another = exact != kNoService && state.services[index(exact)].key.address !=
                                                       endpoints_of(packet).server.address;
    return is_another ? kNoService : exact;
}

void find_rule(const Worker::State& state, const Packet& packet, Explanation& answer) {
    if (state.tables == nullptr || state.tables->match_rules.empty()) {
        return;
    }
    const MatchRule* const rule =
        find_match_rule(*state.tables, packet.protocol, endpoints_of(packet).server);
    if (rule != nullptr && rule->service == answer.service) {
        answer.has_rule = true;
        answer.rule = *rule;
    }
}

void drop(Explanation& answer, DropReason reason) {
    answer.fate = Fate::kDrop;
    answer.reason = reason;
}

// The next hop to `destination`, and what stands against it.
void find_way(const Worker::State& state, const IpAddress& destination, Explanation& answer) {
    NextHop hop;
    state.forwarder.resolve({&destination, 1}, {&hop, 1});
    const bool is_balanced = answer.chosen_by != ChosenBy::kNobody;
    if (hop.kind == NextHop::Kind::kNone || (hop.kind == NextHop::Kind::kLocal && is_balanced)) {
        return drop(answer, DropReason::kNoRoute);
    }
    if (hop.kind == NextHop::Kind::kLocal) {
        answer.fate = Fate::kKernel;
        return;
    }
    answer.fate = Fate::kForward;
    answer.interface = hop.interface;
    answer.next_hop = hop.address;
    bool is_up = true;
    if (hop.kind == NextHop::Kind::kAdjacent) {
        const Adjacency& adjacency = state.forwarder.adjacency(hop.adjacency);
        answer.interface = adjacency.interface;
        is_up = adjacency.is_up;
        answer.is_mac_known = !adjacency.is_failed;
        std::memcpy(answer.destination_mac.bytes.data(), adjacency.macs.data(), 6);
        if (adjacency.is_failed) {
            drop(answer, DropReason::kNeighbourFailed);
        }
    }
    const Interface& interface = state.forwarder.interface(answer.interface);
    is_up = is_up && interface.is_up;
    answer.source_mac = interface.mac;
    answer.mtu_bytes = interface.mtu_bytes;
    answer.outer_source = destination.is_ipv4() ? interface.ipv4 : interface.ipv6;
    if (!is_up) {
        drop(answer, DropReason::kInterfaceDown);
    } else if (answer.is_tunnelled && answer.outer_source.is_any()) {
        drop(answer, DropReason::kNoSourceAddress);
    }
}

// Where a packet of the client goes that has a server.
void send_to_server(const Worker::State& state, ForwardingMethod method, Explanation& answer) {
    if (method == ForwardingMethod::kLocal) {
        answer.fate = Fate::kKernel;
        return;
    }
    answer.is_tunnelled = method == ForwardingMethod::kTunnel;
    find_way(state, answer.server.endpoint.address, answer);
}

void explain_connection(const Worker::State& state, uint32_t number, Explanation& answer) {
    const Connection& connection = state.connections[number];
    answer.has_connection = true;
    answer.connection = row_of(state, connection);
    answer.is_connection_ending = connection.has(kIsEnding);
    // Ticks of a setting in seconds are rounded up: this is what was set.
    const uint64_t ticks = timeouts_of(state, connection)[static_cast<size_t>(connection.state)];
    answer.timeout_seconds = static_cast<uint32_t>((ticks << kTickShift) / 1000000000U);
    answer.chosen_by = ChosenBy::kConnection;
    answer.service = answer.connection.service;
    const ServerTally& tally = state.server_tallies[index(connection.server)];
    const ServiceTable* const table = state.services[index(tally.service)].table;
    if (table != nullptr && tally.position < table->servers.size()) {
        answer.server = table->servers[tally.position];
    }
    answer.server.id = connection.server;
    answer.server.endpoint = answer.connection.real_server;
    answer.server.forwarding = connection.forwarding;
    if (answer.is_connection_ending) {
        return drop(answer, DropReason::kServerGone);
    }
    const bool is_translated = connection.translation != Translation::kNone;
    if (answer.is_reply) {
        answer.sent_source = answer.connection.virtual_service;
        answer.sent_destination = answer.connection.client;
        return find_way(state, answer.sent_destination.address, answer);
    }
    answer.sent_source = is_translated ? answer.connection.local : answer.connection.client;
    answer.sent_destination =
        is_translated ? answer.connection.real_server : answer.connection.virtual_service;
    send_to_server(state, connection.forwarding, answer);
}

[[nodiscard]] bool is_syn_proxy_on(const Worker::State& state, const ServiceTable& table) {
    return table.options.syn_proxy == SynProxy::kAlways ||
           (table.options.syn_proxy == SynProxy::kUnderAttack &&
            state.syn_watches[index(table.id)].attack.is_under_attack());
}

void list_candidates(const ServiceTable& table, Explanation& answer) {
    for (const RealServerSlot& server : table.servers) {
        if (answer.candidates.size() == answer.candidates.capacity()) {
            return;
        }
        answer.candidates.push_back({server.id,
                                     server.endpoint,
                                     server.weight,
                                     server.active,
                                     server.total,
                                     server.is_overloaded});
    }
}

// Whether full NAT would find a local port for a connection to `server`.
[[nodiscard]] bool has_local_port(const Worker::State& state,
                                  const ServiceTable& table,
                                  const Explanation& answer,
                                  const Endpoint& server) {
    const uint16_t number = table.options.local_pool;
    const LocalPool* const pool = number < kLocalPoolsMax ? state.local_pools[number] : nullptr;
    return pool != nullptr &&
           has_free_local_port(
               *pool, local_port_group(answer.protocol, server), server.address.family());
}

// A client that is let in.
void explain_choice(Worker::State& state,
                    ServiceTable& table,
                    const Packet& packet,
                    Explanation& answer) {
    const bool is_stateless = goes_stateless(state, table);
    answer.is_table_full = state.connections.is_full(false);
    const ForeseenServer choice = foresee_server(state, table, packet, is_stateless);
    answer.template_server = choice.template_server;
    if (choice.position == kNoPosition) {
        return drop(answer, DropReason::kNoServerAvailable);
    }
    answer.chosen_by = choice.is_by_template ? ChosenBy::kTemplate : ChosenBy::kScheduler;
    answer.server = table.servers[choice.position];
    const RealServerSlot& server = answer.server;
    const bool is_full_nat = server.forwarding == ForwardingMethod::kFullNat;
    const bool is_nat = is_full_nat || server.forwarding == ForwardingMethod::kNat;
    answer.sent_source = answer.source;
    answer.sent_destination = is_nat ? server.endpoint : answer.destination;
    if (answer.sent_destination.port == Be16{}) {
        answer.sent_destination.port = answer.destination.port;
    }
    answer.takes_local_port = is_full_nat;
    if (is_full_nat && !has_local_port(state, table, answer, answer.sent_destination)) {
        return drop(answer, DropReason::kNoLocalPort);
    }
    const bool may_evict = state.settings.when_full == WhenFull::kEvictHalfOpen &&
                           state.connections.timers().oldest_half_open() != TimerLists::kNone;
    if (answer.is_table_full && !is_stateless && !may_evict) {
        return drop(answer, DropReason::kConnTableFull);
    }
    send_to_server(state, server.forwarding, answer);
}

// A client's first packet.
void explain_admission(Worker::State& state,
                       ServiceTable& table,
                       const Packet& packet,
                       Explanation& answer) {
    list_candidates(table, answer);
    const DropReason refused = foresee_let_in(state, table, packet);
    if (refused != DropReason::kCount) {
        return drop(answer, refused);
    }
    explain_choice(state, table, packet, answer);
    answer.is_syn_proxy_on = answer.protocol == Protocol::kTcp && is_syn_proxy_on(state, table);
    if (answer.is_syn_proxy_on) {
        answer.fate = Fate::kCookie;
    }
}

// No service's and no connection's: a router's packet, or source NAT's.
void explain_plain(const Worker::State& state, Explanation& answer) {
    answer.sent_source = answer.source;
    answer.sent_destination = answer.destination;
    find_way(state, answer.destination.address, answer);
    if (answer.fate != Fate::kForward || state.tables == nullptr) {
        return;
    }
    const SourceNatRule* const rule =
        find_source_nat(*state.tables, answer.source.address, answer.destination.address);
    if (rule != nullptr) {
        answer.service = rule->service;
        answer.takes_local_port = true;
    }
}

}  // namespace

void explain(Worker::State& state, Explanation& answer) {
    Question question;
    make_packet(state, answer, question);
    Packet& packet = question.packet;
    const ServiceId service = service_of(state, packet);
    const bool is_from_client = service != kNoService;
    packet.direction = is_from_client ? Direction::kClientToServer : Direction::kServerToClient;
    const FlowEnd client = is_from_client ? packet.source : packet.destination;
    packet.hash = state.connections.hash(client);
    packet.service = service;
    const bool is_ftp = is_from_client && state.services[index(service)].has_ftp;
    answer.owner =
        state.owners[is_ftp ? client.without_port().shard_bucket() : client.shard_bucket()];
    if (answer.owner != state.settings.id) {
        return;
    }
    answer.is_reply = !is_from_client;
    answer.service = service;
    if (is_from_client) {
        find_rule(state, packet, answer);
    }
    ServiceTable* const table = is_from_client ? state.services[index(service)].table : nullptr;
    const bool is_one_packet = table != nullptr && table->options.is_one_packet;
    const uint32_t known =
        is_one_packet
            ? kNoConnection
            : state.connections.find(
                  packet.hash, connection_key_of(packet), state.connections.candidate(packet.hash));
    if (known != kNoConnection) {
        if (table != nullptr) {
            list_candidates(*table, answer);
        }
        return explain_connection(state, known, answer);
    }
    if (table != nullptr) {
        return explain_admission(state, *table, packet, answer);
    }
    answer.is_service_retired = is_from_client;
    explain_plain(state, answer);
}

}  // namespace director::dataplane
