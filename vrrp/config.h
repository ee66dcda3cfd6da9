// What an administrator says about VRRP, as plain values: the daemon fills it, Router takes it.
// Every default is keepalived's unless its comment says why not. validate() finds every mistake at
// once; Router::configure() asserts that there is none.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/time.h"

namespace director::vrrp {

enum class Version : uint8_t { kV2 = 2, kV3 = 3 };

// Authentication of RFC 2338, which keepalived kept when RFC 3768 dropped it. Version 2 only.
enum class Authentication : uint8_t { kNone = 0, kPassword = 1, kHeader = 2 };

// How the checksum of a version 3 advert over IPv4 is computed. All are accepted; kLearn sends what
// the peers were seen to send, and kPseudoHeader before any was heard.
enum class ChecksumChoice : uint8_t {
    kLearn,
    kPseudoHeader,  // RFC 5798 as keepalived and Wireshark read it
    kMessageOnly,   // RFC 9568, Cisco, Juniper; keepalived's v3_checksum_as_v2
    kOldUnicast,    // pseudo header with 224.0.0.18 also to unicast peers: keepalived up to 1.3.6
};

// What to do about an advert with other virtual addresses than ours. keepalived up to 2.3.2 drops
// it, and both directors become MASTER; later ones accept it. So do we, loudly.
enum class AddressMismatch : uint8_t { kTolerate, kRefuse };

struct VirtualAddress {
    IpPrefix prefix;
    std::string interface;  // empty: the instance's own
    std::string label;
    friend bool operator==(const VirtualAddress&, const VirtualAddress&) = default;
};

// Gratuitous ARP (IPv4) and unsolicited neighbour advertisements (IPv6) of a MASTER.
struct AnnouncementConfig {
    unsigned repeat = 5;                       // rounds over all addresses, at once
    Duration delay = std::chrono::seconds(5);  // until the second burst; 0: none
    Duration refresh{0};                       // while MASTER, every so often; 0: never
    unsigned refresh_repeat = 1;
    unsigned lower_priority_repeat = 5;  // after an advert of lower priority
    Duration lower_priority_delay = std::chrono::seconds(5);
    Duration interval{0};  // between two frames; 0: paced by the library
    friend bool operator==(const AnnouncementConfig&, const AnnouncementConfig&) = default;
};

// A tracker that an instance or a sync group watches.
struct TrackEntry {
    std::string tracker;        // name of a TrackerConfig
    std::optional<int> weight;  // nullopt: the tracker's own
    bool is_reversed = false;   // counts as down when it is up
    friend bool operator==(const TrackEntry&, const TrackEntry&) = default;
};

// Commands to run on transitions. Each is an argument vector; keepalived's generic `notify` gets
// four words more: INSTANCE or GROUP, name, state, priority.
struct NotifyConfig {
    std::vector<std::string> master;
    std::vector<std::string> backup;
    std::vector<std::string> fault;
    std::vector<std::string> stop;
    std::vector<std::string> deleted;
    std::vector<std::string> lower_priority_received;
    std::vector<std::string> any;
    bool tells_priority_changes = false;
    friend bool operator==(const NotifyConfig&, const NotifyConfig&) = default;
};

// A peer that is told by unicast, and by how many hops its adverts may have travelled: RFC 5798's
// rule of TTL 255 is for multicast; keepalived does not check it for unicast.
struct UnicastPeer {
    IpAddress address;
    uint8_t ttl_min = 0;
    uint8_t ttl_max = 255;
    friend bool operator==(const UnicastPeer&, const UnicastPeer&) = default;
};

// Grouped by meaning: there are few of them, and padding costs nothing.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
struct InstanceConfig {
    std::string name;
    std::string interface;
    Family family = Family::kIpv4;
    Version version = Version::kV2;  // IPv6 has version 3 only
    uint8_t vrid = 0;                // 1..255
    bool starts_as_master = false;   // keepalived's "state MASTER": asks for one interval only
    uint8_t priority = 100;          // 1..255; 255: owner of the addresses
    Duration interval = std::chrono::seconds(1);
    unsigned down_timer_adverts = 3;  // 1..100
    bool is_preempting = true;
    Duration preempt_delay{0};  // 0..1000 s
    Duration startup_delay{0};  // nothing is heard or said before
    bool accepts_traffic = true;

    Authentication authentication = Authentication::kNone;
    std::string password;  // 1..8 characters

    std::optional<IpAddress> source;  // nullopt: the interface's first, link-local for IPv6
    bool is_unicast = false;
    std::vector<UnicastPeer> peers;
    // Unicast adverts of others than `peers` are refused. keepalived's default is to accept them.
    bool checks_peers = true;
    uint8_t unicast_ttl = 255;

    bool uses_virtual_mac = false;
    std::vector<VirtualAddress> addresses;  // in adverts; at most kAddressesMax
    std::vector<VirtualAddress> excluded;   // owned by the master all the same
    ChecksumChoice checksum = ChecksumChoice::kLearn;
    AddressMismatch address_mismatch = AddressMismatch::kTolerate;
    bool answers_lower_priority = true;   // RFC 9568 6.4.3: an advert at once
    bool greets_higher_priority = false;  // one more advert before yielding

    AnnouncementConfig announcements;
    bool tracks_interface = true;
    std::vector<TrackEntry> trackers;
    NotifyConfig notify;
    friend bool operator==(const InstanceConfig&, const InstanceConfig&) = default;
};

// Instances whose addresses move together.
struct GroupConfig {
    std::string name;
    std::vector<std::string> members;
    std::vector<TrackEntry> trackers;
    // keepalived's sync_group_tracking_weight: without it, weights of members' and the group's
    // trackers count as 0, that is, as FAULT, so that members cannot end up with different masters.
    bool uses_weights = false;
    NotifyConfig notify;
    friend bool operator==(const GroupConfig&, const GroupConfig&) = default;
};

enum class TrackerKind : uint8_t { kInterface, kScript, kFile, kQuorum };

// Something whose state decides about priority (weight not 0) or fitness (weight 0: FAULT).
struct TrackerConfig {
    std::string name;
    TrackerKind kind = TrackerKind::kInterface;
    std::string subject;  // interface, file, or virtual service
    int weight = 0;       // -253..253; file: multiplied with its value
    // Scripts only.
    std::vector<std::string> command;
    Duration interval = std::chrono::seconds(1);
    Duration timeout = std::chrono::seconds(1);  // then it is ended and counts as failed
    unsigned rise = 1;
    unsigned fall = 1;
    bool starts_failed = false;
    friend bool operator==(const TrackerConfig&, const TrackerConfig&) = default;
};

struct Config {
    std::vector<InstanceConfig> instances;
    std::vector<GroupConfig> groups;
    std::vector<TrackerConfig> trackers;
    friend bool operator==(const Config&, const Config&) = default;
};

// One mistake: where it is and what was expected.
struct Mistake {
    std::string where;     // "instance VI_1: priority"
    std::string expected;  // "expected 1..255, found 0"
};

// All mistakes of `config`; empty: Router will take it.
[[nodiscard]] std::vector<Mistake> validate(const Config& config);

// The most addresses that an instance may have in its adverts: what fits an MTU of 1500 (fewer for
// IPv6), and the count's one byte.
[[nodiscard]] size_t addresses_max(const InstanceConfig& config);

}  // namespace director::vrrp
