// All of a director's VRRP: instances, groups, trackers, behind one door. The control plane calls
// it from its event loop, carries out the actions in order, and calls wake() when deadline() comes.
//
//   Router router;
//   router.configure(now, config, actions);          // after validate(config) found nothing
//   router.interface_changed(now, "net0", facts, actions);
//   router.start(now, actions);
//   ...
//   router.receive(now, "net0", ip_packet, actions); // protocol 112 or 51, from the IP header on
//   router.wake(now, actions);                       // at router.deadline()
//   router.stop(now, actions);                       // priority 0, addresses removed
//
// Packets that wait should be handed in before wake(): what they say may be that all is well.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/event_gate.h"
#include "common/result.h"
#include "vrrp/action.h"
#include "vrrp/config.h"
#include "vrrp/group.h"
#include "vrrp/instance.h"
#include "vrrp/interface_table.h"
#include "vrrp/status.h"
#include "vrrp/tracking.h"

namespace director::vrrp {

class Router {
  public:
    Router();
    Router(const Router&) = delete;
    Router& operator=(const Router&) = delete;

    // Takes a configuration, the first or a changed one. Instances that stay the same virtual
    // router keep their state; others say goodbye and begin. Precondition: validate(config) is
    // empty.
    void configure(TimePoint now, const Config& config, Actions& actions);
    void start(TimePoint now, Actions& actions);
    void stop(TimePoint now, Actions& actions);
    [[nodiscard]] bool is_started() const { return is_started_; }

    void receive(TimePoint now,
                 std::string_view interface,
                 std::span<const uint8_t> ip_packet,
                 Actions& actions);
    void wake(TimePoint now, Actions& actions);
    [[nodiscard]] TimePoint deadline() const;

    // nullopt: the interface is gone.
    void interface_changed(TimePoint now,
                           const std::string& interface,
                           const std::optional<InterfaceFacts>& facts,
                           Actions& actions);
    void script_ended(
        TimePoint now, std::string_view tracker, uint64_t run, bool succeeded, Actions& actions);
    void file_changed(TimePoint now,
                      std::string_view file,
                      std::optional<int> value,
                      Actions& actions);
    void quorum_changed(TimePoint now, std::string_view service, bool is_up, Actions& actions);

    // An administrator's priority for an instance until he takes it back with nullopt. Fails for an
    // unknown name and for 0.
    [[nodiscard]] Result<void> set_priority(TimePoint now,
                                            std::string_view instance,
                                            std::optional<uint8_t> priority,
                                            Actions& actions);

    [[nodiscard]] Status status() const;
    // Whether one of the instances has `address` as MASTER: whose ARP and ND are answered.
    [[nodiscard]] bool owns(const IpAddress& address) const;

  private:
    [[nodiscard]] Instance* find(std::string_view name) const;
    [[nodiscard]] const Group* group_of(const Instance& instance) const;
    void make_groups(const std::vector<GroupConfig>& groups, Actions& actions);
    // What interfaces and trackers say, to all instances.
    void refresh(TimePoint now, Actions& actions);
    // Lets groups draw their consequences, and numbers the events since `first`.
    void settle(TimePoint now, size_t first, Actions& actions);
    [[nodiscard]] Conditions conditions_of(const Instance& instance) const;
    void add_verdicts(const std::vector<TrackEntry>& entries,
                      WeightUse use,
                      Conditions& conditions) const;

    bool is_started_ = false;
    InterfaceTable interfaces_;
    Tracking tracking_{interfaces_};
    std::vector<std::unique_ptr<Instance>> instances_;
    std::vector<Group> groups_;
    uint64_t sequence_ = 0;
    std::array<uint64_t, kRefusalCount> refused_{};  // before an instance was found
    std::array<EventGate, kRefusalCount> refusal_gates_;
};

}  // namespace director::vrrp
