// When a MASTER tells the segment where its addresses are: bursts of gratuitous ARP or neighbour
// advertisements as keepalived sends them, paced so that a thousand addresses do not leave as one
// lump. Each round covers all addresses in order.
#pragma once

#include <vector>

#include "common/time.h"
#include "vrrp/action.h"
#include "vrrp/config.h"

namespace director::vrrp {

class Announcer {
  public:
    // With `interval` 0, so many frames leave at once and then again after kPause.
    static constexpr unsigned kFramesAtOnce = 64;
    static constexpr Duration kPause = std::chrono::milliseconds(1);

    explicit Announcer(const AnnouncementConfig& config) : config_(config) {}
    void configure(const AnnouncementConfig& config) { config_ = config; }

    // The director became MASTER: a burst, a second one later, then the refresh.
    void begin(TimePoint now);
    // Another router thought it was MASTER: the segment may have learnt from it.
    void lower_priority_heard(TimePoint now);
    // Not MASTER any more: nothing is sent from now on.
    void end();

    [[nodiscard]] TimePoint deadline() const;

    // Indexes into `address_count` addresses whose frames are due now, in order.
    [[nodiscard]] std::vector<size_t> due(TimePoint now, size_t address_count);

  private:
    void add_rounds(TimePoint now, unsigned rounds);

    AnnouncementConfig config_;
    unsigned rounds_ = 0;  // left, with the one that has begun
    size_t next_ = 0;      // address
    TimePoint next_at_ = kNever;
    TimePoint second_at_ = kNever;
    unsigned second_rounds_ = 0;
    TimePoint refresh_at_ = kNever;
};

}  // namespace director::vrrp
