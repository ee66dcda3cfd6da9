// ICMP echo as health checks use it (RFC 792, RFC 4443 section 4).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/address.h"

namespace director::healthcheck {

// keepalived's size of what follows the header.
inline constexpr size_t kPingPayloadBytes = 128;

struct PingNumber {
    uint16_t id = 0;
    uint16_t sequence = 0;
    uint64_t token = 0;  // fills the payload: a reply of another time or host has another one
};

// An echo request. Its checksum is right for IPv4; for IPv6 the kernel fills it in.
[[nodiscard]] std::vector<uint8_t> make_echo_request(Family family, const PingNumber& number);

enum class IdCheck : uint8_t {
    kOurs,     // a raw socket sees everybody's replies
    kKernels,  // a datagram socket has an id of the kernel's, who has compared it
};

// Whether an ICMP message is the reply to the request of this number.
[[nodiscard]] bool is_echo_reply(Family family,
                                 std::span<const uint8_t> message,
                                 const PingNumber& number,
                                 IdCheck id_check);

// What follows the header of an IPv4 packet, which raw sockets show; empty if it is none.
[[nodiscard]] std::span<const uint8_t> skip_ipv4_header(std::span<const uint8_t> packet);

}  // namespace director::healthcheck
