// From a hash to numbers of a Slab. Grows by doubling; linear probing with backward-shift deletion,
// as common/flat_map.h has it. The keys lie with what they name, so that a slot is 8 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "diagnostics/flow/large_pages.h"

namespace director::diagnostics {

class IndexHash {
  public:
    static constexpr uint32_t kNone = 0xffffffff;

    IndexHash() : slots_(kSlotsMin), mask_(kSlotsMin - 1) {}

    // The number under `hash` of which `is_it(number)`, or kNone.
    template <typename IsIt>
    [[nodiscard]] uint32_t find(uint64_t hash, IsIt&& is_it) const {
        const uint32_t tag = tag_of(hash);
        for (uint32_t i = tag & mask_; slots_[i].index != kNone; i = (i + 1) & mask_) {
            if (slots_[i].tag == tag && is_it(slots_[i].index)) {
                return slots_[i].index;
            }
        }
        return kNone;
    }

    // For many at once: prefetch() all, then the likely() number of each, which is none if kNone
    // and most often the one that find() will tell.
    [[gnu::always_inline]] void prefetch(uint64_t hash) const {
        __builtin_prefetch(&slots_[tag_of(hash) & mask_]);
    }
    [[nodiscard]] uint32_t likely(uint64_t hash) const {
        return find(hash, [](uint32_t) { return true; });
    }

    void insert(uint64_t hash, uint32_t index) {
        if (2 * (size_ + 1) > slots_.size()) {
            grow();
        }
        place({tag_of(hash), index});
        ++size_;
    }

    void erase(uint64_t hash, uint32_t index) {
        uint32_t hole = tag_of(hash) & mask_;
        while (slots_[hole].index != index) {
            if (slots_[hole].index == kNone) {
                return;
            }
            hole = (hole + 1) & mask_;
        }
        for (uint32_t i = (hole + 1) & mask_; slots_[i].index != kNone; i = (i + 1) & mask_) {
            if (((i - slots_[i].tag) & mask_) >= ((i - hole) & mask_)) {
                slots_[hole] = slots_[i];
                hole = i;
            }
        }
        slots_[hole].index = kNone;
        --size_;
    }

    [[nodiscard]] size_t size() const { return size_; }

  private:
    struct Slot {
        uint32_t tag = 0;
        uint32_t index = kNone;
    };
    static constexpr uint32_t kSlotsMin = 1024;

    [[nodiscard]] static uint32_t tag_of(uint64_t hash) {
        return static_cast<uint32_t>(hash >> 32);
    }

    void place(Slot slot) {
        uint32_t i = slot.tag & mask_;
        while (slots_[i].index != kNone) {
            i = (i + 1) & mask_;
        }
        slots_[i] = slot;
    }

    void grow() {
        std::vector<Slot, LargePages<Slot>> old(slots_.size() * 2);
        old.swap(slots_);
        mask_ = static_cast<uint32_t>(slots_.size() - 1);
        for (const Slot& slot : old) {
            if (slot.index != kNone) {
                place(slot);
            }
        }
    }

    std::vector<Slot, LargePages<Slot>> slots_;
    uint32_t mask_;
    size_t size_ = 0;
};

}  // namespace director::diagnostics
