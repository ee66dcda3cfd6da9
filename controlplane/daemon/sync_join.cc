// SyncControl at the edges of a director's service: its start, and a takeover.
#include <algorithm>
#include <utility>

#include "controlplane/daemon/sync_control.h"

namespace director::daemon {
namespace {

// After a takeover, for packets of connections that are unknown here. TCP doubles the time until it
// tries again, so after a silence as long as that of VRRP with adverts of 1 s, 3.6 s, the next try
// may be as far away again.
constexpr auto kStraysHeld = std::chrono::seconds(10);

}  // namespace

void SyncControl::when_joined(std::function<void()> joined) {
    join_deadline_ = clock_.now() + settings_.join_wait;
    joined_ = std::move(joined);
}

bool SyncControl::has_joined() const {
    const TimePoint now = clock_.now();
    const bool is_told = settings_.protocol != config::SyncProtocol::kIpvs;  // by a twin's beats
    if (fetcher_ == nullptr || !is_told || settings_.join_wait == Duration::zero() ||
        now >= join_deadline_) {
        return true;
    }
    const bool is_arriving =
        fetcher_->is_busy() || std::any_of(desks_.begin(), desks_.end(), [](const Desk& desk) {
            return desk.is_installing || !desk.arrived.empty();
        });
    return !is_arriving && fetcher_->completed() + fetcher_->failed() != 0;
}

void SyncControl::hold_strays() {
    if (receives()) {
        dataplane::Command command(dataplane::CommandKind::kHoldStrays);
        command.hold_strays = kStraysHeld;
        fleet_.broadcast(command);
    }
}

void SyncControl::look_whether_joined() {
    if (!joined_) {
        return;
    }
    // A table that is long is waited for, one that is stuck because its twin has died is not.
    if (fetcher_ && fetcher_->records() != std::exchange(joined_records_, fetcher_->records())) {
        join_deadline_ = clock_.now() + settings_.join_wait;
    }
    if (has_joined()) {
        std::exchange(joined_, nullptr)();
    }
}

}  // namespace director::daemon
