// What runs on a worker's lcore: receives, lets the Worker decide, and acts on its verdicts.
//
// One poll is: commands, injected frames, up to a burst from receive queues and other workers,
// Worker::process, then transmit, hand over, punt, drop, and pass events on. It takes no lock and,
// but for drivers that do and the sleep of IdleMode::kAdaptive, makes no system call.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/time.h"
#include "dataplane/core/worker.h"
#include "dataplane/io/engine.h"
#include "dataplane/io/idle.h"
#include "dataplane/io/rings.h"
#include "dataplane/io/tsc_clock.h"
#include "dataplane/io/wake.h"

namespace director::dataplane::io {

// A receive queue that a worker polls.
struct ReceiveQueue {
    uint16_t device;
    uint16_t queue;
    PortId port;
};

// How a worker sends on a port: on its own queue, or through the worker that has one.
struct TransmitPath {
    uint16_t device;
    uint16_t queue;
    WorkerId via;
};

// The rings of one worker to and from the control plane.
struct ControlRings {
    ValueRing<Command> commands;
    ValueRing<Event> events;
    FrameRing punted;
    FrameRing injected;
    // Advertisements, both ways, which no flood of other frames may delay.
    FrameRing punted_first;
    FrameRing injected_first;
};

// All that a loop is connected to. Everything pointed to outlives the loop.
struct LoopWiring {
    WorkerId id{};
    std::vector<ReceiveQueue> receive;
    std::vector<TransmitPath> transmit;  // by PortId
    rte_mempool* frames = nullptr;       // for those that the worker makes
    ControlRings* control = nullptr;
    std::vector<FrameRing*> to_worker;    // by WorkerId; nullptr for itself
    std::vector<FrameRing*> from_worker;  // by WorkerId; nullptr for itself
    std::vector<FrameStack*> returns;     // by WorkerId, itself included
    Wake* wake = nullptr;
    IdleMode idle = IdleMode::kAdaptive;
    int realtime_priority = 0;
};

// What other threads read has cache lines of its own.
class LcoreLoop {  // NOLINT(clang-analyzer-optin.performance.Padding)
  public:
    explicit LcoreLoop(LoopWiring wiring);
    LcoreLoop(const LcoreLoop&) = delete;
    LcoreLoop& operator=(const LcoreLoop&) = delete;

    // On the worker's lcore, so that the tables come from its NUMA node. False when memory was
    // short.
    [[nodiscard]] bool make_worker(const WorkerSettings& settings);

    // Polls until `stop`. On the worker's lcore.
    void run(const Clock& reference, uint64_t tsc_frequency_hz, const std::atomic<bool>& stop);

    // From any thread.
    [[nodiscard]] LoopCounters counters() const;

  private:
    // Frames for one port, with what to do when the port does not take them.
    struct Outgoing {
        static constexpr uint32_t kCapacity = 2 * kBurstMax;

        uint32_t count = 0;
        std::array<rte_mbuf*, kCapacity> frames{};
        std::array<uint8_t, kCapacity> origins{};  // place in the burst, or one of k... below
    };
    // Frames for one worker, by their place in the burst.
    struct Outbox {
        uint32_t count = 0;
        // A burst's frames, and those made in it.
        std::array<rte_mbuf*, 3 * kBurstMax> frames{};
        std::array<uint8_t, 3 * kBurstMax> places{};
    };
    static constexpr uint8_t kMade = 0xfd;
    static constexpr uint8_t kOnBehalf = 0xfe;
    static constexpr uint8_t kInjected = 0xff;

    // Written by the loop alone, read by the control plane: relaxed, each figure for itself.
    struct PublishedCounters {
        std::atomic<uint64_t> polls = 0;
        std::atomic<uint64_t> busy_polls = 0;
        std::atomic<uint64_t> packets = 0;
        std::atomic<int64_t> busy_ns = 0;
        std::atomic<int64_t> total_ns = 0;
        std::atomic<uint64_t> sleeps = 0;
        std::atomic<uint64_t> injected_dropped = 0;
    };

    void settle_on_cpu() const;
    void poll(TimePoint now);
    void idle();
    void apply_commands(TimePoint now);
    void send_injected(FrameRing& ring);
    void take_returned();
    void receive();
    void receive_from_port(const ReceiveQueue& source);
    void receive_from_worker(FrameRing& ring);
    void add_received(PortId in_port);
    void add_handed_over(rte_mbuf* frame);
    void resume_held();
    void carry_out_frame_operations();
    void free_held();
    void act_on_verdicts();
    void forward(rte_mbuf* frame, uint8_t place);
    void cut(rte_mbuf* frame, uint8_t place);
    void punt(rte_mbuf* frame, uint8_t place);
    void send_made_frames();
    void hand_over(rte_mbuf* frame, uint8_t place);
    void put_in_outbox(WorkerId worker, FrameErrand errand, rte_mbuf* frame, uint8_t place);
    void queue_for_port(PortId port, rte_mbuf* frame, uint8_t origin);
    void flush_ports();
    void flush_port(uint16_t port);
    void flush_outboxes();
    void flush_outbox(size_t worker);
    void flush_punted();
    void push_punted(FrameRing& ring, bool is_urgent);
    void flush_events();
    void give_up(rte_mbuf* frame, uint8_t origin);
    void lose(rte_mbuf* frame, uint8_t place, DropReason reason);
    void account(TimePoint now, bool was_busy);

    LoopWiring wiring_;
    std::unique_ptr<Worker> worker_;
    IdleBackoff backoff_;
    uint32_t next_source_ = 0;  // the queue or ring that is polled first, in turn
    uint32_t events_sent_ = 0;  // of worker_->events(), when the ring took only some
    bool has_news_ = false;     // something was put on a ring to the control plane in this poll
    uint32_t frames_seen_ = 0;  // in this poll, errands for others included
    bool has_applied_ = false;  // a command in this poll
    LoopCounters totals_;
    TimePoint began_;
    TimePoint previous_;

    Burst burst_;
    std::array<rte_mbuf*, kBurstMax> frames_{};   // burst_'s, by place
    std::array<rte_mbuf*, kBurstMax> arrived_{};  // from another worker, before they are told apart
    std::vector<Outgoing> outgoing_;              // by PortId
    std::vector<Outbox> outboxes_;                // by WorkerId
    Outbox punted_;
    Packet made_packet_;                              // what the books know of a made frame
    std::array<rte_mbuf*, Worker::kHeldMax> held_{};  // by slot
    // A ring of those that go into the next bursts. They are no longer in a slot, so that there may
    // be more than slots; a burst releases all slots at most.
    std::array<rte_mbuf*, 2 * size_t{Worker::kHeldMax}> resumed_{};
    uint16_t resumed_first_ = 0;
    uint32_t resumed_count_ = 0;
    uint32_t dropped_count_ = 0;
    std::array<rte_mbuf*, kBurstMax> dropped_{};

    alignas(64) PublishedCounters published_;
};

}  // namespace director::dataplane::io
