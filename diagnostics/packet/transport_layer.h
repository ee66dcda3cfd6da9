// TCP, UDP, UDP-Lite, SCTP, ICMP and ICMPv6 behind an IP header.
#pragma once

#include "diagnostics/packet/decode.h"
#include "diagnostics/packet/ip_layer.h"

namespace director::diagnostics {

inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolIcmpv6 = 58;
inline constexpr uint8_t kProtocolSctp = 132;
inline constexpr uint8_t kProtocolUdpLite = 136;

// Everything of Headers that is layer 4's, by `headers.ip.protocol`.
void decode_transport(const Transport& transport, ChecksumMode checksums, Headers& headers);

// What a checksum covers, and what else goes into it.
struct ChecksumInput {
    Slice covered;
    const PseudoAddresses* addresses = nullptr;  // null: no pseudo header (ICMP)
    uint32_t pseudo_length = 0;
    uint8_t protocol = 0;
};

// The verdict on a checksum of the Internet's kind, `found` in host order.
[[nodiscard]] Checksum verify_checksum(const ChecksumInput& input, uint16_t found);
// The same from a sum of the covered bytes (checksum_add()); input.covered is not looked at.
[[nodiscard]] Checksum judge_checksum(uint64_t sum, const ChecksumInput& input, uint16_t found);
// CRC32c of SCTP (RFC 9260 section 6.8); `found` as its bytes read in the order of a CRC, the
// lowest first.
[[nodiscard]] Checksum verify_sctp(Slice covered, uint32_t found);
// Its register after a packet's first bytes, 12 at least, with the checksum as 0; more are added by
// crc32c_add(). And the verdict on such a register.
[[nodiscard]] uint32_t begin_sctp_crc(Slice bytes);
[[nodiscard]] Checksum judge_sctp(uint32_t crc, uint32_t found);

// The pseudo header's sum, not folded (RFC 9293 section 3.1, RFC 8200 section 8.1).
[[nodiscard]] uint64_t pseudo_header_sum(const PseudoAddresses& addresses,
                                         uint8_t protocol,
                                         uint32_t length);

}  // namespace director::diagnostics
