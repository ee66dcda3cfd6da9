// Local ports for full NAT and source NAT: which a worker may use, and which are in use.
//
// A reply comes to a local address and port, and NIC and workers shard it by that destination
// (shard.h). So a pool holds exactly those ports whose replies reach the worker it was built for:
// no flow rules and no hand-over are needed. Control plane: build_local_pool. Worker: the rest;
// nothing here allocates or frees but build_local_pool.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "common/address.h"
#include "dataplane/api/local_pool.h"

namespace director::dataplane {

struct LocalPoolSettings {
    uint16_t id = 1;
    uint16_t port_first = 1024;
    uint16_t port_last = 65535;
    WorkerId worker{};
    uint16_t worker_count = 1;
};

// A pool with all of the worker's ports of `addresses` free. 0.26 MB per address.
[[nodiscard]] std::unique_ptr<LocalPool> build_local_pool(const LocalPoolSettings& settings,
                                                          std::span<const IpAddress> addresses);

// The group of a connection to `server`: those of different servers or protocols never collide when
// their groups differ, and within a group no port is given out twice.
[[nodiscard]] uint32_t local_port_group(Protocol protocol, const Endpoint& server);

// Takes a free port of an address of this family, address after address in turn; nullopt, counted
// as exhausted, when no address has one. Constant time but for addresses that have none left.
[[nodiscard]] std::optional<Endpoint> take_local_port(LocalPool& pool,
                                                      uint32_t group,
                                                      Family family);

// The same of one address.
[[nodiscard]] std::optional<Endpoint> take_local_port_of(LocalPool& pool,
                                                         const IpAddress& address,
                                                         uint32_t group);

// Whether take_local_port() would find one.
[[nodiscard]] bool has_free_local_port(const LocalPool& pool, uint32_t group, Family family);

// Takes this very port, for a connection that another director hands over. False: held already.
[[nodiscard]] bool hold_local_port(LocalPool& pool, const Endpoint& local, uint32_t group);

// A connection's end. A port that nobody holds, or of an address that no pool knows any more, is
// no one's concern.
void give_back_local_port(LocalPool& pool, const Endpoint& local, uint32_t group);

// Moves into `next`, which is about to replace `old`, all ports that connections hold, and the
// count of refusals. O(1) per address whose ports stay the same, 0.1 ms for one whose range or
// worker changes.
void adopt_local_ports(LocalPool& next, LocalPool& old);

struct LocalPoolUsage {
    uint64_t ports = 0;  // that could be given out, all groups together
    uint64_t held = 0;   // by connections, including those of retired addresses
    uint64_t exhausted = 0;
    uint32_t addresses = 0;
    uint32_t retired_addresses = 0;
};
[[nodiscard]] LocalPoolUsage local_pool_usage(const LocalPool& pool);

}  // namespace director::dataplane
