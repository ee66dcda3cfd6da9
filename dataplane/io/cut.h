// Makes the frames of a packet's fragments.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/io/frame.h"

namespace director::dataplane::io {

// More is no packet's way out, but an attack: a jumbo frame for an MTU of 256.
inline constexpr uint32_t kFragmentsMax = 40;

// Fills `out`, which has room for kFragmentsMax, with frames of the fragments of `packet`, which is
// in `frame` (adjust_frame() has been called) and stays there. They come from the frame's own pool,
// so there is no end to memory but that pool's. Answers how many; 0, and nothing is taken, when
// there are too few buffers, too many fragments, or the packet cannot be cut.
[[nodiscard]] uint32_t cut_frame(const rte_mbuf* frame,
                                 const Packet& packet,
                                 std::span<rte_mbuf*> out);

}  // namespace director::dataplane::io
