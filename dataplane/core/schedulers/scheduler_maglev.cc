// maglev: consistent hashing with exact weights and a bound on the load (Eisenbud et al., "Maglev",
// NSDI 2016, section 3.4; Mirrokni, Thorup, Zadimoghaddam: "Consistent Hashing with Bounded Loads",
// SODA 2018).
//
// What it does that mh does not: each server's number of slots is its weight's share to within a
// few; the order of the list does not matter, so directors that were configured in different order
// agree; and a client whose server has more than its bound of connections goes on to the next slot.
#include <algorithm>
#include <cstring>
#include <queue>

#include "common/hash.h"
#include "common/wide.h"
#include "dataplane/core/schedulers/scheduler_functions.h"

namespace director::dataplane {
namespace {

// Primes. A hundred slots for a server of average weight keep shares within about a percent (the
// paper's figure); steps are wide, for all clients move when the size changes.
constexpr uint32_t kSlotsFew = 4093;
constexpr uint32_t kSlotsSome = 32749;
constexpr uint32_t kSlotsMany = 131071;

// How many slots a client is sent on before the least loaded server gets it. With a bound of
// 125 % at least a fifth of the servers by weight are below it, so 64 fail for one in a million.
constexpr uint32_t kStepsMax = 64;

uint32_t slot_count(size_t servers) {
    if (servers <= kSlotsFew / 100) {
        return kSlotsFew;
    }
    return servers <= kSlotsSome / 100 ? kSlotsSome : kSlotsMany;
}

// Not by the worker's secret key: all workers and directors have to agree.
uint64_t identity_of(const Endpoint& endpoint) {
    uint64_t halves[2];
    std::memcpy(halves, endpoint.address.bytes.data(), sizeof halves);
    const uint64_t first = keyed_hash(HashKey{}, halves[0]);
    return keyed_hash(HashKey{}, keyed_hash(HashKey{}, first ^ halves[1]) ^ endpoint.port.host());
}

// A server's walk through the table, and how much of its share it has.
struct Walk {
    uint64_t identity = 0;
    uint32_t next = 0;
    uint32_t skip = 0;
    uint32_t weight = 0;
    uint32_t taken = 0;
    uint32_t position = 0;
};

// Whether the turn of `a` is after that of `b`: by what each would have per weight with one more.
struct IsLater {
    bool operator()(const Walk& a, const Walk& b) const {
        const uint64_t of_a = (uint64_t{a.taken} + 1) * b.weight;
        const uint64_t of_b = (uint64_t{b.taken} + 1) * a.weight;
        return of_a != of_b ? of_a > of_b : a.identity > b.identity;
    }
};

void fill_slots(ServiceTable& table) {
    const uint32_t size = slot_count(table.servers.size());
    std::priority_queue<Walk, std::vector<Walk>, IsLater> turns;
    for (uint32_t position = 0; position < table.servers.size(); ++position) {
        const RealServerSlot& server = table.servers[position];
        if (server.weight > 0) {
            const uint64_t identity = identity_of(server.endpoint);
            turns.push({identity,
                        static_cast<uint32_t>(multiply_high(identity, size)),
                        static_cast<uint32_t>(identity % (size - 1)) + 1,
                        server.weight,
                        0,
                        position});
        }
    }
    std::vector<uint32_t>& slots = table.state.slots;
    slots.clear();
    if (turns.empty()) {
        return;
    }
    slots.assign(size, kNoServer);
    for (uint32_t left = size; left > 0; --left) {
        Walk walk = turns.top();
        turns.pop();
        while (slots[walk.next] != kNoServer) {
            walk.next = (walk.next + walk.skip) % size;
        }
        slots[walk.next] = walk.position;
        ++walk.taken;
        turns.push(walk);
    }
}

// Sums over the available servers, from the tree.
void refill_sums(ServiceTable& table) {
    table.state.load_sum = 0;
    table.state.weight_sum = 0;
    for (const RealServerSlot& server : table.servers) {
        if (is_available(server)) {
            table.state.load_sum += server.total;
            table.state.weight_sum += server.weight;
        }
    }
}

// Whether one more leaves the server at or below the bound: load + 1 <= ceil(bound * (sum + 1) *
// weight / weight_sum), in whole numbers.
bool is_below_bound(const ServiceTable& table, const RealServerSlot& server) {
    const SchedulerState& state = table.state;
    const uint16_t percent = table.flags.load_bound_percent;
    return percent == 0 || Uint128{server.total} * state.weight_sum * 100 <
                               Uint128{state.load_sum + 1} * server.weight * percent;
}

}  // namespace

uint32_t maglev_pick(ServiceTable& table, const ScheduleInput& input) {
    const std::vector<uint32_t>& slots = table.state.slots;
    if (slots.empty() || table.state.weight_sum == 0) {
        return kNoServer;
    }
    const uint32_t port = table.flags.hash_port ? input.client_port : 0U;
    const uint64_t hash = keyed_hash(HashKey{}, uint64_t{input.client_fold} << 16 | port);
    auto slot = static_cast<uint32_t>(multiply_high(hash, slots.size()));
    for (uint32_t step = 0; step < kStepsMax; ++step) {
        const RealServerSlot& server = table.servers[slots[slot]];
        if (is_available(server) && (input.is_stateless || is_below_bound(table, server))) {
            return slots[slot];
        }
        slot = slot + 1 == slots.size() ? 0 : slot + 1;
    }
    return least_loaded(table);  // which is at most its fair share
}

void maglev_adopt(ServiceTable& table, ServiceTable* previous) {
    if (previous != &table) {
        refill_load_tree(table, LoadRule::kTotal);
        refill_sums(table);
    }
}

void maglev_load_changed(ServiceTable& table, uint32_t position) {
    const LoadNode before = load_of(table, position);
    refresh_load(table, position, LoadRule::kTotal);
    const LoadNode after = load_of(table, position);
    // Modulo 2^64. A server that is not available has no weight in the tree.
    SchedulerState& state = table.state;
    state.load_sum += (after.weight > 0 ? after.cost : 0) - (before.weight > 0 ? before.cost : 0);
    state.weight_sum += uint64_t{after.weight} - before.weight;
}

void maglev_prepare(ServiceTable& table) {
    fill_slots(table);
    build_load_tree(table, LoadRule::kTotal);
    refill_sums(table);
}

}  // namespace director::dataplane
