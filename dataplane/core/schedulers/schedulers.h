// The schedulers: which real server gets a new connection.
//
// To add one: write its functions in a scheduler_*.cc, declare them in scheduler_functions.h and
// add a row to kSchedulers in schedulers.cc. Configuration, command line and tests take the name
// from there. What each does, and where it is better than IPVS's: docs/lvs-differences.md.
//
//     control plane: fill in ServiceTable::{scheduler, flags, servers}; prepare_scheduler(table)
//     worker:        fill in the servers' loads; adopt(table, previous);
//                    pick(table, input) for each new connection;
//                    load_changed(table, position) after each change of a server's active, total
//                    or is_overloaded; set_weight(table, ...) and adopt(table, &table)
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "common/address.h"
#include "dataplane/api/service.h"
#include "dataplane/core/schedulers/weight_tree.h"

namespace director::dataplane {

// What a scheduler may know of the packet that opens a connection.
struct ScheduleInput {
    uint32_t client_fold = 0;       // address_fold() of the client
    uint32_t destination_fold = 0;  // address_fold() of the address that it speaks to
    uint16_t client_port = 0;       // host order; 0: the protocol has none
    uint32_t now_seconds = 0;       // of any clock that only goes forward
    bool is_stateless = false;      // nothing will remember the choice: loads may not sway it
};

// As IPVS folds addresses for its hashes: an IPv4 address in host order; of an IPv6 one the four
// words XORed, in host order.
[[nodiscard]] uint32_t address_fold(const IpAddress& address);

struct Scheduler {
    std::string_view name;  // as in `ipvsadm -s`

    // Chooses for the connection that `input` describes: a position in `table.servers`, or
    // kNoServer. O(log n) in the number of servers. May change `table.state` alone. Never chooses a
    // server that is overloaded or has weight 0.
    uint32_t (*pick)(ServiceTable& table, const ScheduleInput& input);

    // Called by the worker when `table` comes to life, with its servers' loads filled in, or when
    // its servers' weights changed. `previous` is the table that it replaces (nullptr: none; itself
    // after a weight change): what keeps the sequence going is carried over, or taken from it.
    void (*adopt)(ServiceTable& table, ServiceTable* previous);

    // Called by the worker after the load of servers[position] has changed. nullptr: of no
    // interest.
    void (*load_changed)(ServiceTable& table, uint32_t position);

    // Sizes and fills `table.weights` and `table.state`. For prepare_scheduler() alone.
    void (*prepare)(ServiceTable& table);

    // Its tables follow from the weights: after a change of one the control plane sends a new
    // ServiceTable instead of kSetWeight. (set_weight() alone would respect a weight of 0 at once
    // and all others when the table is built next.)
    bool is_rebuilt_on_weight_change = false;

    // The choice follows from the client's (dh: the destination's) address, as long as servers
    // and their availability stay.
    bool is_hash = false;

    // The choice depends on servers' active or total connections, so that these have to be kept up;
    // all others care for nothing but is_overloaded.
    bool is_by_load = false;
};

[[nodiscard]] std::span<const Scheduler> schedulers();

// The index in schedulers() of a name, for ServiceTable::scheduler.
[[nodiscard]] std::optional<uint8_t> find_scheduler(std::string_view name);

// Sizes and fills what `table.scheduler` needs for `table.servers` and `table.flags`, and the index
// of servers that QUIC connection ids name. Allocates: the control plane's thread calls it before
// handing the table over.
void prepare_scheduler(ServiceTable& table);

// The position of the server that QUIC connection ids name so, or kNoServer. O(log n).
[[nodiscard]] uint32_t server_with_quic_id(const ServiceTable& table, uint64_t id);

// What pick() would choose; `table.state` is as before afterwards.
[[nodiscard]] uint32_t foresee_pick(ServiceTable& table, const ScheduleInput& input);

// Sets the weight of the server at `position`, in the list and wherever the scheduler keeps it.
// O(log n).
void set_weight(ServiceTable& table, uint32_t position, uint32_t weight);

}  // namespace director::dataplane
