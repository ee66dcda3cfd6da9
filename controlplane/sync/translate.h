// A connection of ours as IPVS writes it, and back: flags, state numbers, and what IPVS cannot say.
// Flags by include/net/ip_vs.h; ipvs_message.h has the bytes.
#pragma once

#include <optional>

#include "controlplane/sync/ipvs_message.h"
#include "dataplane/api/sync.h"

namespace director::sync {

// nullopt: IPVS has no words for it (full NAT, IPv6 to IPv4, source NAT, ICMP).
[[nodiscard]] std::optional<IpvsRecord> to_ipvs(const dataplane::SyncRecord& record);

// What a record of IPVS's says, without this director's service and server. nullopt: a connection
// that Director cannot have (ESP, AH, bypassing, an FTP announcement without client port).
[[nodiscard]] std::optional<dataplane::SyncRecord> from_ipvs(const IpvsRecord& record);

}  // namespace director::sync
