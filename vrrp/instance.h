// One virtual router: the state machine of RFC 9568 6.4 with what keepalived added (FAULT, unicast,
// preemption rules, tracking). Router owns the instances and calls them; `now` comes in, actions
// come out. A member of a sync group (group.h) never becomes MASTER by itself: it says that it
// wants to.
//
// | state  | event                          | what follows                                       |
// |--------|--------------------------------|----------------------------------------------------|
// | INIT   | started, trackers known        | BACKUP; owner: MASTER; with a fault: FAULT          |
// | BACKUP | advert of a better or equal    | listen on; version 3: take over its interval        |
// | BACKUP | advert of a lower one          | nopreempt, preempt_delay: listen on; else ignored   |
// | BACKUP | master says goodbye (0)        | MASTER after the skew time                          |
// | BACKUP | silence                        | MASTER                                              |
// | BACKUP | silence, but was starved       | listen once more: adverts may wait unread           |
// | MASTER | interval over                  | advert                                              |
// | MASTER | advert of a better             | BACKUP, nothing said                                |
// | MASTER | advert of a lower, or goodbye  | advert at once                                      |
// | MASTER | slept longer than others wait  | BACKUP, nothing said                                |
// | any    | fault                          | FAULT; a MASTER says goodbye                        |
// | any    | stop                           | INIT; a MASTER says goodbye                         |
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/event_gate.h"
#include "vrrp/action.h"
#include "vrrp/advertisement.h"
#include "vrrp/announcer.h"
#include "vrrp/config.h"
#include "vrrp/interface_table.h"
#include "vrrp/packet.h"
#include "vrrp/peers.h"

namespace director::vrrp {

// What trackers and the sync group say about an instance.
struct Conditions {
    bool is_ready = true;     // all trackers have had a first result
    std::string fault;        // its own trackers'; empty: none
    std::string group_fault;  // another member's; empty: none
    int weight = 0;           // added to the priority
    friend bool operator==(const Conditions&, const Conditions&) = default;
};

enum class Membership : uint8_t { kAlone, kGrouped };

struct InstanceCounters {
    uint64_t adverts_sent = 0;
    uint64_t adverts_received = 0;  // accepted as true, whatever followed
    uint64_t goodbyes_sent = 0;
    uint64_t goodbyes_received = 0;
    uint64_t lower_priority_received = 0;
    uint64_t became_master = 0;
    uint64_t left_master = 0;
    uint64_t starved = 0;                         // yielded or listened again for having slept
    std::array<uint64_t, kStateCount> entered{};  // transitions into each state
    std::array<uint64_t, kRefusalCount> refused{};
};

class Instance {
  public:
    // `interfaces` must outlive the instance.
    Instance(InstanceConfig config, const InterfaceTable& interfaces, Membership membership);

    void start(TimePoint now, Actions& actions);
    // Says goodbye if MASTER; INIT from now on.
    void stop(TimePoint now, Actions& actions);
    // A packet with this instance's VRID, family and interface. What is not believed is counted,
    // told once in a while, and changes nothing.
    void receive(TimePoint now, const Packet& packet, Actions& actions);
    // Call when deadline() has come; calling early or late is right too.
    void wake(TimePoint now, Actions& actions);
    // kNever when nothing is due.
    [[nodiscard]] TimePoint deadline() const;

    // Call after the interface or a tracker has changed, and before start().
    void set_conditions(TimePoint now, const Conditions& conditions, Actions& actions);
    // The priority of the configuration, or that of a command until it takes it back (nullopt).
    void set_priority(TimePoint now, std::optional<uint8_t> priority, Actions& actions);
    // Takes over a changed configuration of the same virtual router (can_become()), without leaving
    // MASTER: addresses that came or went are added and removed.
    void configure(TimePoint now,
                   const InstanceConfig& config,
                   Membership membership,
                   Actions& actions);
    [[nodiscard]] bool can_become(const InstanceConfig& config) const;

    // For sync groups. Preconditions: BACKUP; MASTER.
    void become_master(TimePoint now, Actions& actions);
    void follow_group_to_backup(TimePoint now, Actions& actions);
    [[nodiscard]] bool wants_master() const { return wants_master_; }
    // Its own fault under these conditions, without the group's; empty: none.
    [[nodiscard]] std::string own_fault(const Conditions& conditions) const;
    // It has left the configuration; call after stop().
    void tell_deleted(Actions& actions) const;

    [[nodiscard]] const InstanceConfig& config() const { return config_; }
    [[nodiscard]] const std::string& name() const { return config_.name; }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] const std::string& fault() const { return fault_; }
    [[nodiscard]] uint8_t priority() const { return priority_; }
    [[nodiscard]] const std::optional<IpAddress>& master() const { return master_; }
    [[nodiscard]] const Peers& peers() const { return peers_; }
    [[nodiscard]] const InstanceCounters& counters() const { return counters_; }
    // How long a BACKUP waits for its master, and what of it is skew.
    [[nodiscard]] Duration master_down_interval() const;
    [[nodiscard]] Duration skew() const;
    [[nodiscard]] Duration master_interval() const { return master_interval_; }

  private:
    enum class Goodbye : uint8_t { kNone, kSaid };

    [[nodiscard]] bool is_running() const {
        return state_ == State::kBackup || state_ == State::kMaster;
    }
    [[nodiscard]] std::optional<IpAddress> source() const;
    [[nodiscard]] InterfaceFacts facts_of(const std::string& interface) const;
    [[nodiscard]] std::vector<VirtualAddress> all_addresses() const;
    [[nodiscard]] uint8_t effective_priority() const;
    [[nodiscard]] bool has_overslept(TimePoint now) const;

    // receive.cc
    [[nodiscard]] Parsed<ReceivedAdvertisement> check(TimePoint now, const Packet& packet) const;
    [[nodiscard]] std::optional<Refusal> check_delivery(const Packet& packet) const;
    [[nodiscard]] std::optional<Refusal> check_authentication(TimePoint now,
                                                              const Packet& packet,
                                                              const Advertisement& advert) const;
    [[nodiscard]] bool has_same_addresses(const Advertisement& advert) const;
    void refuse(TimePoint now, const Packet& packet, Refusal refusal, Actions& actions);
    void note_peer(TimePoint now,
                   const Packet& packet,
                   const ReceivedAdvertisement& received,
                   Actions& actions);
    void receive_as_backup(TimePoint now,
                           const IpAddress& from,
                           const Advertisement& advert,
                           Actions& actions);
    void receive_as_master(TimePoint now,
                           const IpAddress& from,
                           const Advertisement& advert,
                           Actions& actions);
    [[nodiscard]] bool accepts_as_master(TimePoint now, const Advertisement& advert);
    void learn_interval(const Advertisement& advert, Actions& actions);

    void leave_init_or_fault(TimePoint now, Actions& actions);
    void enter_backup(TimePoint now, Duration wait, std::string why, Actions& actions);
    void enter_fault(TimePoint now, Actions& actions);
    void leave_master(TimePoint now, Goodbye goodbye, Actions& actions);
    void change_state(State state, std::string why, Actions& actions);
    void wake_backup(TimePoint now, Actions& actions);
    void wake_master(TimePoint now, Actions& actions);
    void update_priority(TimePoint now, Actions& actions);
    void change_addresses(TimePoint now, const InstanceConfig& before, Actions& actions);

    // send.cc
    void send_advert(TimePoint now, uint8_t priority, Actions& actions);
    void answer(TimePoint now, Actions& actions);
    void announce(TimePoint now, Actions& actions);
    void announce_own_source(Actions& actions);
    [[nodiscard]] ChecksumForm form_for(const IpAddress& destination) const;
    void tell(EventKind kind, Severity severity, std::string text, Actions& actions) const;
    void notify(const std::vector<std::string>& command, Actions& actions) const;
    void notify_any(std::string_view word, Actions& actions) const;

    InstanceConfig config_;
    const InterfaceTable& interfaces_;
    Membership membership_;
    Conditions conditions_;
    std::optional<uint8_t> commanded_priority_;

    State state_ = State::kInit;
    bool is_started_ = false;
    bool wants_master_ = false;
    std::string fault_;
    uint8_t priority_ = 0;      // effective
    Duration master_interval_;  // the master's, or our own before one was heard
    TimePoint timer_ = kNever;  // INIT: start; BACKUP: master is down; MASTER: next advert
    TimePoint sent_at_;         // MASTER: last advert
    TimePoint answered_at_;     // MASTER: last advert out of turn
    unsigned listened_again_ = 0;
    std::optional<TimePoint> preempt_at_;  // a lower master is borne until then
    std::optional<IpAddress> master_;      // whom a BACKUP listens to
    uint16_t ipv4_id_ = 0;
    uint32_t ah_sequence_ = 0;  // the last one sent, or heard from others if that was higher
    Announcer announcer_;
    Peers peers_;
    InstanceCounters counters_;
    std::array<EventGate, kRefusalCount> refusal_gates_;
    EventGate lower_gate_;
    EventGate address_gate_;
    EventGate interval_gate_;
};

}  // namespace director::vrrp
