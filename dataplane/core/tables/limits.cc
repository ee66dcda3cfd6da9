#include "dataplane/core/tables/limits.h"

#include <algorithm>
#include <cstring>

#include "common/wide.h"

namespace director::dataplane {
namespace {

constexpr uint64_t kSecondNs = 1000000000;
constexpr int kUnitShift = 10;  // 1024 ns

[[nodiscard]] uint64_t nanoseconds_of(TimePoint now) {
    return static_cast<uint64_t>(now.time_since_epoch().count());
}

// Until when a rate is paid for after one more connection; `paid_until` itself means refused. All
// in one unit, of which `second` make a second.
[[nodiscard]] uint64_t pay(uint64_t paid_until,
                           uint64_t now,
                           uint32_t per_second,
                           uint64_t second) {
    const uint64_t cost = std::max<uint64_t>(second / per_second, 1);
    const uint64_t next = std::max(paid_until, now) + cost;
    return next <= now + second ? next : paid_until;
}

}  // namespace

ConnectionLimits::ConnectionLimits(uint32_t services_max,
                                   uint32_t client_prefixes_max,
                                   const HashKey& key,
                                   const TableMemory& memory)
    : key_(key),
      set_count_(set_count(client_prefixes_max)),
      places_(memory, size_t{set_count_} * kPlacesPerSet),
      services_(memory, services_max) {}

bool ConnectionLimits::is_allocated() const {
    return places_.is_allocated() && services_.is_allocated();
}

uint64_t ConnectionLimits::bytes(uint32_t services_max, uint32_t client_prefixes_max) {
    return uint64_t{set_count(client_prefixes_max)} * kPlacesPerSet * sizeof(Place) +
           uint64_t{services_max} * sizeof(ServiceState);
}

uint32_t ConnectionLimits::set_count(uint32_t client_prefixes_max) {
    return client_prefixes_max / (kPlacesPerSet / 2) + 1;
}

uint64_t ConnectionLimits::digest_of(ServiceId service, const IpAddress& prefix) const {
    uint64_t high = 0;
    uint64_t low = 0;
    std::memcpy(&high, prefix.bytes.data(), 8);
    std::memcpy(&low, prefix.bytes.data() + 8, 8);
    const uint64_t address = keyed_hash(key_, low ^ keyed_hash(key_, high));
    return keyed_hash(key_, address ^ index(service));
}

uint64_t ConnectionLimits::digest_of(ServiceId service,
                                     const ServiceOptions& options,
                                     const IpAddress& client) const {
    const uint8_t length =
        client.is_ipv4() ? options.client_prefix_ipv4 : options.client_prefix_ipv6;
    return digest_of(service, IpPrefix::masked(client, length));
}

LimitAnswer ConnectionLimits::admit_at(uint32_t place, State state, const ClientRule& rule) {
    const auto word = std::atomic_ref(places_[place].state);
    while (state.connections() != kBeingClaimed) {
        const uint32_t max = rule.connections_max == 0
                                 ? kClientConnectionsMax
                                 : std::min(rule.connections_max, kClientConnectionsMax);
        if (state.connections() >= max) {
            return {LimitVerdict::kClientConnections, kNoLimit};
        }
        uint64_t paid_until = state.paid_until();
        if (rule.per_second != 0) {
            paid_until = pay(paid_until, rule.now, rule.per_second, kSecondNs >> kUnitShift);
            if (paid_until == state.paid_until()) {
                return {LimitVerdict::kClientRate, kNoLimit};
            }
        }
        // A connection counts, and holds the place, only where somebody looks at the count.
        const bool counts = rule.connections_max != 0;
        const State next = State::of(paid_until, state.connections() + (counts ? 1 : 0));
        if (word.compare_exchange_weak(state.bits, next.bits)) {
            return {LimitVerdict::kAdmitted, counts ? place : kNoLimit};
        }
    }
    return {LimitVerdict::kAdmitted, kNoLimit};
}

uint32_t ConnectionLimits::claim(uint32_t first, uint64_t digest, uint64_t now) {
    uint32_t best = kNoLimit;
    State best_state{};
    uint64_t best_end = UINT64_MAX;
    for (uint32_t place = first; place < first + kPlacesPerSet; ++place) {
        const State state{std::atomic_ref(places_[place].state).load()};
        if (state.connections() == 0 && state.paid_until() < best_end) {
            best = place;
            best_state = state;
            best_end = state.paid_until();
        }
    }
    const State claimed = State::of(now, kBeingClaimed);
    if (best == kNoLimit || !std::atomic_ref(places_[best].state)
                                 .compare_exchange_strong(best_state.bits, claimed.bits)) {
        return kNoLimit;  // nothing free, or somebody else was faster: one connection uncounted
    }
    std::atomic_ref(places_[best].digest).store(digest);
    std::atomic_ref(places_[best].state).store(State::of(now, 0).bits);
    return best;
}

uint32_t ConnectionLimits::first_place(uint64_t digest) const {
    return static_cast<uint32_t>(multiply_high(digest, set_count_)) * kPlacesPerSet;
}

uint32_t ConnectionLimits::find(uint64_t digest) {
    const uint32_t first = first_place(digest);
    for (uint32_t place = first; place < first + kPlacesPerSet; ++place) {
        if (std::atomic_ref(places_[place].digest).load() == digest) {
            return place;
        }
    }
    return kNoLimit;
}

LimitVerdict ConnectionLimits::foresee_client(uint64_t digest, const ClientRule& rule) {
    const uint32_t place = find(digest);
    if (place == kNoLimit) {
        return LimitVerdict::kAdmitted;
    }
    const State state{std::atomic_ref(places_[place].state).load()};
    if (state.connections() == kBeingClaimed) {
        return LimitVerdict::kAdmitted;
    }
    if (rule.connections_max != 0 && state.connections() >= rule.connections_max) {
        return LimitVerdict::kClientConnections;
    }
    const bool is_late =
        rule.per_second != 0 &&
        pay(state.paid_until(), rule.now, rule.per_second, kSecondNs >> kUnitShift) ==
            state.paid_until();
    return is_late ? LimitVerdict::kClientRate : LimitVerdict::kAdmitted;
}

LimitAnswer ConnectionLimits::admit_client(uint64_t digest, const ClientRule& rule) {
    uint32_t place = find(digest);
    if (place == kNoLimit) {
        place = claim(first_place(digest), digest, rule.now);
    }
    if (place == kNoLimit) {
        untracked_.fetch_add(1, std::memory_order_relaxed);
        return {};
    }
    return admit_at(place, State{std::atomic_ref(places_[place].state).load()}, rule);
}

void ConnectionLimits::release_client(uint32_t place) {
    const auto word = std::atomic_ref(places_[place].state);
    State state{word.load()};
    while (state.connections() != 0 && state.connections() != kBeingClaimed &&
           !word.compare_exchange_weak(
               state.bits, State::of(state.paid_until(), state.connections() - 1).bits)) {
    }
}

LimitVerdict ConnectionLimits::admit_service(ServiceState& state,
                                             const ServiceOptions& options,
                                             uint64_t now) {
    const auto connections = std::atomic_ref(state.connections);
    if (options.connections_max != 0 &&
        connections.fetch_add(1, std::memory_order_relaxed) >= options.connections_max) {
        connections.fetch_sub(1, std::memory_order_relaxed);
        return LimitVerdict::kServiceConnections;
    }
    if (options.connections_per_second == 0) {
        return LimitVerdict::kAdmitted;
    }
    const auto paid_until = std::atomic_ref(state.paid_until);
    uint64_t before = paid_until.load(std::memory_order_relaxed);
    uint64_t after = 0;
    do {
        after = pay(before, now, options.connections_per_second, kSecondNs);
        if (after == before) {
            if (options.connections_max != 0) {
                connections.fetch_sub(1, std::memory_order_relaxed);
            }
            return LimitVerdict::kServiceRate;
        }
    } while (!paid_until.compare_exchange_weak(before, after, std::memory_order_relaxed));
    return LimitVerdict::kAdmitted;
}

LimitAnswer ConnectionLimits::admit(ServiceId service,
                                    const ServiceOptions& options,
                                    const IpAddress& client,
                                    TimePoint now) {
    const uint64_t nanoseconds = nanoseconds_of(now);
    LimitAnswer answer;
    if ((options.client_connections_per_second | options.client_connections_max) != 0) {
        const ClientRule rule{options.client_connections_per_second,
                              options.client_connections_max,
                              nanoseconds >> kUnitShift};
        answer = admit_client(digest_of(service, options, client), rule);
        if (answer.verdict != LimitVerdict::kAdmitted) {
            return answer;
        }
    }
    if ((options.connections_per_second | options.connections_max) != 0) {
        const LimitVerdict verdict = admit_service(services_[index(service)], options, nanoseconds);
        if (verdict != LimitVerdict::kAdmitted) {
            release(service, answer.ref);
            return {verdict, kNoLimit};
        }
        if (options.connections_max != 0) {
            answer.ref |= kCountsInService;
        }
    }
    return answer;
}

LimitVerdict ConnectionLimits::foresee(ServiceId service,
                                       const ServiceOptions& options,
                                       const IpAddress& client,
                                       TimePoint now) {
    const uint64_t nanoseconds = nanoseconds_of(now);
    if ((options.client_connections_per_second | options.client_connections_max) != 0) {
        const ClientRule rule{options.client_connections_per_second,
                              options.client_connections_max,
                              nanoseconds >> kUnitShift};
        const LimitVerdict verdict = foresee_client(digest_of(service, options, client), rule);
        if (verdict != LimitVerdict::kAdmitted) {
            return verdict;
        }
    }
    if (options.connections_max != 0 && connections(service) >= options.connections_max) {
        return LimitVerdict::kServiceConnections;
    }
    if (options.connections_per_second != 0) {
        const uint64_t paid_until =
            std::atomic_ref(services_[index(service)].paid_until).load(std::memory_order_relaxed);
        if (pay(paid_until, nanoseconds, options.connections_per_second, kSecondNs) == paid_until) {
            return LimitVerdict::kServiceRate;
        }
    }
    return LimitVerdict::kAdmitted;
}

void ConnectionLimits::release(ServiceId service, LimitRef ref) {
    if ((ref & kCountsInService) != 0) {
        std::atomic_ref(services_[index(service)].connections)
            .fetch_sub(1, std::memory_order_relaxed);
    }
    const uint32_t place = ref & ~kCountsInService;
    if (place != kNoLimit) {
        release_client(place);
    }
}

uint32_t ConnectionLimits::connections(ServiceId service) {
    return std::atomic_ref(services_[index(service)].connections).load(std::memory_order_relaxed);
}

}  // namespace director::dataplane
