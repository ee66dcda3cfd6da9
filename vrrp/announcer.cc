#include "vrrp/announcer.h"

#include <algorithm>

namespace director::vrrp {

void Announcer::begin(TimePoint now) {
    end();
    add_rounds(now, config_.repeat);
    if (config_.delay > Duration::zero()) {
        second_at_ = now + config_.delay;
        second_rounds_ = config_.repeat;
    }
    if (config_.refresh > Duration::zero()) {
        refresh_at_ = now + config_.refresh;
    }
}

void Announcer::lower_priority_heard(TimePoint now) {
    // One such story at a time: a peer that goes on must not make us flood the segment.
    if (rounds_ > 0 || second_at_ != kNever) {
        return;
    }
    add_rounds(now, config_.lower_priority_repeat);
    if (config_.lower_priority_delay > Duration::zero()) {
        second_at_ = now + config_.lower_priority_delay;
        second_rounds_ = config_.lower_priority_repeat;
    }
}

void Announcer::end() {
    rounds_ = 0;
    next_ = 0;
    next_at_ = second_at_ = refresh_at_ = kNever;
}

TimePoint Announcer::deadline() const {
    return std::min({next_at_, second_at_, refresh_at_});
}

std::vector<size_t> Announcer::due(TimePoint now, size_t address_count) {
    if (now >= second_at_) {
        second_at_ = kNever;
        add_rounds(now, second_rounds_);
    }
    if (now >= refresh_at_) {
        refresh_at_ = now + config_.refresh;
        add_rounds(now, config_.refresh_repeat);
    }
    std::vector<size_t> indexes;
    const bool is_paced = config_.interval > Duration::zero();
    const size_t limit = is_paced ? 1 : kFramesAtOnce;
    while (now >= next_at_ && rounds_ > 0 && indexes.size() < limit) {
        if (next_ >= address_count) {
            next_ = 0;
            --rounds_;
            if (address_count == 0) {
                rounds_ = 0;
            }
            continue;
        }
        indexes.push_back(next_++);
    }
    if (now >= next_at_) {
        next_at_ = rounds_ == 0 ? kNever : now + (is_paced ? config_.interval : kPause);
    }
    return indexes;
}

void Announcer::add_rounds(TimePoint now, unsigned rounds) {
    if (rounds == 0) {
        return;
    }
    // What is still under way goes on; a burst on top of it would say the same.
    if (rounds_ == 0) {
        next_ = 0;
        next_at_ = now;
    }
    rounds_ = std::max(rounds_, rounds);
}

}  // namespace director::vrrp
