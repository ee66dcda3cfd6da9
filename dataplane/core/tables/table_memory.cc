#include "dataplane/core/tables/table_memory.h"

#include <cstdlib>
#include <cstring>

namespace director::dataplane {
namespace {

constexpr size_t kCacheLine = 64;

void* allocate_plain(size_t bytes) {
    // aligned_alloc wants a multiple of the alignment.
    const size_t rounded = (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
    void* const memory = std::aligned_alloc(kCacheLine, rounded);
    if (memory != nullptr) {
        std::memset(memory, 0, rounded);
    }
    return memory;
}

void release_plain(void* memory, size_t /*bytes*/) {
    std::free(memory);
}

}  // namespace

TableMemory plain_table_memory() {
    return TableMemory{allocate_plain, release_plain};
}

}  // namespace director::dataplane
