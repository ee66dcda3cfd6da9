// An IP header with its options or extension headers, and the way to what it carries.
#pragma once

#include "diagnostics/packet/decode.h"
#include "diagnostics/packet/headers.h"
#include "diagnostics/packet/slice.h"

namespace director::diagnostics {

// The addresses that a transport's checksum covers. With a source route (IPv4: RFC 791 section 3.1;
// IPv6: RFC 8200 section 8.1) and with mobility's home address option (RFC 6275 section 11.3.1)
// they are not those of the IP header.
struct PseudoAddresses {
    const uint8_t* source = nullptr;
    const uint8_t* destination = nullptr;
    uint32_t bytes_each = 0;  // 4 or 16
};

// What follows the IP headers. `is_there` is false where nothing can be: a fault, a later fragment,
// a packet cut before.
struct Transport {
    Slice bytes;
    PseudoAddresses addresses;
    bool is_there = false;
};

// Headers::layer3, ip, faults of the header at `bytes`, which is cut to the packet's end as IP
// tells it; Headers::payload of what has no transport.
[[nodiscard]] Transport decode_ipv4(Slice bytes, ChecksumMode checksums, Headers& headers);
[[nodiscard]] Transport decode_ipv6(Slice bytes, Headers& headers);

}  // namespace director::diagnostics
