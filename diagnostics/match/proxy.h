// Connections on both sides of a full proxy: it ends the client's connection and makes its own, so
// that no address, number or packet survives. What does: what is said. Requests and responses are
// compared as streams, re-segmented or not; of encrypted ones only sizes and times are left.
#pragma once

#include "diagnostics/match/link.h"
#include "diagnostics/match/pair.h"

namespace director::diagnostics::matching {

// Links are appended, and what is linked is no longer open. TCP alone.
void link_proxied(Unlinked& a, Unlinked& b, LinkResult& result);

// The packets that are cause and effect: the last of each request, and each part of a response that
// arrives with the packet that completes it.
[[nodiscard]] PairResult pair_proxied(const VantagePoint& a,
                                      const VantagePoint& b,
                                      const ConnectionLink& link);

}  // namespace director::diagnostics::matching
