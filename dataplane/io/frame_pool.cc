#include "dataplane/io/frame_pool.h"

#include <fmt/format.h>

#include <algorithm>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
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

// rte_pktmbuf_pool_create() but for one thing: where addresses are virtual, buffers lie side by
// side even across pages. It would leave a gap before each page's end, nearly half of a 4 KiB page,
// and DPDK's AF_XDP driver gives the kernel a range without gaps: the kernel silently keeps every
// buffer that lies behind it, until none is left to receive into.
rte_mempool* create_pool(const char* name,
                         uint32_t frames,
                         uint32_t cache,
                         const EngineSettings& settings) {
    const bool is_virtual = rte_eal_iova_mode() == RTE_IOVA_VA || rte_eal_has_hugepages() == 0;
    rte_pktmbuf_pool_private sizes{};
    sizes.mbuf_data_room_size = frame_room_bytes(settings);
    sizes.mbuf_priv_size = static_cast<uint16_t>(kFrameTagBytes);
    const auto element_bytes =
        static_cast<unsigned>(sizeof(rte_mbuf) + sizes.mbuf_priv_size + sizes.mbuf_data_room_size);
    rte_mempool* pool = rte_mempool_create_empty(name,
                                                 frames,
                                                 element_bytes,
                                                 cache,
                                                 sizeof(sizes),
                                                 SOCKET_ID_ANY,
                                                 is_virtual ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0U);
    if (pool == nullptr) {
        return nullptr;
    }
    int code = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr);
    if (code == 0) {
        rte_pktmbuf_pool_init(pool, &sizes);
        code = rte_mempool_populate_default(pool);
    }
    if (code < 0) {
        rte_mempool_free(pool);
        rte_errno = -code;
        return nullptr;
    }
    rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
    return pool;
}

}  // namespace

Result<std::unique_ptr<FramePool>> FramePool::create(const EngineSettings& settings) {
    rte_mempool* pool =
        create_pool("frames", settings.pool_frames, cache_frames(settings), settings);
    rte_mempool* reserve =
        pool == nullptr ? nullptr : create_pool("reserve", kUrgentFrames, 0, settings);
    if (reserve == nullptr) {
        rte_mempool_free(pool);
        return failure(
            fmt::format("no memory for {} frame buffers ({}): reserve more hugepages or configure "
                        "fewer buffers",
                        settings.pool_frames,
                        rte_strerror(rte_errno)));
    }
    return std::unique_ptr<FramePool>(new FramePool(pool, reserve));
}

FramePool::~FramePool() {
    g_missing = in_use() + rte_mempool_in_use_count(reserve_);
    if (g_missing != 0) {
        kLog.debug("frame buffers not returned at the end count={}", g_missing);
    }
    rte_mempool_free(reserve_);
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
