// Read-only tables over many services that the control plane builds, hands to every worker by
// pointer, and frees when each has handed the old one back (EventKind::kTablesReturned).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/address.h"
#include "dataplane/api/forwarding.h"
#include "dataplane/api/ids.h"
#include "dataplane/api/service.h"

namespace director::dataplane {

// Source NAT: connections that come from `source`, are no service's and go on to another network
// leave with a local address (iptables' MASQUERADE and SNAT). The first rule that fits counts.
struct SourceNatRule {
    IpPrefix source;
    IpPrefix destination;     // where to; /0 for anywhere
    uint16_t local_pool = 0;  // number of a pool of local addresses
    // Whose counters and slot its connections have: a service and a server of its own.
    ServiceId service = kNoService;
    RealServerId server = kNoRealServer;

    friend constexpr bool operator==(const SourceNatRule&, const SourceNatRule&) = default;
};

// Which of many address ranges contain an address: a segment tree over the ranges of one family,
// with each range's number at the O(log n) nodes that make it up. Filled and read by
// dataplane/core/tables/match.h.
struct RangeIndex {
    std::vector<IpAddress> starts;  // where another set of ranges begins, ascending
    // A complete binary tree whose leaves are the places between `starts`: root 1, children 2n and
    // 2n + 1. The ranges of node n are numbers[offsets[n]] up to numbers[offsets[n + 1]],
    // ascending.
    std::vector<uint32_t> offsets;
    std::vector<uint32_t> numbers;
};

// One for IPv4, one for IPv6.
using RangeIndexes = std::array<RangeIndex, 2>;

struct Tables {
    // Services by match rules, in the order of their search; the first that fits counts.
    std::vector<MatchRule> match_rules;
    std::vector<SourceNatRule> source_nat;
    RangeIndexes match_index;       // over the rules' addresses; build_match_indexes()
    RangeIndexes source_nat_index;  // over the rules' sources
    // Prefix lists by number; 0 is none. A lookup's answer above 0 means "is in the list".
    std::vector<PrefixLookup> prefix_lists;
};

}  // namespace director::dataplane
