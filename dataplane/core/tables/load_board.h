// How many connections each worker has to each real server: where workers tell one another, so that
// schedulers and thresholds of each count the connections of all.
//
// A worker writes its own figures when they change, which an established connection's packet never
// does, and reads those of others a few servers per poll (refresh_loads): what a worker knows of
// the others is as old as a walk over all servers takes. Relaxed atomics: each figure for itself.
#pragma once

#include <atomic>
#include <cstdint>

#include "dataplane/api/ids.h"
#include "dataplane/core/tables/table_memory.h"

namespace director::dataplane {

struct ServerLoad {
    uint32_t active = 0;
    uint32_t total = 0;
};

class LoadBoard {
  public:
    LoadBoard(uint32_t real_servers_max, uint16_t workers, const TableMemory& memory)
        : workers_(workers), loads_(memory, size_t{real_servers_max} * workers) {}

    [[nodiscard]] static uint64_t bytes(uint32_t real_servers_max, uint16_t workers) {
        return uint64_t{real_servers_max} * workers * sizeof(uint64_t);
    }
    [[nodiscard]] bool is_allocated() const { return loads_.is_allocated(); }

    // By the worker itself.
    void publish(WorkerId worker, RealServerId server, ServerLoad load) {
        std::atomic_ref(cell(index(worker), server))
            .store(uint64_t{load.active} << 32 | load.total, std::memory_order_relaxed);
    }

    // What all but `worker` have published.
    [[nodiscard]] ServerLoad of_others(WorkerId worker, RealServerId server) {
        ServerLoad sum;
        for (uint16_t other = 0; other < workers_; ++other) {
            if (other != index(worker)) {
                const uint64_t bits =
                    std::atomic_ref(cell(other, server)).load(std::memory_order_relaxed);
                sum.active += static_cast<uint32_t>(bits >> 32);
                sum.total += static_cast<uint32_t>(bits);
            }
        }
        return sum;
    }

  private:
    [[nodiscard]] uint64_t& cell(uint16_t worker, RealServerId server) {
        return loads_[size_t{index(server)} * workers_ + worker];
    }

    uint16_t workers_;
    TableArray<uint64_t> loads_;
};

}  // namespace director::dataplane
