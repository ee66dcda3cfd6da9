// DiagnosticsSide: observation all the time, for the metrics page and the status page.
#include <algorithm>
#include <asio/post.hpp>
#include <iterator>
#include <utility>

#include "controlplane/daemon/diagnostics_side.h"

namespace director::daemon {

using dataplane::MirrorTap;

void DiagnosticsSide::configure(const config::Observation& settings) {
    const config::Observation before = std::exchange(settings_, settings);
    look_at_catalogue();
    if (always_ != nullptr && (!settings_.health || before.flows_max != settings_.flows_max)) {
        end_observation();
    } else if (always_ != nullptr && before != settings_) {
        set_tap(always_->tap(), tap_of_all(), {});
    }
    if (!settings_.health) {
        book_.clear();
        latest_ = {};
        counts_before_ = {};
        flows_evicted_ = 0;
    }
    observe_always();
}

MirrorTap DiagnosticsSide::tap_of_all() const {
    MirrorTap tap;
    tap.is_on = true;
    tap.only_balanced = true;
    tap.one_in = settings_.sample;
    tap.packets_per_second = settings_.packets_per_second;
    return tap;
}

// Again and again, until it is so: all taps may be in use.
void DiagnosticsSide::observe_always() {
    const auto number = free_tap();
    if (!settings_.health || always_ != nullptr || !number) {
        return;
    }
    always_ =
        std::make_shared<WatchHealthAlways>(*number, settings_.flows_max, [this](HealthStep step) {
            asio::post(around_.io,
                       [this, step = std::move(step)]() mutable { take_step(std::move(step)); });
        });
    counts_began_ = counts_of(around_.engine, *number);
    begin(always_, tap_of_all());
}

void DiagnosticsSide::end_observation() {
    counts_before_ = observed_counts();
    always_->stop();
    always_.reset();
}

TapCounts DiagnosticsSide::observed_counts() const {
    return always_ == nullptr
               ? counts_before_
               : counts_before_ + (counts_of(around_.engine, always_->tap()) - counts_began_);
}

// The last one of a watch that has ended may come late.
void DiagnosticsSide::take_step(HealthStep step) {
    if (!settings_.health) {
        return;
    }
    look_at_catalogue();
    book_.add(step.servers, around_.catalogue);
    flows_evicted_ += step.flows_evicted;
    step.servers.clear();
    latest_ = std::move(step);
}

// Names, and who has gone; there may be a hundred thousand, so only when there is something new.
void DiagnosticsSide::look_at_catalogue() {
    const uint64_t version = around_.version();
    if (std::exchange(seen_version_, version) != version) {
        thread_.set_names(names());
        book_.forget_gone(around_.catalogue);
    }
}

metrics::ObservedView DiagnosticsSide::observed() const {
    metrics::ObservedView view;
    view.is_on = settings_.health;
    if (!view.is_on) {
        return view;
    }
    view.observed_seconds = latest_.observed_s;
    std::transform(latest_.verdicts.begin(),
                   latest_.verdicts.end(),
                   std::back_inserter(view.verdicts),
                   verdict_view);
    view.verdicts_in_all = latest_.verdicts_in_all;
    const TapCounts counts = observed_counts();
    view.packets = counts.told;
    view.missed = counts.missed;
    view.limited = counts.limited;
    view.flows = latest_.flows;
    view.flows_max = settings_.flows_max;
    view.flows_evicted = flows_evicted_;
    view.trip_bounds = diagnostics::kTripBounds;
    view.rows = book_.rows(settings_.servers_max);
    return view;
}

}  // namespace director::daemon
