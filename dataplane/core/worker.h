// The dataplane of one core: everything that happens to a packet between receive and send.
//
// A Worker reads no clock, opens nothing, allocates nothing after construction, and knows no DPDK:
// the lcore loop (dataplane/io) feeds it bursts and commands and acts on what it decides; tests do
// the same by hand. Not thread-safe: one thread owns it.
//
//   Worker worker(settings);
//   worker.apply(command, now);      // for each command received
//   worker.process(burst, now);      // at every poll, also with an empty burst: timers need it
//   for (Event& event : worker.events()) ...; worker.clear_events();
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "common/hash.h"
#include "common/time.h"
#include "dataplane/api/command.h"
#include "dataplane/api/counters.h"
#include "dataplane/api/event.h"
#include "dataplane/api/mirror.h"
#include "dataplane/core/codecs/syn_cookie.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/tables/limits.h"
#include "dataplane/core/tables/load_board.h"
#include "dataplane/core/tables/persistence.h"
#include "dataplane/core/tables/table_memory.h"

namespace director::dataplane {

// What happens to a new connection when the table is full. Established ones are never evicted.
enum class WhenFull : uint8_t {
    kRefuse,         // the new connection is dropped and counted
    kEvictHalfOpen,  // the oldest connection whose handshake is incomplete makes room
};

struct WorkerSettings {
    WorkerId id{};
    uint16_t worker_count = 1;
    uint32_t connections_max = 1U << 16;
    // Of these, how many may be more than NAT of IPv4: IPv6, full NAT, persistent, ...
    uint32_t details_max = 1U << 16;
    // FTP control connections that a helper follows at one time.
    uint32_t ftp_controls_max = 1024;
    uint32_t services_max = 1024;
    uint32_t real_servers_max = 8192;
    uint32_t neighbours_max = 4096;
    // Frames for the control plane per second; a burst of a tenth of that is let through at once.
    uint32_t punts_per_second = 20000;
    WhenFull when_full = WhenFull::kEvictHalfOpen;
    // Whether balanced packets lose one from their TTL, as a router's do. Off gives LVS-NAT's old
    // behaviour of the report (tests); routed packets always lose one.
    bool decrement_ttl = true;
    HashKey hash_key;
    // SYN proxy: all workers' the same, and nobody else's to know.
    SynCookieKey syn_cookie_key;
    // What all workers tell one another of their servers' connections; nullptr for a lone worker.
    LoadBoard* loads = nullptr;
    // Of all workers together; nullptr: no service is limited.
    ConnectionLimits* limits = nullptr;
    // Connections at one time that wait to be told to the director's twin, of those that it knows
    // and of those that are new to it; 0: there never is a twin. 8 bytes per connection besides.
    uint32_t sync_queue_max = 0;
    // Shared by all workers, and theirs until the last has ended; nullptr: no service is
    // persistent.
    TemplateTable* templates = nullptr;
    TableMemory memory = plain_table_memory();
    MirrorSink mirror;  // where copies of chosen packets go
};

// What becomes of held frames, to be carried out in this order after process().
struct FrameOperation {
    enum class Kind : uint8_t {
        kHold,    // keep the frame of `packet`, of the burst just processed, in `slot`
        kResume,  // put the frame in `slot` into the next burst, is_resumed and with `ports`
        kDrop,    // free the frame in `slot`
    };
    Kind kind{};
    uint16_t slot = 0;
    const Packet* packet = nullptr;
    FragmentPorts ports{};
    DropReason reason{};  // kDrop: which has been counted
};

// A whole frame of the worker's own beside those of the burst, to be sent after process(). It has
// been counted as answered and forwarded; retract() a packet with that verdict when it could not be
// delivered.
struct MadeFrame {
    static constexpr uint32_t kBytesMax = 256;

    std::array<uint8_t, kBytesMax> bytes;
    uint32_t length_bytes;
    PortId out_port;
};

class Worker {
  public:
    // Slots for held frames, 0 .. kHeldMax - 1.
    static constexpr uint16_t kHeldMax = 256;

    // Takes all memory that the worker will ever use. is_ready() tells whether there was enough.
    explicit Worker(const WorkerSettings& settings);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    [[nodiscard]] bool is_ready() const;

    // Bytes that a worker of these settings takes from TableMemory.
    [[nodiscard]] static uint64_t table_bytes(const WorkerSettings& settings);

    // Whether the next command can be applied; false while too many events wait to be collected.
    [[nodiscard]] bool can_apply() const;

    // Carries out one command. A command that names an unknown slot changes nothing and answers
    // EventKind::kCommandRefused.
    void apply(const Command& command, TimePoint now);

    // Takes a burst through all stages: afterwards every packet has a verdict and has been counted.
    // Also expires a bounded number of connections and does a bounded piece of the job at hand.
    void process(Burst& burst, TimePoint now);

    // About held frames, since the last process().
    [[nodiscard]] std::span<const FrameOperation> frame_operations() const;

    // Made in the last process(): at most one for each packet of the burst, and as many for timers.
    [[nodiscard]] std::span<const MadeFrame> made_frames() const;

    // Turns the verdict of a packet that could not be delivered (ring or port full) into a drop and
    // corrects the counters, so that they never claim what did not happen.
    void retract(Packet& packet, DropReason reason);

    // A packet with verdict kForwardCut or kPuntForNeighbour has become `count` frames, each of
    // which may be retracted.
    void count_fragments(const Packet& packet, uint32_t count);

    // What happened since the last clear_events().
    [[nodiscard]] std::span<const Event> events() const;
    void clear_events();

    [[nodiscard]] const WorkerCounters& counters() const;

    struct State;  // worker_state.h: for the stages
    [[nodiscard]] State& state() { return *state_; }

  private:
    std::unique_ptr<State> state_;
};

}  // namespace director::dataplane
