// The engine: EAL, ports, packet pools, workers on their lcores, and the rings to and from them.
// The one face that the control plane sees of DPDK; nothing of DPDK shows in it.
//
// Thread: every function is called from the control-plane thread (EAL's main lcore), except what
// ~Engine joins, and read_mirror(), which is the diagnostics thread's.
//
//   auto engine = Engine::start(settings);         // ports up, workers polling
//   (*engine)->send(worker, command);              // false: ring full, try again next turn
//   while (auto event = (*engine)->next_event(w))  // after wake_fd() became readable
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "common/result.h"
#include "common/time.h"
#include "dataplane/api/command.h"
#include "dataplane/api/event.h"
#include "dataplane/api/ids.h"
#include "dataplane/api/mirror.h"
#include "dataplane/core/worker.h"

namespace director::dataplane::io {

// What a worker does when a poll brings nothing.
enum class IdleMode : uint8_t {
    kPoll,      // poll on: lowest latency, a whole core
    kAdaptive,  // back off after empty polls, sleeping up to some 100 us
};

// Which side of the balancer a port faces: lets a NIC hash by the client's endpoint alone.
enum class PortSide : uint8_t { kBoth, kClients, kServers };

struct PortSettings {
    std::string name;  // the operator's name; also the kernel interface's
    std::string
        device;  // PCI address ("0000:03:00.0") or vdev with arguments ("net_af_xdp0,iface=d0")
    PortSide side = PortSide::kBoth;
    uint16_t mtu_bytes = 1500;
    uint16_t rx_descriptors = 1024;
    uint16_t tx_descriptors = 1024;
};

struct EngineSettings {
    std::string program_name = "directord";
    std::vector<std::string> eal_arguments;  // appended as they are; they win over ours
    uint16_t main_cpu = 0;
    std::vector<uint16_t> worker_cpus;  // one worker each; the same CPU may appear more than once
    IdleMode idle = IdleMode::kAdaptive;
    // SCHED_RR for workers that sleep (kAdaptive); 0: usual. One that polls for good would starve
    // whatever else its CPU has to do.
    int realtime_priority = 0;
    std::vector<PortSettings> ports;
    uint32_t pool_frames = 32768;    // frame buffers, all ports together
    uint32_t templates_max = 65536;  // persistence: clients remembered, all workers together
    uint32_t ring_entries = 1024;    // each ring: commands, events, punts, injections; hand-over x4
    // Slots of 16 bytes in each worker's ring of mirrored packets; 0: there is none. A megabyte (a
    // ring has one slot more than it holds) is 8,000 packets' headers, and stays in the
    // second-level cache.
    uint32_t mirror_slots = 65535;
    WorkerSettings worker;  // id, worker_count and memory are filled in per worker
};

// What a port turned out to be.
struct PortStatus {
    std::string name;
    std::string driver;  // PMD, e.g. "net_af_xdp"
    MacAddress mac;
    uint16_t mtu_bytes = 0;
    uint16_t rx_queues = 0;
    uint16_t tx_queues = 0;
    bool is_link_up = false;
    bool hashes_by_client = false;  // the NIC spreads by the client's endpoint itself
};

// What tables that all workers share have counted since start.
struct SharedTableCounters {
    uint64_t templates_evicted = 0;  // persistence: idle clients forgotten before their time
    uint64_t templates_refused = 0;  // persistence: clients that were not remembered
    uint64_t clients_uncounted = 0;  // limits: connections let through without being counted
};

// Cumulative figures of a port as its driver counts them.
struct PortCounters {
    uint64_t received = 0;
    uint64_t received_bytes = 0;
    uint64_t sent = 0;
    uint64_t sent_bytes = 0;
    uint64_t missed = 0;  // lost before a worker could poll them
    uint64_t rx_errors = 0;
    uint64_t tx_errors = 0;
    uint64_t no_buffers = 0;  // receive failed for want of a frame buffer
};

// How a worker's loop spends its time. Cumulative.
struct LoopCounters {
    uint64_t polls = 0;
    uint64_t busy_polls = 0;  // that brought at least one frame
    uint64_t packets = 0;
    Duration busy{};   // time in busy polls
    Duration total{};  // time since the loop began
    uint64_t sleeps = 0;
    uint64_t injected_dropped = 0;  // frames from inject() that the port did not take
};

// How full the rings of one sort are that lead to or from a worker.
struct RingLevel {
    std::string_view name;
    uint32_t used = 0;
    uint32_t capacity = 0;
};

enum class Urgency : uint8_t { kUsual, kFirst };

// A frame that a worker gave to the control plane.
struct PuntedFrame {
    std::span<const uint8_t> bytes;
    PortId in_port{};
    // kPunt: for the kernel interface beside in_port. kPuntForNeighbour: send on out_interface once
    // the MAC address of next_hop is known (the frame's destination MAC is still to be filled in).
    Verdict verdict = Verdict::kPunt;
    PortId out_port{};
    InterfaceId out_interface{};
    IpAddress next_hop;
    bool is_urgent = false;  // an advertisement (Packet::is_urgent)
};

// What a worker tells of a packet, for the diagnostics thread: as it came, if it did, and as it
// left, if it did, each as far as it was kept.
struct MirroredPacket {
    MirrorRecord record;
    std::span<const uint8_t> in;
    std::span<const uint8_t> out;
};

// Builds and owns longest-prefix matches over both families.
class Fib {
  public:
    Fib(const Fib&) = delete;
    Fib& operator=(const Fib&) = delete;
    virtual ~Fib() = default;
    // Over (prefix, number) pairs, such as indexes into RouteTable::routes; later duplicates win.
    [[nodiscard]] static std::unique_ptr<Fib> build(
        std::span<const std::pair<IpPrefix, uint16_t>> entries);
    // Points here: the Fib must outlive its use.
    [[nodiscard]] virtual PrefixLookup lookup() const = 0;

  protected:
    Fib() = default;
};

class Engine {
  public:
    // Starts EAL, ports and workers. On error nothing is left running; the message says what to do
    // (no hugepages and no memory, device unknown, a driver refused a setting).
    [[nodiscard]] static Result<std::unique_ptr<Engine>> start(const EngineSettings& settings);
    // Stops the workers, frees every frame, closes ports, cleans up EAL.
    virtual ~Engine() = default;
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // Ends the workers' polling, for good; nothing that they were lent is used any more. Service
    // tables, routes and the Fib may then be freed, which must happen before ~Engine.
    virtual void stop() = 0;

    [[nodiscard]] virtual uint16_t worker_count() const = 0;

    // Puts a command on the worker's ring. False when the ring is full: try again next turn.
    [[nodiscard]] virtual bool send(WorkerId worker, const Command& command) = 0;
    // Takes one event off the worker's ring.
    [[nodiscard]] virtual std::optional<Event> next_event(WorkerId worker) = 0;

    // Calls `receive` for up to `limit` frames that the worker punted; returns how many. The bytes
    // live only during the call.
    virtual uint32_t receive_punted(WorkerId worker,
                                    uint32_t limit,
                                    const std::function<void(const PuntedFrame&)>& receive) = 0;
    // Sends a complete Ethernet frame out of a port, through a worker. False when no buffer or ring
    // slot is free. Urgent frames have buffers and slots of their own and overtake all others.
    [[nodiscard]] virtual bool inject(PortId port,
                                      std::span<const uint8_t> frame,
                                      Urgency urgency = Urgency::kUsual) = 0;

    // Calls `receive` for each packet that the worker has mirrored since; returns how many. The
    // bytes live only during the call. From one thread at a time, which need not be the control
    // plane's; not while or after the engine is destroyed.
    virtual uint32_t read_mirror(WorkerId worker,
                                 const std::function<void(const MirroredPacket&)>& receive) = 0;
    // From any thread.
    [[nodiscard]] virtual const MirrorCounters& mirror_counters(WorkerId worker) const = 0;

    // Makes the port receive frames to one more unicast address, or no longer. Where the device has
    // no such filter it receives everybody's, and workers drop what is not ours. False: it can do
    // neither.
    [[nodiscard]] virtual bool listen_to(PortId port, const MacAddress& mac, bool is_wanted) = 0;

    // Readable when events or punted frames wait. Call acknowledge_wake() before draining.
    [[nodiscard]] virtual int wake_fd() const = 0;
    virtual void acknowledge_wake() = 0;

    [[nodiscard]] virtual PortStatus port_status(PortId port) const = 0;
    [[nodiscard]] virtual PortCounters port_counters(PortId port) const = 0;
    [[nodiscard]] virtual LoopCounters loop_counters(WorkerId worker) const = 0;
    // "commands", "events", "punted", "injected", and "handed_in": from all other workers together.
    [[nodiscard]] virtual std::vector<RingLevel> ring_levels(WorkerId worker) const = 0;
    // The workers' persistence templates, for listings and to forget what a gone server had.
    [[nodiscard]] virtual TemplateTable& templates() = 0;
    [[nodiscard]] virtual SharedTableCounters shared_table_counters() const = 0;
    // "2 MiB hugepages" or "4 KiB pages": what was chosen.
    [[nodiscard]] virtual std::string memory_kind() const = 0;
    // Frame buffers in the pool, and how many are in use.
    [[nodiscard]] virtual std::pair<uint32_t, uint32_t> pool_usage() const = 0;

  protected:
    Engine() = default;
};

}  // namespace director::dataplane::io
