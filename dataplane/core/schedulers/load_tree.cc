#include "dataplane/core/schedulers/load_tree.h"

#include <algorithm>
#include <bit>

#include "common/assert.h"
#include "dataplane/core/schedulers/weight_tree.h"

namespace director::dataplane {
namespace {

uint32_t leaf_count(const ServiceTable& table) {
    return static_cast<uint32_t>(table.state.loads.size() / 2);
}

LoadNode leaf_of(const RealServerSlot& server, uint32_t position, LoadRule rule) {
    LoadNode leaf;
    leaf.position = position;
    if (!is_available(server)) {
        return leaf;
    }
    leaf.weight = server.weight;
    switch (rule) {
        case LoadRule::kLeastConnections:
            leaf.cost = connection_overhead(server);
            leaf.weight = 1;
            break;
        case LoadRule::kWeighted:
            leaf.cost = connection_overhead(server);
            break;
        case LoadRule::kExpectedDelay:
            leaf.cost = uint64_t{server.active} + 1;
            break;
        case LoadRule::kNeverQueue:
            leaf.cost = server.active == 0 ? 0 : uint64_t{server.active} + 1;
            break;
        case LoadRule::kHeaviest:
            break;
        case LoadRule::kHeaviestWithRoom:
            leaf.weight = server.active > server.weight ? 0 : server.weight;
            break;
        case LoadRule::kTotal:
            leaf.cost = server.total;
            break;
    }
    return leaf;
}

// Costs have 41 bits and weights 16, so the products fit.
static_assert(kWeightMax < 1U << 16);

const LoadNode& winner(const LoadNode& left, const LoadNode& right) {
    return left.cost * right.weight > right.cost * left.weight ? right : left;
}

}  // namespace

void build_load_tree(ServiceTable& table, LoadRule rule) {
    const uint32_t leaves =
        std::bit_ceil(std::max<uint32_t>(1, static_cast<uint32_t>(table.servers.size())));
    table.state.loads.assign(2 * size_t{leaves}, LoadNode{});
    refill_load_tree(table, rule);
}

void refill_load_tree(ServiceTable& table, LoadRule rule) {
    std::vector<LoadNode>& nodes = table.state.loads;
    const uint32_t leaves = leaf_count(table);
    DIRECTOR_HOT_ASSERT(leaves >= table.servers.size());
    for (uint32_t i = 0; i < table.servers.size(); ++i) {
        nodes[leaves + i] = leaf_of(table.servers[i], i, rule);
    }
    for (uint32_t node = leaves - 1; node >= 1; --node) {
        nodes[node] = winner(nodes[2 * size_t{node}], nodes[2 * size_t{node} + 1]);
    }
}

void refresh_load(ServiceTable& table, uint32_t position, LoadRule rule) {
    std::vector<LoadNode>& nodes = table.state.loads;
    size_t node = size_t{leaf_count(table)} + position;
    LoadNode fresh = leaf_of(table.servers[position], position, rule);
    // As far up as it matters: the path above a server that loses anyway is seldom long.
    while (!(nodes[node] == fresh)) {
        nodes[node] = fresh;
        node /= 2;
        if (node == 0) {
            return;
        }
        fresh = winner(nodes[2 * node], nodes[2 * node + 1]);
    }
}

uint32_t least_loaded(const ServiceTable& table) {
    if (table.state.loads.empty()) {
        return kNoServer;
    }
    const LoadNode& best = table.state.loads[1];
    return best.weight == 0 ? kNoServer : best.position;
}

LoadNode load_of(const ServiceTable& table, uint32_t position) {
    return table.state.loads[size_t{leaf_count(table)} + position];
}

}  // namespace director::dataplane
