// Bytes -> headers, for every link type of LinkType.
#pragma once

#include "diagnostics/packet/headers.h"
#include "diagnostics/packet/packet.h"

namespace director::diagnostics {

enum class ChecksumMode : uint8_t { kNone, kLayer3, kAll };

struct DecodeSettings {
    ChecksumMode checksums = ChecksumMode::kAll;
    // Into IP-in-IP (protocols 4 and 41), GRE and GUE: the innermost IP header is the packet's.
    bool looks_into_tunnels = false;
};

// Takes a packet apart, whatever it holds: what cannot be read is absent or a fault, never an
// error. The result's spans lie within `packet.bytes`.
[[nodiscard]] Headers decode(const Packet& packet, const DecodeSettings& settings = {});

}  // namespace director::diagnostics
