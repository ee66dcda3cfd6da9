// Which connections the twin hears of, when, and what becomes of a record that it cannot use.
#include <cstdlib>

#include <catch2/catch.hpp>

#include "dataplane/core/shard.h"
#include "tests/support/sim_net.h"
#include "tests/support/sync_twins.h"

namespace director::test {
namespace {

using namespace nat_lab;    // NOLINT(google-build-using-namespace): the laboratory's addresses
using namespace dataplane;  // NOLINT(google-build-using-namespace): the unit under test

constexpr ConnState kUp = ConnState::kEstablished;

[[nodiscard]] FleetSettings fleet_settings(uint32_t queue_max = 64) {
    FleetSettings settings{};
    settings.worker.sync_queue_max = queue_max;
    return settings;
}

struct Director {
    WorkerFleet fleet;
    SyncTwins link;

    explicit Director(uint32_t queue_max = 64)
        : fleet(fleet_settings(queue_max)), link(fleet, fleet) {
        configure(fleet);
        fleet.put_service(kHttp, "rr", {{at(kServer107, 80)}, {at(kServer108, 80)}});
        fleet.put_service(kDns, "rr", {{at(kServer107, 53)}});
    }
    void client_says(uint16_t port, uint8_t flags) {
        fleet.send_one(kOutside, from_client(kClient, kVip).tcp(port, 80).tcp_flags(flags).build());
    }
    void client_asks(uint16_t port) {
        fleet.send_one(kOutside, from_client(kClient, kVip).udp(port, 53).build());
    }
    void connect(uint16_t port) {
        client_says(port, kTcpSyn);
        client_says(port, kTcpAck);
    }
};

SCENARIO("the third packet and then each fiftieth", "[sync]") {
    GIVEN("a client that speaks without end") {
        Director director;
        director.link.start();
        std::vector<int> told;
        for (int packet = 1; packet <= 160; ++packet) {
            director.client_says(700, packet == 1 ? kTcpSyn : kTcpAck);
            for (const SyncRecord& record : director.link.collect()) {
                REQUIRE(record.state == kUp);
                REQUIRE(record.timeout_seconds == 900);
                REQUIRE(record.is_long_lived == !told.empty());
                told.push_back(packet);
            }
        }
        THEN("the twin hears of it as often as Linux would tell") {
            REQUIRE(told == std::vector<int>{3, 53, 103, 153});
        }
    }
    GIVEN("UDP, and a threshold of its own") {
        Director director;
        director.link.start({.is_on = true, .threshold = 1, .period = 4});
        std::vector<int> told;
        for (int packet = 1; packet <= 10; ++packet) {
            director.client_asks(700);
            for (size_t i = director.link.collect().size(); i > 0; --i) {
                told.push_back(packet);
            }
        }
        THEN("the same") {
            REQUIRE(told == std::vector<int>{1, 5, 9});
        }
    }
    GIVEN("no period") {
        Director director;
        director.link.start({.is_on = true, .threshold = 2, .period = 0});
        size_t told = 0;
        for (int packet = 1; packet <= 300; ++packet) {
            director.client_asks(700);
            told += director.link.collect().size();
        }
        THEN("once") {
            REQUIRE(told == 1);
        }
    }
}

SCENARIO("changes of state are told at once", "[sync]") {
    GIVEN("a short connection") {
        Director director;
        director.link.start();
        director.connect(700);
        REQUIRE(director.link.collect().empty());
        WHEN("its client closes") {
            director.client_says(700, kTcpFin | kTcpAck);
            THEN("the twin hears of the new state alone") {
                const auto told = director.link.collect();
                REQUIRE(told.size() == 1);
                REQUIRE(told[0].state == ConnState::kCloseWait);
                REQUIRE(told[0].timeout_seconds == 60);
            }
        }
        WHEN("it is reset before anybody looks") {
            director.client_says(700, kTcpFin | kTcpAck);
            director.client_says(700, kTcpRst);
            THEN("it is told once, as it is by then") {
                const auto told = director.link.collect();
                REQUIRE(told.size() == 1);
                REQUIRE(told[0].state == ConnState::kClose);
            }
        }
        WHEN("it has ended before anybody looks") {
            director.client_says(700, kTcpRst);
            director.fleet.run_for(std::chrono::seconds(11));
            THEN("there is nothing to tell") {
                REQUIRE(director.link.collect().empty());
            }
        }
    }
    GIVEN("a half-open one") {
        Director director;
        director.link.start({.is_on = true, .threshold = 1});
        director.client_says(700, kTcpSyn);
        THEN("it is nobody's business") {
            REQUIRE(director.link.collect().empty());
            REQUIRE(director.link.pages().empty());
        }
    }
}

SCENARIO("told by time", "[sync]") {
    GIVEN("a refresh period of 30 s and no other, with one repeat") {
        Director director;
        director.link.start({.is_on = true, .period = 0, .refresh_seconds = 30, .retries = 1});
        std::vector<int> told;
        director.connect(700);
        told.insert(told.end(), director.link.collect().size(), 0);
        for (int second = 1; second <= 70; ++second) {
            director.fleet.run_for(std::chrono::seconds(1));
            director.client_says(700, kTcpAck);
            told.insert(told.end(), director.link.collect().size(), second);
        }
        THEN("the twin hears when the deadline has moved that far, and an eighth later again") {
            const std::vector<int> expected{0, 4, 34, 38, 68};  // in ticks of 134 ms
            REQUIRE(told.size() == expected.size());
            for (size_t i = 0; i < expected.size(); ++i) {
                REQUIRE(std::abs(told[i] - expected[i]) <= 1);
            }
        }
    }
}

SCENARIO("the queue is bounded", "[sync]") {
    GIVEN("a queue of two") {
        Director director(2);
        director.link.start({.is_on = true, .threshold = 3, .period = 10});
        for (uint16_t port = 1; port <= 4; ++port) {
            director.connect(port);
            director.client_says(port, kTcpAck);
        }
        REQUIRE(director.link.counters().postponed == 2);
        WHEN("those that were told speak on, and those that were not") {
            REQUIRE(director.link.collect().size() == 2);
            director.client_says(3, kTcpAck);
            director.client_says(4, kTcpAck);
            THEN("these get their turn with their next packet") {
                const auto told = director.link.collect();
                REQUIRE(told.size() == 2);
                REQUIRE(told[0].client.port == Be16::from_host(3));
            }
        }
        WHEN("new ones fill it") {
            static_cast<void>(director.link.collect());
            for (uint16_t port = 11; port <= 13; ++port) {
                director.connect(port);
                director.client_says(port, kTcpAck);
            }
            director.client_says(1, kTcpFin | kTcpAck);
            THEN("one that the twin knows is told, and first") {
                const auto told = director.link.collect();
                REQUIRE(told.size() == 3);
                REQUIRE(told[0].client.port == Be16::from_host(1));
                REQUIRE(told[0].is_long_lived);
                REQUIRE_FALSE(told[1].is_long_lived);
            }
        }
    }
    GIVEN("a director that never has a twin") {
        Director director(0);
        THEN("it cannot be told to tell") {
            Command command(CommandKind::kSetSync);
            command.set_sync = {.is_on = true};
            REQUIRE_FALSE(director.fleet.apply(command));
            command.set_sync = {.is_on = false};
            REQUIRE(director.fleet.apply(command));
        }
    }
}

// A record as the twin might send it.
[[nodiscard]] SyncRecord record_of(const Endpoint& client, const Endpoint& server) {
    SyncRecord record;
    record.state = kUp;
    record.client = record.local = client;
    record.virtual_service = at(kVip, 80);
    record.real_server = server;
    record.timeout_seconds = 900;
    return record;
}

SCENARIO("records that cannot be used", "[sync]") {
    Director director;
    const auto outcome = [&](const SyncRecord& record) {
        const auto outcomes = director.link.install({record});
        for (size_t i = 0; i < kSyncOutcomeCount; ++i) {
            if (outcomes[i] != 0) {
                return static_cast<SyncOutcome>(i);
            }
        }
        return SyncOutcome::kCount;
    };
    const SyncRecord good = record_of(at(kClient, 9), at(kServer107, 80));
    GIVEN("a service, a server, a state and a method that are not there") {
        SyncRecord record = good;
        record.virtual_service = at(kVip, 81);
        REQUIRE(outcome(record) == SyncOutcome::kUnknownService);
        record = good;
        record.real_server = at(kVlanServer, 80);
        REQUIRE(outcome(record) == SyncOutcome::kUnknownServer);
        record = good;
        record.state = ConnState::kUdp;
        REQUIRE(outcome(record) == SyncOutcome::kNotSupported);
        record = good;
        record.forwarding = ForwardingMethod::kFullNat;
        record.local = at(kLocal, 5);
        REQUIRE(outcome(record) == SyncOutcome::kNotSupported);
        record = good;
        record.client = record.local = at(kClient, 0);
        REQUIRE(outcome(record) == SyncOutcome::kNotSupported);
        record = good;
        record.is_template = true;
        REQUIRE(outcome(record) == SyncOutcome::kNotSupported);
        THEN("nothing has come of it") {
            REQUIRE(director.fleet.connections().empty());
            director.fleet.check_gauges();
        }
    }
    GIVEN("a retired service") {
        director.fleet.retire_service(director.fleet.service_id(kHttp).value());
        REQUIRE(outcome(good) == SyncOutcome::kUnknownService);
    }
    GIVEN("a connection that went to another server") {
        REQUIRE(outcome(good) == SyncOutcome::kInstalled);
        SyncRecord other = good;
        other.real_server = at(kServer108, 80);
        WHEN("the record is of a connection that is over") {
            other.state = ConnState::kTimeWait;
            THEN("it came late, and changes nothing") {
                REQUIRE(outcome(other) == SyncOutcome::kIgnoredInactive);
                REQUIRE(director.fleet.connections()[0].real_server == good.real_server);
            }
        }
        WHEN("it is of one that lives") {
            THEN("that one takes its place") {
                REQUIRE(outcome(other) == SyncOutcome::kReplaced);
                REQUIRE(director.fleet.connections().size() == 1);
                REQUIRE(director.fleet.connections()[0].real_server == other.real_server);
                director.fleet.check_gauges();
            }
        }
    }
    GIVEN("a connection whose packets come here") {
        director.link.start();
        director.connect(9);
        SyncRecord record = good;
        record.real_server = director.fleet.connections()[0].real_server;
        record.state = ConnState::kCloseWait;
        THEN("the twin has no say, until it has been silent for a while") {
            REQUIRE(outcome(record) == SyncOutcome::kKeptOwn);
            REQUIRE(director.fleet.connections()[0].state == kUp);
            director.fleet.run_for(std::chrono::seconds(3));
            REQUIRE(outcome(record) == SyncOutcome::kUpdated);
            REQUIRE(director.fleet.connections()[0].state == ConnState::kCloseWait);
            director.fleet.check_gauges();
            director.fleet.run_for(std::chrono::seconds(905));
            REQUIRE(director.fleet.connections().empty());
        }
    }
    GIVEN("a timeout beyond all reason") {
        SyncRecord record = good;
        record.timeout_seconds = 0xffffffff;
        REQUIRE(outcome(record) == SyncOutcome::kInstalled);
        record.client = record.local = at(kClient, 10);
        record.timeout_seconds = 0;
        REQUIRE(outcome(record) == SyncOutcome::kInstalled);
        THEN("a month is the most, and none is the state's own") {
            const auto rows = director.fleet.connections();
            REQUIRE(rows.size() == 2);
            REQUIRE(rows[0].expires_in_seconds <= 31 * 86400 + 1);
            REQUIRE(rows[1].expires_in_seconds <= 901);
            REQUIRE(rows[1].expires_in_seconds >= 899);
        }
    }
}

SCENARIO("full NAT's local end must be free and this worker's", "[sync]") {
    GIVEN("four workers and a pool") {
        FleetSettings settings = fleet_settings();
        settings.workers = 4;
        WorkerFleet fleet(settings);
        configure(fleet);
        fleet.put_local_pool(1, {kLocal});
        fleet.put_service(
            kHttp,
            "rr",
            {{.endpoint = at(kServer107, 80), .forwarding = ForwardingMethod::kFullNat}},
            {.local_pool = 1});
        SyncTwins link(fleet, fleet);
        SyncRecord record = record_of(at(kClient, 9), at(kServer107, 80));
        record.forwarding = ForwardingMethod::kFullNat;
        uint16_t port = 2000;
        const auto is_same_worker = [&] {
            return owner_of(at(kLocal, port), 4) == owner_of(record.client, 4);
        };
        while (!is_same_worker()) {
            ++port;
        }
        record.local = at(kLocal, port);
        WHEN("it is free") {
            link.install({record});
            THEN("it is held until the connection ends") {
                REQUIRE(link.outcomes(SyncOutcome::kInstalled) == 1);
                SyncRecord second = record;
                second.client = at(Ipv4Address::of(198, 51, 100, 9), 9);
                while (owner_of(second.client, 4) != owner_of(record.client, 4)) {
                    second.client.port =
                        Be16::from_host(static_cast<uint16_t>(second.client.port.host() + 1));
                }
                link.install({second});
                REQUIRE(link.outcomes(SyncOutcome::kLocalPortTaken) == 1);
                fleet.run_for(std::chrono::seconds(905));
                link.install({second});
                REQUIRE(link.outcomes(SyncOutcome::kInstalled) == 2);
                fleet.check_gauges();
            }
        }
        WHEN("replies to it come to another worker") {
            while (is_same_worker()) {
                ++port;
            }
            record.local = at(kLocal, port);
            link.install({record});
            THEN("it is refused") {
                REQUIRE(link.outcomes(SyncOutcome::kLocalPortElsewhere) == 1);
                fleet.check_gauges();
            }
        }
    }
}

}  // namespace
}  // namespace director::test
