// What the control socket and the metrics tell of VRRP: a picture of one moment, plain data.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vrrp/action.h"
#include "vrrp/instance.h"
#include "vrrp/tracking.h"

namespace director::vrrp {

struct InstanceStatus {
    std::string name;
    std::string interface;
    std::string group;  // empty: none
    Family family = Family::kIpv4;
    Version version = Version::kV2;
    uint8_t vrid = 0;
    State state = State::kInit;
    std::string fault;  // why FAULT
    uint8_t priority = 0;
    uint8_t configured_priority = 0;
    Duration interval{0};
    Duration master_interval{0};
    Duration master_down_interval{0};
    std::optional<IpAddress> master;  // whom a BACKUP listens to
    TimePoint deadline = kNever;
    std::vector<VirtualAddress> addresses;
    std::vector<VirtualAddress> excluded;
    std::vector<Peer> peers;
    InstanceCounters counters;
};

struct GroupStatus {
    std::string name;
    State state = State::kInit;
    std::vector<std::string> members;
};

struct Status {
    std::vector<InstanceStatus> instances;
    std::vector<GroupStatus> groups;
    std::vector<TrackerStatus> trackers;
    std::array<uint64_t, kRefusalCount> refused{};  // packets that belong to no instance
};

}  // namespace director::vrrp
