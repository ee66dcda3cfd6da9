// Many of one kind, by number: memory is taken in blocks as it is needed, and used again.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "diagnostics/flow/large_pages.h"

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
            if (used_ == capacity()) {
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
    // Room for one, on cache lines of its own as far as its size allows.
    struct alignas(std::max<size_t>(alignof(T), 64)) Room {
        std::array<std::byte, sizeof(T)> bytes;
    };
    // So many as a large page holds; a power of two.
    static constexpr uint32_t kBlock =
        std::bit_floor(static_cast<uint32_t>(kLargePage / sizeof(Room)));

    struct Release {
        void operator()(Room* block) const { LargePages<Room>().deallocate(block, kBlock); }
    };

    void add_block() {
        blocks_.emplace_back(LargePages<Room>().allocate(kBlock));
    }

    std::vector<std::unique_ptr<Room[], Release>> blocks_;
    std::vector<uint32_t> free_;
    uint32_t used_ = 0;
};

}  // namespace director::diagnostics
