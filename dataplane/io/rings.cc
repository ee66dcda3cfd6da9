#include "dataplane/io/rings.h"

#include <array>

namespace director::dataplane::io {

RingHandle make_ring(const std::string& name,
                     uint32_t element_bytes,
                     uint32_t capacity,
                     int numa_node) {
    return RingHandle(rte_ring_create_elem(name.c_str(),
                                           element_bytes,
                                           capacity,
                                           numa_node,
                                           RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ));
}

bool FrameRing::create(const std::string& name, uint32_t capacity, int numa_node) {
    ring_ = make_ring(name, kSlotBytes, capacity, numa_node);
    return ring_ != nullptr;
}

FrameRing::~FrameRing() {
    if (ring_ == nullptr) {
        return;
    }
    std::array<rte_mbuf*, 32> frames{};
    while (const uint32_t count = pop(frames.data(), frames.size())) {
        rte_pktmbuf_free_bulk(frames.data(), count);
    }
}

}  // namespace director::dataplane::io
