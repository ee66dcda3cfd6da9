#include "controlplane/daemon/engine_settings.h"

#include <algorithm>

#include "common/random.h"
#include "controlplane/daemon/sync_control.h"

namespace director::daemon {

namespace io = dataplane::io;

namespace {

io::PortSide port_side(config::PortSide side) {
    switch (side) {
        case config::PortSide::kBoth:
            return io::PortSide::kBoth;
        case config::PortSide::kClients:
            return io::PortSide::kClients;
        case config::PortSide::kServers:
            return io::PortSide::kServers;
    }
    return io::PortSide::kBoth;
}

// Each worker gets an equal part of the connection table, rounded up.
uint32_t per_worker(uint32_t total, size_t workers) {
    return static_cast<uint32_t>((total + workers - 1) / workers);
}

}  // namespace

io::EngineSettings engine_settings(const config::Model& model) {
    const config::Dataplane& dataplane = model.dataplane;
    io::EngineSettings settings;
    settings.eal_arguments = dataplane.eal_arguments;
    settings.main_cpu = dataplane.main_cpu;
    settings.worker_cpus = dataplane.worker_cpus;
    settings.idle =
        dataplane.idle == config::IdleMode::kPoll ? io::IdleMode::kPoll : io::IdleMode::kAdaptive;
    settings.realtime_priority = dataplane.realtime_priority;
    settings.pool_frames = dataplane.pool_frames;
    settings.ring_entries = dataplane.ring_entries;
    for (const config::Port& port : model.ports) {
        settings.ports.push_back({.name = port.name,
                                  .device = port.device,
                                  .side = port_side(port.side),
                                  .mtu_bytes = port.mtu_bytes,
                                  .rx_descriptors = port.rx_descriptors,
                                  .tx_descriptors = port.tx_descriptors});
    }
    settings.worker.connections_max =
        per_worker(dataplane.connections_max, dataplane.worker_cpus.size());
    const uint32_t detailed = dataplane.detailed_connections_max;
    settings.worker.details_max =
        std::min(settings.worker.connections_max,
                 detailed == 0 ? settings.worker.connections_max
                               : per_worker(detailed, dataplane.worker_cpus.size()));
    settings.templates_max = dataplane.templates_max;
    settings.worker.services_max = dataplane.services_max;
    settings.worker.real_servers_max = dataplane.real_servers_max;
    settings.worker.neighbours_max = dataplane.neighbours_max;
    settings.worker.sync_queue_max =
        sync_queue_per_worker(model.sync, dataplane.worker_cpus.size());
    settings.worker.punts_per_second = dataplane.punts_per_second;
    settings.worker.when_full = dataplane.when_full == config::WhenFull::kRefuse
                                    ? dataplane::WhenFull::kRefuse
                                    : dataplane::WhenFull::kEvictHalfOpen;
    settings.worker.decrement_ttl = dataplane.decrement_ttl;
    settings.worker.hash_key = {system_random(), system_random()};
    settings.worker.syn_cookie_key = {{system_random(), system_random()},
                                      {system_random(), system_random()}};
    return settings;
}

}  // namespace director::daemon
