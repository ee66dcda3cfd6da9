// The local addresses and ports of one worker from which full NAT and source NAT take the client's
// new end.
//
// Built for each worker by core::build_local_pool (dataplane/core/tables/local_ports.h), installed
// with CommandKind::kPutLocalPool, changed by that worker alone while installed, and handed back
// with EventKind::kLocalPoolReturned when replaced: the new one knows the ports that old
// connections still hold.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/address.h"
#include "dataplane/api/ids.h"

namespace director::dataplane {

// Two connections may share a local port when they go to different real servers: the replies differ
// in their source. Real servers fall into so many groups, each with all ports of its own.
inline constexpr uint32_t kLocalPortGroups = 16;

using PortBitmap = std::array<uint64_t, 1024>;  // bit p % 64 of word p / 64 is port p's

// The ports of one address and group.
struct LocalPorts {
    PortBitmap free{};
    PortBitmap held{};                     // by connections; also ports that left the range since
    std::array<uint64_t, 16> non_empty{};  // bit w % 64 of word w / 64: word w of `free` is not 0
    uint32_t free_count = 0;
    uint32_t held_count = 0;
    uint32_t cursor = 0;  // where the search for the next one starts: ports rest before reuse
};

using LocalPortSets = std::array<LocalPorts, kLocalPortGroups>;

struct LocalAddress {
    IpAddress address;
    std::unique_ptr<LocalPortSets> groups;
};

// Addresses that left a pool while connections still held ports of theirs are remembered, so that
// these ports are not given out twice should the addresses come back. At most so many at a time.
inline constexpr size_t kRetiredAddressesMax = 64;

struct LocalPool {
    uint16_t id = 0;  // 1 ..; 0 is no pool
    uint16_t port_first = 1024;
    uint16_t port_last = 65535;
    WorkerId worker{};
    uint16_t worker_count = 1;
    std::vector<LocalAddress> addresses;
    std::vector<LocalAddress> retired;  // reserved for kRetiredAddressesMax
    uint32_t next_address = 0;          // whose turn it is
    uint64_t exhausted = 0;             // connections refused for want of a port
};

inline constexpr uint16_t kLocalPoolsMax = 64;

}  // namespace director::dataplane
