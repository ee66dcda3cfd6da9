// What the mirror costs a packet: established IPv4 NAT connections, mirrored or not, in turns, so
// that what disturbs the machine disturbs both. A second thread empties the ring as the diagnostics
// thread does. The figure of a case is the lower decile of many short slices.
//
//   mirror_bench [CONNECTIONS [ROUNDS]]      (100000 and 200; a build with --buildtype=release)
//
// "off" is what the mirror's stages take by themselves while no tap is on: there is no build
// without them to compare with.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "common/assert.h"
#include "dataplane/core/worker_state.h"
#include "tests/bench/director_balancer.h"

namespace director::bench {
namespace {

using dataplane::Direction;
using dataplane::MirrorRecord;
using dataplane::MirrorSlot;
using dataplane::MirrorTap;

constexpr size_t kPackets = 1024;
constexpr size_t kSlots = 1U << 17;

// Single producer, single consumer, as rte_ring has it: two indexes that only their owner writes.
class SharedRing {
  public:
    explicit SharedRing(size_t slots) : slots_(slots) {}

    [[nodiscard]] dataplane::MirrorSink sink() {
        return {.ring = this, .reserve = &reserve, .commit = &commit, .counters = &counters_};
    }
    [[nodiscard]] uint64_t missed() const { return counters_.missed[0].load(); }

    // Reads every record's head and bytes; how many there were.
    uint64_t drain() {
        uint64_t records = 0;
        uint64_t head = head_.load(std::memory_order_relaxed);
        const uint64_t tail = tail_.load(std::memory_order_acquire);
        while (head != tail) {
            MirrorRecord record;
            std::memcpy(&record, slots_[head % slots_.size()].bytes.data(), sizeof(record));
            for (uint16_t i = 0; i < record.slots; ++i) {
                sum_ += slots_[(head + i) % slots_.size()].bytes[0];
            }
            head += record.slots;
            ++records;
        }
        head_.store(head, std::memory_order_release);
        return records;
    }

  private:
    static dataplane::MirrorRoom reserve(void* ring, uint32_t wanted) {
        auto& own = *static_cast<SharedRing*>(ring);
        const uint64_t tail = own.tail_.load(std::memory_order_relaxed);
        const uint64_t head = own.head_.load(std::memory_order_acquire);
        const uint64_t size = own.slots_.size();
        const uint64_t granted = std::min<uint64_t>(wanted, size - (tail - head));
        const uint64_t place = tail % size;
        const uint64_t first = std::min(granted, size - place);
        return {&own.slots_[place],
                static_cast<uint32_t>(first),
                own.slots_.data(),
                static_cast<uint32_t>(granted - first)};
    }
    static void commit(void* ring, uint32_t slots) {
        auto& own = *static_cast<SharedRing*>(ring);
        own.tail_.store(own.tail_.load(std::memory_order_relaxed) + slots,
                        std::memory_order_release);
    }

    std::vector<MirrorSlot> slots_;
    dataplane::MirrorCounters counters_;
    alignas(64) std::atomic<uint64_t> head_ = 0;
    alignas(64) std::atomic<uint64_t> tail_ = 0;
    alignas(64) uint64_t sum_ = 0;
};

struct Case {
    const char* name;
    bool is_on;
    MirrorTap tap;
    std::vector<double> samples = {};

    [[nodiscard]] double nanoseconds() {
        std::sort(samples.begin(), samples.end());
        return samples[samples.size() / 10];
    }
};

[[nodiscard]] std::vector<Case> cases() {
    MirrorTap all;
    all.is_on = true;
    MirrorTap balanced = all;
    balanced.only_balanced = true;
    MirrorTap sampled = balanced;
    sampled.one_in = 16;
    MirrorTap filtered = balanced;
    filtered.clients = {Ipv4Address::of(192, 0, 2, 1), 32};  // nobody
    return {{"no tap", false, {}},
            {"all packets", true, all},
            {"all of services", true, balanced},
            {"one connection in 16", true, sampled},
            {"one client that is not there", true, filtered}};
}

class Bench {
  public:
    explicit Bench(uint32_t connections)
        : scene_{.connections = connections},
          memory_(dataplane::plain_table_memory()),
          pool_memory_(memory_, kSlots * FramePool::kSlotBytes),
          pool_({pool_memory_.data(), pool_memory_.size()}),
          writer_(pool_, scene_, 1),
          director_(scene_, memory_, 1, ring_.sink()),
          reader_([this] {
              while (!stop_.load(std::memory_order_relaxed)) {
                  read_.fetch_add(ring_.drain(), std::memory_order_relaxed);
                  static_cast<void>(::poll(nullptr, 0, 1));
              }
          }) {
        writer_.fill_flows(batch_, 0, connections, Direction::kClientToServer, kSyn, {});
        process_all(director_, batch_);
        learn_servers(director_, batch_);
        writer_.fill_flows(batch_,
                           0,
                           connections,
                           Direction::kServerToClient,
                           kSyn | kAck,
                           director_.servers_of_flows);
        process_all(director_, batch_);
        writer_.fill_flows(batch_, 0, connections, Direction::kClientToServer, kAck, {});
        process_all(director_, batch_);
    }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;
    ~Bench() {
        stop_.store(true);
        reader_.join();
    }

    void run(Case& one) {
        dataplane::TapJob job;
        job.tap = one.tap;
        job.tap.is_on = one.is_on;
        set_tap(director_.worker().state(), job);
        writer_.fill_established(batch_, kPackets, Mix::kMixed, director_.servers_of_flows);
        evict(batch_);
        const auto start = std::chrono::steady_clock::now();
        director_.process(batch_);
        one.samples.push_back(since(start) / static_cast<double>(kPackets));
    }

    // The stages of the mirror alone, off.
    [[nodiscard]] double off() {
        dataplane::Worker::State& state = director_.worker().state();
        set_tap(state, {});
        constexpr int kGroups = 10000;
        std::array<dataplane::Packet, 16> packets;
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < kGroups; ++i) {
            mirror_arrivals_burst(state, packets);
            mirror_owners_burst(state, packets);
            mirror_departures_burst(state, packets);
        }
        return since(start) / (kGroups * static_cast<double>(packets.size()));
    }

    [[nodiscard]] uint64_t missed() const { return ring_.missed(); }
    [[nodiscard]] uint64_t read() const { return read_.load(); }

  private:
    [[nodiscard]] static double since(std::chrono::steady_clock::time_point start) {
        const std::chrono::duration<double, std::nano> taken =
            std::chrono::steady_clock::now() - start;
        return taken.count();
    }

    Scene scene_;
    dataplane::TableMemory memory_;
    dataplane::TableArray<uint8_t> pool_memory_;
    FramePool pool_;
    FrameWriter writer_;
    SharedRing ring_{1U << 16};
    DirectorBalancer director_;
    Batch batch_;
    std::atomic<bool> stop_ = false;
    std::atomic<uint64_t> read_ = 0;
    std::thread reader_;
};

void run(uint32_t connections, int rounds) {
    Bench bench(connections);
    std::vector<Case> all = cases();
    for (int round = 0; round < rounds; ++round) {
        for (Case& one : all) {
            bench.run(one);
        }
    }
    const double none = all.front().nanoseconds();
    fmt::print("{} connections, one worker, 60-byte frames; ns per packet\n", connections);
    for (Case& one : all) {
        const double own = one.nanoseconds();
        fmt::print(
            "{:<32}{:8.1f}{:+8.1f}{:8.2f} of without\n", one.name, own, own - none, own / none);
    }
    fmt::print("{:<32}{:8.2f}\n", "the stages alone, off", bench.off());
    fmt::print("{} records were read, {} did not fit\n", bench.read(), bench.missed());
}

}  // namespace
}  // namespace director::bench

int main(int count, char** words) {
    const uint32_t connections =
        count > 1 ? static_cast<uint32_t>(std::strtoul(words[1], nullptr, 10)) : 100000;
    director::bench::run(connections, count > 2 ? std::atoi(words[2]) : 200);
    return 0;
}
