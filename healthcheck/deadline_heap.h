// At most one deadline for each of many numbered things, the earliest first. An indexed binary
// heap: set and clear cost O(log n), and nothing is left behind of a deadline that moved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/time.h"

namespace director::healthcheck {

inline constexpr TimePoint kNever = TimePoint::max();

class DeadlineHeap {
  public:
    // `id` should be small: there is a place for each up to the largest. kNever clears.
    void set(uint32_t id, TimePoint deadline);
    void clear(uint32_t id);
    // Of the earliest; kNever if there is none.
    [[nodiscard]] TimePoint earliest() const {
        return heap_.empty() ? kNever : heap_.front().deadline;
    }
    // The id with the earliest deadline, of equal ones that which was set first. Precondition:
    // there is one.
    [[nodiscard]] uint32_t earliest_id() const { return heap_.front().id; }

  private:
    static constexpr size_t kNowhere = SIZE_MAX;
    struct Entry {
        TimePoint deadline;
        uint64_t serial = 0;
        uint32_t id = 0;
    };

    [[nodiscard]] static bool is_before(const Entry& a, const Entry& b);
    void put(size_t place, const Entry& entry);
    void move_up(size_t place);
    void move_down(size_t place);

    std::vector<Entry> heap_;
    std::vector<size_t> places_;  // by id
    uint64_t serial_ = 0;
};

}  // namespace director::healthcheck
