// VRRP as the configuration says it: which addresses this director shares with its twin, and what
// decides who has them. Part of the Model. The words are keepalived's.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/time.h"

namespace director::config {

enum class VrrpState { kBackup, kMaster };
enum class VrrpAuthentication { kNone, kPassword, kHeader };
enum class VrrpChecksum { kLearn, kPseudoHeader, kMessageOnly, kOldUnicast };
enum class VrrpTrackerKind { kInterface, kScript, kFile, kQuorum };

// "192.0.2.100/24", or with another interface than the instance's: "192.0.2.100/24 dev inside".
struct VirtualAddress {
    IpPrefix address;
    std::string interface;

    friend bool operator==(const VirtualAddress&, const VirtualAddress&) = default;
};

// "chk_upstream", with another weight than the tracker's own: "chk_upstream weight -20", and upside
// down: "chk_upstream reverse".
struct Tracked {
    std::string tracker;
    std::optional<int> weight;
    bool is_reversed = false;

    friend bool operator==(const Tracked&, const Tracked&) = default;
};

// Programs with their arguments, run when the state changes. Empty: none.
struct VrrpNotify {
    std::vector<std::string> master;
    std::vector<std::string> backup;
    std::vector<std::string> fault;
    std::vector<std::string> stop;
    std::vector<std::string> deleted;              // it left the configuration
    std::vector<std::string> master_rx_lower_pri;  // MASTER heard of one with a lower priority
    std::vector<std::string> any;  // gets four words more: INSTANCE or GROUP, name, state, priority
    bool priority_changes = false;  // whether these are told too

    friend bool operator==(const VrrpNotify&, const VrrpNotify&) = default;
};

// Gratuitous ARP and unsolicited neighbour advertisements of a master.
struct VrrpAnnouncements {
    uint16_t repeat = 5;
    Duration delay = std::chrono::seconds(5);  // until they are repeated; 0: they are not
    Duration refresh{0};                       // every so often; 0: never
    uint16_t refresh_repeat = 1;

    friend bool operator==(const VrrpAnnouncements&, const VrrpAnnouncements&) = default;
};

struct VrrpInstance {
    std::string name;
    std::string interface;  // a port, or a VLAN's interface: "inside.10"
    uint8_t version = 2;
    uint8_t router_id = 0;  // 1..255
    VrrpState state = VrrpState::kBackup;
    uint8_t priority = 100;
    Duration advert_interval = std::chrono::seconds(1);
    uint16_t down_timer_adverts = 3;
    bool preempt = true;
    Duration preempt_delay{0};
    Duration startup_delay{0};
    bool accept = true;
    VrrpAuthentication authentication = VrrpAuthentication::kNone;
    std::string password;
    std::string source;  // empty: the interface's first address
    std::vector<IpAddress> unicast_peers;
    bool virtual_mac = false;
    std::vector<VirtualAddress> addresses;
    std::vector<VirtualAddress> excluded_addresses;
    VrrpChecksum checksum = VrrpChecksum::kLearn;
    bool strict_addresses = false;
    bool track_interface = true;
    std::vector<Tracked> track;
    VrrpAnnouncements announcements;
    VrrpNotify notify;

    friend bool operator==(const VrrpInstance&, const VrrpInstance&) = default;
};

// Instances whose addresses move together.
struct VrrpGroup {
    std::string name;
    std::vector<std::string> instances;
    std::vector<Tracked> track;
    bool use_weights = false;
    VrrpNotify notify;

    friend bool operator==(const VrrpGroup&, const VrrpGroup&) = default;
};

struct VrrpTracker {
    std::string name;
    VrrpTrackerKind kind = VrrpTrackerKind::kScript;
    std::string subject;  // interface, file or virtual service
    int16_t weight = 0;   // 0: FAULT when it is down
    std::vector<std::string> command;
    Duration interval = std::chrono::seconds(1);
    Duration timeout = std::chrono::seconds(1);
    uint16_t rise = 1;
    uint16_t fall = 1;
    bool starts_failed = false;

    friend bool operator==(const VrrpTracker&, const VrrpTracker&) = default;
};

}  // namespace director::config
