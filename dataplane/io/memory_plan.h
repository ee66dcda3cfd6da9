// How much memory the engine needs and which kind it takes: hugepages that the administrator
// reserved when they suffice, plain pages otherwise.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/io/engine.h"

namespace director::dataplane::io {

// Bytes of one frame buffer's data area for the largest MTU among the ports, headroom included.
[[nodiscard]] uint16_t frame_room_bytes(const EngineSettings& settings);

// Where all big tables live, the workers' own and those that they share: in EAL's memory, which is
// hugepages if there are enough.
[[nodiscard]] TableMemory engine_table_memory();

// Bytes of what all workers share: persistence templates, limits and the load board.
[[nodiscard]] uint64_t shared_table_bytes(const EngineSettings& settings);

// Bytes of DPDK memory for pool, tables and rings, by the kind of pages they live in.
struct MemoryNeed {
    uint64_t hugepage_bytes = 0;
    uint64_t plain_bytes = 0;  // more: buffers do not straddle 4 KiB pages, and room for two FIBs
};

[[nodiscard]] MemoryNeed memory_need(const EngineSettings& settings);

// Free, unpromised hugepages in bytes, by size.
struct FreeHugepages {
    uint64_t of_2_mib = 0;
    uint64_t of_1_gib = 0;
};

[[nodiscard]] FreeHugepages free_hugepages();

// EAL arguments that choose the memory.
[[nodiscard]] std::vector<std::string> memory_arguments(const MemoryNeed& need,
                                                        const FreeHugepages& free);

}  // namespace director::dataplane::io
