#include "dataplane/core/weight_tree.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace director::dataplane {
namespace {

uint32_t leaf_count(const ServiceTable& table) {
    return static_cast<uint32_t>(table.weights.size() / 2);
}

void combine(ServiceTable& table, uint32_t node) {
    const WeightNode& left = table.weights[2 * node];
    const WeightNode& right = table.weights[2 * node + 1];
    // std::gcd(0, x) is x: quiesced servers do not count.
    table.weights[node] = {std::max(left.weight_max, right.weight_max),
                           std::gcd(left.weight_gcd, right.weight_gcd)};
}

}  // namespace

void build_weight_tree(ServiceTable& table) {
    const uint32_t leaves =
        std::bit_ceil(std::max<uint32_t>(1, static_cast<uint32_t>(table.servers.size())));
    table.weights.assign(2 * size_t{leaves}, WeightNode{});
    for (size_t i = 0; i < table.servers.size(); ++i) {
        const uint32_t weight = table.servers[i].weight;
        table.weights[leaves + i] = {weight, weight};
    }
    for (uint32_t node = leaves - 1; node >= 1; --node) {
        combine(table, node);
    }
}

void set_weight(ServiceTable& table, uint32_t position, uint32_t weight) {
    table.servers[position].weight = weight;
    uint32_t node = leaf_count(table) + position;
    table.weights[node] = {weight, weight};
    for (node /= 2; node >= 1; node /= 2) {
        combine(table, node);
    }
}

uint32_t first_with_weight(const ServiceTable& table, uint32_t from, uint32_t weight) {
    if (from >= table.servers.size()) {
        return kNoServer;
    }
    const uint32_t leaves = leaf_count(table);
    uint32_t node = leaves + from;
    while (table.weights[node].weight_max < weight) {
        // Climb out of the right flank, then step to the subtree on the right.
        node >>= std::countr_one(node);
        if (node == 0) {
            return kNoServer;
        }
        ++node;
    }
    while (node < leaves) {
        node *= 2;
        node += table.weights[node].weight_max < weight ? 1U : 0U;
    }
    return node - leaves;
}

WeightNode all_weights(const ServiceTable& table) {
    return table.weights.empty() ? WeightNode{} : table.weights[1];
}

}  // namespace director::dataplane
