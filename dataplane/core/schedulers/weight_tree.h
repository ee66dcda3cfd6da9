// A search tree over a service's list of real servers: "the next server from here on whose weight
// is at least w and that is not overloaded" and "the heaviest weight, the divisor of all" in
// O(log n), so that neither a choice nor a change gets slow with 100,000 servers.
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

// Fills the tree anew, for example because all servers' loads have changed. Does not allocate.
void refill_weight_tree(ServiceTable& table);

// Takes over what the server at `position` has become.
void refresh_weight(ServiceTable& table, uint32_t position);

// The first position >= `from` of a server that is not overloaded and whose weight is at least
// `weight` (> 0), or kNoServer.
[[nodiscard]] uint32_t first_with_weight(const ServiceTable& table, uint32_t from, uint32_t weight);

// The heaviest weight of all (0: none) and of those not overloaded, and the greatest common divisor
// of those above 0.
[[nodiscard]] WeightNode all_weights(const ServiceTable& table);

}  // namespace director::dataplane
