// Every entry ends: each state at its timeout, and after any random mixture of traffic and commands
// nothing is left when the timeouts have passed, no gauge but at zero. Each random run is done
// twice and must do the same to every frame.
#include <fmt/format.h>

#include <set>

#include <catch2/catch.hpp>

#include "common/random.h"
#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using dataplane::ConnState;
using dataplane::ConnTimeouts;
using dataplane::ServiceId;
using dataplane::ServiceKey;
using dataplane::WhenFull;
using std::chrono::seconds;

constexpr uint8_t kSynAck = kTcpSyn | kTcpAck;
constexpr uint32_t kTimeoutMax = 100;  // seconds, of the random runs

// --- Fixed: one connection in each state ---

struct One {
    WorkerFleet fleet{{}};

    One() {
        configure(fleet);
        fleet.put_service(kHttp, "rr", {{at(kServer108, 80)}});
    }
    void client(uint8_t flags) {
        fleet.send_one(kOutside, from_client(kClient, kVip).tcp(1, 80).tcp_flags(flags).build());
    }
    void server(uint8_t flags) {
        fleet.send_one(kInside,
                       from_server(kServer108, kClient).tcp(80, 1).tcp_flags(flags).build());
    }
};

}  // namespace

SCENARIO("a connection ends when its state's time is up, and not before", "[expiry]") {
    struct Case {
        ConnState state;
        std::vector<std::pair<bool, uint8_t>> packets;  // from the client?, flags
    };
    const auto& [state, packets] = GENERATE(values<Case>({
        {ConnState::kSynRecv, {{true, kTcpSyn}}},
        {ConnState::kEstablished, {{true, kTcpSyn}, {false, kSynAck}, {true, kTcpAck}}},
        {ConnState::kFinWait, {{true, kTcpSyn}, {true, kTcpAck}, {false, kTcpFin | kTcpAck}}},
        {ConnState::kCloseWait, {{true, kTcpSyn}, {true, kTcpAck}, {true, kTcpFin | kTcpAck}}},
        {ConnState::kTimeWait, {{true, kTcpSyn}, {true, kTcpFin | kTcpAck}}},
        {ConnState::kClose, {{true, kTcpSyn}, {true, kTcpAck}, {false, kTcpRst}}},
    }));
    CAPTURE(to_string(state));
    One one;
    for (const auto& [is_client, flags] : packets) {
        is_client ? one.client(flags) : one.server(flags);
    }
    REQUIRE(one.fleet.connections().at(0).state == state);
    const uint32_t timeout = dataplane::kDefaultConnTimeouts[static_cast<size_t>(state)];
    one.fleet.run_for(seconds(timeout - 1));
    REQUIRE(one.fleet.connections().size() == 1);
    one.fleet.run_for(seconds(2));
    REQUIRE(one.fleet.connections().empty());
    REQUIRE(one.fleet.report().totals.connections_expired == 1);
    one.fleet.check_gauges();
}

SCENARIO("packets in either direction keep a connection", "[expiry]") {
    One one;
    one.client(kTcpSyn);
    one.client(kTcpAck);
    for (int i = 0; i < 5; ++i) {
        one.fleet.run_for(seconds(800));
        i % 2 == 0 ? one.server(kTcpAck) : one.client(kTcpAck);
        REQUIRE(one.fleet.connections().size() == 1);
    }
    one.fleet.run_for(seconds(901));
    REQUIRE(one.fleet.connections().empty());
}

SCENARIO("a day of silence at once ends everything", "[expiry]") {
    WorkerFleet fleet({});
    configure(fleet);
    fleet.put_service(kDns, "rr", {{at(kServer107, 53)}});
    for (uint16_t port = 1; port <= 5000; ++port) {
        fleet.send_one(kOutside, from_client(kClient, kVip).udp(port, 53).build());
    }
    fleet.clock.advance(std::chrono::hours(24));
    const uint64_t before = fleet.report().totals.connections_expired;
    fleet.poll();
    // No poll ends more than a bounded number, however many are due.
    REQUIRE(fleet.report().totals.connections_expired - before <= 2 * 64);
    fleet.run_for(seconds(1));
    REQUIRE(fleet.report().totals.connections == 0);
    fleet.check_gauges();
}

// --- Timeouts of single services ---

namespace {

constexpr ServiceKey kHttps{kVip, Be16::from_host(443), Protocol::kTcp};

[[nodiscard]] dataplane::ServiceOptions kept_for(ConnState state, uint32_t timeout) {
    dataplane::ServiceOptions options;
    options.timeouts[static_cast<size_t>(state)] = timeout;
    return options;
}

// Two TCP services, each with an established connection, and one of UDP.
struct Several {
    WorkerFleet fleet{{}};

    Several() { configure(fleet); }
    void put_http(const dataplane::ServiceOptions& options = {}) {
        fleet.put_service(kHttp, "rr", {{at(kServer107, 80)}}, options);
    }
    void put_https(const dataplane::ServiceOptions& options = {}) {
        fleet.put_service(kHttps, "rr", {{at(kServer108, 443)}}, options);
    }
    void say(uint16_t port, uint8_t flags = kTcpAck) {
        fleet.send_one(kOutside,
                       from_client(kClient, kVip).tcp(1000, port).tcp_flags(flags).build());
    }
    void connect() {
        for (const uint16_t port : {uint16_t{80}, uint16_t{443}}) {
            say(port, kTcpSyn);
            say(port);
        }
    }
    // Virtual ports of the connections that there are.
    [[nodiscard]] std::set<uint16_t> left() {
        std::set<uint16_t> ports;
        for (const auto& connection : fleet.connections()) {
            ports.insert(connection.virtual_service.port.host());
        }
        return ports;
    }
    void run_for(uint32_t duration) { fleet.run_for(seconds(duration)); }
};

}  // namespace

SCENARIO("a service's own timeouts are its connections', and nobody else's", "[expiry]") {
    Several several;
    several.put_http(kept_for(ConnState::kEstablished, 5));
    several.put_https();
    several.fleet.put_service(kDns, "rr", {{at(kServer107, 53)}}, kept_for(ConnState::kUdp, 2000));
    several.connect();
    several.fleet.send_one(kOutside, from_client(kClient, kVip).udp(1, 53).build());
    several.run_for(4);
    REQUIRE(several.left() == std::set<uint16_t>{53, 80, 443});
    several.run_for(2);
    REQUIRE(several.left() == std::set<uint16_t>{53, 443});
    several.run_for(895);
    REQUIRE(several.left() == std::set<uint16_t>{53});
    several.run_for(1098);  // longer than the wheel turns once
    REQUIRE(several.left() == std::set<uint16_t>{53});
    several.run_for(3);
    REQUIRE(several.left().empty());
    several.fleet.check_gauges();
}

SCENARIO("a state that a service does not name has everybody's timeout, also later", "[expiry]") {
    Several several;
    several.put_http(kept_for(ConnState::kEstablished, 5));
    several.put_https();
    ConnTimeouts everybodys = dataplane::kDefaultConnTimeouts;
    everybodys[static_cast<size_t>(ConnState::kCloseWait)] = 20;
    everybodys[static_cast<size_t>(ConnState::kEstablished)] = 30;
    several.fleet.put_timeouts(everybodys);
    several.connect();
    several.say(80, kTcpFin | kTcpAck);
    several.run_for(19);
    REQUIRE(several.left() == std::set<uint16_t>{80, 443});
    several.run_for(2);
    REQUIRE(several.left() == std::set<uint16_t>{443});
    several.run_for(10);
    REQUIRE(several.left().empty());
}

SCENARIO("half-open connections are kept as long as all others are", "[expiry]") {
    Several several;
    several.put_http(kept_for(ConnState::kSynRecv, 5));
    several.say(80, kTcpSyn);
    several.run_for(59);
    REQUIRE(several.left() == std::set<uint16_t>{80});
    several.run_for(2);
    REQUIRE(several.left().empty());
}

SCENARIO("a reload changes the timeouts of connections that there are", "[expiry]") {
    Several several;
    several.put_http();
    several.put_https();
    several.connect();
    several.run_for(100);
    GIVEN("a shorter one") {
        several.put_http(kept_for(ConnState::kEstablished, 10));
        THEN("a silent connection ends when it is over, counted from the reload") {
            several.run_for(9);
            REQUIRE(several.left() == std::set<uint16_t>{80, 443});
            several.run_for(2);
            REQUIRE(several.left() == std::set<uint16_t>{443});
        }
        THEN("one that speaks has it from there on, though it spoke before the sweep came by") {
            several.fleet.clock.advance(seconds(5));
            several.say(80);
            several.run_for(9);
            REQUIRE(several.left() == std::set<uint16_t>{80, 443});
            several.run_for(2);
            REQUIRE(several.left() == std::set<uint16_t>{443});
        }
        THEN("without it again, everybody's counts from the next packet on") {
            several.put_http();
            several.say(80);
            several.run_for(890);
            REQUIRE(several.left() == std::set<uint16_t>{80});
        }
    }
    GIVEN("a longer one") {
        several.put_http(kept_for(ConnState::kEstablished, 2000));
        THEN("a silent connection ends when it would have, one that speaks later") {
            several.put_https(kept_for(ConnState::kEstablished, 2000));
            several.say(443);
            several.run_for(802);
            REQUIRE(several.left() == std::set<uint16_t>{443});
            several.run_for(1190);
            REQUIRE(several.left() == std::set<uint16_t>{443});
            several.run_for(10);
            REQUIRE(several.left().empty());
        }
    }
    GIVEN("a shorter one, and a server that has left the service before") {
        several.fleet.put_service(kHttp, "rr", {{at(kServer108, 80)}});
        several.fleet.put_service(
            kHttp, "rr", {{at(kServer108, 80)}}, kept_for(ConnState::kEstablished, 10));
        THEN("its connections end by it too") {
            several.say(80);
            several.run_for(11);
            REQUIRE(several.left() == std::set<uint16_t>{443});
        }
    }
    GIVEN("a shorter one for everybody") {
        ConnTimeouts everybodys = dataplane::kDefaultConnTimeouts;
        everybodys[static_cast<size_t>(ConnState::kEstablished)] = 30;
        several.fleet.put_timeouts(everybodys);
        THEN("silent connections end when it is over") {
            several.run_for(29);
            REQUIRE(several.left() == std::set<uint16_t>{80, 443});
            several.run_for(2);
            REQUIRE(several.left().empty());
        }
    }
    several.fleet.check_gauges();
}

// --- Random ---

namespace {

class RandomRun {
  public:
    RandomRun(uint64_t seed, uint16_t workers) : random_(seed), fleet_(settings(random_, workers)) {
        configure(fleet_);
        change_timeouts();
        for (size_t i = 0; i < keys_.size(); ++i) {
            change_service(i);
        }
    }

    // A hash of all that became of all frames.
    uint64_t run() {
        for (int step = 0; step < 300; ++step) {
            send_some();
            command();
            if (random_.below(4) == 0) {
                fleet_.clock.advance(std::chrono::milliseconds(random_.below(8000)));
            }
            if (step % 25 == 0) {
                fleet_.check_gauges();
            }
        }
        return hash_;
    }

    void expect_nothing_left() {
        fleet_.run_for(seconds(2 * kTimeoutMax + 1));
        fleet_.check_gauges();
        const FleetReport report = fleet_.report();
        REQUIRE(report.totals.connections == 0);
        for (const auto& server : report.servers) {
            REQUIRE(server.active + server.inactive == 0);
        }
        for (size_t i = 0; i < keys_.size(); ++i) {
            REQUIRE(report.services.at(i).connections == 0);
            fleet_.retire_service(ServiceId{static_cast<uint32_t>(i)});
            REQUIRE(fleet_.forget_service(ServiceId{static_cast<uint32_t>(i)}));
        }
    }

    [[nodiscard]] uint64_t created() { return fleet_.report().totals.connections_created; }

  private:
    [[nodiscard]] static FleetSettings settings(Random& random, uint16_t workers) {
        FleetSettings out{.workers = workers, .burst = 1 + static_cast<uint32_t>(random.below(32))};
        constexpr uint32_t kTables[] = {1, 8, 100, 5000};
        out.worker.connections_max = kTables[random.below(4)];
        out.worker.when_full = random.below(2) == 0 ? WhenFull::kRefuse : WhenFull::kEvictHalfOpen;
        out.worker.punts_per_second = random.below(2) == 0 ? 100 : 1000000;
        return out;
    }

    template <typename T, size_t N>
    const T& one_of(const std::array<T, N>& choices) {
        return choices[random_.below(N)];
    }

    Frame random_frame(bool from_outside) {
        const ServiceKey& key = one_of(keys_);
        const Ipv4Address client =
            Ipv4Address::of(198, 51, 100, static_cast<uint8_t>(1 + random_.below(20)));
        const uint16_t port = static_cast<uint16_t>(1 + random_.below(5));
        const Endpoint server = one_of(servers_);
        PacketBuilder builder =
            from_outside ? from_client(client, kVip) : from_server(server.address, client);
        const uint16_t from = from_outside ? port : server.port.host();
        const uint16_t to = from_outside ? key.port.host() : port;
        if (key.protocol == Protocol::kUdp) {
            builder.udp(from, to);
        } else {
            constexpr std::array<uint8_t, 12> kFlags{kTcpSyn,
                                                     kTcpSyn,
                                                     kTcpSyn,
                                                     kTcpAck,
                                                     kTcpAck,
                                                     kTcpAck,
                                                     kTcpPsh | kTcpAck,
                                                     kTcpFin | kTcpAck,
                                                     kTcpRst,
                                                     kSynAck,
                                                     0,
                                                     0x3f};
            builder.tcp(from, to).tcp_flags(one_of(kFlags));
        }
        builder.payload_size(random_.below(30));
        switch (random_.below(40)) {
            case 0:
                builder.truncate_to(random_.below(80));
                break;
            case 1:
                builder.bad_l4_checksum();
                break;
            case 2:
                builder.ttl(static_cast<uint8_t>(random_.below(3)));
                break;
            case 3:
                builder.vlan(one_of(std::array<uint16_t, 3>{0, kOutsideVlan, kInsideVlan}));
                break;
            case 4:
                builder.more_fragments();
                break;
            default:
                break;
        }
        return builder.build();
    }

    void send_some() {
        std::vector<FrameIn> frames(random_.below(100));
        for (FrameIn& frame : frames) {
            const bool from_outside = random_.below(3) > 0;
            frame = {from_outside ? kOutside : kInside, random_frame(from_outside)};
        }
        for (const Outcome& outcome : fleet_.send(frames)) {
            mix(static_cast<uint64_t>(outcome.verdict));
            mix(outcome.verdict == dataplane::Verdict::kDrop
                    ? static_cast<uint64_t>(outcome.drop_reason)
                    : 0);
            for (const uint8_t byte : outcome.bytes) {
                mix(byte);
            }
        }
    }
    void mix(uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3U; }

    void command() {
        const size_t which = random_.below(keys_.size());
        const ServiceId service{static_cast<uint32_t>(which)};
        switch (random_.below(10)) {
            case 0:
                change_service(which);
                break;
            case 1:
                if (!is_retired_[which]) {
                    fleet_.retire_service(service);
                    is_retired_[which] = true;
                }
                break;
            case 2:
                // As the control plane does: only when no worker has a connection of it.
                if (is_retired_[which] && fleet_.report().services.at(which).connections == 0) {
                    REQUIRE(fleet_.forget_service(service));
                    change_service(which);
                }
                break;
            case 3:
                if (!is_retired_[which] && !lists_[which].empty()) {
                    const ServerIn& server = lists_[which][random_.below(lists_[which].size())];
                    fleet_.set_weight(
                        service, server.endpoint, static_cast<uint32_t>(random_.below(4)));
                }
                break;
            case 4:
                change_timeouts();
                break;
            case 5:
                fleet_.put_routes(routes());
                break;
            case 6:
                fleet_.remove_neighbour(kInsideInterface, kServer107);
                break;
            case 7:
                fleet_.put_neighbour(kInsideInterface, kServer107, kServer107Mac);
                break;
            default:
                break;
        }
    }

    void change_service(size_t which) {
        std::vector<ServerIn> list;
        for (const Endpoint& server : servers_) {
            if (random_.below(2) == 0) {
                list.push_back({server, static_cast<uint32_t>(random_.below(4))});
            }
        }
        dataplane::ServiceOptions options;
        if (random_.below(2) == 0) {
            for (uint32_t& timeout : options.timeouts) {
                timeout = static_cast<uint32_t>(random_.below(kTimeoutMax + 1));
            }
        }
        fleet_.put_service(keys_[which], random_.below(2) == 0 ? "rr" : "wrr", list, options);
        lists_[which] = list;
        is_retired_[which] = false;
    }

    void change_timeouts() {
        ConnTimeouts timeouts{};
        for (uint32_t& timeout : timeouts) {
            timeout = static_cast<uint32_t>(random_.below(kTimeoutMax + 1));
        }
        fleet_.put_timeouts(timeouts);
    }

    Random random_;
    WorkerFleet fleet_;
    uint64_t hash_ = 0xcbf29ce484222325U;
    const std::array<ServiceKey, 3> keys_{
        kHttp, kDns, ServiceKey{kVip, Be16::from_host(443), Protocol::kTcp}};
    const std::array<Endpoint, 3> servers_{
        at(kServer107, 80), at(kServer108, 80), at(kServer108, 53)};
    std::array<std::vector<ServerIn>, 3> lists_;
    std::array<bool, 3> is_retired_{};
};

}  // namespace

SCENARIO("random traffic and commands leave nothing behind", "[expiry]") {
    uint64_t created = 0;
    for (uint64_t seed = 1; seed <= 24; ++seed) {
        for (const uint16_t workers : {uint16_t{1}, uint16_t{2}, uint16_t{4}}) {
            CAPTURE(seed, workers);
            RandomRun first(seed, workers);
            const uint64_t trace = first.run();
            first.expect_nothing_left();
            created += first.created();
            if (seed % 4 == 0) {
                RandomRun second(seed, workers);
                REQUIRE(second.run() == trace);
            }
        }
    }
    REQUIRE(created > 10000);  // something did happen
}

}  // namespace director::test
