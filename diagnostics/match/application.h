// Ids within UDP payloads that outlive every translation: DNS's and DHCP's.
#pragma once

#include <cstdint>

#include "diagnostics/packet/headers.h"

namespace director::diagnostics::matching {

inline constexpr uint16_t kDnsPort = 53;
inline constexpr uint16_t kDhcpServerPort = 67;
inline constexpr uint16_t kDhcpClientPort = 68;

// Of a DNS message: its id, query or response, and the question. Of a DHCP message: its transaction
// and what kind of message it is. 0: neither, or its id is 0.
[[nodiscard]] uint64_t application_key(const Headers& headers);

[[nodiscard]] bool is_dhcp(const Headers& headers);
// RFC 2131 section 2: "op", whichever ports a relay uses; and "xid", 0 for what is cut before it.
[[nodiscard]] bool is_dhcp_request(const Headers& headers);
[[nodiscard]] uint32_t dhcp_transaction(const Headers& headers);

}  // namespace director::diagnostics::matching
