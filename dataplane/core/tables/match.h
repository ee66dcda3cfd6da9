// Services by match rules and source NAT rules: the first rule that fits, found in O(log n + k)
// for n rules of which k contain the address.
//
// The control plane fills a Tables' rules and calls build_match_indexes(); workers only look.
#pragma once

#include <cstdint>

#include "common/address.h"
#include "dataplane/api/tables.h"

namespace director::dataplane {

// Builds both indexes from the rules. A rule whose ends are of two families, or the wrong way
// round, fits nothing.
void build_match_indexes(Tables& tables);

// The first match rule for packets to `destination`, or nullptr. A protocol without ports counts as
// port 0.
[[nodiscard]] const MatchRule* find_match_rule(const Tables& tables,
                                               Protocol protocol,
                                               const Endpoint& destination);

// The first source NAT rule for connections from `source` to `destination`, or nullptr.
[[nodiscard]] const SourceNatRule* find_source_nat(const Tables& tables,
                                                   const IpAddress& source,
                                                   const IpAddress& destination);

}  // namespace director::dataplane
