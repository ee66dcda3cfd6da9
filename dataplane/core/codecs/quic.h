// Which real server a QUIC packet belongs to, when servers write a number of theirs into the
// connection ids that they give out: routing that survives a change of the client's address.
//
// The number stands in plain text at a fixed place of the id, as in QUIC-LB's unencrypted form
// (draft-ietf-quic-load-balancers section 4.1: one octet of configuration, then the server id).
// A client's first packets carry an id of its own choice: their number means nothing, and a lookup
// of it fails or must be checked against an existing connection.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace director::dataplane {

inline constexpr uint32_t kQuicIdBytesMax = 20;       // RFC 9000 section 17.2
inline constexpr uint32_t kQuicServerIdBytesMax = 8;  // of the number: it is one of 64 bits

// The destination connection id of a UDP payload's first packet. Of a short header, whose id has no
// length of its own (RFC 8999 section 5.2), all bytes that follow, at most 20.
[[nodiscard]] std::optional<std::span<const uint8_t>> quic_destination_id(
    std::span<const uint8_t> payload);

// The `bytes` (1 to 8) of the id from `offset` on, as a number in network order; nullopt when the
// payload is no QUIC packet or its id is shorter.
[[nodiscard]] std::optional<uint64_t> quic_server_id(std::span<const uint8_t> payload,
                                                     uint8_t offset,
                                                     uint8_t bytes);

// Whether the packet has a long header: handshake packets, whose id may be the client's choice.
[[nodiscard]] bool is_quic_long_header(std::span<const uint8_t> payload);

}  // namespace director::dataplane
