// SCTP's checksum: CRC32c over the packet, with 0 in place of the checksum (RFC 9260 section 6.8
// and appendix A). It covers no addresses, so translation changes it with the ports alone, and
// since a CRC is linear that costs no look at the payload.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/byte_order.h"
#include "common/crc32c.h"

namespace director::dataplane {

inline constexpr uint32_t kSctpHeaderBytes = 12;
inline constexpr uint32_t kSctpChecksumOffset = 8;

// The checksum of a packet of `length` bytes, at least kSctpHeaderBytes, as it lies in the header
// (least significant byte first).
[[nodiscard]] uint32_t sctp_checksum(const uint8_t* sctp, size_t length);

// What the checksum `before` becomes when the first four bytes, both ports, change. All values as
// they lie in memory; `length` is the whole packet's, of which no more than the ports need be at
// hand. A wrong checksum stays wrong.
[[nodiscard]] uint32_t sctp_checksum_update(uint32_t before,
                                            uint32_t ports_before,
                                            uint32_t ports_after,
                                            size_t length);

// The same without the processor's instructions.
[[nodiscard]] uint32_t sctp_checksum_update_portable(uint32_t before,
                                                     uint32_t ports_before,
                                                     uint32_t ports_after,
                                                     size_t length);

}  // namespace director::dataplane
