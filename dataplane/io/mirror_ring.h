// The ring of a worker's mirrored packets: an rte_ring of 16-byte slots that the worker writes in
// place and the diagnostics thread reads in place. See dataplane/api/mirror.h for what lies in it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/api/mirror.h"
#include "dataplane/io/engine.h"
#include "dataplane/io/rings.h"

namespace director::dataplane::io {

class MirrorRing {
  public:
    MirrorRing() = default;
    MirrorRing(const MirrorRing&) = delete;
    MirrorRing& operator=(const MirrorRing&) = delete;

    // False when memory was short.
    [[nodiscard]] bool create(const std::string& name, uint32_t slots, int numa_node);

    // The worker's end; refers to this object.
    [[nodiscard]] MirrorSink sink();

    // The reader's end: hands over what is there, and frees it.
    uint32_t read(const std::function<void(const MirroredPacket&)>& receive);

    // From any thread.
    [[nodiscard]] const MirrorCounters& counters() const { return counters_; }
    [[nodiscard]] uint32_t used() const { return rte_ring_count(ring_.get()); }
    [[nodiscard]] uint32_t capacity() const { return rte_ring_get_capacity(ring_.get()); }

  private:
    static MirrorRoom reserve(void* ring, uint32_t slots);
    static void commit(void* ring, uint32_t slots);
    uint32_t hand_over(const MirrorSlot* at,
                       uint32_t slots,
                       const std::function<void(const MirroredPacket&)>& receive,
                       uint32_t& done);

    RingHandle ring_;
    MirrorCounters counters_;
    std::vector<uint8_t> rebuilt_;  // the reader's
};

}  // namespace director::dataplane::io
