// Many of one kind, by number: memory is taken in blocks as it is needed, and used again.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <type_traits>
#include <vector>

#include "common/assert.h"

namespace director::diagnostics {

template <typename T>
class Slab {
    static_assert(std::is_trivially_destructible_v<T>);

  public:
    // A fresh T. References stay valid until it is released.
    [[nodiscard]] uint32_t acquire() {
        uint32_t index = 0;
        if (!free_.empty()) {
            index = free_.back();
            free_.pop_back();
        } else {
            if (used_ == blocks_.size() * kBlock) {
                add_block();
            }
            index = used_++;
        }
        new (&(*this)[index]) T();
        return index;
    }
    void release(uint32_t index) { free_.push_back(index); }

    [[nodiscard]] T& operator[](uint32_t index) {
        return *(reinterpret_cast<T*>(blocks_[index / kBlock].get()) + index % kBlock);
    }
    [[nodiscard]] const T& operator[](uint32_t index) const {
        return *(reinterpret_cast<const T*>(blocks_[index / kBlock].get()) + index % kBlock);
    }
    // Asks for the cache lines of the first `bytes` of one that is needed soon.
    void prefetch(uint32_t index, size_t bytes = sizeof(T)) const {
        const auto* const at = reinterpret_cast<const std::byte*>(&(*this)[index]);
        for (size_t line = 0; line < bytes; line += 64) {
            __builtin_prefetch(at + line);
        }
    }
    [[nodiscard]] size_t capacity() const { return blocks_.size() * kBlock; }

  private:
    static constexpr uint32_t kBlock = 2048;
    static constexpr size_t kAlignment = size_t{1} << 21;  // of a large page

    struct Free {
        void operator()(std::byte* block) const { std::free(block); }
    };

    // In large pages where the system has them: flows are found in no order, and each that is found
    // costs a walk through the page tables otherwise.
    void add_block() {
        constexpr size_t kBytes = (sizeof(T) * kBlock + kAlignment - 1) / kAlignment * kAlignment;
        blocks_.emplace_back(static_cast<std::byte*>(std::aligned_alloc(kAlignment, kBytes)));
        DIRECTOR_ASSERT(blocks_.back() != nullptr);
        // Few flows need no large page, which would be cleared whole.
        if (blocks_.size() > 1) {
            static_cast<void>(::madvise(blocks_.back().get(), kBytes, MADV_HUGEPAGE));
        }
    }

    std::vector<std::unique_ptr<std::byte, Free>> blocks_;
    std::vector<uint32_t> free_;
    uint32_t used_ = 0;
};

}  // namespace director::diagnostics
