// sh and dh: a table of servers by hash of the client's or of the destination's address (Linux
// net/netfilter/ipvs/ip_vs_sh.c, ip_vs_dh.c).
//
// A server that is not available keeps its slots, so that the clients of all others stay where they
// are; its own go on to other servers, unless the service wants IPVS's refusal.
#include <algorithm>
#include <bit>

#include "dataplane/core/schedulers/ipvs_hash.h"
#include "dataplane/core/schedulers/scheduler_functions.h"

namespace director::dataplane {
namespace {

// IP_VS_SH_TAB_SIZE, IP_VS_DH_TAB_SIZE.
constexpr uint32_t kIpvsSlots = 256;

// Tables for more weight than fits in kIpvsSlots: enough slots for a server of average weight to
// get its share to a sixteenth, within 512 KiB.
constexpr uint32_t kSlotsMin = 4096;
constexpr uint32_t kSlotsMax = 131072;
constexpr uint32_t kSlotsPerServer = 16;

// How often a client of an unavailable server is hashed again before the next of the list gets it.
constexpr uint32_t kDrawsMax = 64;

enum class Weighted : uint8_t { kNo, kYes };

uint32_t slots_of(const RealServerSlot& server, Weighted weighted) {
    return weighted == Weighted::kYes ? std::max(server.weight, 1U) : 1U;
}

// IPVS: each server in turn gets as many slots as its weight says, until the table is full.
void fill_in_turn(ServiceTable& table, Weighted weighted) {
    std::vector<uint32_t>& slots = table.state.slots;
    slots.assign(kIpvsSlots, kNoServer);
    uint32_t position = 0;
    uint32_t taken = 0;
    for (uint32_t& slot : slots) {
        slot = position;
        if (++taken >= slots_of(table.servers[position], weighted)) {
            taken = 0;
            position = position + 1 == table.servers.size() ? 0 : position + 1;
        }
    }
}

// Each server gets its exact share of a larger table.
void fill_by_share(ServiceTable& table, Weighted weighted, uint64_t sum) {
    const size_t wanted = std::bit_ceil(table.servers.size() * kSlotsPerServer);
    std::vector<uint32_t>& slots = table.state.slots;
    slots.resize(std::clamp<size_t>(wanted, kSlotsMin, kSlotsMax));
    uint64_t before = 0;
    for (uint32_t position = 0; position < table.servers.size(); ++position) {
        const uint64_t after = before + slots_of(table.servers[position], weighted);
        for (size_t i = before * slots.size() / sum; i < after * slots.size() / sum; ++i) {
            slots[i] = position;
        }
        before = after;
    }
}

void fill(ServiceTable& table, Weighted weighted) {
    table.state.slots.clear();
    if (table.servers.empty()) {
        return;
    }
    uint64_t sum = 0;
    for (const RealServerSlot& server : table.servers) {
        sum += slots_of(server, weighted);
    }
    if (sum <= kIpvsSlots || table.flags.like_ipvs) {
        fill_in_turn(table, weighted);
    } else {
        fill_by_share(table, weighted, sum);
    }
    build_weight_tree(table);
}

// IPVS's sh-fallback: on through the table, from the slot that is twice as far. With equal weights
// that sends all clients of a server to the same other one.
uint32_t next_slot_available(const ServiceTable& table, uint32_t first) {
    for (uint32_t offset = 0; offset < kIpvsSlots; ++offset) {
        const uint32_t position = table.state.slots[(offset + 2 * first) % kIpvsSlots];
        if (is_available(table.servers[position])) {
            return position;
        }
    }
    return kNoServer;
}

// Our own: each client is hashed again, so that all others share the load; in the end, the next
// available server of the list after `position`, around its end.
uint32_t draw_available(const ServiceTable& table,
                        uint32_t value,
                        uint32_t bits,
                        uint32_t position) {
    for (uint32_t draw = 0; draw < kDrawsMax; ++draw) {
        const uint32_t drawn = table.state.slots[hsiphash(value, draw) >> (32 - bits)];
        if (is_available(table.servers[drawn])) {
            return drawn;
        }
    }
    const uint32_t next = first_with_weight(table, position + 1, 1);
    return next != kNoServer ? next : first_with_weight(table, 0, 1);
}

enum class Fallback : uint8_t { kNone, kIpvs, kOwn };

uint32_t pick(const ServiceTable& table, uint32_t value, Fallback fallback) {
    const std::vector<uint32_t>& slots = table.state.slots;
    if (slots.empty()) {
        return kNoServer;
    }
    const auto bits = static_cast<uint32_t>(std::countr_zero(slots.size()));
    const uint32_t first = ipvs_hash_32(value, bits);
    const uint32_t position = slots[first];
    if (is_available(table.servers[position])) {
        return position;
    }
    if (fallback == Fallback::kNone) {
        return kNoServer;
    }
    return fallback == Fallback::kIpvs && slots.size() == kIpvsSlots
               ? next_slot_available(table, first)
               : draw_available(table, value, bits, position);
}

}  // namespace

uint32_t sh_pick(ServiceTable& table, const ScheduleInput& input) {
    const uint32_t port = table.flags.hash_port ? input.client_port : 0U;
    const Fallback otherwise = table.flags.like_ipvs ? Fallback::kNone : Fallback::kOwn;
    return pick(
        table, input.client_fold + port, table.flags.hash_fallback ? Fallback::kIpvs : otherwise);
}

void sh_prepare(ServiceTable& table) {
    fill(table, Weighted::kYes);
}

uint32_t dh_pick(ServiceTable& table, const ScheduleInput& input) {
    return pick(
        table, input.destination_fold, table.flags.like_ipvs ? Fallback::kNone : Fallback::kOwn);
}

void dh_prepare(ServiceTable& table) {
    fill(table, table.flags.like_ipvs ? Weighted::kNo : Weighted::kYes);
}

void hash_adopt(ServiceTable& table, ServiceTable* previous) {
    if (previous != &table && !table.weights.empty()) {
        refill_weight_tree(table);
    }
}

}  // namespace director::dataplane
