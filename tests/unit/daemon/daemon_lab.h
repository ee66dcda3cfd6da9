// Fleet, services and census over a FakeEngine, and the words to speak of a configuration with.
#pragma once

#include <string>
#include <vector>

#include "controlplane/daemon/census.h"
#include "controlplane/daemon/fleet.h"
#include "controlplane/daemon/service_control.h"
#include "tests/support/nat_lab.h"
#include "tests/unit/daemon/fake_engine.h"

namespace director::test {

[[nodiscard]] inline config::RealServer machine(uint8_t number, uint32_t weight = 1) {
    config::RealServer server;
    server.endpoint = {Ipv4Address::of(192, 168, 0, number), Be16::from_host(80)};
    server.weight = weight;
    return server;
}

[[nodiscard]] inline config::VirtualService service_at(uint16_t port,
                                                       std::vector<config::RealServer> servers,
                                                       Protocol protocol = Protocol::kTcp) {
    config::VirtualService service;
    service.endpoint = {nat_lab::kVip, Be16::from_host(port)};
    service.protocol = protocol;
    service.scheduler = "rr";
    service.real_servers = std::move(servers);
    return service;
}

[[nodiscard]] inline config::Model model_of(std::vector<config::VirtualService> services) {
    config::Model model;
    model.virtual_services = std::move(services);
    return model;
}

class DaemonLab {
  public:
    explicit DaemonLab(const FakeEngineSettings& settings = {})
        : engine(settings),
          fleet(engine),
          services(fleet, 16, 32),
          census(fleet, services.catalogue()) {}

    // Turns rings and workers until nothing is under way, and the sweeps of some hundred
    // connections have come round.
    void settle() {
        for (int i = 0; i < 20 || fleet.has_backlog(); ++i) {
            fleet.turn();
            engine.poll_all();
        }
        fleet.turn();
    }
    // The message; fails the test when it is refused.
    std::string apply(const config::Model& model);
    // All workers' counters, taken now.
    daemon::Reports report();
    [[nodiscard]] dataplane::RealServerId id_of(uint8_t number, uint16_t port = 80) const;
    // As clients of ports `first`.. of the virtual service at `port`.
    void connect(uint16_t first, uint16_t count, uint16_t port = 80);
    // The same clients' next packets.
    void speak(uint16_t first, uint16_t count, uint16_t port = 80);
    void ask_by_udp(uint16_t first, uint16_t count, uint16_t port);
    // Of a server of the service at `port`: connections that its workers count.
    [[nodiscard]] uint64_t connections_of(uint8_t number, uint16_t port = 80);

    FakeEngine engine;
    daemon::Fleet fleet;
    daemon::ServiceControl services;
    daemon::Census census;
};

}  // namespace director::test
