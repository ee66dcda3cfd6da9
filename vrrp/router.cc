#include "vrrp/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "common/assert.h"
#include "vrrp/packet.h"

namespace director::vrrp {

Router::Router() = default;

void Router::configure(TimePoint now, const Config& config, Actions& actions) {
    DIRECTOR_ASSERT(validate(config).empty());
    const size_t first = actions.size();
    auto old = std::exchange(instances_, {});
    const auto take_old = [&](const InstanceConfig& wanted) {
        const auto found = std::find_if(old.begin(), old.end(), [&](const auto& instance) {
            return instance != nullptr && instance->can_become(wanted);
        });
        return found == old.end() ? nullptr : std::exchange(*found, nullptr);
    };
    std::vector<bool> is_new;
    for (const InstanceConfig& wanted : config.instances) {
        instances_.push_back(take_old(wanted));
        is_new.push_back(instances_.back() == nullptr);
    }
    // Those that leave say goodbye before anything else begins.
    for (const auto& instance : old) {
        if (instance != nullptr) {
            instance->stop(now, actions);
            instance->tell_deleted(actions);
        }
    }
    for (size_t i = 0; i < instances_.size(); ++i) {
        const InstanceConfig& wanted = config.instances[i];
        const bool is_grouped =
            std::any_of(config.groups.begin(), config.groups.end(), [&](const GroupConfig& group) {
                return std::find(group.members.begin(), group.members.end(), wanted.name) !=
                       group.members.end();
            });
        const auto membership = is_grouped ? Membership::kGrouped : Membership::kAlone;
        if (is_new[i]) {
            instances_[i] = std::make_unique<Instance>(wanted, interfaces_, membership);
        } else {
            instances_[i]->configure(now, wanted, membership, actions);
        }
    }
    make_groups(config.groups, actions);
    tracking_.configure(now, config.trackers, actions);
    refresh(now, actions);
    if (is_started_) {
        for (size_t i = 0; i < instances_.size(); ++i) {
            if (is_new[i]) {
                instances_[i]->start(now, actions);
            }
        }
    }
    settle(now, first, actions);
}

void Router::make_groups(const std::vector<GroupConfig>& groups, Actions& actions) {
    const auto old = std::exchange(groups_, {});
    for (const GroupConfig& config : groups) {
        std::vector<Instance*> members;
        for (const std::string& name : config.members) {
            members.push_back(find(name));
        }
        Group& group = groups_.emplace_back(config, std::move(members));
        for (const Group& before : old) {
            if (before.config().name == config.name) {
                group.continue_from(before.told());
            }
        }
    }
    for (const Group& before : old) {
        const bool stays = std::any_of(groups.begin(), groups.end(), [&](const GroupConfig& one) {
            return one.name == before.config().name;
        });
        if (!stays) {
            before.tell_end(EventKind::kDeleted, actions);
        }
    }
}

void Router::start(TimePoint now, Actions& actions) {
    DIRECTOR_ASSERT(!is_started_);
    const size_t first = actions.size();
    is_started_ = true;
    tracking_.start(now, actions);
    refresh(now, actions);
    for (const auto& instance : instances_) {
        instance->start(now, actions);
    }
    settle(now, first, actions);
}

void Router::stop(TimePoint now, Actions& actions) {
    if (!is_started_) {
        return;
    }
    const size_t first = actions.size();
    is_started_ = false;
    for (const auto& instance : instances_) {
        instance->stop(now, actions);
    }
    for (Group& group : groups_) {
        group.tell_end(EventKind::kStopped, actions);
        group.continue_from(State::kInit);
    }
    tracking_.stop(actions);
    settle(now, first, actions);
}

void Router::receive(TimePoint now,
                     std::string_view interface,
                     std::span<const uint8_t> ip_packet,
                     Actions& actions) {
    const size_t first = actions.size();
    const auto packet = parse_packet(ip_packet);
    Instance* instance = nullptr;
    if (packet) {
        for (const auto& candidate : instances_) {
            const InstanceConfig& config = candidate->config();
            if (config.interface == interface && config.vrid == packet->vrid() &&
                config.family == packet->family()) {
                instance = candidate.get();
            }
        }
    }
    if (instance != nullptr) {
        instance->receive(now, *packet, actions);
        settle(now, first, actions);
        return;
    }
    const Refusal refusal = packet ? Refusal::kUnknownInstance : packet.error();
    ++refused_[static_cast<size_t>(refusal)];
    EventGate& gate = refusal_gates_[static_cast<size_t>(refusal)];
    if (gate.opens(now)) {
        Event event;
        event.kind = EventKind::kRefused;
        event.severity = Severity::kWarning;
        event.subject = Subject::kRouter;
        event.name = interface;
        event.text = fmt::format(
            "refused packet reason={}{} held_back={}: {}",
            to_string(refusal),
            packet ? fmt::format(" from={} vrid={}", to_string(packet->source), packet->vrid())
                   : std::string(),
            gate.held_back,
            description(refusal));
        actions.push_back(std::move(event));
    }
    settle(now, first, actions);
}

void Router::wake(TimePoint now, Actions& actions) {
    const size_t first = actions.size();
    if (now >= tracking_.deadline()) {
        tracking_.wake(now, actions);
        refresh(now, actions);
    }
    for (const auto& instance : instances_) {
        instance->wake(now, actions);
    }
    settle(now, first, actions);
}

TimePoint Router::deadline() const {
    TimePoint first = tracking_.deadline();
    for (const auto& instance : instances_) {
        first = std::min(first, instance->deadline());
    }
    return first;
}

void Router::interface_changed(TimePoint now,
                               const std::string& interface,
                               const std::optional<InterfaceFacts>& facts,
                               Actions& actions) {
    if (facts) {
        interfaces_.set(interface, *facts);
    } else {
        interfaces_.remove(interface);
    }
    const size_t first = actions.size();
    refresh(now, actions);
    settle(now, first, actions);
}

void Router::script_ended(
    TimePoint now, std::string_view tracker, uint64_t run, bool succeeded, Actions& actions) {
    const size_t first = actions.size();
    tracking_.script_ended(now, tracker, run, succeeded, actions);
    refresh(now, actions);
    settle(now, first, actions);
}

void Router::file_changed(TimePoint now,
                          std::string_view file,
                          std::optional<int> value,
                          Actions& actions) {
    const size_t first = actions.size();
    tracking_.file_changed(file, value, actions);
    refresh(now, actions);
    settle(now, first, actions);
}

void Router::quorum_changed(TimePoint now, std::string_view service, bool is_up, Actions& actions) {
    const size_t first = actions.size();
    tracking_.quorum_changed(service, is_up, actions);
    refresh(now, actions);
    settle(now, first, actions);
}

Result<void> Router::set_priority(TimePoint now,
                                  std::string_view instance,
                                  std::optional<uint8_t> priority,
                                  Actions& actions) {
    Instance* found = find(instance);
    if (found == nullptr) {
        return failure(fmt::format("no VRRP instance is named {}", instance));
    }
    if (priority == uint8_t{0}) {
        return failure("expected a priority of 1..255: 0 is what a stopping director says");
    }
    const size_t first = actions.size();
    found->set_priority(now, priority, actions);
    settle(now, first, actions);
    return {};
}

void Router::refresh(TimePoint now, Actions& actions) {
    // A fault of one member is a condition of the others, so own ones come first.
    std::vector<Conditions> conditions;
    for (const auto& instance : instances_) {
        conditions.push_back(conditions_of(*instance));
    }
    std::vector<std::string> group_faults(instances_.size());
    for (size_t i = 0; i < instances_.size(); ++i) {
        const std::string fault = instances_[i]->own_fault(conditions[i]);
        const Group* group = fault.empty() ? nullptr : group_of(*instances_[i]);
        for (size_t j = 0; group != nullptr && j < instances_.size(); ++j) {
            if (group->has(*instances_[j]) && group_faults[j].empty()) {
                group_faults[j] = fmt::format("{} of its group: {}", instances_[i]->name(), fault);
            }
        }
    }
    for (size_t i = 0; i < instances_.size(); ++i) {
        conditions[i].group_fault = group_faults[i];
        instances_[i]->set_conditions(now, conditions[i], actions);
    }
}

void Router::settle(TimePoint now, size_t first, Actions& actions) {
    for (Group& group : groups_) {
        group.settle(now, actions);
    }
    for (size_t i = first; i < actions.size(); ++i) {
        auto* event = std::get_if<Event>(&actions[i]);
        if (event != nullptr && event->sequence == 0) {
            event->sequence = ++sequence_;
        }
    }
}

Conditions Router::conditions_of(const Instance& instance) const {
    Conditions conditions;
    const Group* group = group_of(instance);
    const WeightUse use = group == nullptr || group->config().uses_weights
                              ? WeightUse::kAllowed
                              : WeightUse::kCountsAsFault;
    add_verdicts(instance.config().trackers, use, conditions);
    if (group != nullptr) {
        add_verdicts(group->config().trackers, use, conditions);
    }
    return conditions;
}

void Router::add_verdicts(const std::vector<TrackEntry>& entries,
                          WeightUse use,
                          Conditions& conditions) const {
    for (const TrackEntry& entry : entries) {
        const Verdict verdict = tracking_.verdict(entry, use);
        conditions.is_ready &= verdict.is_ready;
        conditions.weight += verdict.weight;
        if (conditions.fault.empty()) {
            conditions.fault = verdict.fault;
        }
    }
}

Instance* Router::find(std::string_view name) const {
    for (const auto& instance : instances_) {
        if (instance->name() == name) {
            return instance.get();
        }
    }
    return nullptr;
}

const Group* Router::group_of(const Instance& instance) const {
    for (const Group& group : groups_) {
        if (group.has(instance)) {
            return &group;
        }
    }
    return nullptr;
}

bool Router::owns(const IpAddress& address) const {
    const auto has = [&](const std::vector<VirtualAddress>& addresses) {
        return std::any_of(addresses.begin(), addresses.end(), [&](const VirtualAddress& one) {
            return one.prefix.address == address;
        });
    };
    return std::any_of(instances_.begin(), instances_.end(), [&](const auto& instance) {
        return instance->state() == State::kMaster &&
               (has(instance->config().addresses) || has(instance->config().excluded));
    });
}

Status Router::status() const {
    Status status;
    for (const auto& instance : instances_) {
        const InstanceConfig& config = instance->config();
        const Group* group = group_of(*instance);
        InstanceStatus& one = status.instances.emplace_back();
        one.name = config.name;
        one.interface = config.interface;
        one.group = group == nullptr ? std::string() : group->config().name;
        one.family = config.family;
        one.version = config.version;
        one.vrid = config.vrid;
        one.state = instance->state();
        one.fault = instance->state() == State::kFault ? instance->fault() : std::string();
        one.priority = instance->priority();
        one.configured_priority = config.priority;
        one.interval = config.interval;
        one.master_interval = instance->master_interval();
        one.master_down_interval = instance->master_down_interval();
        one.master = instance->master();
        one.deadline = instance->deadline();
        one.addresses = config.addresses;
        one.excluded = config.excluded;
        one.peers = instance->peers().all();
        one.counters = instance->counters();
    }
    for (const Group& group : groups_) {
        status.groups.push_back(
            GroupStatus{group.config().name, group.state(), group.config().members});
    }
    status.trackers = tracking_.status();
    status.refused = refused_;
    return status;
}

}  // namespace director::vrrp
