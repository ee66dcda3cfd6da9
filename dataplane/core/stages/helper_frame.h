// A packet as the helpers see it (tcp_bytes.h), and back. For adjust.cc and ftp_connections.cc.
#pragma once

#include "dataplane/core/codecs/frame.h"
#include "dataplane/core/codecs/tcp_bytes.h"
#include "dataplane/core/packet.h"

namespace director::dataplane {

[[nodiscard]] inline bool is_in_one_piece(const Packet& packet) {
    return packet.contiguous_bytes == packet.length_bytes;
}

[[nodiscard]] inline FrameBytes frame_of(const Packet& packet) {
    return {.data = packet.data,
            .length_bytes = packet.length_bytes,
            .headroom_bytes = packet.headroom_bytes,
            .tailroom_bytes = packet.tailroom_bytes,
            .l3_offset = packet.l3_offset,
            .l4_offset = packet.l4_offset};
}

inline void take_over(Packet& packet, const FrameBytes& frame) {
    packet.data = frame.data;
    packet.length_bytes = frame.length_bytes;
    packet.contiguous_bytes = frame.length_bytes;
    packet.headroom_bytes = frame.headroom_bytes;
    packet.tailroom_bytes = frame.tailroom_bytes;
    packet.l4_offset = frame.l4_offset;
    packet.ip_length = static_cast<uint16_t>(frame.ip_length());
}

[[nodiscard]] inline uint8_t* l4_of(const Packet& packet) {
    return packet.data + packet.l4_offset;
}
[[nodiscard]] inline uint32_t tcp_header_bytes(const Packet& packet) {
    return uint32_t{l4_of(packet)[kTcpDataOffset]} >> 4 << 2;
}
[[nodiscard]] inline uint32_t tcp_payload_bytes(const Packet& packet) {
    return uint32_t{packet.l3_offset} + packet.ip_length - packet.l4_offset -
           tcp_header_bytes(packet);
}

}  // namespace director::dataplane
