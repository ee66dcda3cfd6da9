#include "tests/bench/director_balancer.h"

#include <x86intrin.h>

#include <algorithm>
#include <functional>

#include "common/assert.h"
#include "dataplane/core/schedulers/schedulers.h"
#include "dataplane/core/worker_state.h"

namespace director::bench {
namespace {

using dataplane::Command;
using dataplane::CommandKind;
using dataplane::kBurstMax;

// A burst that takes longer (20 us or so) was interrupted: the time stamp counter goes on.
constexpr uint64_t kPreemptedTicks = 40000;
// A worker that is kept busy polls about so often.
constexpr Duration kPollInterval = std::chrono::microseconds(2);

enum RouteNumber : uint16_t { kNoRoute, kToClients, kToServers, kOurs, kRouteCount };

// Stands for a real table of routes in that it answers: 198.18.0.0/15 is ours, 10.0.0.0/8 is on
// the servers' link, the rest is behind the gateway.
void look_up_route(const void* /*fib*/,
                   const uint32_t* addresses,
                   uint16_t* indexes,
                   uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        const uint32_t address = addresses[i];
        if (address >> 24 == 10) {
            indexes[i] = kToServers;
        } else {
            indexes[i] = address >> 17 == (198U << 7 | 9U) ? kOurs : kToClients;
        }
    }
}

dataplane::WorkerSettings settings_for(const Scene& scene,
                                       const dataplane::TableMemory& memory,
                                       uint16_t worker_count,
                                       const dataplane::MirrorSink& mirror) {
    dataplane::WorkerSettings settings;
    settings.worker_count = worker_count;
    settings.connections_max = scene.connections;
    settings.services_max = std::max(scene.services, 1024U);
    settings.real_servers_max = std::max(scene.servers, 8192U);
    settings.memory = memory;
    settings.mirror = mirror;
    return settings;
}

}  // namespace

DirectorBalancer::DirectorBalancer(const Scene& scene,
                                   const dataplane::TableMemory& memory,
                                   uint16_t worker_count,
                                   const dataplane::MirrorSink& mirror)
    : settings_(settings_for(scene, memory, worker_count, mirror)),
      worker_(std::make_unique<dataplane::Worker>(settings_)) {
    DIRECTOR_ASSERT(worker_->is_ready());
    servers_of_flows.resize(scene.connections);
    put_interfaces();
    put_neighbours(scene);
    put_routes();
    put_services(scene);
}

void DirectorBalancer::apply(Command command) {
    command.sequence = ++sequence_;
    worker_->apply(command, now_);
    for (const dataplane::Event& event : worker_->events()) {
        DIRECTOR_ASSERT(event.kind != dataplane::EventKind::kCommandRefused);
        DIRECTOR_ASSERT(event.kind != dataplane::EventKind::kServiceReturned);
    }
    worker_->clear_events();
}

void DirectorBalancer::put_interfaces() {
    const std::array macs{kClientPortMac, kServerPortMac};
    for (uint16_t i = 0; i < macs.size(); ++i) {
        Command command(CommandKind::kPutInterface);
        command.put_interface = {dataplane::InterfaceId{i},
                                 {.port = dataplane::PortId{i}, .is_up = true, .mac = macs[i]}};
        apply(command);
    }
}

void DirectorBalancer::put_neighbours(const Scene& scene) {
    Command command(CommandKind::kPutNeighbour);
    command.put_neighbour = {{gateway_address(), dataplane::InterfaceId{0}},
                             {.mac = {{0x02, 0, 0, 0, 0x01, 0x77}}}};
    apply(command);
    for (uint32_t host = 0; host < host_count(scene); ++host) {
        command.put_neighbour = {
            {host_address(host), dataplane::InterfaceId{1}},
            {.mac = {
                 {0x02, 0, 0, 0x77, static_cast<uint8_t>(host >> 8), static_cast<uint8_t>(host)}}}};
        apply(command);
    }
}

void DirectorBalancer::put_routes() {
    routes_.lookup.ipv4 = look_up_route;
    routes_.routes.resize(kRouteCount);
    routes_.routes[kToClients] = {
        dataplane::RouteKind::kGateway, dataplane::InterfaceId{0}, gateway_address()};
    routes_.routes[kToServers] = {dataplane::RouteKind::kOnLink, dataplane::InterfaceId{1}, {}};
    routes_.routes[kOurs] = {dataplane::RouteKind::kLocal, dataplane::InterfaceId{0}, {}};
    Command command(CommandKind::kPutRoutes);
    command.routes = &routes_;
    apply(command);
}

void DirectorBalancer::put_services(const Scene& scene) {
    for (uint32_t i = 0; i < scene.services; ++i) {
        auto table = std::make_unique<dataplane::ServiceTable>();
        const Endpoint endpoint = service_endpoint(i);
        table->id = dataplane::ServiceId{i};
        table->key = {endpoint.address, endpoint.port, Protocol::kTcp};
        table->scheduler = *dataplane::find_scheduler(scene.scheduler);
        // ovf takes no more active connections than the weights allow.
        const uint32_t weight = scene.scheduler == "ovf" ? dataplane::kWeightMax : 1;
        for (uint32_t server = i; server < scene.servers; server += scene.services) {
            table->servers.push_back({.id = dataplane::RealServerId{server},
                                      .endpoint = server_endpoint(server),
                                      .weight = weight});
        }
        dataplane::prepare_scheduler(*table);
        Command command(CommandKind::kPutService);
        command.service_table = table.get();
        services_.push_back(std::move(table));
        apply(command);
    }
}

// What the lcore loop does with received frames.
uint32_t DirectorBalancer::wrap(const Batch& batch, size_t start) {
    const auto count = static_cast<uint32_t>(std::min<size_t>(kBurstMax, batch.size() - start));
    for (uint32_t i = 0; i < count; ++i) {
        dataplane::Packet& packet = burst_.packets[i];
        packet.data = batch.frames[start + i];
        __builtin_prefetch(packet.data);
        packet.length_bytes = FramePool::kFrameBytes;
        packet.contiguous_bytes = FramePool::kFrameBytes;
        packet.headroom_bytes = 0;
        packet.in_port = batch.ports[start + i];
        packet.is_handed_over = false;
        packet.ip_checksum = dataplane::ChecksumCheck::kUnknown;
        packet.l4_checksum = dataplane::ChecksumCheck::kUnknown;
    }
    burst_.count = count;
    return count;
}

void DirectorBalancer::process(const Batch& batch) {
    for (size_t start = 0; start < batch.size();) {
        start += wrap(batch, start);
        worker_->process(burst_, now_);
        now_ += kPollInterval;
    }
}

uint64_t DirectorBalancer::forwarded() const {
    return worker_->counters().forwarded;
}

uint64_t DirectorBalancer::table_bytes() const {
    return dataplane::Worker::table_bytes(settings_);
}

uint64_t DirectorBalancer::connections() {
    return worker_->state().connections.size();
}

std::vector<const char*> DirectorBalancer::stage_names() {
    std::vector<const char*> names{"wrap", "begin"};
    for (const dataplane::Stage& stage : dataplane::kStages) {
        names.push_back(stage.name);
    }
    names.push_back("expire");
    return names;
}

uint64_t DirectorBalancer::process_by_stage(const Batch& batch, std::vector<uint64_t>& ticks) {
    dataplane::Worker::State& state = worker_->state();
    std::vector<uint64_t> laps(ticks.size());
    uint64_t packets = 0;
    for (size_t start = 0; start < batch.size();) {
        size_t rung = 0;
        const uint64_t begin = __rdtsc();
        uint64_t last = begin;
        const auto lap = [&] {
            const uint64_t now = __rdtsc();
            laps[rung++] = now - last;
            last = now;
        };
        start += wrap(batch, start);
        lap();
        dataplane::begin_poll(state, now_);
        lap();
        for (const dataplane::Stage& stage : dataplane::kStages) {
            stage.run(state, burst_);
            lap();
        }
        dataplane::expire_some(state);
        dataplane::work_on_job(state);
        lap();
        now_ += kPollInterval;
        if (last - begin < kPreemptedTicks) {
            std::transform(laps.begin(), laps.end(), ticks.begin(), ticks.begin(), std::plus<>());
            packets += burst_.count;
        }
    }
    return packets;
}

uint64_t DirectorBalancer::expire_all() {
    uint64_t polls = 0;
    burst_.count = 0;
    while (connections() > 0) {
        worker_->process(burst_, now_);
        ++polls;
    }
    return polls;
}

}  // namespace director::bench
