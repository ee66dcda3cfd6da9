#include "dataplane/core/tables/timer_lists.h"

#include <algorithm>

#include "common/assert.h"

namespace director::dataplane {

TimerLists::TimerLists(uint32_t entries_max, const TableMemory& memory)
    : entries_(entries_max), links_(memory, size_t{entries_max} + kSlots + 1) {
    if (links_.is_allocated()) {
        for (uint32_t list = entries_; list <= half_open_list(); ++list) {
            links_[list] = {list, list};
        }
    }
}

uint64_t TimerLists::bytes(uint32_t entries_max) {
    return (uint64_t{entries_max} + kSlots + 1) * sizeof(Link);
}

void TimerLists::push_back(uint32_t list, uint32_t entry) {
    const uint32_t last = links_[list].previous;
    links_[entry] = {list, last};
    links_[last].next = entry;
    links_[list].previous = entry;
}

// The wheel begins where time is when it is first used.
void TimerLists::start_at(uint32_t tick) {
    if (!is_started_) {
        now_ = tick;
        is_started_ = true;
    }
}

void TimerLists::arm(uint32_t entry, uint32_t deadline, uint32_t tick) {
    start_at(tick);
    // Signed distance: the deadline may lie behind the wheel when it was late.
    const int32_t ahead = static_cast<int32_t>(deadline - now_);
    const int32_t reach = std::clamp(ahead, 1, static_cast<int32_t>(kSlots) - 1);
    push_back(slot_list(now_ + static_cast<uint32_t>(reach)), entry);
}

void TimerLists::arm_half_open(uint32_t entry) {
    push_back(half_open_list(), entry);
}

void TimerLists::disarm(uint32_t entry) {
    const Link link = links_[entry];
    links_[link.previous].next = link.next;
    links_[link.next].previous = link.previous;
}

uint32_t TimerLists::oldest_half_open() const {
    const uint32_t first = links_[half_open_list()].next;
    return first == half_open_list() ? kNone : first;
}

uint32_t TimerLists::next_due(uint32_t tick, uint32_t& steps) {
    start_at(tick);
    while (true) {
        const uint32_t list = slot_list(now_);
        const uint32_t first = links_[list].next;
        if (first != list) {
            return first;
        }
        if (now_ == tick || steps == 0) {
            return kNone;
        }
        ++now_;
        --steps;
    }
}

}  // namespace director::dataplane
