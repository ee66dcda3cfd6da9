// Lock-free queues between threads: rte_ring with types. Single producer and single consumer, of
// exactly the capacity asked for.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "dataplane/io/frame.h"

namespace director::dataplane::io {

struct RingDeleter {
    void operator()(rte_ring* ring) const { rte_ring_free(ring); }
};

using RingHandle = std::unique_ptr<rte_ring, RingDeleter>;

[[nodiscard]] RingHandle make_ring(const std::string& name,
                                   uint32_t element_bytes,
                                   uint32_t capacity,
                                   int numa_node);

// Fixed-size values: commands and events.
template <typename T>
class ValueRing {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 4 == 0);

  public:
    // False when memory was short.
    [[nodiscard]] bool create(const std::string& name, uint32_t capacity, int numa_node) {
        ring_ = make_ring(name, sizeof(T), capacity, numa_node);
        return ring_ != nullptr;
    }
    // Returns how many of `values` found room, in order.
    [[nodiscard]] uint32_t push(const T* values, uint32_t count) {
        return rte_ring_sp_enqueue_burst_elem(ring_.get(), values, sizeof(T), count, nullptr);
    }
    [[nodiscard]] bool pop(T& value) {
        return rte_ring_sc_dequeue_elem(ring_.get(), &value, sizeof(T)) == 0;
    }
    // From any thread; as of a moment ago.
    [[nodiscard]] uint32_t used() const { return rte_ring_count(ring_.get()); }
    [[nodiscard]] uint32_t capacity() const { return rte_ring_get_capacity(ring_.get()); }

  private:
    RingHandle ring_;
};

// Frames. What still lies in the ring at destruction is freed.
class FrameRing {
    // What lies on the ring: a pointer.
    static constexpr unsigned kSlotBytes = sizeof(void*);

  public:
    FrameRing() = default;
    FrameRing(FrameRing&&) = default;
    FrameRing& operator=(FrameRing&&) = default;
    ~FrameRing();

    [[nodiscard]] bool create(const std::string& name, uint32_t capacity, int numa_node);
    [[nodiscard]] uint32_t push(rte_mbuf* const* frames, uint32_t count) {
        return rte_ring_sp_enqueue_burst_elem(ring_.get(), frames, kSlotBytes, count, nullptr);
    }
    [[nodiscard]] uint32_t pop(rte_mbuf** frames, uint32_t room) {
        return rte_ring_sc_dequeue_burst_elem(ring_.get(), frames, kSlotBytes, room, nullptr);
    }
    // From any thread; as of a moment ago.
    [[nodiscard]] uint32_t used() const { return rte_ring_count(ring_.get()); }
    [[nodiscard]] uint32_t capacity() const { return rte_ring_get_capacity(ring_.get()); }

  private:
    RingHandle ring_;
};

// Frames that come back from other workers. Any number of producers, one consumer, never full:
// the links lie in the frames themselves.
class FrameStack {
  public:
    void push(rte_mbuf* frame) {
        rte_mbuf* top = top_.load(std::memory_order_relaxed);
        do {
            tag_of(frame).next = top;
        } while (!top_.compare_exchange_weak(
            top, frame, std::memory_order_release, std::memory_order_relaxed));
    }
    // Takes all frames, linked by FrameTag::next; nullptr when there are none.
    [[nodiscard]] rte_mbuf* take_all() {
        if (top_.load(std::memory_order_relaxed) == nullptr) {
            return nullptr;
        }
        return top_.exchange(nullptr, std::memory_order_acquire);
    }

  private:
    std::atomic<rte_mbuf*> top_ = nullptr;
};

}  // namespace director::dataplane::io
