// Instructions per packet, counted by callgrind: the figure that does not depend on the machine's
// load. `scripts/check_instructions` runs this under valgrind and compares with
// tests/bench/instructions.baseline.
//
// Each case dumps its own counts, with the case's name and number of packets as trigger; by itself
// (without valgrind) the program only checks that all packets go where they should.
#include <fmt/format.h>
#include <valgrind/callgrind.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "common/assert.h"
#include "tests/bench/director_balancer.h"

namespace director::bench {
namespace {

using dataplane::Direction;

constexpr uint32_t kConnections = 20000;
constexpr size_t kPackets = 9600;  // 300 bursts of 32
constexpr size_t kSlots = 1U << 15;

class Counted {
  public:
    Counted()
        : memory_(dataplane::plain_table_memory()),
          pool_memory_(memory_, kSlots * FramePool::kSlotBytes),
          pool_({pool_memory_.data(), pool_memory_.size()}),
          writer_(pool_, scene_, 1),
          director_(scene_, memory_) {}

    void run() {
        open(kConnections);
        establish();
        for (const Mix mix : {Mix::kClientToServer, Mix::kServerToClient, Mix::kMixed}) {
            writer_.fill_established(batch_, kPackets, mix, director_.servers_of_flows);
            count(to_string(mix));
        }
        writer_.fill_routed(batch_, kPackets);
        count("routed");
        close(kConnections);
        count_expiry(kConnections);
        // Entries now come from the free list.
        writer_.fill_flows(batch_, 0, kPackets, Direction::kClientToServer, kSyn, {});
        count("new_connection");
    }

  private:
    void count(const char* name) {
        const uint64_t before = director_.forwarded();
        CALLGRIND_ZERO_STATS;
        CALLGRIND_TOGGLE_COLLECT;
        director_.process(batch_);
        CALLGRIND_TOGGLE_COLLECT;
        DIRECTOR_ASSERT(director_.forwarded() - before == batch_.size());
        dump(name, batch_.size());
    }

    void count_expiry(uint32_t connections) {
        director_.advance(std::chrono::seconds(11));
        CALLGRIND_ZERO_STATS;
        CALLGRIND_TOGGLE_COLLECT;
        director_.expire_all();
        CALLGRIND_TOGGLE_COLLECT;
        dump("expiry", connections);
    }

    static void dump(const char* name, size_t items) {
        const std::string trigger = fmt::format("{} {}", name, items);
        CALLGRIND_DUMP_STATS_AT(trigger.c_str());
        std::printf("%s\n", trigger.c_str());
    }

    void open(uint32_t connections) {
        writer_.fill_flows(batch_, 0, connections, Direction::kClientToServer, kSyn, {});
        process_all(director_, batch_);
        learn_servers(director_, batch_);
    }

    void establish() {
        writer_.fill_flows(batch_,
                           0,
                           kConnections,
                           Direction::kServerToClient,
                           kSyn | kAck,
                           director_.servers_of_flows);
        process_all(director_, batch_);
        writer_.fill_flows(batch_, 0, kConnections, Direction::kClientToServer, kAck, {});
        process_all(director_, batch_);
    }

    void close(uint32_t connections) {
        writer_.fill_flows(
            batch_, 0, connections, Direction::kClientToServer, kRst, {}, connections);
        process_all(director_, batch_);
    }

    Scene scene_{.connections = kConnections};
    dataplane::TableMemory memory_;
    dataplane::TableArray<uint8_t> pool_memory_;
    FramePool pool_;
    FrameWriter writer_;
    DirectorBalancer director_;
    Batch batch_;
};

}  // namespace
}  // namespace director::bench

int main() {
    director::bench::Counted().run();
    return 0;
}
