// Shows that records come out of the ring as they were put in, whole and in order, wherever the
// ring ends, with a reader in another thread; and that an engine's worker tells of the packets that
// it received.
#include "dataplane/io/mirror_ring.h"

#include <atomic>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/core/mirror.h"
#include "tests/unit/io/own_process.h"
#include "tests/unit/io/test_engine.h"

namespace director::test {
namespace {

using namespace dataplane;      // NOLINT(google-build-using-namespace): what is tested
using namespace dataplane::io;  // NOLINT(google-build-using-namespace): what is tested

TEST(MirrorRingTest, KeepsRecordsWholeAndInOrder) {
    run_in_own_process([] {
        TestEngine engine(small_engine(1, {"net_ring0"}));
        auto own = std::make_unique<MirrorRing>();
        MirrorRing& ring = *own;
        ASSERT_TRUE(ring.create("test", 1000, 0));
        const MirrorSink sink = ring.sink();
        constexpr uint64_t kRecords = 20000;
        std::thread writer([&sink] {
            Random random(1);
            for (uint64_t i = 0; i < kRecords;) {
                MirrorWriter out(sink, 200);
                const auto bytes = static_cast<uint32_t>(random.below(300));
                const auto place = out.add(1, bytes, 10);
                if (place.record == nullptr) {
                    std::this_thread::yield();
                    continue;
                }
                const uint8_t mark = static_cast<uint8_t>(i);
                MirrorRecord record;
                record.slots = place.record->slots;
                record.taps = 1;
                record.outcome = MirrorOutcome::kForwarded;
                record.time_ns = static_cast<int64_t>(i++);
                record.kept_in_bytes = static_cast<uint16_t>(bytes);
                record.kept_out_bytes = 10;
                *place.record = record;
                std::memset(place.in, mark, bytes);
                std::memset(place.out, ~mark, 10);
            }
        });
        uint64_t next = 0;
        while (next < kRecords) {
            static_cast<void>(ring.read([&next](const MirroredPacket& packet) {
                ASSERT_EQ(packet.record.time_ns, static_cast<int64_t>(next));
                const auto mark = static_cast<uint8_t>(next++);
                for (const uint8_t byte : packet.in) {
                    ASSERT_EQ(byte, mark);
                }
                for (const uint8_t byte : packet.out) {
                    ASSERT_EQ(byte, static_cast<uint8_t>(~mark));
                }
            }));
        }
        writer.join();
        EXPECT_EQ(ring.used(), 0U);
        EXPECT_EQ(ring.counters().records[0].load(), kRecords);
        own.reset();  // while there is EAL
        EXPECT_EQ(engine.stop(), 0U);
    });
}

TEST(MirrorRingTest, AnEnginesWorkersTellWhatCame) {
    run_in_own_process([] {
        TestEngine engine(small_engine(1, {"net_ring0"}));
        engine.route_all_to(0);
        TapJob job;
        job.tap.is_on = true;
        Command command(CommandKind::kRunJob);
        command.job = &job;
        engine.tell(command);
        EXPECT_EQ(engine.wait_for_event(0).kind, EventKind::kJobDone);
        const Frame question =
            PacketBuilder()
                .arp_request(kPeerMac, Ipv4Address::of(10, 0, 0, 7), ip("10.0.0.254"))
                .pad_to(60)
                .build();
        engine.put_in(PortId{0}, question);
        static_cast<void>(engine.total_when([](const auto& now) { return now.punted == 1; }));
        std::vector<Frame> told;
        while (told.empty()) {
            static_cast<void>(engine->read_mirror(WorkerId{0}, [&](const MirroredPacket& packet) {
                EXPECT_EQ(packet.record.outcome, MirrorOutcome::kPunted);
                told.emplace_back(packet.in.begin(), packet.in.end());
            }));
        }
        EXPECT_EQ(told.front(), question);
        EXPECT_EQ(engine->mirror_counters(WorkerId{0}).records[0].load(), 1U);
        EXPECT_EQ(engine.stop(), 0U);
    });
}

}  // namespace
}  // namespace director::test
