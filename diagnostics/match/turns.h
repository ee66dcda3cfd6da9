// The turns of a TCP connection: a request, then its response. Retransmissions are left out.
#pragma once

#include <cstdint>
#include <vector>

#include "diagnostics/match/link.h"

namespace director::diagnostics::matching {

struct Turn {
    std::array<uint32_t, 2> bytes{};  // of request and response
    // Sightings: first and last packet of each; kNoIndex where there is none.
    std::array<uint32_t, 2> first{kNoIndex, kNoIndex};
    std::array<uint32_t, 2> last{kNoIndex, kNoIndex};
};

[[nodiscard]] std::vector<Turn> turns_of(const VantagePoint& point, uint32_t connection);

// By sizes and times alone, for what is encrypted on at least one side. `is_tls_a` by connection.
void link_by_turns(Unlinked& a, Unlinked& b, const std::vector<bool>& is_tls_a, LinkResult& result);

}  // namespace director::diagnostics::matching
