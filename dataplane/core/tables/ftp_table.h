// The FTP control connections of one worker: what the helper knows of each (ftp.h). Fixed size, no
// heap after construction. A place is held by the control connection and by each data connection
// that it has announced, and is free again when the last of them has ended.
#pragma once

#include <cstdint>

#include "dataplane/core/codecs/ftp.h"
#include "dataplane/core/tables/table_memory.h"

namespace director::dataplane {

inline constexpr uint32_t kNoFtp = 0xffffffffU;

class FtpTable {
  public:
    FtpTable(uint32_t controls_max, const TableMemory& memory) : slots_(memory, controls_max) {}

    [[nodiscard]] bool is_allocated() const { return slots_.is_allocated(); }
    [[nodiscard]] static uint64_t bytes(uint32_t controls_max) {
        return uint64_t{controls_max} * sizeof(Slot);
    }

    // A new control connection's place, held once; kNoFtp when all are taken.
    [[nodiscard]] uint32_t take() {
        uint32_t place = free_;
        if (place != kNoFtp) {
            free_ = slots_[place].next_free;
        } else if (high_water_ < slots_.size()) {
            place = high_water_++;
        } else {
            return kNoFtp;
        }
        slots_[place] = Slot{};
        slots_[place].holders = 1;
        return place;
    }
    void hold(uint32_t place) { ++slots_[place].holders; }
    void release(uint32_t place) {
        if (--slots_[place].holders == 0) {
            slots_[place].next_free = free_;
            free_ = place;
        }
    }
    // Whether more than one connection holds it.
    [[nodiscard]] bool is_shared(uint32_t place) const { return slots_[place].holders > 1; }
    [[nodiscard]] FtpControl& operator[](uint32_t place) { return slots_[place].control; }
    [[nodiscard]] const FtpControl& operator[](uint32_t place) const {
        return slots_[place].control;
    }

  private:
    struct Slot {
        FtpControl control;
        uint32_t holders = 0;
        uint32_t next_free = kNoFtp;
    };

    TableArray<Slot> slots_;
    uint32_t high_water_ = 0;
    uint32_t free_ = kNoFtp;
};

}  // namespace director::dataplane
