// An engine without DPDK: real workers of dataplane/core, rings of a length that tests can fill,
// and time that only poll() passes on. What the control plane sends is applied at the next poll(),
// a few commands at a time, as a worker's loop would.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/core/tables/limits.h"
#include "dataplane/core/tables/load_board.h"
#include "dataplane/core/tables/persistence.h"
#include "dataplane/core/worker.h"
#include "dataplane/io/engine.h"
#include "tests/support/mirror_ring.h"
#include "tests/support/packet_builder.h"
#include "tests/support/sim_clock.h"

namespace director::test {

struct FakeEngineSettings {
    uint16_t workers = 2;
    size_t ring_entries = 1024;
    uint32_t connections_max = 1024;  // of each worker
    uint32_t services_max = 64;
    uint32_t real_servers_max = 64;
};

class FakeEngine final : public dataplane::io::Engine {
  public:
    explicit FakeEngine(const FakeEngineSettings& settings);
    ~FakeEngine() override;

    // One poll of one worker: some commands, and jobs and sweeps go on.
    void poll(uint16_t worker);
    void poll_all();
    // A frame of a client's, on the one interface that there is, to the worker that owns it. What
    // became of it.
    dataplane::Packet receive(const Frame& frame);
    [[nodiscard]] dataplane::Worker& worker(uint16_t i) { return *workers_.at(i).worker; }

    SimClock clock;
    bool is_ring_stuck = false;       // commands find no room
    std::vector<uint32_t> sequences;  // of the commands that worker 0 has applied, in order

    void stop() override {}
    [[nodiscard]] uint16_t worker_count() const override {
        return static_cast<uint16_t>(workers_.size());
    }
    [[nodiscard]] bool send(dataplane::WorkerId worker, const dataplane::Command& command) override;
    [[nodiscard]] std::optional<dataplane::Event> next_event(dataplane::WorkerId worker) override;
    uint32_t receive_punted(
        dataplane::WorkerId /*worker*/,
        uint32_t /*limit*/,
        const std::function<void(const dataplane::io::PuntedFrame&)>& /*receive*/) override {
        return 0;
    }
    [[nodiscard]] bool inject(dataplane::PortId /*port*/,
                              std::span<const uint8_t> /*frame*/,
                              dataplane::io::Urgency /*urgency*/) override {
        return false;
    }
    uint32_t read_mirror(
        dataplane::WorkerId worker,
        const std::function<void(const dataplane::io::MirroredPacket&)>& receive) override;
    [[nodiscard]] const dataplane::MirrorCounters& mirror_counters(
        dataplane::WorkerId worker) const override;
    [[nodiscard]] bool listen_to(dataplane::PortId /*port*/,
                                 const MacAddress& /*mac*/,
                                 bool /*is_wanted*/) override {
        return false;
    }
    [[nodiscard]] int wake_fd() const override { return -1; }
    void acknowledge_wake() override {}
    [[nodiscard]] dataplane::io::PortStatus port_status(dataplane::PortId /*port*/) const override {
        return {};
    }
    [[nodiscard]] dataplane::io::PortCounters port_counters(
        dataplane::PortId /*port*/) const override {
        return {};
    }
    [[nodiscard]] dataplane::io::LoopCounters loop_counters(
        dataplane::WorkerId /*worker*/) const override {
        return {};
    }
    [[nodiscard]] std::vector<dataplane::io::RingLevel> ring_levels(
        dataplane::WorkerId /*worker*/) const override {
        return {};
    }
    [[nodiscard]] dataplane::TemplateTable& templates() override { return templates_; }
    [[nodiscard]] dataplane::io::SharedTableCounters shared_table_counters() const override {
        return {};
    }
    [[nodiscard]] std::string memory_kind() const override { return "plain memory"; }
    [[nodiscard]] std::pair<uint32_t, uint32_t> pool_usage() const override { return {0, 0}; }

  private:
    struct Member {
        std::unique_ptr<MirrorRing> mirror;
        std::unique_ptr<dataplane::Worker> worker;
        std::deque<dataplane::Command> commands;
        std::deque<dataplane::Event> events;
    };

    void collect_events(Member& member);

    size_t ring_entries_;
    dataplane::TemplateTable templates_;
    dataplane::ConnectionLimits limits_;
    dataplane::LoadBoard loads_;
    std::vector<Member> workers_;
};

}  // namespace director::test
