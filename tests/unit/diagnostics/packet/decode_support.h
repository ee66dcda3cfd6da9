// Frames as packets, for the tests of decode().
#pragma once

#include <span>

#include "diagnostics/packet/decode.h"
#include "tests/support/packet_builder.h"

namespace director::diagnostics {

// `cut_at` bytes are kept of what was on the wire.
[[nodiscard]] inline Packet packet_of(std::span<const uint8_t> bytes,
                                      LinkType link = LinkType::kEthernet,
                                      size_t cut_at = SIZE_MAX) {
    Packet packet;
    packet.number = 1;
    packet.link = link;
    packet.bytes = bytes.first(std::min(cut_at, bytes.size()));
    packet.wire_bytes = static_cast<uint32_t>(bytes.size());
    return packet;
}

// Spans of the result lie within `frame`.
[[nodiscard]] inline Headers decode_frame(std::span<const uint8_t> frame,
                                          const DecodeSettings& settings = {}) {
    return decode(packet_of(frame), settings);
}

inline constexpr uint32_t kEthernetHeaderBytes = 14;

}  // namespace director::diagnostics
