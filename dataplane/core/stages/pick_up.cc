// Part of stage 4: a server's packet of a connection that another director had scheduled and told
// nobody of before it died. The client waits for an answer and will not speak first; routed as it
// is, the packet would reach it from an address that it does not know, and be reset.
#include "dataplane/core/stages/new_connection.h"
#include "dataplane/core/stages/tcp_state.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

struct Sender {
    const ServiceTable* table = nullptr;
    const RealServerSlot* server = nullptr;
};

// The sloppy service that has this server, and no more than one: else nobody knows which virtual
// address the client had.
[[nodiscard]] Sender find_sender(const Worker::State& state, const Endpoint& from) {
    Sender found;
    for (uint32_t i = 0; i < state.services_end; ++i) {
        const ServiceTable* const table = state.services[i].table;
        if (table == nullptr || !table->options.is_sloppy || table->key.mark != 0 ||
            table->key.protocol != Protocol::kTcp || table->key.port == Be16{}) {
            continue;
        }
        for (const RealServerSlot& server : table->servers) {
            if (server.endpoint == from && server.forwarding == ForwardingMethod::kNat) {
                if (found.table != nullptr) {
                    return {};
                }
                found = {table, &server};
            }
        }
    }
    return found;
}

}  // namespace

void pick_up_answer(Worker::State& state, Packet& packet) {
    const bool is_candidate = packet.protocol == Protocol::kTcp && packet.has_ports &&
                              !packet.is_icmp_error && !packet.is_fragment &&
                              (packet.tcp_flags & (kTcpSyn | kTcpRst)) == 0 &&
                              state.answer_searches.admits(state.now);
    if (!is_candidate) {
        return;
    }
    packet.direction = Direction::kServerToClient;
    packet.connection = state.connections.find(
        packet.hash, connection_key_of(packet), state.connections.candidate(packet.hash));
    if (packet.connection != kNoConnection) {
        return;  // an earlier packet of this burst was the first
    }
    const EndpointPair ends = endpoints_of(packet);  // as if the server were the client
    const Sender sender = find_sender(state, ends.client);
    if (sender.table == nullptr || ends.server.address.family() != ends.client.address.family() ||
        !is_l4_checksum_good(packet)) {
        return;
    }
    const ServiceKey& key = sender.table->key;
    NewConnection wanted = make_connection(state.settings.hash_key,
                                           packet.protocol,
                                           {ends.server, {key.address, key.port}},
                                           {ends.server, ends.client},
                                           ForwardingMethod::kNat);
    wanted.entry.server = sender.server->id;
    wanted.entry.state = ConnState::kEstablished;
    wanted.entry.traits |= sender.table->options.clamp_mss ? kClampsMss : 0;
    packet.connection = insert_connection(state, wanted);
}

}  // namespace director::dataplane
