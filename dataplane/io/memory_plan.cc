#include "dataplane/io/memory_plan.h"

#include <algorithm>
#include <fstream>

#include <rte_ether.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "dataplane/core/tables/limits.h"
#include "dataplane/core/tables/load_board.h"
#include "dataplane/core/tables/persistence.h"
#include "dataplane/io/frame.h"
#include "dataplane/io/linux_interface.h"

namespace director::dataplane::io {
namespace {

constexpr uint64_t kMib = uint64_t{1} << 20;
constexpr uint64_t kSmallPage = 4096;
// EAL's own, PMD queues, mempool bookkeeping; measured at 6 to 14 MiB for one to four ports.
constexpr uint64_t kSlackBytes = 24 * kMib;
// A FIB with 2-byte entries takes 32 MiB, and old and new exist together while one replaces the
// other (see fib.cc). Plain memory is only touched when used, so the room costs nothing there.
constexpr uint64_t kFibBytes = 80 * kMib;
// Two VLAN tags and the FCS that some NICs leave at the end.
constexpr uint32_t kFrameOverhead = RTE_ETHER_HDR_LEN + 8 + RTE_ETHER_CRC_LEN;

uint64_t read_number(const std::string& path) {
    std::ifstream file(path);
    uint64_t value = 0;
    file >> value;
    return file ? value : 0;
}

uint64_t free_bytes_of(uint64_t page_kib) {
    const std::string folder =
        "/sys/kernel/mm/hugepages/hugepages-" + std::to_string(page_kib) + "kB/";
    const uint64_t free_pages = read_number(folder + "free_hugepages");
    const uint64_t promised = read_number(folder + "resv_hugepages");
    return (free_pages - std::min(free_pages, promised)) * page_kib * 1024;
}

uint64_t ring_bytes(const EngineSettings& settings) {
    const uint64_t workers = settings.worker_cpus.size();
    const uint64_t per_slot = sizeof(Command) + sizeof(Event) + 2 * sizeof(void*);
    const uint64_t mesh_slots = workers * (workers - 1) * 4 * sizeof(void*);
    // A ring's slots are rounded up to a power of two.
    return 2 * uint64_t{settings.ring_entries} * (workers * per_slot + mesh_slots);
}

// Of all workers: their rings, and what each keeps of a burst's packets.
uint64_t mirror_bytes(const EngineSettings& settings) {
    if (settings.mirror_slots == 0) {
        return 0;
    }
    const uint64_t ring = 2 * uint64_t{settings.mirror_slots} * sizeof(MirrorSlot);
    return settings.worker_cpus.size() * (ring + uint64_t{kBurstMax} * kMirroredBytesMax);
}

}  // namespace

uint16_t frame_room_bytes(const EngineSettings& settings) {
    uint32_t payload = RTE_MBUF_DEFAULT_DATAROOM;
    for (const PortSettings& port : settings.ports) {
        payload = std::max(
            {payload, port.mtu_bytes + kFrameOverhead, packet_socket_frame_bytes(port.device)});
    }
    const uint32_t rounded = (payload + 63) / 64 * 64 + RTE_PKTMBUF_HEADROOM;
    return static_cast<uint16_t>(std::min<uint32_t>(rounded, UINT16_MAX));
}

// rte_zmalloc takes the calling lcore's NUMA node first, and any other when that has none left.
TableMemory engine_table_memory() {
    return TableMemory{
        .allocate = [](size_t bytes) { return rte_zmalloc(nullptr, bytes, RTE_CACHE_LINE_SIZE); },
        .release = [](void* memory, size_t) { rte_free(memory); }};
}

uint64_t shared_table_bytes(const EngineSettings& settings) {
    const uint32_t real_servers = settings.worker.real_servers_max;
    const auto workers = static_cast<uint16_t>(settings.worker_cpus.size());
    return TemplateTable::bytes(settings.templates_max) +
           ConnectionLimits::bytes(settings.worker.services_max, settings.templates_max) +
           (workers > 1 ? LoadBoard::bytes(real_servers, workers) : 0);
}

MemoryNeed memory_need(const EngineSettings& settings) {
    uint64_t common = kSlackBytes + ring_bytes(settings) + mirror_bytes(settings);
    for (size_t i = 0; i < settings.worker_cpus.size(); ++i) {
        // A whole page of slack a worker: tables are a few large blocks.
        common += Worker::table_bytes(settings.worker) + 2 * kMib;
    }
    common += shared_table_bytes(settings) + 2 * kMib;
    const uint64_t frame = sizeof(rte_mempool_objhdr) + sizeof(rte_mbuf) + kFrameTagBytes +
                           frame_room_bytes(settings) + uint64_t{2} * RTE_CACHE_LINE_SIZE;
    const uint64_t frames = settings.pool_frames;
    const uint64_t plain_frame = frame > kSmallPage / 2
                                     ? (frame + kSmallPage - 1) / kSmallPage * kSmallPage
                                     : kSmallPage / 2;
    return MemoryNeed{.hugepage_bytes = common + frames * frame,
                      .plain_bytes = common + kFibBytes + frames * plain_frame};
}

FreeHugepages free_hugepages() {
    return {.of_2_mib = free_bytes_of(2048), .of_1_gib = free_bytes_of(1048576)};
}

std::vector<std::string> memory_arguments(const MemoryNeed& need, const FreeHugepages& free) {
    if (free.of_2_mib >= need.hugepage_bytes || free.of_1_gib >= need.hugepage_bytes) {
        // Needs no mount, leaves no files behind, any number of processes at once.
        return {"--in-memory"};
    }
    const uint64_t mebibytes = (need.plain_bytes + kMib - 1) / kMib;
    return {"--no-huge", "--no-shconf", "-m", std::to_string(mebibytes)};
}

}  // namespace director::dataplane::io
