// The PROXY protocol, version 2 (haproxy's doc/proxy-protocol.txt section 2.2): tells a real server
// behind full NAT who its client is, in front of the connection's first bytes.
#pragma once

#include <cstdint>
#include <span>

#include "common/address.h"
#include "dataplane/core/codecs/seq_adjust.h"
#include "dataplane/core/codecs/tcp_bytes.h"

namespace director::dataplane {

// 12 bytes of signature, 4 of version, family and length, then two addresses and ports.
inline constexpr uint32_t kProxyHeaderBytesIpv4 = 28;
inline constexpr uint32_t kProxyHeaderBytesIpv6 = 52;

[[nodiscard]] constexpr uint32_t proxy_header_bytes(const Endpoint& client) {
    return client.address.is_ipv4() ? kProxyHeaderBytesIpv4 : kProxyHeaderBytesIpv6;
}

// Writes the header for a connection of one family and returns its length. TCP and UDP are named;
// any other protocol is "unspecified".
uint32_t write_proxy_header(Protocol protocol,
                            const Endpoint& client,
                            const Endpoint& virtual_service,
                            std::span<uint8_t, kProxyHeaderBytesIpv6> out);

// Puts the header before the payload of the client's first TCP segment that has some, lengths and
// checksums included, and records the resize; of the same segment sent again, likewise. False,
// changing nothing, without headroom. The caller looks whether the frame has become too long.
[[nodiscard]] bool insert_proxy_header(FrameBytes& frame,
                                       const Endpoint& client,
                                       const Endpoint& virtual_service,
                                       TcpAdjustment& adjustment);

// Puts the header before the payload of a UDP datagram.
[[nodiscard]] bool insert_proxy_header_udp(FrameBytes& frame,
                                           const Endpoint& client,
                                           const Endpoint& virtual_service);

}  // namespace director::dataplane
