// Stage 3: which connection does this packet belong to? In steps, each of which prefetches what the
// next one reads: the bucket (classify.cc, as soon as the client is known), the entry, IPv6's
// addresses, the server's counters. Other groups of the burst are worked on in between (worker.cc).
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

[[nodiscard]] bool wants_lookup(const Packet& packet) {
    return packet.verdict == Verdict::kUndecided && packet.has_ports;
}

// What later stages read or write of a packet that is not NAT's of IPv4: the addresses of a
// translation to IPv6, the room before a packet that will be wrapped.
void prefetch_unusual(const ConnTable& table, uint32_t connection, const Packet& packet) {
    const Connection& entry = table[connection];
    if (entry.translation == Translation::kSixToFour && packet.is_ipv4) {
        table.prefetch_details(connection);
    } else if (entry.forwarding == ForwardingMethod::kTunnel) {
        __builtin_prefetch(packet.data - 64, 1);
    }
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
    for (const Packet& packet : packets) {
        if (packet.is_ipv6 && packet.connection != kNoConnection) {
            state.connections.prefetch_details(packet.connection);
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
            if (table[packet.connection].translation != Translation::kIpv4) {
                prefetch_unusual(table, packet.connection, packet);
            }
        }
    }
}

}  // namespace director::dataplane
