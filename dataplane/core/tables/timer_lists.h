// When connections end: a timing wheel for most, and a queue for half-open ones.
//
// Deadlines live in the connections; here are only lists of entry numbers, doubly linked through an
// array of their own so that the packet path never touches it. A timer is moved when it fires or
// when a connection's deadline gets nearer, not when a packet merely extends it.
//
// Half-open connections all have the same timeout, so a queue in order of their last packet is
// sorted by deadline: its head is both the next to expire and the oldest, which makes room in a
// full table.
#pragma once

#include <cstdint>

#include "common/time.h"
#include "dataplane/core/tables/table_memory.h"

namespace director::dataplane {

// Time in ticks of 2^27 ns (134 ms): fine enough for timeouts in seconds, and a shift to compute.
inline constexpr int kTickShift = 27;

[[nodiscard]] constexpr uint32_t to_tick(TimePoint now) {
    return static_cast<uint32_t>(static_cast<uint64_t>(now.time_since_epoch().count()) >>
                                 kTickShift);
}

// Ticks that `seconds` last, rounded up.
[[nodiscard]] constexpr uint32_t to_ticks(uint32_t seconds) {
    const uint64_t nanoseconds = uint64_t{seconds} * 1000000000U;
    return static_cast<uint32_t>((nanoseconds + (1ULL << kTickShift) - 1) >> kTickShift);
}

// Whole seconds that `ticks` last, rounded up.
[[nodiscard]] constexpr uint32_t to_seconds(uint32_t ticks) {
    return static_cast<uint32_t>(((uint64_t{ticks} << kTickShift) + 999999999U) / 1000000000U);
}

class TimerLists {
  public:
    // Slots of the wheel: 8192 x 134 ms reach beyond the longest default timeout (900 s). A
    // deadline further away is looked at again when its slot comes round.
    static constexpr uint32_t kSlots = 8192;
    static constexpr uint32_t kNone = 0xffffffffU;

    TimerLists(uint32_t entries_max, const TableMemory& memory);

    [[nodiscard]] bool is_allocated() const { return links_.is_allocated(); }
    [[nodiscard]] static uint64_t bytes(uint32_t entries_max);

    // Puts an entry, which must not be armed, where it will be looked at by `deadline`; `tick` is
    // now.
    void arm(uint32_t entry, uint32_t deadline, uint32_t tick);
    // Puts an entry, which must not be armed, at the end of the half-open queue.
    void arm_half_open(uint32_t entry);
    // Takes an entry off its list.
    void disarm(uint32_t entry);

    // The half-open entry whose last packet is longest ago, or kNone.
    [[nodiscard]] uint32_t oldest_half_open() const;

    // The next entry that the wheel wants looked at, moving it up to `tick` but over no more than
    // `steps` empty slots (which it counts down); kNone when there is none by then. The entry stays
    // armed: disarm() it, or it comes again.
    [[nodiscard]] uint32_t next_due(uint32_t tick, uint32_t& steps);

  private:
    struct Link {
        uint32_t next;
        uint32_t previous;
    };

    [[nodiscard]] uint32_t slot_list(uint32_t tick) const {
        return entries_ + (tick & (kSlots - 1));
    }
    [[nodiscard]] uint32_t half_open_list() const { return entries_ + kSlots; }
    void push_back(uint32_t list, uint32_t entry);
    void start_at(uint32_t tick);

    uint32_t entries_;
    uint32_t now_ = 0;  // the slot that the wheel stands at
    bool is_started_ = false;
    TableArray<Link> links_;  // one per entry, then one sentinel per list
};

}  // namespace director::dataplane
