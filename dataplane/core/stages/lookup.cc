// Stage 3: which connection does this packet belong to? In steps, each of which prefetches what the
// next one reads: the bucket (classify.cc, as soon as the client is known), the entry, IPv6's
// addresses, the server's counters. Other groups of the burst are worked on in between (worker.cc).
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

[[nodiscard]] bool wants_lookup(const Packet& packet) {
    return packet.verdict == Verdict::kUndecided && packet.has_ports;
}

}  // namespace

void find_bucket_burst(Worker::State& state, Packets packets) {
    for (Packet& packet : packets) {
        if (wants_lookup(packet)) {
            packet.connection = state.connections.candidate(packet.hash);
        }
    }
}

void find_details_burst(Worker::State& state, Packets packets) {
    const ConnTable& table = state.connections;
    if (!table.has_details()) {
        return;
    }
    for (const Packet& packet : packets) {
        if (packet.connection == kNoConnection) {
            continue;
        }
        table.prefetch_details(packet.connection);
        if (packet.is_ipv4 && table.is_six_to_four(packet.connection)) {
            __builtin_prefetch(packet.data - 1, 1);  // the header will grow
        }
    }
}

void find_entry_burst(Worker::State& state, Packets packets) {
    ConnTable& table = state.connections;
    for (Packet& packet : packets) {
        if (packet.connection == kNoConnection) {
            continue;
        }
        packet.connection = table.find(packet.hash, connection_key_of(packet), packet.connection);
        if (packet.connection != kNoConnection) {
            __builtin_prefetch(&state.server_tallies[index(table[packet.connection].server)], 1);
        }
    }
}

}  // namespace director::dataplane
