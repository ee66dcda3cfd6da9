// The Director's Worker, fed as the lcore loop (dataplane/io/lcore_loop.cc) feeds it: frames are
// wrapped and prefetched, 32 at a time, then processed.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "dataplane/core/worker.h"
#include "tests/bench/balancer.h"

namespace director::bench {

class DirectorBalancer final : public Balancer {
  public:
    // A table of exactly `scene.connections` entries: at the end of the set-up it is full.
    DirectorBalancer(const Scene& scene,
                     const dataplane::TableMemory& memory,
                     uint16_t worker_count = 1,
                     const dataplane::MirrorSink& mirror = {});

    void process(const Batch& batch) override;
    [[nodiscard]] uint64_t forwarded() const override;
    [[nodiscard]] uint64_t table_bytes() const override;

    // The same, calling every stage by itself; to `ticks` is added what the time stamp counter
    // advanced in each: wrap, begin, the stages, expire. Answers how many packets that
    // is for: bursts that were interrupted do not count.
    uint64_t process_by_stage(const Batch& batch, std::vector<uint64_t>& ticks);
    // Names of the entries of `ticks`.
    [[nodiscard]] static std::vector<const char*> stage_names();

    // Lets time pass without packets until all idle connections are gone; answers how many polls
    // that took.
    uint64_t expire_all();
    // Time goes on, nothing is polled.
    void advance(Duration duration) { now_ += duration; }

    [[nodiscard]] dataplane::Worker& worker() { return *worker_; }
    [[nodiscard]] uint64_t connections();

  private:
    void apply(dataplane::Command command);
    void put_interfaces();
    void put_neighbours(const Scene& scene);
    void put_routes();
    void put_services(const Scene& scene);
    uint32_t wrap(const Batch& batch, size_t start);

    dataplane::WorkerSettings settings_;
    std::unique_ptr<dataplane::Worker> worker_;
    std::vector<std::unique_ptr<dataplane::ServiceTable>> services_;
    dataplane::RouteTable routes_;
    dataplane::Burst burst_;
    TimePoint now_{std::chrono::seconds(1000)};
    uint32_t sequence_ = 0;
};

}  // namespace director::bench
