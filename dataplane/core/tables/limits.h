// Limits on new connections, per service and per client prefix: how many a second, and how many at
// one time.
//
// One object for all workers, because a client's connections come to any of them, and a share per
// worker would refuse by chance: the limits are exact, not split. Without locks: a client's state
// is one atomic word, a service's two. A service without limits touches nothing here.
//
// A rate of r lets r connections through at once and then one every 1/r seconds (GCRA, ITU-T I.371
// annex A). A client that has no connection and whose rate is paid for is forgotten when its place
// is needed; when all eight places of a set are taken, the one without connections whose rate is
// paid for soonest is; when all have connections, the client is let through and counted as
// untracked. Two workers that meet a new client in the same instant may count it in two places:
// until both are idle, it may have up to twice its limit.
#pragma once

#include <atomic>
#include <cstdint>

#include "common/address.h"
#include "common/hash.h"
#include "common/time.h"
#include "dataplane/api/ids.h"
#include "dataplane/api/service.h"
#include "dataplane/core/tables/table_memory.h"

namespace director::dataplane {

// What a connection has to give back when it ends.
using LimitRef = uint32_t;
inline constexpr LimitRef kNoLimit = 0x7fffffffU;

enum class LimitVerdict : uint8_t {
    kAdmitted,
    kClientRate,         // ServiceOptions::client_connections_per_second
    kClientConnections,  // ServiceOptions::client_connections_max
    kServiceRate,        // ServiceOptions::connections_per_second
    kServiceConnections  // ServiceOptions::connections_max
};

struct LimitAnswer {
    LimitVerdict verdict = LimitVerdict::kAdmitted;
    LimitRef ref = kNoLimit;
};

class ConnectionLimits {
  public:
    // At most so many connections of one client prefix and service are told apart.
    static constexpr uint32_t kClientConnectionsMax = 0xfffe;

    // Sets of eight places, half as many prefixes as places: 32 bytes each.
    ConnectionLimits(uint32_t services_max,
                     uint32_t client_prefixes_max,
                     const HashKey& key,
                     const TableMemory& memory);

    [[nodiscard]] bool is_allocated() const;
    [[nodiscard]] static uint64_t bytes(uint32_t services_max, uint32_t client_prefixes_max);

    // Whether a service has any limit: ask before admit().
    [[nodiscard]] static bool has_limits(const ServiceOptions& options) {
        return (options.connections_per_second | options.connections_max |
                options.client_connections_per_second | options.client_connections_max) != 0;
    }

    // A new connection. Admitted, its `ref` is to be released at its end, or when it is not made
    // after all. The client is asked first: what one client is refused costs the service nothing.
    [[nodiscard]] LimitAnswer admit(ServiceId service,
                                    const ServiceOptions& options,
                                    const IpAddress& client,
                                    TimePoint now);
    void release(ServiceId service, LimitRef ref);

    // What admit() would say, as far as it can be told without counting anything: for packets that
    // prove nothing about their sender, which could use up another one's share.
    [[nodiscard]] LimitVerdict foresee(ServiceId service,
                                       const ServiceOptions& options,
                                       const IpAddress& client,
                                       TimePoint now);

    // Connections now of a service that has connections_max.
    [[nodiscard]] uint32_t connections(ServiceId service);
    // Connections let through because no place was left to count them.
    [[nodiscard]] uint64_t untracked() const { return untracked_.load(std::memory_order_relaxed); }

  private:
    static constexpr uint32_t kPlacesPerSet = 8;
    static constexpr LimitRef kCountsInService = 0x80000000U;

    // Plain memory, accessed through std::atomic_ref alone.
    struct Place {
        uint64_t digest;
        uint64_t state;  // see State
    };
    struct alignas(64) ServiceState {
        uint64_t paid_until;  // nanoseconds
        uint32_t connections;
    };
    // paid until 48, in units of 1024 ns (nine years; 1 % off at 10,000 a second) | connections 16
    struct State {
        uint64_t bits;

        [[nodiscard]] uint64_t paid_until() const { return bits >> 16; }
        [[nodiscard]] uint32_t connections() const { return bits & 0xffff; }
        [[nodiscard]] static State of(uint64_t paid_until, uint32_t connections) {
            return {paid_until << 16 | connections};
        }
    };
    // `connections` of a place whose digest is being written.
    static constexpr uint32_t kBeingClaimed = 0xffff;

    // What a client is asked for.
    struct ClientRule {
        uint32_t per_second;
        uint32_t connections_max;
        uint64_t now;
    };

    [[nodiscard]] static uint32_t set_count(uint32_t client_prefixes_max);
    [[nodiscard]] uint64_t digest_of(ServiceId service, const IpAddress& prefix) const;
    [[nodiscard]] uint32_t first_place(uint64_t digest) const;
    // Where the client is, or kNoLimit.
    [[nodiscard]] uint32_t find(uint64_t digest);
    [[nodiscard]] LimitVerdict foresee_client(uint64_t digest, const ClientRule& rule);
    [[nodiscard]] uint64_t digest_of(ServiceId service,
                                     const ServiceOptions& options,
                                     const IpAddress& client) const;
    [[nodiscard]] LimitAnswer admit_client(uint64_t digest, const ClientRule& rule);
    [[nodiscard]] LimitAnswer admit_at(uint32_t place, State state, const ClientRule& rule);
    [[nodiscard]] uint32_t claim(uint32_t first, uint64_t digest, uint64_t now);
    void release_client(uint32_t place);
    [[nodiscard]] LimitVerdict admit_service(ServiceState& state,
                                             const ServiceOptions& options,
                                             uint64_t now);

    HashKey key_;
    uint32_t set_count_;
    TableArray<Place> places_;
    TableArray<ServiceState> services_;
    std::atomic<uint64_t> untracked_{0};
};

}  // namespace director::dataplane
