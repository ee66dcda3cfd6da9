// The "TCP option address": tells a real server behind full NAT who its client is, in the header
// of a segment. The layout is that of Alibaba's and iQIYI's LVS and of their kernel modules, which
// read it: kind 254, length 8, port and IPv4 address; kind 253, length 20, port and IPv6 address.
#pragma once

#include "common/address.h"
#include "dataplane/core/codecs/tcp_bytes.h"

namespace director::dataplane {

inline constexpr uint8_t kToaKindIpv4 = 254;
inline constexpr uint8_t kToaKindIpv6 = 253;
inline constexpr uint32_t kToaBytesIpv4 = 8;
inline constexpr uint32_t kToaBytesIpv6 = 20;

// Inserts the option before the segment's others, lengths and checksums included. False, changing
// nothing, when the options would be more than 40 bytes, or without headroom. The caller looks
// whether the frame has become too long.
[[nodiscard]] bool insert_toa(FrameBytes& frame, const Endpoint& client);

}  // namespace director::dataplane
