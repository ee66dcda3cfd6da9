#include "tests/unit/daemon/daemon_lab.h"

#include <gtest/gtest.h>

namespace director::test {

using namespace nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses

std::string DaemonLab::apply(const config::Model& model) {
    const auto done = services.apply(model);
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    settle();
    return done.value_or("");
}

daemon::Reports DaemonLab::report() {
    daemon::Reports reports;
    census.take([&reports](const daemon::Reports& answers) { reports = answers; });
    settle();
    EXPECT_EQ(reports.size(), engine.worker_count());
    return reports;
}

dataplane::RealServerId DaemonLab::id_of(uint8_t number, uint16_t port) const {
    for (const plan::ServiceEntry* const entry : services.catalogue().services()) {
        for (const plan::RealServerEntry& candidate : entry->servers) {
            if (entry->settings.endpoint.port.host() == port &&
                candidate.settings.endpoint == machine(number).endpoint) {
                return candidate.id;
            }
        }
    }
    return dataplane::kNoRealServer;
}

void DaemonLab::connect(uint16_t first, uint16_t count, uint16_t port) {
    for (uint16_t i = 0; i < count; ++i) {
        engine.receive(from_client(kFarClient, kVip)
                           .tcp(static_cast<uint16_t>(first + i), port)
                           .tcp_flags(kTcpSyn)
                           .build());
    }
}

void DaemonLab::speak(uint16_t first, uint16_t count, uint16_t port) {
    for (uint16_t i = 0; i < count; ++i) {
        engine.receive(from_client(kFarClient, kVip)
                           .tcp(static_cast<uint16_t>(first + i), port)
                           .tcp_flags(kTcpAck)
                           .build());
    }
}

void DaemonLab::ask_by_udp(uint16_t first, uint16_t count, uint16_t port) {
    for (uint16_t i = 0; i < count; ++i) {
        engine.receive(from_client(kFarClient, kVip)
                           .udp(static_cast<uint16_t>(first + i), port)
                           .payload("?")
                           .build());
    }
}

uint64_t DaemonLab::connections_of(uint8_t number, uint16_t port) {
    const dataplane::RealServerId id = id_of(number, port);
    const auto total = daemon::Census::server_total(report(), id);
    return id == dataplane::kNoRealServer ? 0 : total.active + total.inactive;
}

}  // namespace director::test
