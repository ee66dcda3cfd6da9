#include "dataplane/core/tables/local_ports.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "common/assert.h"
#include "common/hash.h"
#include "dataplane/core/shard.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kPorts = 65536;
constexpr uint32_t kWordBits = 64;

[[nodiscard]] bool is_set(const PortBitmap& bitmap, uint32_t port) {
    return (bitmap[port / kWordBits] >> port % kWordBits & 1) != 0;
}

[[nodiscard]] uint64_t bit_of(uint32_t port) {
    return uint64_t{1} << port % kWordBits;
}

void mark_word(LocalPorts& ports, uint32_t word) {
    const uint64_t bit = bit_of(word);
    uint64_t& level = ports.non_empty[word / kWordBits];
    level = ports.free[word] != 0 ? level | bit : level & ~bit;
}

void set_free(LocalPorts& ports, uint32_t port) {
    ports.free[port / kWordBits] |= bit_of(port);
    mark_word(ports, port / kWordBits);
    ++ports.free_count;
}

void clear_free(LocalPorts& ports, uint32_t port) {
    ports.free[port / kWordBits] &= ~bit_of(port);
    mark_word(ports, port / kWordBits);
    --ports.free_count;
}

void set_held(LocalPorts& ports, uint32_t port) {
    ports.held[port / kWordBits] |= bit_of(port);
    ++ports.held_count;
}

// Whether replies to this port come to the pool's worker, and the range has it.
[[nodiscard]] bool is_ours(const LocalPool& pool, const IpAddress& address, uint32_t port) {
    const Endpoint local{address, Be16::from_host(static_cast<uint16_t>(port))};
    return port >= pool.port_first && port <= pool.port_last &&
           owner_of(local, pool.worker_count) == pool.worker;
}

// The bits of a word of 64 from `position` on.
[[nodiscard]] uint64_t from(uint64_t word, uint32_t position) {
    return word & (~uint64_t{0} << position);
}

// The first free port at or after `start`, or kPorts. Looks at one word of ports, the rest of one
// word of words, and the fifteen others.
[[nodiscard]] uint32_t next_free(const LocalPorts& ports, uint32_t start) {
    const uint32_t word = start / kWordBits;
    if (const uint64_t here = from(ports.free[word], start % kWordBits); here != 0) {
        return word * kWordBits + static_cast<uint32_t>(std::countr_zero(here));
    }
    uint32_t level = (word + 1) / kWordBits;
    uint32_t position = (word + 1) % kWordBits;
    for (; level < ports.non_empty.size(); ++level, position = 0) {
        if (const uint64_t words = from(ports.non_empty[level], position); words != 0) {
            const uint32_t found =
                level * kWordBits + static_cast<uint32_t>(std::countr_zero(words));
            return found * kWordBits + static_cast<uint32_t>(std::countr_zero(ports.free[found]));
        }
    }
    return kPorts;
}

[[nodiscard]] uint16_t take_from(LocalPorts& ports) {
    uint32_t port = next_free(ports, ports.cursor);
    if (port == kPorts) {
        port = next_free(ports, 0);
    }
    DIRECTOR_HOT_ASSERT(port != kPorts);
    clear_free(ports, port);
    set_held(ports, port);
    ports.cursor = (port + 1) % kPorts;
    return static_cast<uint16_t>(port);
}

using Addresses = std::vector<LocalAddress>;

[[nodiscard]] Addresses::iterator find_address(Addresses& addresses, const IpAddress& address) {
    return std::ranges::find(addresses, address, &LocalAddress::address);
}

[[nodiscard]] uint64_t held_count(const LocalAddress& local) {
    uint64_t count = 0;
    for (const LocalPorts& ports : *local.groups) {
        count += ports.held_count;
    }
    return count;
}

void fill(const LocalPool& pool, LocalAddress& local) {
    LocalPorts& first = (*local.groups)[0];
    for (uint32_t port = pool.port_first; port <= pool.port_last; ++port) {
        if (is_ours(pool, local.address, port)) {
            set_free(first, port);
        }
    }
    first.cursor = pool.port_first;
    std::fill(local.groups->begin() + 1, local.groups->end(), first);
}

// What connections hold of `old` is held and not free in `next`, which has all its ports.
void inherit(LocalPorts& next, const LocalPorts& old) {
    next.held = old.held;
    next.held_count = old.held_count;
    next.cursor = old.cursor;
    next.free_count = 0;
    for (uint32_t word = 0; word < next.free.size(); ++word) {
        next.free[word] &= ~old.held[word];
        next.free_count += static_cast<uint32_t>(std::popcount(next.free[word]));
        mark_word(next, word);
    }
}

void adopt_address(LocalPool& next, const LocalPool& old, LocalAddress& local) {
    const auto heir = find_address(next.addresses, local.address);
    if (heir == next.addresses.end()) {
        // The vector has its room since it was built: nothing is allocated here.
        if (held_count(local) > 0 && next.retired.size() < next.retired.capacity()) {
            for (LocalPorts& ports : *local.groups) {
                ports.free = {};
                ports.non_empty = {};
                ports.free_count = 0;
            }
            next.retired.push_back(std::move(local));
        }
        return;
    }
    const bool is_same = next.port_first == old.port_first && next.port_last == old.port_last &&
                         next.worker == old.worker && next.worker_count == old.worker_count;
    if (is_same) {
        std::swap(heir->groups, local.groups);
        return;
    }
    for (uint32_t group = 0; group < kLocalPortGroups; ++group) {
        inherit((*heir->groups)[group], (*local.groups)[group]);
    }
}

}  // namespace

std::unique_ptr<LocalPool> build_local_pool(const LocalPoolSettings& settings,
                                            std::span<const IpAddress> addresses) {
    DIRECTOR_ASSERT(settings.worker_count > 0 && settings.port_first <= settings.port_last);
    auto pool = std::make_unique<LocalPool>();
    pool->id = settings.id;
    pool->port_first = settings.port_first;
    pool->port_last = settings.port_last;
    pool->worker = settings.worker;
    pool->worker_count = settings.worker_count;
    pool->retired.reserve(kRetiredAddressesMax);
    for (const IpAddress& address : addresses) {
        if (find_address(pool->addresses, address) == pool->addresses.end()) {
            pool->addresses.push_back({address, std::make_unique<LocalPortSets>()});
            fill(*pool, pool->addresses.back());
        }
    }
    return pool;
}

uint32_t local_port_group(Protocol protocol, const Endpoint& server) {
    uint64_t high = 0;
    uint64_t low = 0;
    std::memcpy(&high, server.address.bytes.data(), 8);
    std::memcpy(&low, server.address.bytes.data() + 8, 8);
    const uint64_t rest = uint64_t{server.port.raw} << 8 | static_cast<uint8_t>(protocol);
    // With a key that all know: who can choose real servers need not choose their groups.
    const HashKey key;
    return static_cast<uint32_t>(keyed_hash(key, high ^ keyed_hash(key, low ^ rest)) %
                                 kLocalPortGroups);
}

std::optional<Endpoint> take_local_port(LocalPool& pool, uint32_t group, Family family) {
    const auto count = static_cast<uint32_t>(pool.addresses.size());
    uint32_t position = pool.next_address;
    for (uint32_t i = 0; i < count; ++i, ++position) {
        position = position < count ? position : 0;
        LocalAddress& local = pool.addresses[position];
        LocalPorts& ports = (*local.groups)[group];
        if (ports.free_count > 0 && local.address.family() == family) {
            pool.next_address = position + 1;
            return Endpoint{local.address, Be16::from_host(take_from(ports))};
        }
    }
    ++pool.exhausted;
    return std::nullopt;
}

bool has_free_local_port(const LocalPool& pool, uint32_t group, Family family) {
    return std::any_of(pool.addresses.begin(), pool.addresses.end(), [&](const auto& local) {
        return local.address.family() == family && (*local.groups)[group].free_count > 0;
    });
}

std::optional<Endpoint> take_local_port_of(LocalPool& pool,
                                           const IpAddress& address,
                                           uint32_t group) {
    const auto found = find_address(pool.addresses, address);
    if (found == pool.addresses.end() || (*found->groups)[group].free_count == 0) {
        ++pool.exhausted;
        return std::nullopt;
    }
    return Endpoint{address, Be16::from_host(take_from((*found->groups)[group]))};
}

bool hold_local_port(LocalPool& pool, const Endpoint& local, uint32_t group) {
    const auto found = find_address(pool.addresses, local.address);
    const uint32_t port = local.port.host();
    if (found == pool.addresses.end() || is_set((*found->groups)[group].held, port)) {
        return false;
    }
    LocalPorts& ports = (*found->groups)[group];
    if (is_set(ports.free, port)) {
        clear_free(ports, port);
    }
    set_held(ports, port);
    return true;
}

void give_back_local_port(LocalPool& pool, const Endpoint& local, uint32_t group) {
    auto found = find_address(pool.addresses, local.address);
    const bool is_retired = found == pool.addresses.end();
    if (is_retired) {
        found = find_address(pool.retired, local.address);
        if (found == pool.retired.end()) {
            return;
        }
    }
    LocalPorts& ports = (*found->groups)[group];
    const uint32_t port = local.port.host();
    if (!is_set(ports.held, port)) {
        return;
    }
    ports.held[port / kWordBits] &= ~bit_of(port);
    --ports.held_count;
    if (!is_retired && is_ours(pool, local.address, port)) {
        set_free(ports, port);
    }
}

void adopt_local_ports(LocalPool& next, LocalPool& old) {
    for (auto& local : old.addresses) {
        adopt_address(next, old, local);
    }
    for (auto& local : old.retired) {
        const auto heir = find_address(next.addresses, local.address);
        if (heir == next.addresses.end()) {
            adopt_address(next, old, local);
            continue;
        }
        for (uint32_t group = 0; group < kLocalPortGroups; ++group) {
            inherit((*heir->groups)[group], (*local.groups)[group]);
        }
    }
    next.exhausted += old.exhausted;
}

LocalPoolUsage local_pool_usage(const LocalPool& pool) {
    LocalPoolUsage usage;
    usage.exhausted = pool.exhausted;
    usage.addresses = static_cast<uint32_t>(pool.addresses.size());
    for (const auto& local : pool.addresses) {
        for (const LocalPorts& ports : *local.groups) {
            usage.ports += ports.free_count + ports.held_count;
            usage.held += ports.held_count;
        }
    }
    for (const auto& local : pool.retired) {
        const uint64_t held = held_count(local);
        usage.held += held;
        usage.retired_addresses += held > 0 ? 1 : 0;
    }
    return usage;
}

}  // namespace director::dataplane
