#include "dataplane/core/schedulers/weight_tree.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "common/assert.h"

namespace director::dataplane {
namespace {

uint32_t leaf_count(const ServiceTable& table) {
    return static_cast<uint32_t>(table.weights.size() / 2);
}

WeightNode leaf_of(const RealServerSlot& server) {
    return {server.weight, server.weight, server.is_overloaded ? 0 : server.weight};
}

WeightNode combined(const ServiceTable& table, uint32_t node) {
    const WeightNode& left = table.weights[2 * node];
    const WeightNode& right = table.weights[2 * node + 1];
    // std::gcd(0, x) is x: quiesced servers do not count.
    return {std::max(left.weight_max, right.weight_max),
            std::gcd(left.weight_gcd, right.weight_gcd),
            std::max(left.available_max, right.available_max)};
}

}  // namespace

void build_weight_tree(ServiceTable& table) {
    const uint32_t leaves =
        std::bit_ceil(std::max<uint32_t>(1, static_cast<uint32_t>(table.servers.size())));
    table.weights.assign(2 * size_t{leaves}, WeightNode{});
    refill_weight_tree(table);
}

void refill_weight_tree(ServiceTable& table) {
    const uint32_t leaves = leaf_count(table);
    DIRECTOR_HOT_ASSERT(leaves >= table.servers.size());
    for (size_t i = 0; i < table.servers.size(); ++i) {
        table.weights[leaves + i] = leaf_of(table.servers[i]);
    }
    for (uint32_t node = leaves - 1; node >= 1; --node) {
        table.weights[node] = combined(table, node);
    }
}

void refresh_weight(ServiceTable& table, uint32_t position) {
    uint32_t node = leaf_count(table) + position;
    WeightNode fresh = leaf_of(table.servers[position]);
    while (!(table.weights[node] == fresh)) {
        table.weights[node] = fresh;
        node /= 2;
        if (node == 0) {
            return;
        }
        fresh = combined(table, node);
    }
}

uint32_t first_with_weight(const ServiceTable& table, uint32_t from, uint32_t weight) {
    if (from >= table.servers.size()) {
        return kNoServer;
    }
    const uint32_t leaves = leaf_count(table);
    uint32_t node = leaves + from;
    [[maybe_unused]] uint32_t steps = 0;  // up once and down once at most
    [[maybe_unused]] const uint32_t steps_max = 2U * static_cast<uint32_t>(std::bit_width(leaves));
    while (table.weights[node].available_max < weight) {
        DIRECTOR_HOT_ASSERT(++steps <= steps_max);
        // Climb out of the right flank, then step to the subtree on the right.
        node >>= std::countr_one(node);
        if (node == 0) {
            return kNoServer;
        }
        ++node;
    }
    while (node < leaves) {
        DIRECTOR_HOT_ASSERT(++steps <= steps_max);
        node *= 2;
        node += table.weights[node].available_max < weight ? 1U : 0U;
    }
    return node - leaves;
}

WeightNode all_weights(const ServiceTable& table) {
    return table.weights.empty() ? WeightNode{} : table.weights[1];
}

}  // namespace director::dataplane
