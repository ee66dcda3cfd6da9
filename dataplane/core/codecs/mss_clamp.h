// Lowers the maximum segment size that a TCP handshake announces, so that segments fit a way whose
// MTU path discovery does not reach: a tunnel, or a translation that makes packets longer.
#pragma once

#include <cstdint>

namespace director::dataplane {

// The largest segment for packets of `mtu` bytes (RFC 9293 section 3.7.1: of headers without
// options); 0 when there is no room.
[[nodiscard]] constexpr uint16_t mss_for_mtu(uint32_t mtu, bool is_ipv6) {
    const uint32_t headers = (is_ipv6 ? 40U : 20U) + 20U;
    const uint32_t rest = mtu > headers ? mtu - headers : 0;
    return static_cast<uint16_t>(rest > 65535 ? 65535 : rest);
}

enum class MssClamp : uint8_t {
    kNotSyn,    // only SYN and SYN-ACK announce one
    kNoOption,  // none there: the receiver assumes 536 or 1220 (RFC 9293 section 3.7.1)
    kLowEnough,
    kLowered,
    kBadOptions,  // an option's length is wrong: what follows is unknown, nothing is changed
};

// Looks at the TCP header at `tcp`, of which `available_bytes`, 20 at least, are there, and lowers
// an MSS above `mss`; the checksum is kept right, or as wrong as it was.
MssClamp clamp_mss(uint8_t* tcp, uint32_t available_bytes, uint16_t mss);

}  // namespace director::dataplane
