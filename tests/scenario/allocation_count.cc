#include "tests/scenario/allocation_count.h"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

uint64_t count = 0;

void* allocate(size_t bytes, size_t alignment) {
    ++count;
    const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void* const memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

}  // namespace

void* operator new(size_t bytes) {
    return allocate(bytes, alignof(std::max_align_t));
}
// A sanitizer brings forms of its own for whatever is not replaced here, and objects to memory that
// comes from one and goes to the other.
void* operator new(size_t bytes, const std::nothrow_t& /*tag*/) noexcept {
    return allocate(bytes, alignof(std::max_align_t));
}
void* operator new(size_t bytes, std::align_val_t alignment) {
    return allocate(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, size_t /*bytes*/) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
    std::free(memory);
}
void operator delete(void* memory, size_t /*bytes*/, std::align_val_t /*alignment*/) noexcept {
    std::free(memory);
}

namespace director::test {

uint64_t allocation_count() {
    return count;
}

}  // namespace director::test
