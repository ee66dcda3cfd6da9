// A search tree over a service's list of real servers: "the next server from here on whose weight
// is at least w" and "the heaviest weight, the divisor of all" in O(log n), so that neither a
// choice nor a weight change gets slow with 100,000 servers.
//
// Stored in ServiceTable::weights as an implicit binary tree: node 1 is the root, leaf i is node
// leaves + i. Weights of 0 (quiesced) never match.
#pragma once

#include <cstdint>

#include "dataplane/api/service.h"

namespace director::dataplane {

inline constexpr uint32_t kNoServer = 0xffffffffU;

// Builds the tree from `table.servers`. Allocates: the control plane calls it before handing over.
void build_weight_tree(ServiceTable& table);

// Sets the weight of the server at `position`, in the list and in the tree.
void set_weight(ServiceTable& table, uint32_t position, uint32_t weight);

// The first position >= `from` whose weight is at least `weight` (> 0), or kNoServer.
[[nodiscard]] uint32_t first_with_weight(const ServiceTable& table, uint32_t from, uint32_t weight);

// The heaviest weight of all (0: none), and the greatest common divisor of those above 0.
[[nodiscard]] WeightNode all_weights(const ServiceTable& table);

}  // namespace director::dataplane
