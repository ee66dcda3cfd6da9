// What a worker holds, and the stages that work on it. Private to dataplane/core: the outside sees
// Worker. Each stage is in the file of its name, takes the burst, and looks only at packets that no
// earlier stage has decided.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/flat_map.h"
#include "common/hash.h"
#include "dataplane/core/conn_table.h"
#include "dataplane/core/forwarder.h"
#include "dataplane/core/shard.h"
#include "dataplane/core/worker.h"

namespace director::dataplane {

// Lets through `rate` per second on average and a tenth of a second's worth at once (GCRA, the
// leaky bucket of ITU-T I.371 annex A: one number of state).
class RateLimiter {
  public:
    explicit RateLimiter(uint32_t rate_per_second)
        : cost_(Duration(1000000000) / (rate_per_second == 0 ? 1 : rate_per_second)) {}

    [[nodiscard]] bool admits(TimePoint now) {
        constexpr Duration kBurst = std::chrono::milliseconds(100);
        if (paid_until_ > now + kBurst) {
            return false;
        }
        paid_until_ = (paid_until_ > now ? paid_until_ : now) + cost_;
        return true;
    }

  private:
    Duration cost_;
    TimePoint paid_until_{};
};

struct ServiceKeyHash {
    HashKey key;
    size_t operator()(const ServiceKey& service) const {
        return keyed_hash(key,
                          uint64_t{service.address.bits.raw} | uint64_t{service.port.raw} << 32 |
                              uint64_t{static_cast<uint8_t>(service.protocol)} << 48);
    }
};

// A virtual service's slot. Retired (no table, still known) while old connections are served.
struct ServiceSlot {
    ServiceTable* table = nullptr;
    ServiceKey key;
    bool is_known = false;
};

inline constexpr uint32_t kEventsMax = 64;
inline constexpr uint32_t kJobsMax = 4;

struct Worker::State {
    explicit State(const WorkerSettings& worker_settings);

    WorkerSettings settings;
    ConnTable connections;
    Forwarder forwarder;
    FlatMap<ServiceKey, ServiceId, ServiceKeyHash> service_ids;
    std::vector<ServiceSlot> services;
    std::array<WorkerId, kShardBuckets> owners;
    std::array<uint32_t, kConnStateCount> timeout_ticks;
    RateLimiter kernel_punts;
    RateLimiter neighbour_punts;

    WorkerCounters counters;
    TableArray<ServerCounters> server_counters;
    TableArray<ServiceCounters> service_counters;

    TimePoint now{};
    uint32_t tick = 0;
    uint32_t commands_applied = 0;

    std::array<Event, kEventsMax> events;
    uint32_t event_count = 0;
    std::array<Job*, kJobsMax> jobs;
    std::array<uint32_t, kJobsMax> job_sequences;
    uint32_t job_count = 0;

    // Decides a packet's fate and counts it: the only ways out of the stages.
    void drop(Packet& packet, DropReason reason);
    void punt(Packet& packet);
    void punt_for_neighbour(Packet& packet, const NextHop& hop);
    void forward(Packet& packet, PortId port);
    void hand_over(Packet& packet, WorkerId owner);
};

// The stages, in the order of Worker::process.
void parse_burst(Worker::State& state, Burst& burst);     // parse.cc
void classify_burst(Worker::State& state, Burst& burst);  // classify.cc
void lookup_burst(Worker::State& state, Burst& burst);    // lookup.cc
void admit_burst(Worker::State& state, Burst& burst);     // admit.cc
void track_burst(Worker::State& state, Burst& burst);     // track.cc
void rewrite_burst(Worker::State& state, Burst& burst);   // rewrite.cc
void forward_burst(Worker::State& state, Burst& burst);   // forward.cc

// The ladder that Worker::process climbs when there are packets; a benchmark times its rungs.
struct Stage {
    const char* name;
    void (*run)(Worker::State& state, Burst& burst);
};
inline constexpr std::array kStages{
    Stage{"parse", parse_burst},
    Stage{"classify", classify_burst},
    Stage{"lookup", lookup_burst},
    Stage{"admit", admit_burst},
    Stage{"track", track_burst},
    Stage{"rewrite", rewrite_burst},
    Stage{"forward", forward_burst},
};

// At every poll, packets or none.
void begin_poll(Worker::State& state, const Burst& burst, TimePoint now);  // worker.cc
void expire_some(Worker::State& state);                                    // expire.cc
void work_on_job(Worker::State& state);                                    // job.cc

// Ends a connection: its counters, its timer, its entry (expire.cc).
void end_connection(Worker::State& state, uint32_t connection);

// A connection's deadline, as of a packet now (track.cc).
void set_deadline(const Worker::State& state, Connection& connection);

// Puts a connection where its deadline will be seen (track.cc). It must not be armed.
void arm_timer(Worker::State& state, uint32_t connection);

// Whether a balanced packet has no hop left to live (track.cc).
[[nodiscard]] bool ttl_runs_out(const Worker::State& state, const Packet& packet);

// Whether the TCP or UDP checksum is right, as far as it can be told: what the port did not check
// is computed, a packet in several pieces gets the benefit of the doubt (l4_checksum.cc).
[[nodiscard]] bool is_l4_checksum_good(const Packet& packet);

}  // namespace director::dataplane
