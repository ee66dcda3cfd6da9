// The pool that all frame buffers of an engine come from, and a small one for what must go out even
// when that is empty.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <rte_mempool.h>

#include "common/result.h"
#include "dataplane/io/engine.h"

namespace director::dataplane::io {

// Advertisements under way at once, at most.
inline constexpr uint32_t kUrgentFrames = 256;

class FramePool {
  public:
    [[nodiscard]] static Result<std::unique_ptr<FramePool>> create(const EngineSettings& settings);
    // Every port must be closed and every ring emptied by now. Buffers that are not back are
    // logged: a leak of ours, or a driver that keeps some.
    ~FramePool();
    FramePool(const FramePool&) = delete;
    FramePool& operator=(const FramePool&) = delete;

    [[nodiscard]] rte_mempool* handle() const { return pool_; }
    [[nodiscard]] rte_mempool* reserve() const { return reserve_; }
    [[nodiscard]] uint32_t in_use() const;
    // "2 MiB hugepages" or the like.
    [[nodiscard]] std::string memory_kind() const;

    // What the last pool of this process to be destroyed was missing.
    [[nodiscard]] static uint32_t missing_at_last_end();

  private:
    FramePool(rte_mempool* pool, rte_mempool* reserve) : pool_(pool), reserve_(reserve) {}

    rte_mempool* pool_;
    rte_mempool* reserve_;
};

}  // namespace director::dataplane::io
