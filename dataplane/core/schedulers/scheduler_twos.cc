// twos: the less loaded of two servers drawn by weight (Linux net/netfilter/ipvs/ip_vs_twos.c,
// after Mitzenmacher, "The power of two choices in randomized load balancing", 2001).
//
// A tree of sums answers "which server does the r-th unit of weight belong to" in O(log n). As in
// IPVS, r is from 0 to the sum, both included, and 0 belongs to the first server too.
#include <algorithm>
#include <bit>

#include "common/random.h"
#include "dataplane/core/schedulers/scheduler_functions.h"

namespace director::dataplane {
namespace {

size_t leaf_count(const ServiceTable& table) {
    return table.state.sums.size() / 2;
}

uint64_t share_of(const RealServerSlot& server) {
    return is_available(server) ? server.weight : 0;
}

void refill(ServiceTable& table) {
    std::vector<uint64_t>& sums = table.state.sums;
    const size_t leaves = leaf_count(table);
    for (size_t i = 0; i < table.servers.size(); ++i) {
        sums[leaves + i] = share_of(table.servers[i]);
    }
    for (size_t node = leaves - 1; node >= 1; --node) {
        sums[node] = sums[2 * node] + sums[2 * node + 1];
    }
}

// The server that the unit `r` of weight belongs to, 1 .. sum.
uint32_t owner_of(const ServiceTable& table, uint64_t r) {
    const std::vector<uint64_t>& sums = table.state.sums;
    const size_t leaves = leaf_count(table);
    size_t node = 1;
    while (node < leaves) {
        node *= 2;
        if (r > sums[node]) {
            r -= sums[node];
            ++node;
        }
    }
    return static_cast<uint32_t>(node - leaves);
}

uint64_t draw(SchedulerState& state, uint64_t sum) {
    state.random = Random(state.random).next();
    return std::max<uint64_t>(1, multiply_high(state.random, sum + 1));
}

}  // namespace

uint32_t twos_pick(ServiceTable& table, const ScheduleInput& /*input*/) {
    const uint64_t sum = table.state.sums[1];
    if (sum == 0) {
        return kNoServer;
    }
    const uint32_t first = owner_of(table, draw(table.state, sum));
    const uint32_t second = owner_of(table, draw(table.state, sum));
    const RealServerSlot& one = table.servers[first];
    const RealServerSlot& other = table.servers[second];
    const bool is_second_better =
        other.weight * connection_overhead(one) > one.weight * connection_overhead(other);
    return is_second_better ? second : first;
}

void twos_adopt(ServiceTable& table, ServiceTable* previous) {
    if (previous == &table) {
        return;
    }
    refill(table);
    // Workers begin at different positions, services have different ids: so they draw differently.
    table.state.random =
        goes_on_from(table, previous)
            ? previous->state.random
            : Random(uint64_t{index(table.id)} << 32 | table.state.position).next();
}

void twos_load_changed(ServiceTable& table, uint32_t position) {
    std::vector<uint64_t>& sums = table.state.sums;
    size_t node = leaf_count(table) + position;
    uint64_t fresh = share_of(table.servers[position]);
    if (sums[node] == fresh) {
        return;  // connections alone changed: they are read when two are compared
    }
    const uint64_t change = fresh - sums[node];  // modulo 2^64
    for (; node >= 1; node /= 2) {
        sums[node] += change;
    }
}

void twos_prepare(ServiceTable& table) {
    table.state.sums.assign(2 * std::bit_ceil(std::max<size_t>(1, table.servers.size())), 0);
    refill(table);
}

}  // namespace director::dataplane
