// CRC32c, Castagnoli's (RFC 3720 section 12.1, RFC 9260 appendix A): the checksum of SCTP.
#pragma once

#include <cstddef>
#include <cstdint>

namespace director {

// Adds `length` bytes to a CRC32c register, which begins as ~0 and whose complement is the CRC.
// Uses the processor's instruction where there is one.
[[nodiscard]] uint32_t crc32c_add(uint32_t crc, const uint8_t* data, size_t length);
// The same by tables alone.
[[nodiscard]] uint32_t crc32c_add_portable(uint32_t crc, const uint8_t* data, size_t length);

}  // namespace director
