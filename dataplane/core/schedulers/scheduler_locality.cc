// lblc and lblcr: all connections to one destination address go to the same server, or the same few
// servers, as long as these are not overloaded: for transparent caches (Linux
// net/netfilter/ipvs/ip_vs_lblc.c, ip_vs_lblcr.c).
//
// Destinations are kept in sets of kWays entries; in a full set the one unused for longest makes
// room. They name servers by id, so that they survive a change of the list.
#include <algorithm>

#include "dataplane/core/schedulers/ipvs_hash.h"
#include "dataplane/core/schedulers/scheduler_functions.h"

namespace director::dataplane {
namespace {

// IPVS's max_size, 16384 destinations.
constexpr uint32_t kSetBits = 11;
constexpr uint32_t kWays = kLocalityWays;
static_assert((kWays << kSetBits) == 16384);

// net.ipv4.vs.lblc_expiration and lblcr_expiration: a day.
constexpr uint32_t kExpirySeconds = 24 * 60 * 60;

// --- The destinations ---

bool is_expired(const LocalityEntry& entry, uint32_t now) {
    return now - entry.last_use >= kExpirySeconds;
}

LocalityEntry* set_of(ServiceTable& table, uint32_t destination) {
    return &table.state.destinations[size_t{ipvs_hash_32(destination, kSetBits)} * kWays];
}

LocalityEntry* find(ServiceTable& table, const ScheduleInput& input) {
    LocalityEntry* const set = set_of(table, input.destination_fold);
    for (uint32_t way = 0; way < kWays; ++way) {
        LocalityEntry& entry = set[way];
        if (entry.count > 0 && entry.destination == input.destination_fold) {
            return is_expired(entry, input.now_seconds) ? nullptr : &entry;
        }
    }
    return nullptr;
}

// An entry without servers for a destination that has none: its own expired one, a free one, or
// that of the set which was unused for longest.
LocalityEntry& make(ServiceTable& table, const ScheduleInput& input) {
    LocalityEntry* const set = set_of(table, input.destination_fold);
    LocalityEntry* chosen = set;
    uint64_t chosen_age = 0;
    for (uint32_t way = 0; way < kWays; ++way) {
        LocalityEntry& entry = set[way];
        if (entry.count > 0 && entry.destination == input.destination_fold) {
            chosen = &entry;
            break;
        }
        const uint64_t age =
            entry.count == 0 ? UINT64_MAX : uint64_t{input.now_seconds - entry.last_use} + 1;
        if (age > chosen_age) {
            chosen = &entry;
            chosen_age = age;
        }
    }
    *chosen = LocalityEntry{};
    chosen->destination = input.destination_fold;
    chosen->last_use = input.now_seconds;
    return *chosen;
}

// --- The servers ---

// Where a remembered server stands now, or kNoServer: no longer in the list.
uint32_t locate(const ServiceTable& table, LocalityServer& remembered) {
    if (remembered.position < table.servers.size() &&
        table.servers[remembered.position].id == remembered.server) {
        return remembered.position;
    }
    const std::vector<uint32_t>& by_id = table.state.by_id;
    const auto found = std::lower_bound(
        by_id.begin(), by_id.end(), remembered.server, [&](uint32_t position, RealServerId id) {
            return table.servers[position].id < id;
        });
    if (found == by_id.end() || table.servers[*found].id != remembered.server) {
        return kNoServer;
    }
    remembered.position = *found;
    return *found;
}

// IPVS's second meaning of "overloaded": more active connections than its weight, while another
// server has less than half.
bool is_busy(const ServiceTable& table, const RealServerSlot& server) {
    return server.active > server.weight && table.state.spare_count > 0;
}

bool has_spare(const RealServerSlot& server) {
    return uint64_t{server.active} * 2 < server.weight;
}

// cost(a) / weight(a) > cost(b) / weight(b)
bool is_more_loaded(const RealServerSlot& a, const RealServerSlot& b) {
    return connection_overhead(a) * b.weight > connection_overhead(b) * a.weight;
}

// --- lblcr's sets of servers; the one added last comes first ---

void drop_server(LocalityEntry& entry, uint32_t which, uint32_t now) {
    const auto first = entry.servers.begin();
    std::copy(first + which + 1, first + entry.count, first + which);
    --entry.count;
    entry.last_change = now;
}

// Servers that left the service leave the set.
void drop_missing(const ServiceTable& table, LocalityEntry& entry, uint32_t now) {
    for (uint32_t i = entry.count; i-- > 0;) {
        if (locate(table, entry.servers[i]) == kNoServer) {
            drop_server(entry, i, now);
        }
    }
}

uint32_t least_loaded_of(const ServiceTable& table, const LocalityEntry& entry) {
    uint32_t least = kNoServer;
    for (uint32_t i = 0; i < entry.count; ++i) {
        const uint32_t position = entry.servers[i].position;
        const RealServerSlot& server = table.servers[position];
        if (is_available(server) &&
            (least == kNoServer || is_more_loaded(table.servers[least], server))) {
            least = position;
        }
    }
    return least;
}

// Drops the most loaded of those with weight; false when none has.
bool drop_most_loaded(const ServiceTable& table, LocalityEntry& entry, uint32_t now) {
    uint32_t most = entry.count;
    for (uint32_t i = 0; i < entry.count; ++i) {
        const RealServerSlot& server = table.servers[entry.servers[i].position];
        if (server.weight > 0 &&
            (most == entry.count ||
             is_more_loaded(server, table.servers[entry.servers[most].position]))) {
            most = i;
        }
    }
    if (most == entry.count) {
        return false;
    }
    drop_server(entry, most, now);
    return true;
}

void add_server(const ServiceTable& table, LocalityEntry& entry, uint32_t position, uint32_t now) {
    for (uint32_t i = 0; i < entry.count; ++i) {
        if (entry.servers[i].position == position) {
            return;
        }
    }
    if (entry.count == LocalityEntry::kServersMax && !drop_most_loaded(table, entry, now)) {
        drop_server(entry, entry.count - 1, now);
    }
    const auto first = entry.servers.begin();
    std::copy_backward(first, first + entry.count, first + entry.count + 1);
    entry.servers[0] = {table.servers[position].id, position};
    ++entry.count;
    entry.last_change = now;
}

}  // namespace

std::span<LocalityEntry> locality_set(ServiceTable& table, const ScheduleInput& input) {
    return table.state.destinations.empty()
               ? std::span<LocalityEntry>()
               : std::span<LocalityEntry>(set_of(table, input.destination_fold), kWays);
}

uint32_t lblc_pick(ServiceTable& table, const ScheduleInput& input) {
    LocalityEntry* entry = find(table, input);
    if (entry != nullptr) {
        entry->last_use = input.now_seconds;
        const uint32_t position = locate(table, entry->servers[0]);
        if (position != kNoServer && is_available(table.servers[position]) &&
            !is_busy(table, table.servers[position])) {
            return position;
        }
    }
    const uint32_t position = least_loaded(table);
    if (position != kNoServer) {
        entry = entry != nullptr ? entry : &make(table, input);
        entry->count = 1;
        entry->servers[0] = {table.servers[position].id, position};
    }
    return position;
}

uint32_t lblcr_pick(ServiceTable& table, const ScheduleInput& input) {
    const uint32_t now = input.now_seconds;
    LocalityEntry* entry = find(table, input);
    if (entry != nullptr) {
        entry->last_use = now;
        drop_missing(table, *entry, now);
        const uint32_t position = least_loaded_of(table, *entry);
        if (entry->count > 1 && now - entry->last_change > kExpirySeconds) {
            drop_most_loaded(table, *entry, now);
        }
        if (position != kNoServer && !is_busy(table, table.servers[position])) {
            return position;
        }
    }
    const uint32_t position = least_loaded(table);
    if (position != kNoServer) {
        // Without servers left, the entry counts as free.
        entry = entry != nullptr && entry->count > 0 ? entry : &make(table, input);
        add_server(table, *entry, position, now);
    }
    return position;
}

void locality_load_changed(ServiceTable& table, uint32_t position) {
    refresh_load(table, position, LoadRule::kWeighted);
    const uint8_t fresh = has_spare(table.servers[position]) ? 1 : 0;
    uint8_t& known = table.state.has_spare[position];
    table.state.spare_count += uint32_t{fresh} - known;
    known = fresh;
}

void locality_adopt(ServiceTable& table, ServiceTable* previous) {
    if (previous == &table) {
        return;
    }
    refill_load_tree(table, LoadRule::kWeighted);
    table.state.spare_count = 0;
    for (size_t i = 0; i < table.servers.size(); ++i) {
        table.state.has_spare[i] = has_spare(table.servers[i]) ? 1 : 0;
        table.state.spare_count += table.state.has_spare[i];
    }
    if (goes_on_from(table, previous)) {
        table.state.destinations.swap(previous->state.destinations);
    }
}

void locality_prepare(ServiceTable& table) {
    build_load_tree(table, LoadRule::kWeighted);
    SchedulerState& state = table.state;
    state.destinations.assign(size_t{kWays} << kSetBits, LocalityEntry{});
    state.has_spare.assign(table.servers.size(), 0);
    state.by_id.resize(table.servers.size());
    for (uint32_t position = 0; position < state.by_id.size(); ++position) {
        state.by_id[position] = position;
    }
    std::sort(state.by_id.begin(), state.by_id.end(), [&](uint32_t a, uint32_t b) {
        return table.servers[a].id < table.servers[b].id;
    });
    state.spare_count = 0;
    for (uint32_t position = 0; position < table.servers.size(); ++position) {
        locality_load_changed(table, position);
    }
}

}  // namespace director::dataplane
