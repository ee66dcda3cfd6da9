// A million SYNs, or datagrams, of a million sources against a full table, by both policies:
// established connections keep flowing and keep their entries, memory is taken once and for all,
// and the flood costs no more than its packets.
#include <array>
#include <memory>

#include <catch2/catch.hpp>

#include "common/checksum.h"
#include "tests/scenario/allocation_count.h"
#include "tests/support/sim_net.h"

namespace director::test {
namespace {

using namespace nat_lab;  // NOLINT(google-build-using-namespace): the laboratory's addresses
using dataplane::Burst;
using dataplane::DropReason;
using dataplane::Packet;
using dataplane::Verdict;
using dataplane::WhenFull;

constexpr uint32_t kTable = 4096;
constexpr uint16_t kEstablished = 500;
constexpr uint32_t kSources = 1000000;
constexpr uint32_t kFloodPerBurst = 31;  // and one packet of an established connection

// Frames that lie in place and are sent over and over, each time from other sources.
class Flood {
  public:
    explicit Flood(Protocol protocol)
        : checksum_offset_(protocol == Protocol::kTcp ? size_t{16} : size_t{6}) {
        PacketBuilder builder = from_client(kFarClient, kVip);
        protocol == Protocol::kTcp ? builder.tcp(1024, 80).tcp_flags(kTcpSyn)
                                   : builder.udp(1024, 53);
        const Frame opening = builder.build();
        const Frame data = from_client(kClient, kVip).tcp(1, 80).payload("still here").build();
        for (size_t i = 0; i < frames_.size(); ++i) {
            frames_[i].reserve(200);
            frames_[i] = i < kFloodPerBurst ? opening : data;
        }
        originals_ = frames_;
    }

    // The next 31 sources, and something that the client with this port says.
    Burst& burst(uint16_t established_port) {
        frames_ = originals_;  // same sizes: no allocation
        for (size_t i = 0; i < kFloodPerBurst; ++i) {
            // 198.51.0.0/16 and 16 source ports.
            const uint32_t source = 0xc6330000 + (next_ & 0xffff);
            rewrite(
                frames_[i], source, static_cast<uint16_t>(1024 + (next_ >> 16)), checksum_offset_);
            ++next_;
        }
        rewrite(frames_[kFloodPerBurst], kClient.host(), established_port, 16);
        burst_.count = 32;
        for (size_t i = 0; i < 32; ++i) {
            // The established connection's packet comes in the midst of the flood.
            Packet& packet = burst_.packets[(i + 16) % 32];
            packet = {};
            packet.data = frames_[i].data();
            packet.length_bytes = static_cast<uint32_t>(frames_[i].size());
            packet.contiguous_bytes = packet.length_bytes;
        }
        return burst_;
    }
    static const Packet& established_packet(const Burst& burst) {
        return burst.packets[(kFloodPerBurst + 16) % 32];
    }

  private:
    static void rewrite(Frame& frame, uint32_t source, uint16_t port, size_t checksum_offset) {
        uint8_t* const ip = frame.data() + 14;
        uint8_t* const l4 = ip + 20;
        uint32_t old_source = 0;
        std::memcpy(&old_source, ip + 12, 4);
        uint16_t old_port = 0;
        std::memcpy(&old_port, l4, 2);
        const uint32_t new_source = Ipv4Address::from_host(source).bits.raw;
        const uint16_t new_port = Be16::from_host(port).raw;
        const auto fix = [](uint8_t* at, uint16_t delta) {
            uint16_t checksum = 0;
            std::memcpy(&checksum, at, 2);
            checksum = checksum_apply(checksum, delta);
            std::memcpy(at, &checksum, 2);
        };
        fix(ip + 10, checksum_delta(old_source, new_source));
        fix(l4 + checksum_offset,
            checksum_delta(uint64_t{old_source} + old_port, uint64_t{new_source} + new_port));
        std::memcpy(ip + 12, &new_source, 4);
        std::memcpy(l4, &new_port, 2);
    }

    std::array<Frame, 32> frames_;
    std::array<Frame, 32> originals_;
    Burst burst_;
    size_t checksum_offset_;
    uint32_t next_ = 0;
};

struct Story {
    WorkerFleet fleet;
    SimNet net{fleet};
    dataplane::ServiceId service{};

    Story(uint16_t workers, WhenFull policy) : fleet(settings(workers, policy)) {
        configure(fleet);
        service = fleet.put_service(kHttp, "rr", {{at(kServer108, 80)}, {at(kServer107, 80)}});
        net.add_server(at(kServer107, 80));
        net.add_server(at(kServer108, 80));
        for (uint16_t i = 0; i < kEstablished; ++i) {
            net.connect(client(i), at(kVip, 80));
        }
        net.settle();
        all_say("before");
    }
    static FleetSettings settings(uint16_t workers, WhenFull policy) {
        FleetSettings out{.workers = workers};
        out.worker.connections_max = kTable / workers;
        out.worker.when_full = policy;
        return out;
    }
    static Endpoint client(uint16_t i) { return at(kClient, static_cast<uint16_t>(2000 + i)); }

    void all_say(std::string_view text) {
        for (uint16_t i = 0; i < kEstablished; ++i) {
            net.client(client(i)).say(text);
        }
        net.settle();
        for (uint16_t i = 0; i < kEstablished; ++i) {
            const SimClient& each = net.client(client(i));
            REQUIRE(each.state == SimClient::State::kEstablished);
            const std::string expected = each.server() + " " + std::string(text) + "|";
            REQUIRE(each.heard.ends_with(expected));
        }
    }
    // How many established connections the tables hold.
    size_t established() {
        size_t count = 0;
        for (const auto& row : fleet.connections()) {
            count += row.state == dataplane::ConnState::kEstablished ? 1U : 0U;
        }
        return count;
    }
};

struct FloodResult {
    uint64_t forwarded = 0;
    uint64_t table_full = 0;
    uint64_t lost_established = 0;
    uint64_t allocations = 0;
};

// A million sources, a packet each; 10 us of virtual time a burst, as at 3 million packets a
// second.
FloodResult flood(Story& story, Protocol protocol = Protocol::kTcp) {
    FloodResult result;
    Flood flood(protocol);
    for (uint32_t sent = 0; sent < kSources; sent += kFloodPerBurst) {
        Burst& burst = flood.burst(
            Story::client(static_cast<uint16_t>(sent / kFloodPerBurst % kEstablished)).port.host());
        const uint64_t before = allocation_count();
        story.fleet.send_in_place(burst);
        result.allocations += allocation_count() - before;
        result.lost_established +=
            Flood::established_packet(burst).verdict == Verdict::kForward ? 0U : 1U;
        for (const Packet& packet : burst) {
            result.forwarded += packet.verdict == Verdict::kForward ? 1U : 0U;
            result.table_full +=
                packet.verdict == Verdict::kDrop && packet.drop_reason == DropReason::kConnTableFull
                    ? 1U
                    : 0U;
        }
        story.fleet.clock.advance(std::chrono::microseconds(10));
    }
    return result;
}

}  // namespace

SCENARIO("a SYN flood against a table that refuses when full", "[flood]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    CAPTURE(workers);
    GIVEN("500 established connections and a table for 4096") {
        Story story(workers, WhenFull::kRefuse);
        WHEN("a million sources send a SYN each") {
            const FloodResult result = flood(story);
            THEN("established connections lose nothing, the rest of the table is full") {
                REQUIRE(result.lost_established == 0);
                REQUIRE(result.allocations == 0);
                REQUIRE(story.fleet.report().totals.connections == kTable);
                REQUIRE(story.fleet.report().totals.connections_evicted == 0);
                REQUIRE(result.table_full > kSources - kTable);
                REQUIRE(story.established() == kEstablished);
                story.fleet.check_gauges();
                story.all_say("after");
                AND_THEN("the half-open ones are gone after their timeout") {
                    story.fleet.run_for(std::chrono::seconds(61));
                    REQUIRE(story.fleet.report().totals.connections == kEstablished);
                    story.all_say("later");
                    story.fleet.run_for(std::chrono::seconds(901));
                    REQUIRE(story.fleet.report().totals.connections == 0);
                    story.fleet.check_gauges();
                }
            }
        }
    }
}

SCENARIO("a SYN flood against a table that evicts half-open connections", "[flood]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    CAPTURE(workers);
    GIVEN("500 established connections and a table for 4096") {
        Story story(workers, WhenFull::kEvictHalfOpen);
        WHEN("a million sources send a SYN each") {
            const FloodResult result = flood(story);
            THEN("established connections lose nothing and keep their entries") {
                REQUIRE(result.lost_established == 0);
                REQUIRE(result.allocations == 0);
                const FleetReport report = story.fleet.report();
                REQUIRE(report.totals.connections == kTable);
                REQUIRE(story.established() == kEstablished);
                story.fleet.check_gauges();
                // A SYN costs one eviction at most: the flood made no work but its own.
                REQUIRE(report.totals.connections_created <=
                        kSources + kFloodPerBurst + kEstablished);
                REQUIRE(report.totals.connections_evicted ==
                        report.totals.connections_created - kTable);
                story.all_say("after");
                AND_THEN("a newcomer gets in at once, and stays") {
                    SimClient& newcomer = story.net.connect(at(kClient, 9999), at(kVip, 80));
                    story.net.settle();
                    REQUIRE(newcomer.state == SimClient::State::kEstablished);
                    const FloodResult again = flood(story);
                    REQUIRE(again.lost_established == 0);
                    newcomer.say("me too");
                    story.net.settle();
                    REQUIRE(newcomer.heard == newcomer.server() + " me too|");
                }
            }
        }
    }
}

// A datagram is no proof of anything, and an entry of UDP cannot be told from a flood's: so those
// that are there stay, whoever's they are, and those that come are refused.
SCENARIO("a UDP flood evicts nothing that is established", "[flood][udp]") {
    const uint16_t workers = GENERATE(as<uint16_t>{}, 1, 2, 4);
    const WhenFull policy = GENERATE(WhenFull::kRefuse, WhenFull::kEvictHalfOpen);
    CAPTURE(workers, policy == WhenFull::kRefuse);
    GIVEN("500 established connections, 100 UDP clients, 50 handshakes, a table for 4096") {
        constexpr uint32_t kUdpClients = 100;
        constexpr uint32_t kHandshakes = 50;
        Story story(workers, policy);
        const auto dns = story.fleet.put_service(kDns, "rr", {{at(kServer108, 53)}});
        story.net.add_server(at(kServer108, 53));
        const auto ask = [&](const std::string& question) {
            story.net.udp_heard.clear();
            for (uint16_t i = 0; i < kUdpClients; ++i) {
                story.net.send_udp(Story::client(i), at(kVip, 53), question);
            }
            story.net.settle();
            for (uint16_t i = 0; i < kUdpClients; ++i) {
                REQUIRE(story.net.udp_heard[Story::client(i)] ==
                        to_string(at(kServer108, 53)) + " " + question + "|");
            }
        };
        ask("before?");
        for (uint16_t i = 0; i < kHandshakes; ++i) {
            const auto port = static_cast<uint16_t>(5000 + i);
            story.fleet.send_one(
                kOutside, from_client(kClient, kVip).tcp(port, 80).tcp_flags(kTcpSyn).build());
        }
        WHEN("a million sources send a datagram each") {
            const FloodResult result = flood(story, Protocol::kUdp);
            THEN("whoever was there goes on; newcomers are refused and counted") {
                REQUIRE(result.lost_established == 0);
                REQUIRE(result.allocations == 0);
                const FleetReport report = story.fleet.report();
                const uint32_t evicted = policy == WhenFull::kRefuse ? 0 : kHandshakes;
                REQUIRE(report.totals.connections == kTable);
                REQUIRE(report.totals.connections_evicted == evicted);
                REQUIRE(story.established() == kEstablished);
                const uint32_t there = kEstablished + kUdpClients + kHandshakes;
                REQUIRE(result.table_full > kSources - (kTable - there) - evicted);
                REQUIRE(report.services.at(index(dns))
                            .dropped[static_cast<size_t>(DropReason::kConnTableFull)] ==
                        result.table_full);
                story.fleet.check_gauges();
                story.all_say("after");
                ask("after?");
                AND_THEN("there is room again when the flood's entries have timed out") {
                    story.fleet.run_for(std::chrono::seconds(301));
                    REQUIRE(story.fleet.report().totals.connections == kEstablished);
                    ask("later?");
                    story.all_say("later");
                }
            }
        }
    }
}

SCENARIO("a table full of established connections evicts none of them", "[flood]") {
    GIVEN("a table for 8 with 8 established connections") {
        FleetSettings settings;
        settings.worker.connections_max = 8;
        settings.worker.when_full = WhenFull::kEvictHalfOpen;
        WorkerFleet fleet(settings);
        configure(fleet);
        const auto service = fleet.put_service(kHttp, "rr", {{at(kServer108, 80)}});
        SimNet net(fleet);
        net.add_server(at(kServer108, 80));
        for (uint16_t port = 1; port <= 8; ++port) {
            net.connect(at(kClient, port), at(kVip, 80));
        }
        net.settle();
        WHEN("another client comes") {
            SimClient& late = net.connect(at(kClient, 100), at(kVip, 80));
            net.settle();
            THEN("it is refused and counted, with its service") {
                REQUIRE(late.state == SimClient::State::kConnecting);
                REQUIRE(fleet.dropped(DropReason::kConnTableFull) == 1);
                REQUIRE(fleet.report()
                            .services.at(index(service))
                            .dropped[static_cast<size_t>(DropReason::kConnTableFull)] == 1);
                REQUIRE(fleet.report().totals.connections_evicted == 0);
                AND_WHEN("one of the eight ends and its time is up") {
                    net.client(at(kClient, 3)).close();
                    net.settle();
                    fleet.run_for(std::chrono::seconds(121));
                    late.send_syn();
                    net.settle();
                    THEN("there is room") {
                        REQUIRE(late.state == SimClient::State::kEstablished);
                        fleet.check_gauges();
                    }
                }
            }
        }
    }
}

}  // namespace director::test
