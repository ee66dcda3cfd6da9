// A hash map of fixed capacity in one block of memory: what a worker uses for small tables (virtual
// services, neighbours) because it may not touch the heap. One thread at a time.
//
// Linear probing with backward-shift deletion, so there are no tombstones and a lookup never gets
// slower with age. Key and Value are plain data; Key has operator==.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "common/assert.h"

namespace director {

template <typename Key, typename Value, typename Hash>
class FlatMap {
    static_assert(std::is_trivially_copyable_v<Key> && std::is_trivially_copyable_v<Value>);

  public:
    // Room for `capacity` keys; the memory (about 2x) is taken here and never again.
    FlatMap(size_t capacity, Hash hash)
        : capacity_(capacity),
          hash_(hash),
          slots_(std::bit_ceil(2 * capacity + 1)),
          mask_(slots_.size() - 1) {}

    [[nodiscard]] size_t size() const { return size_; }
    [[nodiscard]] size_t capacity() const { return capacity_; }

    // The value stored under `key`, or nullptr. The pointer lives until the next insert or erase.
    [[nodiscard]] Value* find(const Key& key) {
        for (size_t i = home(key); slots_[i].used; i = next(i)) {
            if (slots_[i].key == key) {
                return &slots_[i].value;
            }
        }
        return nullptr;
    }
    [[nodiscard]] const Value* find(const Key& key) const {
        return const_cast<FlatMap*>(this)->find(key);
    }

    // For many lookups at once, in two rounds: prefetch() them all, then value_or(), both with
    // the key's hash(). value_or() has no branch that depends on whether the key is there, as
    // long as the first slot decides.
    [[nodiscard]] size_t hash(const Key& key) const { return hash_(key); }
    void prefetch(size_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }
    [[nodiscard]] Value value_or(const Key& key, size_t hash, Value fallback) const {
        const Slot& first = slots_[hash & mask_];
        const bool is_first = first.used & (first.key == key);
        if (first.used != is_first) {
            const Value* const value = find(key);
            return value != nullptr ? *value : fallback;
        }
        // An index, because of a conditional expression the compiler makes a branch.
        const std::array<Value, 2> choices{fallback, first.value};
        return choices[static_cast<size_t>(is_first)];
    }

    // Inserts, or replaces the value of a key that is there. False when the map is full.
    [[nodiscard]] bool put(const Key& key, const Value& value) {
        if (Value* const existing = find(key)) {
            *existing = value;
            return true;
        }
        if (size_ == capacity_) {
            return false;
        }
        size_t i = home(key);
        while (slots_[i].used) {
            i = next(i);
        }
        slots_[i] = Slot{key, value, true};
        ++size_;
        return true;
    }

    // False when the key was not there.
    bool erase(const Key& key) {
        size_t hole = home(key);
        while (slots_[hole].used && !(slots_[hole].key == key)) {
            hole = next(hole);
        }
        if (!slots_[hole].used) {
            return false;
        }
        for (size_t i = next(hole); slots_[i].used; i = next(i)) {
            if (reaches_over(home(slots_[i].key), hole, i)) {
                slots_[hole] = slots_[i];
                hole = i;
            }
        }
        slots_[hole].used = false;
        --size_;
        return true;
    }

  private:
    struct Slot {
        Key key{};
        Value value{};
        bool used = false;
    };

    [[nodiscard]] size_t home(const Key& key) const { return hash_(key) & mask_; }
    [[nodiscard]] size_t next(size_t i) const { return (i + 1) & mask_; }

    // Whether a key at `at` whose probing starts at `start` passes `hole` on its way.
    [[nodiscard]] bool reaches_over(size_t start, size_t hole, size_t at) const {
        return ((at - start) & mask_) >= ((at - hole) & mask_);
    }

    size_t capacity_;
    size_t size_ = 0;
    Hash hash_;
    std::vector<Slot> slots_;
    size_t mask_;
};

}  // namespace director
