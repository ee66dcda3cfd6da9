// What the benchmark measures: something that takes batches of frames and translates them. The
// Director's Worker is one (director_balancer.h), the rte_hash yardstick the other (yardstick.h).
#pragma once

#include <cstdint>

#include "tests/bench/traffic.h"

namespace director::bench {

class Balancer {
  public:
    Balancer() = default;
    Balancer(const Balancer&) = delete;
    Balancer& operator=(const Balancer&) = delete;
    virtual ~Balancer() = default;

    // Takes all frames through, 32 at a time. This is what is timed.
    virtual void process(const Batch& batch) = 0;
    // How many frames were translated or routed since the beginning.
    [[nodiscard]] virtual uint64_t forwarded() const = 0;
    // All memory that grows with the number of connections.
    [[nodiscard]] virtual uint64_t table_bytes() const = 0;

    ServersOfFlows servers_of_flows;
};

// Processes a batch; aborts unless every single frame was forwarded, so that nothing is measured
// that did not happen.
void process_all(Balancer& balancer, const Batch& batch);

// Notes the servers that the batch's SYNs went to.
void learn_servers(Balancer& balancer, const Batch& batch);

}  // namespace director::bench
