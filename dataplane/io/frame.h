// What travels with a frame buffer (mbuf) between threads: how the packet was judged, and what the
// receiving thread is to do with it. Lives in the mbuf's private area; written by the thread that
// puts the frame on a ring, read by the one that takes it off.
#pragma once

#include <cstdint>
#include <type_traits>

#include <rte_mbuf.h>

#include "dataplane/core/packet.h"

namespace director::dataplane::io {

enum class FrameErrand : uint8_t {
    kProcess,   // to the owner of its connection: run it through the stages
    kTransmit,  // to a worker that has a transmit queue on packet.out_port
    kReturned,  // back to the sender of kTransmit: the port did not take it
    kPunted,    // to the control plane
};

struct FrameTag {
    FrameErrand errand{};
    WorkerId sender{};
    rte_mbuf* next = nullptr;  // FrameStack's link
    Packet packet;
};

static_assert(std::is_trivially_copyable_v<FrameTag>);

inline constexpr uint16_t kFrameTagBytes =
    (sizeof(FrameTag) + RTE_MBUF_PRIV_ALIGN - 1) / RTE_MBUF_PRIV_ALIGN * RTE_MBUF_PRIV_ALIGN;

// Assigned through, never read before: the area holds whatever the last frame left.
[[nodiscard]] inline FrameTag& tag_of(rte_mbuf* frame) {
    return *static_cast<FrameTag*>(rte_mbuf_to_priv(frame));
}

// The mbuf takes over the packet's place and length, which stages may have changed.
inline void adjust_frame(rte_mbuf* frame, const Packet& packet) {
    frame->data_off = static_cast<uint16_t>(packet.data - static_cast<uint8_t*>(frame->buf_addr));
    frame->data_len = static_cast<uint16_t>(packet.contiguous_bytes);
    frame->pkt_len = packet.length_bytes;
}

}  // namespace director::dataplane::io
