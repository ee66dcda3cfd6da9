// Whether a service is under a SYN flood: the policy behind SynProxy::kUnderAttack.
//
// One per worker and service. On when half-open connections fill more than a share of what there is
// room for, or SYNs come faster than a rate; off when both have stayed below half of that for a
// while. Called about ten times a second, not per packet.
#pragma once

#include <cstdint>

#include "common/time.h"

namespace director::dataplane {

struct AttackThresholds {
    uint32_t half_open_percent = 25;   // of the connection table
    uint32_t syns_per_second = 50000;  // this worker's share; 0: whatever comes
    Duration calm = std::chrono::seconds(10);
};

class AttackWatch {
  public:
    explicit AttackWatch(const AttackThresholds& thresholds) : thresholds_(thresholds) {}

    // Tells how many connections are half-open, for how many there is room, and how many SYNs have
    // come so far. Returns whether the service is under attack from now on.
    bool update(TimePoint now, uint32_t half_open, uint32_t room, uint64_t syns) {
        const uint64_t rate = rate_since_last(now, syns);
        const auto exceeds = [&](uint32_t part) {
            const bool is_full =
                uint64_t{half_open} * 100 * part > uint64_t{room} * thresholds_.half_open_percent;
            return is_full ||
                   (thresholds_.syns_per_second != 0 && rate * part > thresholds_.syns_per_second);
        };
        if (exceeds(1)) {
            is_under_attack_ = true;
        }
        if (exceeds(2)) {
            calm_since_ = now;
        } else if (now - calm_since_ >= thresholds_.calm) {
            is_under_attack_ = false;
        }
        return is_under_attack_;
    }

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

    AttackThresholds thresholds_;
    bool is_under_attack_ = false;
    bool has_counted_ = false;
    TimePoint counted_at_{};
    TimePoint calm_since_{};
    uint64_t counted_ = 0;
    uint64_t rate_ = 0;
};

}  // namespace director::dataplane
