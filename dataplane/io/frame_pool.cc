#include "dataplane/io/frame_pool.h"

#include <fmt/format.h>

#include <algorithm>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_memory.h>

#include "common/log.h"
#include "dataplane/io/frame.h"
#include "dataplane/io/memory_plan.h"

namespace director::dataplane::io {
namespace {

constexpr LogArea kLog{"engine"};

uint32_t g_missing = 0;

// Buffers that a thread keeps for itself, so that most allocations touch no shared line. At most an
// eighth of the pool may rest in such caches, or a small pool would run dry with buffers idle.
uint32_t cache_frames(const EngineSettings& settings) {
    const auto threads = static_cast<uint32_t>(settings.worker_cpus.size() + 1);
    return std::min<uint32_t>(256, settings.pool_frames / (8 * threads));
}

}  // namespace

Result<std::unique_ptr<FramePool>> FramePool::create(const EngineSettings& settings) {
    rte_mempool* pool = rte_pktmbuf_pool_create("frames",
                                                settings.pool_frames,
                                                cache_frames(settings),
                                                kFrameTagBytes,
                                                frame_room_bytes(settings),
                                                SOCKET_ID_ANY);
    if (pool == nullptr) {
        return failure(
            fmt::format("no memory for {} frame buffers ({}): reserve more hugepages or configure "
                        "fewer buffers",
                        settings.pool_frames,
                        rte_strerror(rte_errno)));
    }
    return std::unique_ptr<FramePool>(new FramePool(pool));
}

FramePool::~FramePool() {
    g_missing = in_use();
    if (g_missing != 0) {
        kLog.debug("frame buffers not returned at the end count={}", g_missing);
    }
    rte_mempool_free(pool_);
}

uint32_t FramePool::in_use() const {
    return rte_mempool_in_use_count(pool_);
}

std::string FramePool::memory_kind() const {
    const rte_memseg_list* list = rte_mem_virt2memseg_list(pool_);
    const uint64_t page = list == nullptr ? 4096 : list->page_sz;
    if (page >= uint64_t{1} << 30) {
        return fmt::format("{} GiB hugepages", page >> 30);
    }
    if (page >= uint64_t{1} << 20) {
        return fmt::format("{} MiB hugepages", page >> 20);
    }
    return fmt::format("{} KiB pages", page >> 10);
}

uint32_t FramePool::missing_at_last_end() {
    return g_missing;
}

}  // namespace director::dataplane::io
