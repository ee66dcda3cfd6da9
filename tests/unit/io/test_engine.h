// A real engine under test: real EAL (plain memory), virtual devices, workers on lcores of their
// own. Frames come in by injecting them into net_ring ports, which give back what is sent; they are
// seen leaving in a capture file that a net_pcap port writes.
//
// To be used within run_in_own_process(). Waiting is by round trips through the workers' rings, not
// by time: a worker that answered a question has done all that it was given before.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/io/engine.h"
#include "tests/support/packet_builder.h"

namespace director::test {

namespace dp = director::dataplane;

inline constexpr MacAddress kOwnMac{{0x02, 0, 0, 0, 0, 0x10}};
inline constexpr MacAddress kPeerMac{{0x02, 0, 0, 0, 0, 0x20}};

// Everything lies in CPU 0's reach; small pools and rings.
[[nodiscard]] dp::io::EngineSettings small_engine(uint16_t workers,
                                                  const std::vector<std::string>& devices);

class TestEngine {
  public:
    // Aborts the test process when the engine does not start.
    explicit TestEngine(const dp::io::EngineSettings& settings);

    [[nodiscard]] dp::io::Engine& operator*() { return *engine_; }
    [[nodiscard]] dp::io::Engine* operator->() { return engine_.get(); }

    // Tells every worker; `command.sequence` is filled in.
    void tell(dp::Command command);
    // Defines one interface per port (own MAC kOwnMac, id = port number) and routes everything out
    // of port `out`, to a neighbour that has kPeerMac; returns when every worker has taken it in.
    void route_all_to(uint16_t out, uint16_t vlan = 0, uint16_t mtu_bytes = 1500);
    // Puts a frame in, waiting for room.
    void put_in(dp::PortId port, const Frame& frame);

    // One worker's counters after all that it was told before.
    [[nodiscard]] dp::WorkerCounters counters(uint16_t worker);
    // Of all workers together.
    [[nodiscard]] dp::WorkerCounters total();
    // Asks for total() until `is_there` agrees, a bounded number of times.
    [[nodiscard]] dp::WorkerCounters total_when(
        const std::function<bool(const dp::WorkerCounters&)>& is_there);
    // Waits for the next event of a worker.
    [[nodiscard]] dp::Event wait_for_event(uint16_t worker);

    // Stops the engine; returns how many frame buffers were missing then.
    [[nodiscard]] uint32_t stop();

  private:
    std::unique_ptr<dp::io::Engine> engine_;
    uint32_t sequence_ = 0;
    std::unique_ptr<dp::RouteTable> routes_;
    uint16_t port_count_;
};

// A capture file that is gone with this object.
class CaptureFile {
  public:
    CaptureFile();
    ~CaptureFile();
    CaptureFile(const CaptureFile&) = delete;
    CaptureFile& operator=(const CaptureFile&) = delete;

    // Device text of a port that writes what it sends here.
    [[nodiscard]] std::string device() const { return "net_pcap0,tx_pcap=" + path_; }
    [[nodiscard]] std::vector<Frame> frames() const;

  private:
    std::string folder_;
    std::string path_;
};

// received + handed_in + cut = forwarded + punted + dropped + handed_out
[[nodiscard]] bool is_balanced(const dp::WorkerCounters& counters);

[[nodiscard]] inline uint64_t dropped(const dp::WorkerCounters& counters, dp::DropReason reason) {
    return counters.dropped[static_cast<size_t>(reason)];
}

}  // namespace director::test
