// Connection sync as the configuration says it: what goes to the twin and what is taken from it.
// Part of the Model. The words are those of ipvsadm --start-daemon and of net.ipv4.vs.sync_*.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/time.h"

namespace director::config {

enum class SyncRole { kOff, kMaster, kBackup, kBoth };
enum class SyncProtocol { kIpvs, kDirector, kBoth };

struct Sync {
    SyncRole role = SyncRole::kOff;
    std::string interface;  // the kernel's interface that messages leave and come by
    uint8_t id = 0;         // as receiver, 0 takes every id
    SyncProtocol protocol = SyncProtocol::kBoth;
    IpAddress group = Ipv4Address::of(224, 0, 0, 81);
    uint16_t port = 8848;
    uint8_t ttl = 1;
    uint16_t message_bytes = 1472;
    std::vector<IpAddress> peers;  // instead of the group
    std::vector<IpPrefix> allow;   // who may send; empty: everyone on the interface
    std::string key;               // of Director's own messages; empty: none
    bool accept_ipvs = true;
    bool bulk = true;                              // the whole table for a director that joins
    Duration join_wait = std::chrono::seconds(3);  // of VRRP, for that table; 0: none
    uint8_t threshold = 3;
    uint16_t period = 50;
    uint32_t refresh_period = 0;  // seconds
    uint8_t retries = 0;
    bool templates_only = false;  // sync_persist_mode
    uint32_t queue_max = 65536;   // records
    uint32_t messages_per_second = 4000;

    friend bool operator==(const Sync&, const Sync&) = default;
};

}  // namespace director::config
