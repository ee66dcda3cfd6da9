// mh: IPVS's maglev hashing (Linux net/netfilter/ipvs/ip_vs_mh.c; Eisenbud et al., "Maglev: A Fast
// and Reliable Software Network Load Balancer", NSDI 2016, section 3.4), slot for slot.
#include <algorithm>
#include <bit>
#include <numeric>

#include "dataplane/core/schedulers/ipvs_hash.h"
#include "dataplane/core/schedulers/scheduler_functions.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kIpvsSlots = 4093;  // CONFIG_IP_VS_MH_TAB_INDEX=12
constexpr uint32_t kTurnsBits = 6;     // IP_VS_MH_TAB_BITS: turns are below 2^6

// More servers than kIpvsSlots, which IPVS refuses: the largest of its primes.
constexpr uint32_t kSlotsMax = 131071;

// How often a client of an unavailable server is hashed again before the next in the list gets it.
// While one in ten is available, 64 draws find none for one client in a thousand.
constexpr uint32_t kDrawsMax = 64;

// A server's walk through the table.
struct Walk {
    uint32_t next = 0;
    uint32_t skip = 0;
    uint32_t turns = 0;
};

// IPVS goes by the last weight above 0; a table that depends on what was once would differ between
// two directors.
uint32_t weight_of(const RealServerSlot& server, const SchedulerFlags& flags) {
    return server.weight == 0 && flags.like_ipvs ? server.last_weight : server.weight;
}

uint32_t key_of(const RealServerSlot& server) {
    return address_fold(server.endpoint.address) + server.endpoint.port.host();
}

std::vector<Walk> walks_of(const ServiceTable& table, uint32_t size) {
    uint32_t divisor = 0;
    uint32_t heaviest = 0;
    for (const RealServerSlot& server : table.servers) {
        divisor = std::gcd(divisor, weight_of(server, table.flags));
        heaviest = std::max(heaviest, weight_of(server, table.flags));
    }
    std::vector<Walk> walks;
    if (divisor == 0) {
        return walks;
    }
    const auto bits = static_cast<uint32_t>(std::bit_width(heaviest / divisor));
    const uint32_t shift = bits > kTurnsBits ? bits - kTurnsBits : 0;
    for (const RealServerSlot& server : table.servers) {
        const uint32_t weight = weight_of(server, table.flags);
        const uint32_t turns = weight / divisor >> shift;
        walks.push_back({hsiphash(key_of(server), kMhFirstKey) % size,
                         hsiphash(key_of(server), kMhSecondKey) % (size - 1) + 1,
                         turns == 0 && weight != 0 ? 1 : turns});
    }
    return walks;
}

// The walk's next free slot becomes `position`'s.
void take_slot(std::vector<uint32_t>& slots, Walk& walk, uint32_t position) {
    while (slots[walk.next] != kNoServer) {
        walk.next += walk.skip;
        if (walk.next >= slots.size()) {
            walk.next -= static_cast<uint32_t>(slots.size());
        }
    }
    slots[walk.next] = position;
}

uint32_t slot_of(const ServiceTable& table, const ScheduleInput& input, uint32_t offset) {
    const uint32_t port = table.flags.hash_port ? input.client_port : 0U;
    return hsiphash(offset + port + input.client_fold, kMhFirstKey) %
           static_cast<uint32_t>(table.state.slots.size());
}

uint32_t draw_again(const ServiceTable& table, const ScheduleInput& input, uint32_t first) {
    const auto size = static_cast<uint32_t>(table.state.slots.size());
    const uint32_t draws = table.flags.like_ipvs ? size : kDrawsMax;
    for (uint32_t offset = 0; offset < draws; ++offset) {
        const uint32_t slot = slot_of(table, input, (offset + first) % size);
        if (is_available(table.servers[table.state.slots[slot]])) {
            return table.state.slots[slot];
        }
    }
    if (table.flags.like_ipvs) {
        return kNoServer;
    }
    const uint32_t next = first_with_weight(table, table.state.slots[first] + 1, 1);
    return next != kNoServer ? next : first_with_weight(table, 0, 1);
}

}  // namespace

uint32_t mh_pick(ServiceTable& table, const ScheduleInput& input) {
    if (table.state.slots.empty()) {
        return kNoServer;
    }
    const uint32_t first = slot_of(table, input, 0);
    const uint32_t position = table.state.slots[first];
    if (is_available(table.servers[position])) {
        return position;
    }
    return table.flags.hash_fallback || !table.flags.like_ipvs ? draw_again(table, input, first)
                                                               : kNoServer;
}

void mh_prepare(ServiceTable& table) {
    std::vector<uint32_t>& slots = table.state.slots;
    slots.clear();
    build_weight_tree(table);
    const uint32_t size = table.servers.size() <= kIpvsSlots ? kIpvsSlots : kSlotsMax;
    std::vector<Walk> walks = walks_of(table, size);
    if (walks.empty()) {
        return;
    }
    slots.assign(size, kNoServer);
    uint32_t left = size;
    while (true) {
        for (uint32_t position = 0; position < walks.size(); ++position) {
            for (uint32_t turn = 0; turn < walks[position].turns; ++turn) {
                take_slot(slots, walks[position], position);
                if (--left == 0) {
                    return;
                }
            }
        }
    }
}

}  // namespace director::dataplane
