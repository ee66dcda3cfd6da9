// A sync group: instances whose addresses move together. After every event Router lets each group
// settle; so between two events either all members of a group are MASTER or none is.
#pragma once

#include <string>
#include <vector>

#include "vrrp/action.h"
#include "vrrp/config.h"
#include "vrrp/instance.h"

namespace director::vrrp {

class Group {
  public:
    // `members` must outlive the group; not empty.
    Group(GroupConfig config, std::vector<Instance*> members);

    // Draws the consequences of what happened to one member: all MASTER when each wants to be or
    // is, none when one is not. (Faults come as conditions, from Router.) Tells a change of the
    // group.
    void settle(TimePoint now, Actions& actions);

    // MASTER: all are. FAULT, INIT: one is. Else BACKUP.
    [[nodiscard]] State state() const;
    [[nodiscard]] const GroupConfig& config() const { return config_; }
    [[nodiscard]] bool has(const Instance& instance) const;
    // Keeps quiet about what was told already by a group of this name before a reload.
    void continue_from(State told) { told_ = told; }
    [[nodiscard]] State told() const { return told_; }
    // The daemon stops, or the group left the configuration.
    void tell_end(EventKind kind, Actions& actions) const;

  private:
    void tell(Actions& actions);
    void notify(const std::vector<std::string>& command,
                std::string_view word,
                Actions& actions) const;

    GroupConfig config_;
    std::vector<Instance*> members_;
    State told_ = State::kInit;
};

}  // namespace director::vrrp
