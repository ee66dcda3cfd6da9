#include "vrrp/tracking.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "common/assert.h"

namespace director::vrrp {
namespace {

// keepalived: a file's value times weight at or below this means FAULT.
constexpr int kFaultWeight = -254;
constexpr int kWeightMax = 253;

std::string_view words(TrackerKind kind) {
    switch (kind) {
        case TrackerKind::kInterface:
            return "interface";
        case TrackerKind::kScript:
            return "script";
        case TrackerKind::kFile:
            return "file";
        case TrackerKind::kQuorum:
            return "quorum of";
    }
    return "?";
}

}  // namespace

void Tracking::configure(TimePoint now,
                         const std::vector<TrackerConfig>& trackers,
                         Actions& actions) {
    std::map<std::string, Tracker, std::less<>> next;
    for (const TrackerConfig& config : trackers) {
        Tracker tracker;
        const auto old = trackers_.find(config.name);
        if (old != trackers_.end() && old->second.config.kind == config.kind &&
            old->second.config.subject == config.subject &&
            old->second.config.command == config.command) {
            tracker = std::move(old->second);
            trackers_.erase(old);
        } else if (config.kind == TrackerKind::kScript) {
            tracker.start_at = now;  // at once
            if (config.starts_failed) {
                tracker.status.is_up = false;
            }
        }
        tracker.config = config;
        tracker.status.name = config.name;
        tracker.status.kind = config.kind;
        next.emplace(config.name, std::move(tracker));
    }
    for (const auto& [name, tracker] : trackers_) {
        if (tracker.run != 0) {
            actions.push_back(EndScript{name, tracker.run});
        }
    }
    trackers_ = std::move(next);
    wake(now, actions);
}

void Tracking::start(TimePoint now, Actions& actions) {
    is_started_ = true;
    wake(now, actions);
}

void Tracking::stop(Actions& actions) {
    is_started_ = false;
    for (auto& [name, tracker] : trackers_) {
        if (tracker.run != 0) {
            actions.push_back(EndScript{name, tracker.run});
            tracker.run = 0;
            tracker.give_up_at = kNever;
        }
    }
}

TimePoint Tracking::deadline() const {
    TimePoint first = kNever;
    for (const auto& [name, tracker] : trackers_) {
        first = std::min(first, tracker.run != 0 ? tracker.give_up_at : tracker.start_at);
    }
    return is_started_ ? first : kNever;
}

void Tracking::wake(TimePoint now, Actions& actions) {
    if (!is_started_) {
        return;
    }
    for (auto& [name, tracker] : trackers_) {
        if (tracker.run != 0 && now >= tracker.give_up_at) {
            actions.push_back(EndScript{name, std::exchange(tracker.run, 0)});
            ++tracker.status.timeouts;
            count_result(tracker, false, actions);
        }
        if (tracker.run == 0 && now >= tracker.start_at) {
            tracker.run = ++last_run_;
            tracker.give_up_at = now + tracker.config.timeout;
            // The next one is due an interval after this one's start, or when this one is over.
            tracker.start_at = now + tracker.config.interval;
            ++tracker.status.runs;
            actions.push_back(StartScript{name, tracker.run, tracker.config.command});
        }
    }
}

void Tracking::script_ended(
    TimePoint now, std::string_view name, uint64_t run, bool succeeded, Actions& actions) {
    const auto found = trackers_.find(name);
    if (found == trackers_.end() || run == 0 || found->second.run != run) {
        return;
    }
    found->second.run = 0;
    count_result(found->second, succeeded, actions);
    wake(now, actions);
}

// keepalived: the first result counts at once; later ones when `rise` or `fall` in a row agree.
void Tracking::count_result(Tracker& tracker, bool succeeded, Actions& actions) {
    TrackerStatus& status = tracker.status;
    status.failures += succeeded ? 0 : 1;
    if (!status.is_up) {
        set_up(tracker, succeeded, actions);
        return;
    }
    if (*status.is_up == succeeded) {
        status.streak = 0;
        return;
    }
    ++status.streak;
    if (status.streak >= (succeeded ? tracker.config.rise : tracker.config.fall)) {
        set_up(tracker, succeeded, actions);
    }
}

void Tracking::file_changed(std::string_view file, std::optional<int> value, Actions& actions) {
    for (auto& [name, tracker] : trackers_) {
        if (tracker.config.kind == TrackerKind::kFile && tracker.config.subject == file) {
            // Beyond these bounds nothing changes, and nothing can overflow.
            tracker.status.value = std::clamp(value.value_or(0), -1000, 1000);
            set_up(tracker, tracker.status.value == 0, actions);
        }
    }
}

void Tracking::quorum_changed(std::string_view service, bool is_up, Actions& actions) {
    for (auto& [name, tracker] : trackers_) {
        if (tracker.config.kind == TrackerKind::kQuorum && tracker.config.subject == service) {
            set_up(tracker, is_up, actions);
        }
    }
}

void Tracking::set_up(Tracker& tracker, bool is_up, Actions& actions) {
    tracker.status.streak = 0;
    if (tracker.status.is_up == is_up) {
        return;
    }
    tracker.status.is_up = is_up;
    Event event;
    event.kind = EventKind::kTracker;
    event.severity = is_up ? Severity::kInfo : Severity::kWarning;
    event.subject = Subject::kTracker;
    event.name = tracker.config.name;
    event.text = is_up ? "up" : "down";
    actions.push_back(std::move(event));
}

std::optional<bool> Tracking::is_up(const Tracker& tracker) const {
    if (tracker.config.kind == TrackerKind::kInterface) {
        const InterfaceFacts* facts = interfaces_.find(tracker.config.subject);
        return facts != nullptr && facts->is_up;
    }
    return tracker.status.is_up;
}

Verdict Tracking::verdict(const TrackEntry& entry, WeightUse use) const {
    const auto found = trackers_.find(entry.tracker);
    DIRECTOR_ASSERT(found != trackers_.end());
    const Tracker& tracker = found->second;
    const auto& config = tracker.config;
    const auto known = is_up(tracker);
    Verdict verdict;
    if (!known) {
        verdict.is_ready = false;
        return verdict;
    }
    int weight = use == WeightUse::kAllowed ? entry.weight.value_or(config.weight) : 0;
    if (entry.is_reversed && config.kind == TrackerKind::kFile) {
        weight = -weight;
    }
    const bool is_up = *known != (entry.is_reversed && config.kind != TrackerKind::kFile);
    if (weight == 0 && !is_up) {
        verdict.fault = fmt::format("{} {} is {}",
                                    words(config.kind),
                                    config.subject.empty() ? config.name : config.subject,
                                    *known ? "up" : "down");
        return verdict;
    }
    if (config.kind == TrackerKind::kFile) {
        const int product = tracker.status.value * weight;
        if (product <= kFaultWeight) {
            verdict.fault = fmt::format("file {} says {}", config.subject, tracker.status.value);
        } else {
            verdict.weight = std::min(product, kWeightMax);
        }
        return verdict;
    }
    if (is_up == (weight > 0)) {
        verdict.weight = weight;
    }
    return verdict;
}

std::vector<TrackerStatus> Tracking::status() const {
    std::vector<TrackerStatus> all;
    for (const auto& [name, tracker] : trackers_) {
        all.push_back(tracker.status);
        all.back().is_up = is_up(tracker);
    }
    return all;
}

}  // namespace director::vrrp
