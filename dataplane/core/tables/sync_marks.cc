#include "dataplane/core/tables/sync_marks.h"

#include <algorithm>

#include "dataplane/core/tables/timer_lists.h"

namespace director::dataplane {
namespace {

constexpr uint8_t kRetriesMax = 3;

[[nodiscard]] size_t at_least_one(size_t count) {
    return std::max<size_t>(count, 1);
}

}  // namespace

bool is_told_in(Protocol protocol, ConnState state) {
    switch (protocol) {
        case Protocol::kTcp:
            return state == ConnState::kEstablished || state == ConnState::kFinWait ||
                   state == ConnState::kClose || state == ConnState::kCloseWait ||
                   state == ConnState::kTimeWait;
        case Protocol::kSctp:
            return state == ConnState::kSctpEstablished || state == ConnState::kSctpShutdownSent ||
                   state == ConnState::kSctpShutdownReceived ||
                   state == ConnState::kSctpShutdownAckSent || state == ConnState::kSctpClosed;
        default:
            return true;
    }
}

SyncMarks::SyncMarks(uint32_t entries, uint32_t queue_max, const TableMemory& memory)
    : queue_max_(queue_max),
      marks_(memory, at_least_one(queue_max != 0 ? entries : 0)),
      queue_(memory, at_least_one(size_t{queue_max} * 2)) {}

bool SyncMarks::is_allocated() const {
    return marks_.is_allocated() && queue_.is_allocated();
}

uint64_t SyncMarks::bytes(uint32_t entries, uint32_t queue_max) {
    return at_least_one(queue_max != 0 ? entries : 0) * sizeof(Mark) +
           at_least_one(size_t{queue_max} * 2) * sizeof(uint32_t);
}

bool SyncMarks::set_policy(const SyncPolicy& policy) {
    const bool is_reached = policy.period == 0 || policy.threshold < policy.period;
    const bool fits = uint32_t{policy.threshold} + policy.period <= 0xffff;
    if ((policy.is_on && !exists()) || !is_reached || !fits || policy.retries > kRetriesMax) {
        return false;
    }
    policy_ = policy;
    return true;
}

// Never more than threshold + period, so that no division is needed; without a period, one more
// than the threshold for ever.
void SyncMarks::count_packet(Mark& mark) const {
    const uint32_t threshold = policy_.threshold;
    const uint32_t next = uint32_t{mark.packets} + 1;
    if (policy_.period == 0) {
        mark.packets = static_cast<uint16_t>(std::min(next, threshold + 1));
    } else {
        mark.packets = static_cast<uint16_t>(next >= threshold + policy_.period ? threshold : next);
    }
}

// sync_refresh_period: whether the deadline has moved enough since the twin was told, or it is time
// to repeat what it was told.
bool SyncMarks::is_refreshed(Mark& mark, const SyncView& view) const {
    const uint32_t refresh = to_ticks(policy_.refresh_seconds);
    const int64_t moved = static_cast<int32_t>(view.deadline - mark.told_deadline);
    const uint32_t least = std::min(refresh, std::max(view.timeout / 2, to_ticks(10)));
    if ((mark.flags & kTold) == 0 || moved >= least || -moved >= least) {
        clear(mark, kRetryBits);
        return true;
    }
    const uint32_t told_at = mark.told_deadline - view.timeout;
    const bool is_too_soon = static_cast<int32_t>(view.tick - (told_at + refresh / 8)) < 0;
    if (mark.flags / kRetryOne >= policy_.retries || is_too_soon) {
        return false;
    }
    mark.flags = static_cast<uint8_t>(mark.flags + kRetryOne);
    return true;
}

bool SyncMarks::is_due(Mark& mark, const SyncView& view) const {
    if ((policy_.templates_only && view.has_template && mark.packets != policy_.threshold) ||
        !is_told_in(view.protocol, view.state)) {
        return false;
    }
    const bool has_states = view.protocol == Protocol::kTcp || view.protocol == Protocol::kSctp;
    const bool is_established =
        view.state == ConnState::kEstablished || view.state == ConnState::kSctpEstablished;
    const bool is_changed = mark.told_state != static_cast<uint8_t>(view.state);
    if ((mark.flags & kOwed) != 0 || (has_states && is_changed && !is_established)) {
        return true;
    }
    const bool counts_packets = policy_.period != 0 || policy_.refresh_seconds == 0;
    if (counts_packets && mark.packets != policy_.threshold) {
        return false;
    }
    return policy_.refresh_seconds == 0 || is_refreshed(mark, view);
}

void SyncMarks::on_client_packet(uint32_t entry, const SyncView& view) {
    Mark& mark = marks_[entry];
    clear(mark, kFromTwin);
    count_packet(mark);
    if (!is_due(mark, view)) {
        return;
    }
    mark.told_state = static_cast<uint8_t>(view.state);
    mark.told_deadline = view.deadline;
    if ((mark.flags & kQueued) != 0) {
        return;  // it will be told as it is when it is fetched
    }
    if (!push((mark.flags & kTold) != 0 ? 0 : 1, entry)) {
        mark.flags |= kOwed;
        ++counters_.postponed;
        return;
    }
    clear(mark, kOwed);
    mark.flags |= kQueued | kTold;
    ++counters_.marked;
}

void SyncMarks::adopt(uint32_t entry, ConnState state) {
    if (!exists()) {
        return;
    }
    Mark& mark = marks_[entry];
    mark.packets = policy_.threshold;
    mark.told_state = static_cast<uint8_t>(state);
    mark.flags = static_cast<uint8_t>((mark.flags & kQueued) | kTold | kFromTwin);
}

bool SyncMarks::push(size_t lane, uint32_t entry) {
    Lane& ring = lanes_[lane];
    if (ring.count == queue_max_) {
        return false;
    }
    const uint32_t end = ring.first + ring.count;
    queue_[lane * queue_max_ + (end < queue_max_ ? end : end - queue_max_)] = entry;
    ++ring.count;
    return true;
}

SyncMarks::Next SyncMarks::take() {
    for (size_t lane = 0; lane < lanes_.size(); ++lane) {
        Lane& ring = lanes_[lane];
        while (ring.count != 0) {
            const uint32_t entry = queue_[lane * queue_max_ + ring.first];
            ring.first = ring.first + 1 < queue_max_ ? ring.first + 1 : 0;
            --ring.count;
            Mark& mark = marks_[entry];
            if ((mark.flags & kQueued) != 0) {
                clear(mark, kQueued);
                return {entry, lane == 0};
            }
            ++counters_.stale;  // its connection has ended
        }
    }
    return {};
}

}  // namespace director::dataplane
