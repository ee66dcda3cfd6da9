// Numbers of a Slab in lists, each in the order of when they were last seen: what is idle, and what
// is the oldest, stands at the head. The links lie beside what they link, in one dense array.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "diagnostics/flow/large_pages.h"

namespace director::diagnostics {

template <size_t kLists>
class AgingLists {
  public:
    static constexpr uint32_t kNone = 0xffffffff;
    // A list's order is kept to so much: what comes again at once does not move each time.
    static constexpr int64_t kGrainNs = 5'000'000;

    AgingLists() { ends_.fill({kNone, kNone}); }

    void add(uint32_t index, size_t list, int64_t now_ns) {
        if (index >= links_.size()) {
            links_.resize(size_t{index} + 1);
        }
        links_[index].seen_ns = now_ns;
        append(index, list, now_ns);
    }

    // Seen at `now_ns`, and belongs to `list` from now on.
    void touch(uint32_t index, size_t list, int64_t now_ns) {
        Link& link = links_[index];
        link.seen_ns = now_ns;
        if (link.list != list || now_ns - link.placed_ns >= kGrainNs) {
            remove(index);
            append(index, list, now_ns);
        }
    }

    void remove(uint32_t index) {
        const Link& link = links_[index];
        (link.before == kNone ? ends_[link.list].head : links_[link.before].after) = link.after;
        (link.after == kNone ? ends_[link.list].tail : links_[link.after].before) = link.before;
    }

    [[gnu::always_inline]] void prefetch(uint32_t index) const {
        __builtin_prefetch(&links_[index]);
    }

    // The longest unseen of `list`, give or take kGrainNs; or kNone.
    [[nodiscard]] uint32_t oldest(size_t list) const { return ends_[list].head; }

    // The next younger of the same list, or kNone.
    [[nodiscard]] uint32_t after(uint32_t index) const { return links_[index].after; }

    [[nodiscard]] int64_t seen_ns(uint32_t index) const { return links_[index].seen_ns; }

  private:
    struct Link {
        uint32_t before = kNone;
        uint32_t after = kNone;
        int64_t seen_ns = 0;
        int64_t placed_ns = 0;
        size_t list = 0;
    };
    struct Ends {
        uint32_t head = kNone;
        uint32_t tail = kNone;
    };

    void append(uint32_t index, size_t list, int64_t placed_ns) {
        Ends& ends = ends_[list];
        Link& link = links_[index];
        link.before = ends.tail;
        link.after = kNone;
        link.placed_ns = placed_ns;
        link.list = list;
        (ends.tail == kNone ? ends.head : links_[ends.tail].after) = index;
        ends.tail = index;
    }

    std::array<Ends, kLists> ends_;
    std::vector<Link, LargePages<Link>> links_;
};

}  // namespace director::diagnostics
