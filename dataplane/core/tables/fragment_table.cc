#include "dataplane/core/tables/fragment_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/assert.h"

namespace director::dataplane {
namespace {

[[nodiscard]] FragmentResult dropped(FragmentFault fault) {
    FragmentResult result;
    result.fault = fault;
    return result;
}

}  // namespace

namespace {

[[nodiscard]] uint32_t bucket_count(const FragmentTableSettings& settings) {
    return std::bit_ceil(settings.datagrams_max * 2);
}

}  // namespace

uint64_t FragmentTable::bytes(const FragmentTableSettings& settings) {
    return bucket_count(settings) * sizeof(uint16_t) +
           uint64_t{settings.datagrams_max} * sizeof(Datagram) +
           uint64_t{settings.held_max} * sizeof(Hold);
}

FragmentTable::FragmentTable(const FragmentTableSettings& settings, const TableMemory& memory)
    : settings_(settings),
      bucket_mask_(bucket_count(settings) - 1),
      buckets_(memory, bucket_mask_ + size_t{1}),
      entries_(memory, settings.datagrams_max),
      holds_(memory, settings.held_max) {
    DIRECTOR_ASSERT(settings.datagrams_max > 0 && settings.datagrams_max < kNone);
    DIRECTOR_ASSERT(settings.held_max > 0 && settings.held_max < kNone);
    if (!is_allocated()) {
        return;
    }
    std::fill_n(buckets_.data(), buckets_.size(), kNone);
    for (uint32_t i = settings.datagrams_max; i-- > 0;) {
        entries_[i].next_in_bucket = free_datagram_;
        free_datagram_ = static_cast<uint16_t>(i);
    }
    for (uint32_t i = 0; i < settings.held_max; ++i) {
        push(free_slots_, static_cast<uint16_t>(i));
    }
}

bool FragmentTable::is_allocated() const {
    return buckets_.is_allocated() && entries_.is_allocated() && holds_.is_allocated();
}

FragmentResult FragmentTable::add(const Fragment& fragment, TimePoint now) {
    if (fragment.fault != FragmentFault::kNone) {
        return dropped(fragment.fault);
    }
    const uint32_t bucket = bucket_of(fragment);
    uint16_t number = find(fragment, bucket);
    if (number != kNone && now - entries_[number].created >= settings_.datagram_timeout) {
        forget(number, FragmentFault::kHeldTooLong);
        number = kNone;
    }
    if (number == kNone) {
        number = create(fragment, bucket, now);
    }
    Datagram& datagram = entries_[number];
    if (datagram.is_refused) {
        return dropped(FragmentFault::kRefused);
    }
    if (const FragmentFault fault = check_end(datagram, fragment); fault != FragmentFault::kNone) {
        return refuse(datagram, fault);
    }
    if (const FragmentFault fault = add_range(datagram, fragment); fault != FragmentFault::kNone) {
        return fault == FragmentFault::kDuplicate ? dropped(fault) : refuse(datagram, fault);
    }
    const bool was_ready = datagram.is_ready;
    learn(datagram, fragment);
    if (!was_ready && !(datagram.is_ready && fragment.is_first())) {
        FragmentResult result = hold(number, fragment, now);
        if (datagram.is_ready && result.verdict == FragmentVerdict::kHold) {
            // Its own turn comes after the first fragment's.
            const uint16_t slot = result.slot;
            release(datagram);
            result = pass(number);
            result.verdict = FragmentVerdict::kHold;
            result.slot = slot;
        }
        return result;
    }
    release(datagram);
    return pass(number);
}

std::optional<ReleasedHold> FragmentTable::take_released() {
    const std::optional<uint16_t> slot = pop(released_);
    return slot.has_value() ? std::optional<ReleasedHold>({*slot, holds_[*slot].is_first})
                            : std::nullopt;
}

std::optional<DroppedHold> FragmentTable::take_dropped() {
    const std::optional<uint16_t> slot = pop(dropped_);
    return slot.has_value() ? std::optional<DroppedHold>(DroppedHold{*slot, holds_[*slot].fault})
                            : std::nullopt;
}

void FragmentTable::expire(TimePoint now, uint32_t steps) {
    for (; steps > 0; --steps) {
        if (oldest_hold_ != kNone && now - holds_[oldest_hold_].since >= settings_.held_timeout) {
            // Without these bytes the rest of the datagram is of no use either.
            forget(holds_[oldest_hold_].datagram, FragmentFault::kHeldTooLong);
        } else if (oldest_ != kNone &&
                   now - entries_[oldest_].created >= settings_.datagram_timeout) {
            forget(oldest_, FragmentFault::kHeldTooLong);
        } else {
            return;
        }
    }
}

uint32_t FragmentTable::bucket_of(const Fragment& fragment) const {
    // Keyed, and over the whole key: who sends fragments must not choose buckets.
    std::array<uint64_t, 4> words{};
    std::memcpy(words.data(), fragment.source.bytes.data(), 16);
    std::memcpy(words.data() + 2, fragment.destination.bytes.data(), 16);
    uint64_t hash = fragment.id;
    for (const uint64_t word : words) {
        hash = keyed_hash(settings_.key, hash ^ word);
    }
    return static_cast<uint32_t>(hash) & bucket_mask_;
}

uint16_t FragmentTable::find(const Fragment& fragment, uint32_t bucket) const {
    // IPv6's fragments may differ in what they name as next header (RFC 8200 section 4.5).
    const uint8_t protocol = fragment.source.is_ipv4() ? fragment.protocol : uint8_t{0};
    uint16_t number = buckets_[bucket];
    while (number != kNone) {
        const Datagram& datagram = entries_[number];
        if (datagram.id == fragment.id && datagram.protocol == protocol &&
            datagram.source == fragment.source && datagram.destination == fragment.destination) {
            break;
        }
        number = datagram.next_in_bucket;
    }
    return number;
}

uint16_t FragmentTable::create(const Fragment& fragment, uint32_t bucket, TimePoint now) {
    if (free_datagram_ == kNone) {
        // The oldest: whole datagrams come within milliseconds, so what is old is broken or
        // hostile.
        forget(oldest_, FragmentFault::kTableFull);
    }
    const uint16_t number = free_datagram_;
    Datagram& datagram = entries_[number];
    free_datagram_ = datagram.next_in_bucket;
    datagram = Datagram{};
    datagram.source = fragment.source;
    datagram.destination = fragment.destination;
    datagram.id = fragment.id;
    datagram.protocol = fragment.source.is_ipv4() ? fragment.protocol : uint8_t{0};
    datagram.bucket = bucket;
    datagram.next_in_bucket = buckets_[bucket];
    buckets_[bucket] = number;
    datagram.held_first = datagram.held_last = kNone;
    datagram.created = now;
    datagram.older = newest_;
    datagram.newer = kNone;
    (newest_ == kNone ? oldest_ : entries_[newest_].newer) = number;
    newest_ = number;
    ++datagrams_;
    return number;
}

void FragmentTable::forget(uint16_t number, FragmentFault fault) {
    Datagram& datagram = entries_[number];
    drop_held(datagram, fault);
    uint16_t* link = &buckets_[datagram.bucket];
    while (*link != number) {
        link = &entries_[*link].next_in_bucket;
    }
    *link = datagram.next_in_bucket;
    (datagram.older == kNone ? oldest_ : entries_[datagram.older].newer) = datagram.newer;
    (datagram.newer == kNone ? newest_ : entries_[datagram.newer].older) = datagram.older;
    datagram.next_in_bucket = free_datagram_;
    free_datagram_ = number;
    --datagrams_;
}

FragmentResult FragmentTable::refuse(Datagram& datagram, FragmentFault fault) {
    datagram.is_refused = true;
    drop_held(datagram, fault);
    return dropped(fault);
}

// RFC 9260 section 6.8: SCTP's checksum counts the ports, so it is changed with them.
void FragmentTable::learn(Datagram& datagram, const Fragment& fragment) const {
    if (fragment.is_last) {
        datagram.end_bytes = static_cast<uint16_t>(fragment.end_bytes());
    }
    if (fragment.is_first()) {
        datagram.has_first = true;
        datagram.first_bytes = fragment.data_bytes;
        datagram.first_protocol = fragment.protocol;
        datagram.source_port = fragment.source_port;
        datagram.destination_port = fragment.destination_port;
    }
    const bool needs_end = datagram.first_protocol == static_cast<uint8_t>(Protocol::kSctp);
    datagram.is_ready = datagram.has_first && (!needs_end || datagram.end_bytes != 0);
}

void FragmentTable::release(Datagram& datagram) {
    while (datagram.held_first != kNone) {
        const uint16_t slot = datagram.held_first;
        datagram.held_first = holds_[slot].next;
        unlink_age(slot);
        push(released_, slot);
    }
    datagram.held_count = 0;
}

FragmentResult FragmentTable::pass(uint16_t number) {
    const Datagram& datagram = entries_[number];
    FragmentResult result;
    result.verdict = FragmentVerdict::kPass;
    result.protocol = datagram.first_protocol;
    result.source_port = datagram.source_port;
    result.destination_port = datagram.destination_port;
    if (datagram.end_bytes != 0) {
        result.following_bytes = static_cast<uint16_t>(datagram.end_bytes - datagram.first_bytes);
    }
    const Range& range = datagram.ranges[0];
    if (datagram.end_bytes != 0 && range.begin == 0 && range.end == datagram.end_bytes) {
        forget(number, FragmentFault::kNone);  // all bytes have passed
    }
    return result;
}

FragmentResult FragmentTable::hold(uint16_t number, const Fragment& fragment, TimePoint now) {
    Datagram& datagram = entries_[number];
    if (datagram.held_count >= settings_.held_per_datagram_max) {
        return refuse(datagram, FragmentFault::kTooManyHeld);
    }
    const uint16_t slot = free_slots_.first;
    if (slot == kNone) {
        return refuse(datagram, FragmentFault::kHoldFull);
    }
    static_cast<void>(pop(free_slots_));
    Hold& hold = holds_[slot];
    hold.datagram = number;
    hold.since = now;
    hold.is_first = fragment.is_first();
    append_held(datagram, slot);
    hold.older = newest_hold_;
    hold.newer = kNone;
    (newest_hold_ == kNone ? oldest_hold_ : holds_[newest_hold_].newer) = slot;
    newest_hold_ = slot;
    ++held_;
    FragmentResult result;
    result.verdict = FragmentVerdict::kHold;
    result.slot = slot;
    return result;
}

void FragmentTable::append_held(Datagram& datagram, uint16_t slot) {
    const bool is_alone = datagram.held_first == kNone;
    if (holds_[slot].is_first || is_alone) {
        holds_[slot].next = datagram.held_first;
        datagram.held_first = slot;
    } else {
        holds_[slot].next = kNone;
        holds_[datagram.held_last].next = slot;
    }
    if (!holds_[slot].is_first || is_alone) {
        datagram.held_last = slot;
    }
    ++datagram.held_count;
}

void FragmentTable::drop_held(Datagram& datagram, FragmentFault fault) {
    while (datagram.held_first != kNone) {
        const uint16_t slot = datagram.held_first;
        datagram.held_first = holds_[slot].next;
        unlink_age(slot);
        holds_[slot].fault = fault;
        push(dropped_, slot);
    }
    datagram.held_count = 0;
}

void FragmentTable::unlink_age(uint16_t slot) {
    const Hold& hold = holds_[slot];
    (hold.older == kNone ? oldest_hold_ : holds_[hold.older].newer) = hold.newer;
    (hold.newer == kNone ? newest_hold_ : holds_[hold.newer].older) = hold.older;
    --held_;
}

void FragmentTable::push(SlotList& list, uint16_t slot) {
    holds_[slot].next = kNone;
    (list.first == kNone ? list.first : holds_[list.last].next) = slot;
    list.last = slot;
}

std::optional<uint16_t> FragmentTable::pop(SlotList& list) {
    const uint16_t slot = list.first;
    if (slot == kNone) {
        return std::nullopt;
    }
    list.first = holds_[slot].next;
    if (&list != &free_slots_) {
        push(free_slots_, slot);
    }
    return slot;
}

// As the kernel's ip_frag_queue(): the last fragment says where the datagram ends, once.
FragmentFault FragmentTable::check_end(const Datagram& datagram, const Fragment& fragment) {
    const uint32_t end = fragment.end_bytes();
    const uint32_t seen =
        datagram.ranges_count == 0 ? 0U : datagram.ranges[datagram.ranges_count - 1U].end;
    const bool is_wrong = fragment.is_last
                              ? end < seen || (datagram.end_bytes != 0 && end != datagram.end_bytes)
                              : datagram.end_bytes != 0 && end > datagram.end_bytes;
    return is_wrong ? FragmentFault::kContradiction : FragmentFault::kNone;
}

FragmentFault FragmentTable::add_range(Datagram& datagram, const Fragment& fragment) {
    const uint16_t begin = fragment.offset_bytes;
    const uint16_t end = static_cast<uint16_t>(fragment.end_bytes());
    Range* const first = datagram.ranges.data();
    Range* const last = first + datagram.ranges_count;
    // The first range that this one touches or comes before.
    Range* at =
        std::find_if(first, last, [begin](const Range& range) { return range.end >= begin; });
    const Range* const next = at == last ? last : at + 1;
    if (at != last && at->end == begin && next != last && next->begin < end) {
        return FragmentFault::kOverlap;
    }
    if (at != last && at->begin < end && begin < at->end) {
        return at->begin <= begin && end <= at->end ? FragmentFault::kDuplicate
                                                    : FragmentFault::kOverlap;
    }
    if (at != last && at->end == begin) {
        at->end = end;
        if (next != last && next->begin == end) {
            at->end = next->end;
            std::copy(next + 1, static_cast<const Range*>(last), at + 1);
            --datagram.ranges_count;
        }
    } else if (at != last && at->begin == end) {
        at->begin = begin;
    } else if (datagram.ranges_count == kRangesMax) {
        return FragmentFault::kTooManyHoles;
    } else {
        std::copy_backward(at, last, last + 1);
        *at = {begin, end};
        ++datagram.ranges_count;
    }
    return FragmentFault::kNone;
}

}  // namespace director::dataplane
