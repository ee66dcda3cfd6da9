#include "tests/bench/balancer.h"

#include "common/assert.h"

namespace director::bench {

void process_all(Balancer& balancer, const Batch& batch) {
    const uint64_t before = balancer.forwarded();
    balancer.process(batch);
    DIRECTOR_ASSERT(balancer.forwarded() - before == batch.size());
}

void learn_servers(Balancer& balancer, const Batch& batch) {
    for (size_t i = 0; i < batch.size(); ++i) {
        balancer.servers_of_flows[batch.flows[i]] = destination_of(batch.frames[i]);
    }
}

}  // namespace director::bench
