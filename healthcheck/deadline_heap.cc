#include "healthcheck/deadline_heap.h"

namespace director::healthcheck {

bool DeadlineHeap::is_before(const Entry& a, const Entry& b) {
    return a.deadline != b.deadline ? a.deadline < b.deadline : a.serial < b.serial;
}

void DeadlineHeap::put(size_t place, const Entry& entry) {
    heap_[place] = entry;
    places_[entry.id] = place;
}

void DeadlineHeap::move_up(size_t place) {
    const Entry entry = heap_[place];
    while (place > 0) {
        const size_t parent = (place - 1) / 2;
        if (!is_before(entry, heap_[parent])) {
            break;
        }
        put(place, heap_[parent]);
        place = parent;
    }
    put(place, entry);
}

void DeadlineHeap::move_down(size_t place) {
    const Entry entry = heap_[place];
    for (size_t child = 2 * place + 1; child < heap_.size(); child = 2 * place + 1) {
        if (child + 1 < heap_.size() && is_before(heap_[child + 1], heap_[child])) {
            ++child;
        }
        if (!is_before(heap_[child], entry)) {
            break;
        }
        put(place, heap_[child]);
        place = child;
    }
    put(place, entry);
}

void DeadlineHeap::set(uint32_t id, TimePoint deadline) {
    if (deadline == kNever) {
        clear(id);
        return;
    }
    if (id >= places_.size()) {
        places_.resize(size_t{id} + 1, kNowhere);
    }
    size_t place = places_[id];
    const Entry entry{deadline, ++serial_, id};
    if (place == kNowhere) {
        place = heap_.size();
        heap_.push_back(entry);
    }
    put(place, entry);
    move_up(place);
    move_down(places_[id]);
}

void DeadlineHeap::clear(uint32_t id) {
    if (id >= places_.size() || places_[id] == kNowhere) {
        return;
    }
    const size_t place = places_[id];
    places_[id] = kNowhere;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (place < heap_.size()) {
        put(place, last);
        move_up(place);
        move_down(places_[last.id]);
    }
}

}  // namespace director::healthcheck
