#include "vrrp/group.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/assert.h"

namespace director::vrrp {

Group::Group(GroupConfig config, std::vector<Instance*> members)
    : config_(std::move(config)), members_(std::move(members)) {
    DIRECTOR_ASSERT(!members_.empty());
}

void Group::settle(TimePoint now, Actions& actions) {
    const auto is_master = [](const Instance* member) { return member->state() == State::kMaster; };
    const bool all_want =
        std::all_of(members_.begin(), members_.end(), [&](const Instance* member) {
            return is_master(member) ||
                   (member->state() == State::kBackup && member->wants_master());
        });
    for (Instance* member : members_) {
        if (all_want && !is_master(member)) {
            member->become_master(now, actions);
        } else if (!all_want && is_master(member)) {
            member->follow_group_to_backup(now, actions);
        }
    }
    tell(actions);
}

State Group::state() const {
    const auto any = [&](State state) {
        return std::any_of(members_.begin(), members_.end(), [&](const Instance* member) {
            return member->state() == state;
        });
    };
    if (any(State::kFault)) {
        return State::kFault;
    }
    if (any(State::kInit)) {
        return State::kInit;
    }
    return any(State::kBackup) ? State::kBackup : State::kMaster;
}

bool Group::has(const Instance& instance) const {
    return std::find(members_.begin(), members_.end(), &instance) != members_.end();
}

void Group::tell(Actions& actions) {
    const State now = state();
    if (now == told_) {
        return;
    }
    Event event;
    event.kind = EventKind::kState;
    event.subject = Subject::kGroup;
    event.name = config_.name;
    event.before = std::exchange(told_, now);
    event.state = now;
    event.text = fmt::format("{} members", members_.size());
    actions.push_back(std::move(event));
    switch (now) {
        case State::kMaster:
            notify(config_.notify.master, to_string(now), actions);
            break;
        case State::kBackup:
            notify(config_.notify.backup, to_string(now), actions);
            break;
        case State::kFault:
            notify(config_.notify.fault, to_string(now), actions);
            break;
        case State::kInit:
            break;  // stop is told by tell_end()
    }
}

void Group::tell_end(EventKind kind, Actions& actions) const {
    Event event;
    event.kind = kind;
    event.subject = Subject::kGroup;
    event.name = config_.name;
    event.state = event.before = state();
    event.text = kind == EventKind::kStopped ? "stopped" : "left the configuration";
    actions.push_back(std::move(event));
    if (kind == EventKind::kStopped) {
        notify(config_.notify.stop, "STOP", actions);
    } else {
        notify(config_.notify.deleted, "DELETED", actions);
    }
}

void Group::notify(const std::vector<std::string>& command,
                   std::string_view word,
                   Actions& actions) const {
    if (!command.empty()) {
        actions.push_back(RunCommand{config_.name, command});
    }
    if (!config_.notify.any.empty()) {
        std::vector<std::string> generic = config_.notify.any;
        generic.insert(generic.end(), {"GROUP", config_.name, std::string(word), "0"});
        actions.push_back(RunCommand{config_.name, std::move(generic)});
    }
}

}  // namespace director::vrrp
