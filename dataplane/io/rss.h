// Receive-side scaling: makes a NIC deliver each packet to the worker that owns its connection, by
// hashing the client's endpoint alone (dataplane/core/shard.h computes the same in software).
#pragma once

#include <cstdint>
#include <vector>

#include <rte_ethdev.h>

#include "dataplane/io/engine.h"

namespace director::dataplane::io {

// What to ask of a port's hash.
struct RssPlan {
    uint64_t hash_functions = 0;  // 0: no hashing
    bool is_by_client = false;
    std::vector<uint8_t> key;
};

// The plans worth trying on a port, best first. Which of them a driver takes is only known by
// asking.
[[nodiscard]] std::vector<RssPlan> rss_plans(PortSide side,
                                             const rte_eth_dev_info& device,
                                             uint16_t queues);

// The queue of each of `entries` indirection slots: what the owner function makes of the hash.
[[nodiscard]] std::vector<uint16_t> indirection_by_owner(uint16_t entries, uint16_t queues);

// Writes the indirection table of a started port. False when the driver does not take it.
[[nodiscard]] bool set_indirection(uint16_t device_port, uint16_t entries, uint16_t queues);

}  // namespace director::dataplane::io
