// What the matcher joins packets with: keys made of several values, and an index from a key to one
// number. Keys are 64 bits of a good hash and are taken for what they were made of: among a hundred
// million packets two different ones meet in one key with a probability of 1 in 3,000.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "common/address.h"
#include "common/hash.h"

namespace director::diagnostics::matching {

class Key {
  public:
    explicit Key(uint64_t kind) : value_(keyed_hash({}, kind)) {}

    Key& add(uint64_t value) {
        value_ = keyed_hash({}, value_ ^ value) + value;
        return *this;
    }
    Key& add(const IpAddress& address) {
        const auto words = std::bit_cast<std::array<uint64_t, 2>>(address.bytes);
        return add(words[0]).add(words[1]);
    }
    Key& add(const Endpoint& endpoint) { return add(endpoint.address).add(endpoint.port.host()); }
    Key& add(std::span<const uint8_t> bytes) {
        size_t i = 0;
        for (; i + 8 <= bytes.size(); i += 8) {
            uint64_t word = 0;
            std::memcpy(&word, bytes.data() + i, 8);
            add(word);
        }
        uint64_t rest = bytes.size() - i;
        for (; i < bytes.size(); ++i) {
            rest = rest << 8 | bytes[i];
        }
        return add(rest);
    }
    // Never 0, which stands for "no key".
    [[nodiscard]] uint64_t value() const { return value_ == 0 ? 1 : value_; }

  private:
    uint64_t value_;
};

// Key -> number, open addressing, grows by doubling.
class HashIndex {
  public:
    static constexpr uint32_t kNone = 0xffffffff;

    explicit HashIndex(size_t expected = 0)
        : slots_(std::bit_ceil(expected + expected / 2 + 16)), mask_(slots_.size() - 1) {}

    // The number kept for `key`; kNone at first, to be set by the caller.
    [[nodiscard]] uint32_t& at(uint64_t key) {
        if (used_ * 10 >= slots_.size() * 7) {
            grow();
        }
        Slot& slot = find(key);
        if (slot.key == 0) {
            slot.key = key;
            ++used_;
        }
        return slot.number;
    }
    [[nodiscard]] uint32_t get(uint64_t key) const {
        size_t i = key & mask_;
        while (slots_[i].key != 0) {
            if (slots_[i].key == key) {
                return slots_[i].number;
            }
            i = (i + 1) & mask_;
        }
        return kNone;
    }

  private:
    struct Slot {
        uint64_t key = 0;
        uint32_t number = kNone;
    };

    Slot& find(uint64_t key) {
        size_t i = key & mask_;
        while (slots_[i].key != 0 && slots_[i].key != key) {
            i = (i + 1) & mask_;
        }
        return slots_[i];
    }
    void grow() {
        std::vector<Slot> old(slots_.size() * 2);
        old.swap(slots_);
        mask_ = slots_.size() - 1;
        for (const Slot& slot : old) {
            if (slot.key != 0) {
                find(slot.key) = slot;
            }
        }
    }

    std::vector<Slot> slots_;
    size_t mask_;
    size_t used_ = 0;
};

}  // namespace director::diagnostics::matching
