// Shows that commands, events, injected and punted frames make their way through a running engine,
// that full rings refuse instead of losing or waiting, and that a start that fails says why.
#include "dataplane/io/engine.h"

#include <poll.h>

#include <gmock/gmock.h>

#include "dataplane/io/frame_pool.h"
#include "tests/support/frame_assertions.h"
#include "tests/unit/io/own_process.h"
#include "tests/unit/io/test_engine.h"

namespace director::test {
namespace {

using dp::PortId;
using dp::WorkerId;
using ::testing::HasSubstr;

Frame arp_question(uint8_t last_byte) {
    return PacketBuilder()
        .arp_request(kPeerMac, Ipv4Address::of(10, 0, 0, last_byte), ip("10.0.0.254"))
        .pad_to(60)
        .build();
}

TEST(EngineTest, CommandsGoDownAndEventsComeBack) {
    run_in_own_process([] {
        TestEngine engine(small_engine(2, {"net_ring0"}));
        engine.route_all_to(0);
        dp::RouteTable second;
        dp::Command replace(dp::CommandKind::kPutRoutes);
        replace.routes = &second;
        engine.tell(replace);
        for (uint16_t worker = 0; worker < 2; ++worker) {
            const dp::Event event = engine.wait_for_event(worker);
            EXPECT_EQ(event.kind, dp::EventKind::kRoutesReturned);
            EXPECT_EQ(event.worker, WorkerId{worker});
        }
        EXPECT_EQ(engine.stop(), 0U);
    });
}

// Nobody takes the events off a ring of two: the worker keeps what it cannot send, then takes no
// more commands, then their ring fills and send() says so. Afterwards every answer comes, in order.
TEST(EngineTest, FullRingsHoldBackAndLoseNothing) {
    run_in_own_process([] {
        auto settings = small_engine(1, {"net_ring0"});
        settings.ring_entries = 2;
        TestEngine engine(settings);
        dp::Command refused(dp::CommandKind::kForgetService);
        refused.service = dp::ServiceId{7};
        // The worker holds 64 events; two may count there and on the event ring as well.
        uint32_t sent = 0;
        int refusals_in_a_row = 0;
        while (sent < 66 || refusals_in_a_row < 1000) {
            refused.sequence = sent + 1;
            const bool is_sent = engine->send(WorkerId{0}, refused);
            sent += is_sent ? 1 : 0;
            refusals_in_a_row = is_sent ? 0 : refusals_in_a_row + 1;
        }
        EXPECT_LE(sent, 68U);
        for (uint32_t i = 1; i <= sent; ++i) {
            const dp::Event event = engine.wait_for_event(0);
            EXPECT_EQ(event.kind, dp::EventKind::kCommandRefused);
            EXPECT_EQ(event.sequence, i);
        }
        EXPECT_EQ(engine.stop(), 0U);
    });
}

TEST(EngineTest, InjectedFrameLeavesAndPuntedFrameArrives) {
    run_in_own_process([] {
        TestEngine engine(small_engine(2, {"net_ring0", "net_ring1"}));
        engine.route_all_to(1);
        const Frame sent = arp_question(7);
        engine.put_in(PortId{1}, sent);
        const dp::WorkerCounters total =
            engine.total_when([](const auto& now) { return now.punted == 1; });
        EXPECT_EQ(total.punted, 1U);
        // total() may have acknowledged the wake-up while it waited for its own answers.
        uint32_t seen = 0;
        for (uint16_t worker = 0; worker < 2; ++worker) {
            seen += engine->receive_punted(WorkerId{worker}, 8, [&](const auto& frame) {
                EXPECT_TRUE(same_frame(sent, frame.bytes));
                EXPECT_EQ(frame.in_port, PortId{1});
                EXPECT_EQ(frame.verdict, dp::Verdict::kPunt);
            });
        }
        EXPECT_EQ(seen, 1U);
        EXPECT_EQ(engine->port_counters(PortId{1}).sent, 1U);
        EXPECT_EQ(engine->port_counters(PortId{1}).received, 1U);
        EXPECT_EQ(engine.stop(), 0U);
    });
}

TEST(EngineTest, PuntForNeighbourSaysWhoseMacIsMissing) {
    run_in_own_process([] {
        TestEngine engine(small_engine(1, {"net_ring0", "net_ring1"}));
        engine.route_all_to(1);
        dp::Command forget(dp::CommandKind::kRemoveNeighbour);
        forget.remove_neighbour = {ip("10.255.0.1"), dp::InterfaceId{1}};
        engine.tell(forget);
        engine.put_in(PortId{0},
                      PacketBuilder()
                          .eth(kPeerMac, kOwnMac)
                          .ipv4("10.1.0.1", "10.2.0.1")
                          .icmp_echo(1, 1)
                          .build());
        EXPECT_EQ(engine.total_when([](const auto& now) { return now.punted == 1; }).punted, 1U);
        const uint32_t seen =
            engine->receive_punted(WorkerId{0}, 8, [](const dp::io::PuntedFrame& frame) {
                EXPECT_EQ(frame.verdict, dp::Verdict::kPuntForNeighbour);
                EXPECT_EQ(frame.in_port, PortId{0});
                EXPECT_EQ(frame.out_port, PortId{1});
                EXPECT_EQ(frame.out_interface, dp::InterfaceId{1});
                EXPECT_EQ(frame.next_hop, ip("10.255.0.1"));
                EXPECT_EQ(decode(frame.bytes).ethernet->source, kOwnMac);
            });
        EXPECT_EQ(seen, 1U);
        EXPECT_EQ(engine.stop(), 0U);
    });
}

TEST(EngineTest, WakeDescriptorBecomesReadableOncePerAcknowledgement) {
    run_in_own_process([] {
        TestEngine engine(small_engine(1, {"net_ring0"}));
        engine.route_all_to(0);
        pollfd readable{.fd = engine->wake_fd(), .events = POLLIN, .revents = 0};
        for (uint8_t round = 0; round < 3; ++round) {
            engine.put_in(PortId{0}, arp_question(round));
            ASSERT_EQ(::poll(&readable, 1, 30000), 1);
            engine->acknowledge_wake();
            EXPECT_EQ(engine->receive_punted(WorkerId{0}, 8, [](const auto&) {}), 1U);
            EXPECT_EQ(::poll(&readable, 1, 0), 0);
        }
        EXPECT_EQ(engine.stop(), 0U);
    });
}

TEST(EngineTest, PuntRingFullDropsAndCounts) {
    run_in_own_process([] {
        auto settings = small_engine(1, {"net_ring0"});
        settings.ring_entries = 2;
        TestEngine engine(settings);
        engine.route_all_to(0);
        for (uint8_t i = 0; i < 20; ++i) {
            engine.put_in(PortId{0}, arp_question(i));
        }
        const dp::WorkerCounters total = engine.total_when(
            [](const auto& now) { return now.received == 20 && now.punted == 2; });
        EXPECT_EQ(total.punted, 2U);
        EXPECT_EQ(dropped(total, dp::DropReason::kPuntRingFull), 18U);
        EXPECT_TRUE(is_balanced(total));
        uint8_t next = 0;
        engine->receive_punted(WorkerId{0}, 8, [&next](const dp::io::PuntedFrame& frame) {
            EXPECT_TRUE(same_frame(arp_question(next++), frame.bytes));
        });
        EXPECT_EQ(next, 2);
        EXPECT_EQ(engine.stop(), 0U);
    });
}

TEST(EngineTest, FramesLeftOnRingsAreFreedAtTheEnd) {
    run_in_own_process([] {
        TestEngine engine(small_engine(2, {"net_ring0"}));
        engine.route_all_to(0);
        for (uint8_t i = 0; i < 100; ++i) {
            engine.put_in(PortId{0}, arp_question(i));
        }
        EXPECT_EQ(
            engine.total_when([](const auto& now) { return now.punted > 10; }).dropped_total(), 0U);
        EXPECT_EQ(engine.stop(), 0U);
    });
}

TEST(EngineTest, InjectRefusesWithoutBufferAndWhatNoBufferHolds) {
    run_in_own_process([] {
        auto settings = small_engine(1, {"net_ring0"});
        settings.pool_frames = 63;
        TestEngine engine(settings);
        engine.route_all_to(0);
        // Punted frames that nobody takes hold all buffers in the end.
        for (int accepted = 0; accepted < 63; ++accepted) {
            engine.put_in(PortId{0}, arp_question(1));
        }
        EXPECT_FALSE(engine->inject(PortId{0}, arp_question(1)));
        EXPECT_EQ(engine.total_when([](const auto& now) { return now.punted == 63; }).punted, 63U);
        EXPECT_FALSE(engine->inject(PortId{0}, Frame(70000)));
        engine->receive_punted(WorkerId{0}, 100, [](const auto&) {});
        EXPECT_TRUE(engine->inject(PortId{0}, arp_question(1)));
        EXPECT_EQ(engine.stop(), 0U);
    });
}

TEST(EngineTest, LoopCountersAndStatusTellWhatHappened) {
    run_in_own_process([] {
        TestEngine engine(small_engine(2, {"net_ring0", "net_ring1"}));
        engine.route_all_to(0);
        engine.put_in(PortId{0}, arp_question(1));
        EXPECT_EQ(engine.total_when([](const auto& now) { return now.punted == 1; }).punted, 1U);
        const dp::io::PortStatus ring = engine->port_status(PortId{0});
        EXPECT_EQ(ring.name, "p0");
        EXPECT_EQ(ring.driver, "net_ring");
        EXPECT_EQ(ring.mtu_bytes, 1500);
        EXPECT_EQ(ring.rx_queues, 2);
        EXPECT_TRUE(ring.is_link_up);
        EXPECT_FALSE(ring.hashes_by_client);
        EXPECT_EQ(engine->memory_kind(), "4 KiB pages");
        EXPECT_EQ(engine->pool_usage().first, 8191U);
        EXPECT_EQ(engine->pool_usage().second, 1U);
        const auto rings = engine->ring_levels(WorkerId{0});
        ASSERT_EQ(rings.size(), 5U);
        EXPECT_EQ(rings[0].name, "commands");
        EXPECT_EQ(rings[0].used, 0U);
        EXPECT_GT(rings[0].capacity, 0U);
        const dp::io::LoopCounters loop = engine->loop_counters(WorkerId{0});
        EXPECT_GT(loop.polls, 0U);
        EXPECT_GT(loop.packets, 0U);
        EXPECT_GT(loop.total, loop.busy);
        EXPECT_EQ(engine.stop(), 0U);
    });
}

std::string error_of(const dp::io::EngineSettings& settings) {
    const auto engine = dp::io::Engine::start(settings);
    return engine ? "started" : engine.error().message;
}

TEST(EngineStartTest, SaysWhatToDo) {
    run_in_own_process([] {
        EXPECT_THAT(error_of(small_engine(1, {"net_nonsense0"})),
                    HasSubstr("a driver's name is wrong"));
    });
    run_in_own_process([] {
        EXPECT_THAT(error_of(small_engine(1, {"net_pcap0,rx_pcap=/nonexistent"})),
                    HasSubstr("port p0: DPDK finds no device \"net_pcap0,rx_pcap=/nonexistent\""));
    });
    run_in_own_process([] {
        auto settings = small_engine(1, {"net_ring0"});
        settings.worker_cpus = {1023};
        EXPECT_THAT(error_of(settings), HasSubstr("CPU 1023 does not exist"));
    });
    run_in_own_process([] {
        auto settings = small_engine(1, {"net_ring0"});
        settings.pool_frames = 4000000;
        EXPECT_THAT(error_of(settings), HasSubstr("no memory for 4000000 frame buffers"));
    });
    run_in_own_process([] {
        auto settings = small_engine(1, {"net_ring0"});
        settings.worker.connections_max = 1U << 24;
        EXPECT_THAT(error_of(settings), HasSubstr("no memory for the tables of worker 0"));
        EXPECT_EQ(dp::io::FramePool::missing_at_last_end(), 0U);
    });
    run_in_own_process([] {
        auto settings = small_engine(1, {"net_ring0"});
        settings.eal_arguments.push_back("--nonsense");
        EXPECT_THAT(error_of(settings),
                    HasSubstr("an EAL argument or a device's is not understood"));
    });
}

TEST(EngineStartTest, OncePerProcess) {
    run_in_own_process([] {
        TestEngine first(small_engine(1, {"net_ring0"}));
        EXPECT_EQ(first.stop(), 0U);
        EXPECT_THAT(error_of(small_engine(1, {"net_ring0"})), HasSubstr("once per process"));
    });
}

}  // namespace
}  // namespace director::test
