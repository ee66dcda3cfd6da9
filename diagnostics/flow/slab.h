// Many of one kind, by number: memory is taken in blocks as it is needed, and used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace director::diagnostics {

template <typename T>
class Slab {
  public:
    // A fresh T. References stay valid until it is released.
    [[nodiscard]] uint32_t acquire() {
        if (free_.empty()) {
            const auto first = static_cast<uint32_t>(blocks_.size() * kBlock);
            blocks_.push_back(std::make_unique<T[]>(kBlock));
            free_.reserve(blocks_.size() * kBlock);
            for (uint32_t i = kBlock; i > 0; --i) {
                free_.push_back(first + i - 1);
            }
        }
        const uint32_t index = free_.back();
        free_.pop_back();
        (*this)[index] = T();
        return index;
    }
    void release(uint32_t index) { free_.push_back(index); }

    [[nodiscard]] T& operator[](uint32_t index) { return blocks_[index / kBlock][index % kBlock]; }
    [[nodiscard]] const T& operator[](uint32_t index) const {
        return blocks_[index / kBlock][index % kBlock];
    }
    [[nodiscard]] size_t capacity() const { return blocks_.size() * kBlock; }

  private:
    static constexpr uint32_t kBlock = 64;

    std::vector<std::unique_ptr<T[]>> blocks_;
    std::vector<uint32_t> free_;
};

}  // namespace director::diagnostics
