// Votes for pairs of connections, and the pairs that each side prefers.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "diagnostics/match/link.h"

namespace director::diagnostics::matching {

struct Vote {
    uint32_t a = kNoIndex;
    uint32_t b = kNoIndex;
    uint32_t weight = 0;
    uint32_t flipped = 0;  // of these, with client and server exchanged
};

class Ballot {
  public:
    void add(uint32_t a, uint32_t b, uint32_t weight, bool is_flipped);
    // Pairs of which each is the other's clear first choice: no other has more than half as many
    // votes. Pairs that are not clear are told as ambiguous.
    [[nodiscard]] std::vector<Vote> decide(const Unlinked& a,
                                           const Unlinked& b,
                                           std::vector<AmbiguousConnection>& ambiguous) const;

  private:
    std::vector<Vote> votes_;
    HashIndex index_;
};

// The key of a packet; 0: it has none. Called for every packet of an open connection.
using KeyOf = std::function<uint64_t(const ConnectionSeen& seen, const Sighting& sighting)>;
// What a vote of these two packets is worth.
using WeightOf = std::function<uint32_t(const Sighting& a, const Sighting& b)>;

// A hash join: keys that belong to one open connection at each point.
[[nodiscard]] Ballot vote(const Unlinked& a,
                          const Unlinked& b,
                          const KeyOf& key_of,
                          const WeightOf& weight_of);

}  // namespace director::diagnostics::matching
