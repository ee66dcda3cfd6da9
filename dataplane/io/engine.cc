#include "dataplane/io/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "common/assert.h"
#include "dataplane/io/eal.h"
#include "dataplane/io/frame_pool.h"
#include "dataplane/io/lcore_loop.h"
#include "dataplane/io/lcore_task.h"
#include "dataplane/io/memory_plan.h"
#include "dataplane/io/mirror_ring.h"
#include "dataplane/io/port.h"
#include "dataplane/io/queue_plan.h"
#include "dataplane/io/rings.h"
#include "dataplane/io/wake.h"

namespace director::dataplane::io {
namespace {

// Hand-over rings carry every packet of a port that cannot hash by client: where workers share a
// CPU with others, one may not run for some milliseconds (1,000 entries are 2.5 ms at 400 k/s).
constexpr uint32_t kHandOverFactor = 4;

// The rings from one worker to each other one.
using MeshRow = std::vector<std::unique_ptr<FrameRing>>;

class DpdkEngine final : public Engine {
  public:
    explicit DpdkEngine(const EngineSettings& settings) : settings_(settings) {}
    ~DpdkEngine() override;

    [[nodiscard]] Result<void> bring_up();

    void stop() override;
    [[nodiscard]] uint16_t worker_count() const override {
        return static_cast<uint16_t>(settings_.worker_cpus.size());
    }
    [[nodiscard]] bool send(WorkerId worker, const Command& command) override {
        return rings_of(worker).commands.push(&command, 1) == 1;
    }
    [[nodiscard]] std::optional<Event> next_event(WorkerId worker) override;
    uint32_t receive_punted(WorkerId worker,
                            uint32_t limit,
                            const std::function<void(const PuntedFrame&)>& receive) override;
    [[nodiscard]] bool inject(PortId port,
                              std::span<const uint8_t> frame,
                              Urgency urgency) override;
    uint32_t read_mirror(WorkerId worker,
                         const std::function<void(const MirroredPacket&)>& receive) override {
        return mirrors_.empty() ? 0 : mirrors_.at(index(worker))->read(receive);
    }
    [[nodiscard]] const MirrorCounters& mirror_counters(WorkerId worker) const override {
        return mirrors_.empty() ? no_mirror_ : mirrors_.at(index(worker))->counters();
    }
    [[nodiscard]] bool listen_to(PortId port, const MacAddress& mac, bool is_wanted) override;
    [[nodiscard]] int wake_fd() const override { return wake_.fd(); }
    void acknowledge_wake() override { wake_.acknowledge(); }
    [[nodiscard]] PortStatus port_status(PortId port) const override {
        return port_of(port).status();
    }
    [[nodiscard]] PortCounters port_counters(PortId port) const override {
        return port_of(port).counters();
    }
    [[nodiscard]] LoopCounters loop_counters(WorkerId worker) const override {
        DIRECTOR_ASSERT(index(worker) < loops_.size());
        return loops_[index(worker)]->counters();
    }
    [[nodiscard]] std::vector<RingLevel> ring_levels(WorkerId worker) const override;
    [[nodiscard]] TemplateTable& templates() override { return *templates_; }
    [[nodiscard]] SharedTableCounters shared_table_counters() const override {
        return {templates_->evicted(), templates_->refused(), limits_->untracked()};
    }
    [[nodiscard]] std::string memory_kind() const override { return pool_->memory_kind(); }
    [[nodiscard]] std::pair<uint32_t, uint32_t> pool_usage() const override {
        return {settings_.pool_frames, pool_->in_use()};
    }

  private:
    [[nodiscard]] Result<void> make_pool();
    [[nodiscard]] Result<void> open_ports();
    [[nodiscard]] Result<void> make_rings();
    [[nodiscard]] Result<void> make_loops();
    [[nodiscard]] Result<void> start_loops();
    [[nodiscard]] LoopWiring wiring_for(WorkerId worker);
    // `what` and the reason that DPDK logged for it.
    [[nodiscard]] Failure explained(const Error& error);

    [[nodiscard]] ControlRings& rings_of(WorkerId worker) {
        DIRECTOR_ASSERT(index(worker) < rings_.size());
        return *rings_[index(worker)];
    }
    [[nodiscard]] const Port& port_of(PortId port) const {
        DIRECTOR_ASSERT(index(port) < ports_.size());
        return *ports_[index(port)];
    }

    // Destroyed from the last to the first: loops, rings (freeing what lies in them), ports, which
    // give back what drivers hold, then the pool, and EAL at the very end.
    EngineSettings settings_;
    SteadyClock clock_;
    Wake wake_;
    std::unique_ptr<Eal> eal_;
    std::unique_ptr<FramePool> pool_;
    std::vector<std::unique_ptr<Port>> ports_;
    std::vector<std::unique_ptr<ControlRings>> rings_;
    std::vector<MeshRow> mesh_;  // [from][to]
    std::vector<std::unique_ptr<FrameStack>> returns_;
    std::vector<std::unique_ptr<MirrorRing>> mirrors_;  // by worker; or none at all
    MirrorCounters no_mirror_;
    std::unique_ptr<LoadBoard> loads_;
    std::unique_ptr<ConnectionLimits> limits_;
    std::unique_ptr<TemplateTable> templates_;  // the workers' alone; outlives them
    std::vector<std::unique_ptr<LcoreLoop>> loops_;
    std::vector<std::unique_ptr<LcoreTask>> tasks_;
    std::atomic<bool> stop_ = false;
};

Failure DpdkEngine::explained(const Error& error) {
    const std::string told = eal_->log().take();
    return failure(told.empty() ? error.message
                                : fmt::format("{} (DPDK: {})", error.message, told));
}

Result<void> DpdkEngine::bring_up() {
    auto eal = Eal::start(settings_);
    if (!eal) {
        return failure(eal.error().message);
    }
    eal_ = std::move(*eal);
    const auto done = make_pool()
                          .and_then([this] { return open_ports(); })
                          .and_then([this] { return make_rings(); })
                          .and_then([this] { return make_loops(); })
                          .and_then([this] { return start_loops(); });
    if (!done) {
        return explained(done.error());
    }
    eal_->log().pass_on();
    return {};
}

Result<void> DpdkEngine::make_pool() {
    auto pool = FramePool::create(settings_);
    if (!pool) {
        return failure(pool.error().message);
    }
    pool_ = std::move(*pool);
    return {};
}

Result<void> DpdkEngine::open_ports() {
    for (const PortSettings& settings : settings_.ports) {
        auto port = Port::open(settings, worker_count(), pool_->handle());
        if (!port) {
            return failure(port.error().message);
        }
        ports_.push_back(std::move(*port));
    }
    return {};
}

Result<void> DpdkEngine::make_rings() {
    bool is_enough = true;
    for (uint16_t from = 0; from < worker_count(); ++from) {
        const int node = static_cast<int>(rte_lcore_to_socket_id(lcore_of(WorkerId{from})));
        const uint32_t entries = settings_.ring_entries;
        auto rings = std::make_unique<ControlRings>();
        is_enough =
            is_enough && rings->commands.create(fmt::format("commands{}", from), entries, node) &&
            rings->events.create(fmt::format("events{}", from), entries, node) &&
            rings->punted.create(fmt::format("punted{}", from), entries, node) &&
            rings->injected.create(fmt::format("injected{}", from), entries, node) &&
            rings->punted_first.create(fmt::format("punted_first{}", from), kUrgentFrames, node) &&
            rings->injected_first.create(
                fmt::format("injected_first{}", from), kUrgentFrames, node);
        rings_.push_back(std::move(rings));
        if (settings_.mirror_slots != 0) {
            mirrors_.push_back(std::make_unique<MirrorRing>());
            is_enough =
                is_enough && mirrors_.back()->create(
                                 fmt::format("mirror{}", from), settings_.mirror_slots, node);
        }
        returns_.push_back(std::make_unique<FrameStack>());
        MeshRow row(worker_count());
        for (uint16_t to = 0; to < worker_count(); ++to) {
            if (to != from) {
                row[to] = std::make_unique<FrameRing>();
                is_enough = is_enough && row[to]->create(fmt::format("mesh{}_{}", from, to),
                                                         kHandOverFactor * entries,
                                                         node);
            }
        }
        mesh_.push_back(std::move(row));
    }
    if (!is_enough) {
        return failure(fmt::format("no memory for rings of {} entries: configure smaller ones",
                                   settings_.ring_entries));
    }
    return {};
}

std::vector<RingLevel> DpdkEngine::ring_levels(WorkerId worker) const {
    DIRECTOR_ASSERT(index(worker) < rings_.size());
    const ControlRings& rings = *rings_[index(worker)];
    RingLevel handed_in{"handed_in"};
    for (const MeshRow& row : mesh_) {
        if (const auto& ring = row[index(worker)]) {
            handed_in.used += ring->used();
            handed_in.capacity += ring->capacity();
        }
    }
    return {{"commands", rings.commands.used(), rings.commands.capacity()},
            {"events", rings.events.used(), rings.events.capacity()},
            {"punted", rings.punted.used(), rings.punted.capacity()},
            {"injected", rings.injected.used(), rings.injected.capacity()},
            handed_in};
}

LoopWiring DpdkEngine::wiring_for(WorkerId worker) {
    LoopWiring wiring;
    wiring.id = worker;
    wiring.control = rings_[index(worker)].get();
    wiring.frames = pool_->handle();
    wiring.wake = &wake_;
    wiring.idle = settings_.idle;
    wiring.realtime_priority = settings_.realtime_priority;
    const auto ports = static_cast<uint16_t>(ports_.size());
    for (uint16_t p = 0; p < ports; ++p) {
        const Port& port = *ports_[p];
        for (uint16_t queue = 0; queue < port.rx_queues(); ++queue) {
            if (worker_of_queue(p, queue, port.rx_queues(), worker_count()) == worker) {
                wiring.receive.push_back({port.device(), queue, PortId{p}});
            }
        }
        const uint16_t queue = transmit_queue_for(p, worker, port.tx_queues(), worker_count());
        wiring.transmit.push_back(
            {port.device(), queue, worker_of_queue(p, queue, port.tx_queues(), worker_count())});
    }
    for (uint16_t other = 0; other < worker_count(); ++other) {
        wiring.to_worker.push_back(mesh_[index(worker)][other].get());
        wiring.from_worker.push_back(mesh_[other][index(worker)].get());
        wiring.returns.push_back(returns_[other].get());
    }
    return wiring;
}

// Each worker is made on its own lcore, one after the other.
Result<void> DpdkEngine::make_loops() {
    templates_ = std::make_unique<TemplateTable>(
        settings_.templates_max, settings_.worker.hash_key, engine_table_memory());
    if (!templates_->is_allocated()) {
        return failure(fmt::format("no memory for {} persistence templates: configure fewer",
                                   settings_.templates_max));
    }
    settings_.worker.templates = templates_.get();
    limits_ = std::make_unique<ConnectionLimits>(settings_.worker.services_max,
                                                 settings_.templates_max,
                                                 settings_.worker.hash_key,
                                                 engine_table_memory());
    if (!limits_->is_allocated()) {
        return failure(
            "no memory for the clients that limits tell apart: configure a smaller "
            "templates_max");
    }
    settings_.worker.limits = limits_.get();
    if (worker_count() > 1) {
        loads_ = std::make_unique<LoadBoard>(
            settings_.worker.real_servers_max, worker_count(), engine_table_memory());
        if (!loads_->is_allocated()) {
            return failure(fmt::format("no memory for the loads of {} real servers",
                                       settings_.worker.real_servers_max));
        }
        settings_.worker.loads = loads_.get();
    }
    for (uint16_t i = 0; i < worker_count(); ++i) {
        loops_.push_back(std::make_unique<LcoreLoop>(wiring_for(WorkerId{i})));
        tasks_.push_back(std::make_unique<LcoreTask>(lcore_of(WorkerId{i})));
        bool is_made = false;
        WorkerSettings worker = settings_.worker;
        worker.mirror = mirrors_.empty() ? MirrorSink{} : mirrors_[i]->sink();
        const bool is_run = tasks_[i]->launch([&] { is_made = loops_[i]->make_worker(worker); });
        tasks_[i]->wait();
        if (!is_run || !is_made) {
            return failure(fmt::format(
                "no memory for the tables of worker {} ({} bytes): reserve more hugepages or "
                "configure a smaller connection table",
                i,
                Worker::table_bytes(settings_.worker)));
        }
    }
    return {};
}

Result<void> DpdkEngine::start_loops() {
    for (uint16_t i = 0; i < worker_count(); ++i) {
        LcoreLoop& loop = *loops_[i];
        if (!tasks_[i]->launch([this, &loop] { loop.run(clock_, rte_get_tsc_hz(), stop_); })) {
            return failure(fmt::format("worker {} does not start", i));
        }
    }
    return {};
}

DpdkEngine::~DpdkEngine() {
    stop();
}

void DpdkEngine::stop() {
    stop_.store(true, std::memory_order_release);
    for (const auto& task : tasks_) {
        task->wait();
    }
    // What one worker gave back to another after that one's last poll.
    for (const auto& stack : returns_) {
        for (rte_mbuf* frame = stack->take_all(); frame != nullptr;) {
            rte_mbuf* const next = tag_of(frame).next;
            rte_pktmbuf_free(frame);
            frame = next;
        }
    }
}

std::optional<Event> DpdkEngine::next_event(WorkerId worker) {
    Event event;
    if (!rings_of(worker).events.pop(event)) {
        return std::nullopt;
    }
    return event;
}

bool DpdkEngine::listen_to(PortId port, const MacAddress& mac, bool is_wanted) {
    DIRECTOR_ASSERT(index(port) < ports_.size());
    return ports_[index(port)]->listen_to(mac, is_wanted);
}

uint32_t DpdkEngine::receive_punted(WorkerId worker,
                                    uint32_t limit,
                                    const std::function<void(const PuntedFrame&)>& receive) {
    ControlRings& rings = rings_of(worker);
    uint32_t received = 0;
    rte_mbuf* frame = nullptr;
    while (received < limit &&
           (rings.punted_first.pop(&frame, 1) == 1 || rings.punted.pop(&frame, 1) == 1)) {
        const std::unique_ptr<rte_mbuf, decltype(&rte_pktmbuf_free)> own(frame, &rte_pktmbuf_free);
        const Packet& packet = tag_of(frame).packet;
        receive(PuntedFrame{.bytes = {rte_pktmbuf_mtod(frame, const uint8_t*), frame->data_len},
                            .in_port = packet.in_port,
                            .verdict = packet.verdict,
                            .out_port = packet.out_port,
                            .out_interface = packet.out_interface,
                            .next_hop = packet.next_hop,
                            .is_urgent = packet.is_urgent});
        ++received;
    }
    return received;
}

bool DpdkEngine::inject(PortId port, std::span<const uint8_t> bytes, Urgency urgency) {
    rte_mempool* const pool = urgency == Urgency::kFirst ? pool_->reserve() : pool_->handle();
    rte_mbuf* const frame = rte_pktmbuf_alloc(pool);
    if (frame == nullptr) {
        return false;
    }
    std::unique_ptr<rte_mbuf, decltype(&rte_pktmbuf_free)> own(frame, &rte_pktmbuf_free);
    char* const data = bytes.size() <= UINT16_MAX
                           ? rte_pktmbuf_append(frame, static_cast<uint16_t>(bytes.size()))
                           : nullptr;
    if (data == nullptr) {
        return false;
    }
    std::memcpy(data, bytes.data(), bytes.size());
    FrameTag& tag = tag_of(frame);
    tag = FrameTag{.errand = FrameErrand::kTransmit, .sender{}, .next = nullptr, .packet{}};
    tag.packet.out_port = port;
    const WorkerId sender =
        worker_of_queue(index(port), 0, port_of(port).tx_queues(), worker_count());
    ControlRings& rings = rings_of(sender);
    FrameRing& ring = urgency == Urgency::kFirst ? rings.injected_first : rings.injected;
    if (ring.push(&frame, 1) != 1) {
        return false;
    }
    static_cast<void>(own.release());
    return true;
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::start(const EngineSettings& settings) {
    auto engine = std::make_unique<DpdkEngine>(settings);
    if (const auto up = engine->bring_up(); !up) {
        return failure(up.error().message);
    }
    return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace director::dataplane::io
