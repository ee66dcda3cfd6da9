// Where a worker's big tables live. The I/O layer hands out hugepages of the worker's NUMA node;
// tests and tools take plain memory. Asked once per table when a worker is made, never afterwards.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace director::dataplane {

struct TableMemory {
    // Returns `bytes` of zeroed memory aligned to a cache line, or nullptr when there is not
    // enough.
    void* (*allocate)(size_t bytes);
    void (*release)(void* memory, size_t bytes);
};

// Plain zeroed memory of the process.
[[nodiscard]] TableMemory plain_table_memory();

// An array of T in TableMemory. Elements start as all-zero bytes; T is plain data.
template <typename T>
class TableArray {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  public:
    TableArray(const TableMemory& memory, size_t count)
        : memory_(memory),
          data_(static_cast<T*>(memory.allocate(count * sizeof(T)))),
          count_(count) {}
    TableArray(const TableArray&) = delete;
    TableArray& operator=(const TableArray&) = delete;
    ~TableArray() {
        if (data_ != nullptr) {
            memory_.release(data_, count_ * sizeof(T));
        }
    }

    [[nodiscard]] bool is_allocated() const { return data_ != nullptr; }
    [[nodiscard]] size_t size() const { return count_; }
    [[nodiscard]] T& operator[](size_t i) { return data_[i]; }
    [[nodiscard]] const T& operator[](size_t i) const { return data_[i]; }
    [[nodiscard]] T* data() { return data_; }

  private:
    TableMemory memory_;
    T* data_;
    size_t count_;
};

}  // namespace director::dataplane
