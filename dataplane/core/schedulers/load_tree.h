// A tournament over a service's list of real servers: "the server with the least cost per weight,
// the first of equals" is at the root, and a change of one server is O(log n).
//
// IPVS walks the list and replaces its best when best.cost * weight > cost * best.weight: the first
// minimum of cost / weight. Which is the winner of this tournament, for the left one wins ties.
//
// Stored in SchedulerState::loads as an implicit binary tree: node 1 is the root, leaf i is node
// leaves + i.
#pragma once

#include <cstdint>

#include "dataplane/api/service.h"

namespace director::dataplane {

// What a scheduler reckons as a server's cost, each as IPVS has it. Servers of weight 0 and
// overloaded ones are never available.
enum class LoadRule : uint8_t {
    kLeastConnections,  // lc: connections, whatever the weight
    kWeighted,          // wlc: connections per weight
    kExpectedDelay,     // sed: active connections and the new one, per weight
    kNeverQueue,        // nq: as sed, but first the first idle one
    kHeaviest,          // fo: the heaviest
    kHeaviestWithRoom,  // ovf: the heaviest that has at most as many active as its weight
    kTotal,             // maglev's last resort: all connections per weight
};

// IPVS 6.1.192's measure: an active connection counts 257 times an inactive one.
[[nodiscard]] constexpr uint64_t connection_overhead(const RealServerSlot& server) {
    return uint64_t{server.active} * 256 + server.total;
}

[[nodiscard]] constexpr bool is_available(const RealServerSlot& server) {
    return server.weight > 0 && !server.is_overloaded;
}

// Sizes the tree and fills it from `table.servers`. Allocates: for the control plane.
void build_load_tree(ServiceTable& table, LoadRule rule);

// Fills the tree anew from `table.servers`. Does not allocate.
void refill_load_tree(ServiceTable& table, LoadRule rule);

// Takes over what the server at `position` has become.
void refresh_load(ServiceTable& table, uint32_t position, LoadRule rule);

// The winner's position, or kNoServer.
[[nodiscard]] uint32_t least_loaded(const ServiceTable& table);

// What the tree says of one server.
[[nodiscard]] LoadNode load_of(const ServiceTable& table, uint32_t position);

}  // namespace director::dataplane
