#include "healthcheck/monitor.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/assert.h"
#include "healthcheck/names.h"

namespace director::healthcheck {
namespace {

// What makes a check this check: how often it runs does not.
CheckSettings purpose_of(CheckSettings settings) {
    settings.timing = {};
    settings.log_all_failures = false;
    return settings;
}

ProbeResult outcome_of(Outcome outcome, std::string text) {
    ProbeResult result;
    result.outcome = outcome;
    result.text = std::move(text);
    return result;
}

}  // namespace

void Latencies::add(Duration took) {
    const auto* bound = std::lower_bound(kBounds.begin(), kBounds.end(), took);
    ++counts.at(static_cast<size_t>(bound - kBounds.begin()));
    sum += took;
}

// --- configuration ---

void Monitor::apply(const Settings& settings, TimePoint now, Actions& actions) {
    probes_.running_max = settings.probes_max;
    scripts_.running_max = settings.scripts_max;
    for (const auto& check : checks_) {
        if (check) {
            check->is_kept = false;
            check->users.clear();
        }
    }
    // First those that are wanted as they are, so that what is left may serve with other timing.
    for (const ServiceSettings& service : settings.services) {
        for (const ServerSettings& server : service.servers) {
            for (const CheckSettings& wanted : server.checks) {
                if (const auto found = index_.find(&wanted); found != index_.end()) {
                    check(found->second).is_kept = true;
                }
            }
        }
    }
    std::vector<std::unique_ptr<CheckSettings>> purposes;
    Index loose;
    for (size_t i = 0; i < checks_.size(); ++i) {
        if (checks_[i] && !checks_[i]->is_kept) {
            purposes.push_back(std::make_unique<CheckSettings>(purpose_of(*checks_[i]->settings)));
            loose.emplace(purposes.back().get(), static_cast<CheckId>(i));
        }
    }
    apply_services(settings, loose, now, actions);
    remove_unused(actions);
    for (uint32_t id = 0; id < services_.size(); ++id) {
        if (services_[id]) {
            update_service(id, now, actions);
        }
    }
}

void Monitor::apply_services(const Settings& settings,
                             Index& loose,
                             TimePoint now,
                             Actions& actions) {
    std::map<std::string, uint32_t, std::less<>> gone = std::move(service_ids_);
    service_ids_.clear();
    for (const ServiceSettings& service : settings.services) {
        const auto old = gone.find(service.name);
        uint32_t id = 0;
        if (old != gone.end()) {
            id = old->second;
            gone.erase(old);
        } else {
            id = free_services_.take(services_.size());
            if (id == services_.size()) {
                services_.emplace_back();
            }
        }
        service_ids_.emplace(service.name, id);
        ServerChecks checks;
        for (const ServerSettings& server : service.servers) {
            checks.emplace_back();
            for (const CheckSettings& wanted : server.checks) {
                const CheckId found = find_or_create(wanted, loose, now);
                checks.back().push_back(found);
                std::vector<uint32_t>& users = check(found).users;
                if (users.empty() || users.back() != id) {
                    users.push_back(id);
                }
            }
        }
        if (services_[id]) {
            services_[id]->replace(service, std::move(checks), now);
        } else {
            services_[id] = std::make_unique<ServiceHealth>(
                service, settings.notify_first_state, std::move(checks), now);
        }
    }
    for (const auto& [name, id] : gone) {
        services_[id]->stop(actions);
        services_[id].reset();
        free_services_.give(id);
        service_deadlines_.clear(id);
    }
}

CheckId Monitor::find_or_create(const CheckSettings& settings, Index& loose, TimePoint now) {
    if (const auto found = index_.find(&settings); found != index_.end()) {
        check(found->second).is_kept = true;
        return found->second;
    }
    const CheckSettings purpose = purpose_of(settings);
    if (const auto found = loose.find(&purpose); found != loose.end()) {
        const CheckId id = found->second;
        loose.erase(found);
        check(id).is_kept = true;
        set_settings(id, settings);
        check(id).machine.set_timing(now, settings.timing);
        plan(id);
        return id;
    }
    return create(settings, now);
}

CheckId Monitor::create(const CheckSettings& settings, TimePoint now) {
    const auto id = static_cast<CheckId>(free_checks_.take(checks_.size()));
    if (static_cast<size_t>(id) == checks_.size()) {
        checks_.emplace_back();
        views_.emplace_back();
    }
    auto made = std::make_unique<Check>(settings.timing);
    made->status.since = now;
    const auto* passive = std::get_if<PassiveCheck>(&settings.sort);
    if (passive != nullptr) {
        made->judge.emplace(*passive);
    }
    made->machine.start(now, random_);
    checks_[static_cast<size_t>(id)] = std::move(made);
    view(id) = {};
    view(id).is_passive = passive != nullptr;
    set_settings(id, settings);
    plan(id);
    return id;
}

void Monitor::set_settings(CheckId id, const CheckSettings& settings) {
    Check& one = check(id);
    if (one.settings) {
        index_.erase(one.settings.get());
    }
    one.settings = std::make_shared<const CheckSettings>(settings);
    one.status.settings = one.settings.get();
    index_.emplace(one.settings.get(), id);
}

void Monitor::remove_unused(Actions& actions) {
    for (size_t i = 0; i < checks_.size(); ++i) {
        if (checks_[i] && !checks_[i]->is_kept) {
            remove(static_cast<CheckId>(i), actions);
        }
    }
}

void Monitor::remove(CheckId id, Actions& actions) {
    Check& one = check(id);
    Lane& its = lane(one);
    if (one.machine.is_probing()) {
        actions.emplace_back(CancelProbe{id, one.attempt});
        --its.running;
    }
    if (one.is_waiting) {
        its.waiting.erase(std::find(its.waiting.begin(), its.waiting.end(), id));
    }
    check_deadlines_.clear(static_cast<uint32_t>(id));
    index_.erase(one.settings.get());
    checks_[static_cast<size_t>(id)].reset();
    free_checks_.give(static_cast<uint32_t>(id));
}

void Monitor::stop(Actions& actions) {
    for (const auto& [name, id] : service_ids_) {
        services_[id]->stop(actions);
        service_deadlines_.clear(id);
    }
    services_.clear();
    free_services_ = {};
    service_ids_.clear();
    for (size_t i = 0; i < checks_.size(); ++i) {
        if (checks_[i]) {
            remove(static_cast<CheckId>(i), actions);
        }
    }
}

// --- probes ---

Monitor::Lane& Monitor::lane(const Check& check) {
    return std::holds_alternative<ScriptCheck>(check.settings->sort) ? scripts_ : probes_;
}

void Monitor::plan(CheckId id) {
    const Check& one = check(id);
    check_deadlines_.set(static_cast<uint32_t>(id),
                         one.is_waiting ? kNever : one.machine.deadline());
}

TimePoint Monitor::deadline() const {
    return std::min(check_deadlines_.earliest(), service_deadlines_.earliest());
}

void Monitor::on_deadline(TimePoint now, Actions& actions) {
    for (int i = 0; i < kDuePerTurn && check_deadlines_.earliest() <= now; ++i) {
        const auto id = static_cast<CheckId>(check_deadlines_.earliest_id());
        Check& one = check(id);
        if (one.machine.is_probing()) {
            actions.emplace_back(CancelProbe{id, one.attempt});
            finish(id, outcome_of(Outcome::kFailed, "no answer in time"), now, actions);
        } else if (one.judge) {
            const auto verdict = one.judge->judge(now, one.machine.state() == CheckState::kDown);
            static_cast<void>(one.machine.begin_probe(now));
            ++lane(one).running;
            finish(id, outcome_of(verdict.outcome, verdict.text), now, actions);
        } else if (Lane& its = lane(one); its.running < its.running_max) {
            begin(id, now, actions);
        } else {
            one.is_waiting = true;
            its.waiting.push_back(id);
            plan(id);
        }
    }
    update_changed(now, actions);
    while (service_deadlines_.earliest() <= now) {
        update_service(service_deadlines_.earliest_id(), now, actions);
    }
}

void Monitor::begin(CheckId id, TimePoint now, Actions& actions) {
    Check& one = check(id);
    ++lane(one).running;
    one.attempt = static_cast<Attempt>(++last_attempt_);
    const TimePoint deadline = one.machine.begin_probe(now);
    plan(id);
    actions.emplace_back(StartProbe{id, one.attempt, deadline, one.settings});
}

void Monitor::start_waiting(Lane& lane, TimePoint now, Actions& actions) {
    while (lane.running < lane.running_max && !lane.waiting.empty()) {
        const CheckId id = lane.waiting.front();
        lane.waiting.pop_front();
        check(id).is_waiting = false;
        begin(id, now, actions);
    }
}

void Monitor::on_results(std::span<const ProbeResult> results, TimePoint now, Actions& actions) {
    for (const ProbeResult& result : results) {
        take_result(result, now, actions);
    }
    update_changed(now, actions);
}

void Monitor::update_changed(TimePoint now, Actions& actions) {
    std::sort(changed_.begin(), changed_.end());
    changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
    for (const uint32_t service : changed_) {
        update_service(service, now, actions);
    }
    changed_.clear();
}

void Monitor::take_result(const ProbeResult& result, TimePoint now, Actions& actions) {
    const auto place = static_cast<size_t>(result.check);
    if (place >= checks_.size() || !checks_[place] || !checks_[place]->machine.is_probing() ||
        checks_[place]->attempt != result.attempt) {
        return;
    }
    finish(result.check, result, now, actions);
}

void Monitor::finish(CheckId id, const ProbeResult& result, TimePoint now, Actions& actions) {
    Check& one = check(id);
    CheckView& seen = view(id);
    Lane& its = lane(one);
    --its.running;
    const CheckState before = one.machine.state();
    bool is_news = one.machine.end_probe(now, result.outcome);
    seen.state = one.machine.state();
    if (result.outcome == Outcome::kPassed) {
        is_news = is_news || seen.weight != result.weight;
        seen.weight = result.weight;
        ++one.status.passed;
        one.status.latencies.add(result.took);
    } else {
        ++(result.outcome == Outcome::kFailed ? one.status.failed : one.status.unable);
        one.status.last_text = result.text;
    }
    if (seen.state != before) {
        one.status.since = now;
        ++one.status.transitions;
        seen.down_order = seen.state == CheckState::kDown ? ++last_down_ : 0;
    }
    report(one, result, before, actions);
    one.last = result.outcome;
    plan(id);
    if (is_news) {
        changed_.insert(changed_.end(), one.users.begin(), one.users.end());
    }
    start_waiting(its, now, actions);
}

void Monitor::report(const Check& check,
                     const ProbeResult& result,
                     CheckState before,
                     Actions& actions) const {
    const CheckState after = check.machine.state();
    const auto say = [&](EventKind kind, LogLevel level, std::string text) {
        actions.emplace_back(Event{kind, level, {}, check.settings->target.to, std::move(text)});
    };
    if (after != before) {
        const bool is_up = after == CheckState::kUp;
        say(is_up ? EventKind::kCheckUp : EventKind::kCheckDown,
            !is_up                           ? LogLevel::kWarning
            : before == CheckState::kUntried ? LogLevel::kDebug
                                             : LogLevel::kInfo,
            is_up ? fmt::format("{} passed", check_name(*check.settings))
                  : fmt::format("{} failed: {}", check_name(*check.settings), result.text));
    } else if (result.outcome == Outcome::kFailed && check.settings->log_all_failures) {
        say(EventKind::kProbeFailed,
            LogLevel::kInfo,
            fmt::format("{} failed: {}", check_name(*check.settings), result.text));
    } else if (result.outcome == Outcome::kUnable && check.last != Outcome::kUnable &&
               !check.judge) {
        say(EventKind::kProbeUnable,
            LogLevel::kWarning,
            fmt::format("{} could not be made: {}", check_name(*check.settings), result.text));
    }
}

void Monitor::update_service(uint32_t id, TimePoint now, Actions& actions) {
    ServiceHealth& service = *services_[id];
    service.update(now, views_, actions);
    service_deadlines_.set(id, service.deadline());
}

void Monitor::add_traffic(const Endpoint& server, const Traffic& traffic) {
    // The target stands first in the order of settings, and a TCP check comes before a passive one.
    CheckSettings first;
    first.target.to = server;
    for (auto place = index_.lower_bound(&first);
         place != index_.end() && place->first->target.to == server;
         ++place) {
        if (auto& judge = check(place->second).judge) {
            judge->add(traffic);
        }
    }
}

// --- what others may see ---

const ServiceHealth* Monitor::find_service(std::string_view name) const {
    const auto found = service_ids_.find(name);
    return found == service_ids_.end() ? nullptr : services_[found->second].get();
}

std::vector<CheckStatus> Monitor::checks() const {
    std::vector<CheckStatus> list;
    for (size_t i = 0; i < checks_.size(); ++i) {
        if (!checks_[i]) {
            continue;
        }
        const Check& one = *checks_[i];
        CheckStatus status = one.status;
        status.state = one.machine.state();
        status.is_probing = one.machine.is_probing();
        status.weight = views_[i].weight;
        for (const uint32_t service : one.users) {
            status.services.emplace_back(services_[service]->settings().name);
        }
        list.push_back(std::move(status));
    }
    return list;
}

}  // namespace director::healthcheck
