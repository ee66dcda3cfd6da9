// The local addresses and ports of one worker from which full NAT and source NAT take the client's
// new end.
//
// Built by the control plane for each worker, installed with CommandKind::kPutLocalPool, changed by
// that worker alone while installed, and handed back with EventKind::kLocalPoolReturned when
// replaced: the new one knows the ports that old connections still hold.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/address.h"
#include "dataplane/api/ids.h"

namespace director::dataplane {

// Two connections may share a local port when they go to different real servers: the replies differ
// in their source. Real servers fall into so many groups, each with all ports of its own.
inline constexpr size_t kLocalPortGroups = 16;

// Which ports of one address and group are free: a bit each, and a bit for every word with one.
// Only ports whose replies come to this worker are ever set.
struct FreePorts {
    std::array<uint64_t, 1024> free{};     // bit p % 64 of word p / 64: port p is free
    std::array<uint64_t, 16> non_empty{};  // bit w % 64 of word w / 64: word w of `free` is not 0
    uint32_t count = 0;
    uint32_t cursor = 0;  // where the search for the next one starts: ports rest before reuse
};

struct LocalAddress {
    IpAddress address;
    std::array<FreePorts, kLocalPortGroups> groups;
};

struct LocalPool {
    uint16_t id = 0;  // 1 ..; 0 is no pool
    uint16_t port_first = 1024;
    uint16_t port_last = 65535;
    std::vector<LocalAddress> addresses;
    uint32_t next_address = 0;  // whose turn it is
    uint64_t exhausted = 0;     // connections refused for want of a port
};

inline constexpr uint16_t kLocalPoolsMax = 64;

}  // namespace director::dataplane
