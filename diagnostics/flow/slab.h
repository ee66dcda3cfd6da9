// Many of one kind, by number: memory is taken in blocks as it is needed, and used again.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

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
        std::construct_at(&(*this)[index]);
        return index;
    }
    void release(uint32_t index) { free_.push_back(index); }

    [[nodiscard]] T& operator[](uint32_t index) {
        return *reinterpret_cast<T*>(&blocks_[index / kBlock][index % kBlock]);
    }
    [[nodiscard]] const T& operator[](uint32_t index) const {
        return *reinterpret_cast<const T*>(&blocks_[index / kBlock][index % kBlock]);
    }
    // Asks for the cache lines of `bytes` from `offset` on of one that is needed soon. GCC 12
    // leaves out calls of a member function that does nothing else unless it is inlined by force;
    // so all functions that prefetch are.
    [[gnu::always_inline]] void prefetch(uint32_t index,
                                         size_t offset = 0,
                                         size_t bytes = sizeof(T)) const {
        const auto* const at = reinterpret_cast<const std::byte*>(&(*this)[index]) + offset;
#pragma GCC unroll 8
        for (size_t line = 0; line < bytes; line += 64) {
            __builtin_prefetch(at + line);
        }
    }
    [[nodiscard]] size_t capacity() const {
        return blocks_.size() * kBlock;
    }

  private:
    static constexpr uint32_t kBlock = 4096;
    static constexpr uintptr_t kPage = 4096;

    // Room for one, on cache lines of its own as far as its size allows.
    struct alignas(std::max<size_t>(alignof(T), 64)) Room {
        std::array<std::byte, sizeof(T)> bytes;
    };

    // In large pages where the system has them: flows are found in no order, and each that is found
    // costs a walk through the page tables otherwise. Few flows need none: it would be cleared
    // whole.
    void add_block() {
        blocks_.push_back(std::make_unique_for_overwrite<Room[]>(kBlock));
        if (blocks_.size() > 1) {
            const auto begin = reinterpret_cast<uintptr_t>(blocks_.back().get());
            const uintptr_t skipped = (kPage - begin % kPage) % kPage;
            static_cast<void>(
                ::madvise(reinterpret_cast<std::byte*>(blocks_.back().get()) + skipped,
                          sizeof(Room) * kBlock - skipped,
                          MADV_HUGEPAGE));
        }
    }

    std::vector<std::unique_ptr<Room[]>> blocks_;
    std::vector<uint32_t> free_;
    uint32_t used_ = 0;
};

}  // namespace director::diagnostics
