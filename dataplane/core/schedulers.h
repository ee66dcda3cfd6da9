// The schedulers: which real server gets a new connection.
//
// To add one: write its two functions in schedulers.cc and a row in kSchedulers at the foot of that
// file. Configuration, command line and tests take the name from there.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dataplane/api/service.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/weight_tree.h"

namespace director::dataplane {

struct Scheduler {
    std::string_view name;  // as in `ipvsadm -s`

    // Chooses for the connection that `packet` opens: a position in `table.servers`, or kNoServer.
    // O(log n) in the number of servers. May change `table.state` alone.
    uint32_t (*pick)(ServiceTable& table, const Packet& packet);

    // Called when `table` comes to life or its servers or weights changed. `previous` is the table
    // that it replaces (nullptr: none; itself after a weight change): carry over what keeps the
    // sequence going.
    void (*adopt)(ServiceTable& table, const ServiceTable* previous);
};

[[nodiscard]] std::span<const Scheduler> schedulers();

// The index in schedulers() of a name, for ServiceTable::scheduler.
[[nodiscard]] std::optional<uint8_t> find_scheduler(std::string_view name);

}  // namespace director::dataplane
