// Whether a service is under a SYN flood: the policy behind SynProxy::kUnderAttack.
//
// One per worker and service. On when half-open connections fill more than a share of what there is
// room for, or SYNs come faster than a rate; off when both have stayed low for a while. The rate is
// counted over tenths of a second.
#pragma once

#include <cstdint>

#include "common/time.h"
#include "dataplane/api/service.h"

namespace director::dataplane {

// What the worker sees of the service now.
struct AttackSigns {
    uint32_t half_open = 0;  // connections
    uint32_t room = 0;       // of the worker's connection table
    uint64_t syns = 0;       // so far
};

class AttackWatch {
  public:
    // Returns whether the service is under attack from now on. What comes to one of `workers` is
    // taken for what comes to each.
    bool update(TimePoint now,
                const AttackThresholds& thresholds,
                const AttackSigns& signs,
                uint32_t workers = 1) {
        const uint64_t rate = rate_since_last(now, signs.syns) * workers;
        const auto exceeds = [&](uint32_t percent, uint32_t per_second) {
            return uint64_t{signs.half_open} * 100 > uint64_t{signs.room} * percent ||
                   (thresholds.syns_on_per_second != 0 && rate > per_second);
        };
        if (exceeds(thresholds.half_open_on_percent, thresholds.syns_on_per_second)) {
            is_under_attack_ = true;
        }
        if (exceeds(thresholds.half_open_off_percent, thresholds.syns_off_per_second)) {
            calm_since_ = now;
        } else if (now - calm_since_ >= std::chrono::seconds(thresholds.hold_seconds)) {
            is_under_attack_ = false;
        }
        return is_under_attack_;
    }

    // Nobody asks any more.
    void end() { is_under_attack_ = false; }

    [[nodiscard]] bool is_under_attack() const { return is_under_attack_; }

  private:
    // SYNs per second, over at least a tenth of one so that a burst is no flood.
    [[nodiscard]] uint64_t rate_since_last(TimePoint now, uint64_t syns) {
        constexpr Duration kWindow = std::chrono::milliseconds(100);
        constexpr uint64_t kSecond = 1000000000;
        const Duration elapsed = now - counted_at_;
        if (!has_counted_) {
            has_counted_ = true;
            counted_at_ = now;
            counted_ = syns;
            calm_since_ = now;
        } else if (elapsed >= kWindow) {
            rate_ = (syns - counted_) * (kSecond / 1000) /
                    (static_cast<uint64_t>(elapsed.count()) / 1000);
            counted_at_ = now;
            counted_ = syns;
        }
        return rate_;
    }

    bool is_under_attack_ = false;
    bool has_counted_ = false;
    TimePoint counted_at_{};
    TimePoint calm_since_{};
    uint64_t counted_ = 0;
    uint64_t rate_ = 0;
};

}  // namespace director::dataplane
