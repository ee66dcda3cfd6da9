// The yardstick: what a good programmer writes with DPDK's own hash table in an afternoon. One
// rte_hash, an entry of one cache line per direction, bulk lookup, prefetched entries, the same
// parsing and checksum arithmetic, a deadline and counters per entry. It has no TCP states, no
// timers, no schedulers but a counter, no counters per server, no services, routes or neighbours:
// everything that Director does on top has to come out of the difference.
#pragma once

#include <cstdint>

#include "tests/bench/balancer.h"

struct rte_hash;

namespace director::bench {

class RteHashBalancer final : public Balancer {
  public:
    // Room for two entries per connection, at half load.
    explicit RteHashBalancer(const Scene& scene);
    ~RteHashBalancer() override;

    void process(const Batch& batch) override;
    [[nodiscard]] uint64_t forwarded() const override { return forwarded_; }
    [[nodiscard]] uint64_t table_bytes() const override { return table_bytes_; }

  private:
    struct Key;
    struct Entry;
    struct Parsed;

    void process_burst(const Batch& batch, size_t start, uint32_t count);
    static void parse(Parsed& packet);
    void translate(const Parsed& packet, Entry& entry);
    [[nodiscard]] Entry& open(const Parsed& packet);
    Entry& add(const Key& key, const Endpoint& before, const Endpoint& after);

    Scene scene_;
    rte_hash* hash_ = nullptr;
    Entry* entries_ = nullptr;
    uint32_t entries_used_ = 0;
    uint32_t next_server_ = 0;
    uint32_t tick_ = 0;
    uint64_t forwarded_ = 0;
    uint64_t table_bytes_ = 0;
};

}  // namespace director::bench
