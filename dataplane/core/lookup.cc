// Stage 3: which connection does this packet belong to? Overlaps the cache misses of the whole
// burst: all buckets, then all entries. The only stage that prefetches.
#include "dataplane/core/worker_state.h"

namespace director::dataplane {
namespace {

[[nodiscard]] bool wants_lookup(const Packet& packet) {
    return packet.verdict == Verdict::kUndecided && packet.has_ports;
}

}  // namespace

void lookup_burst(Worker::State& state, Burst& burst) {
    ConnTable& table = state.connections;
    for (const Packet& packet : burst) {
        if (wants_lookup(packet)) {
            table.prefetch_bucket(packet.hash);
        }
    }
    for (Packet& packet : burst) {
        if (wants_lookup(packet)) {
            packet.connection = table.candidate(packet.hash);
        }
    }
    for (Packet& packet : burst) {
        if (wants_lookup(packet)) {
            packet.connection =
                table.find(packet.hash, connection_key_of(packet), packet.connection);
        }
    }
}

}  // namespace director::dataplane
