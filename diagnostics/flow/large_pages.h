// Memory for what is large and found in no order, in large pages where the system has them: each
// access costs a walk through the page tables otherwise. What is small gets ordinary memory: a
// large page would be cleared whole.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <memory>

namespace director::diagnostics {

inline constexpr size_t kLargePage = size_t{2} << 20;

// An allocator for std::vector.
template <typename T>
struct LargePages {
    using value_type = T;

    LargePages() = default;
    template <typename U>
    // NOLINTNEXTLINE(google-explicit-constructor): what an allocator has to have
    LargePages(const LargePages<U>& /*other*/) {}

    [[nodiscard]] T* allocate(size_t count) {
        const size_t bytes = count * sizeof(T);
        void* const memory = ::operator new(bytes, alignment(bytes));
        if (bytes >= kLargePage) {
            // Refused where there are none, which costs time alone.
            static_cast<void>(::madvise(memory, bytes / kLargePage * kLargePage, MADV_HUGEPAGE));
        }
        return static_cast<T*>(memory);
    }
    void deallocate(T* memory, size_t count) noexcept {
        ::operator delete(memory, alignment(count * sizeof(T)));
    }
    friend bool operator==(const LargePages& /*a*/, const LargePages& /*b*/) { return true; }

  private:
    [[nodiscard]] static std::align_val_t alignment(size_t bytes) {
        return std::align_val_t{bytes >= kLargePage ? kLargePage : size_t{64}};
    }
};

}  // namespace director::diagnostics
