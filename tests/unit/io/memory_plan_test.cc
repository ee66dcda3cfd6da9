// Shows which memory is chosen and how large frame buffers are.
#include "dataplane/io/memory_plan.h"

#include <gmock/gmock.h>

namespace director::test {
namespace {

using namespace dataplane::io;
using ::testing::ElementsAre;

constexpr uint64_t kMib = uint64_t{1} << 20;

EngineSettings settings_of(uint32_t frames, uint32_t connections, uint16_t mtu_bytes = 1500) {
    EngineSettings settings;
    settings.worker_cpus = {1};
    settings.ports = {{.name = "p0", .device = "net_null0", .mtu_bytes = mtu_bytes}};
    settings.pool_frames = frames;
    settings.worker.connections_max = connections;
    return settings;
}

TEST(MemoryPlanTest, HugepagesWhenTheySuffice) {
    const MemoryNeed need{.hugepage_bytes = 100 * kMib, .plain_bytes = 200 * kMib};
    EXPECT_THAT(memory_arguments(need, {.of_2_mib = 100 * kMib}), ElementsAre("--in-memory"));
    EXPECT_THAT(memory_arguments(need, {.of_1_gib = 1024 * kMib}), ElementsAre("--in-memory"));
}

TEST(MemoryPlanTest, PlainMemoryOfTheRightSizeOtherwise) {
    const MemoryNeed need{.hugepage_bytes = 100 * kMib, .plain_bytes = 200 * kMib + 1};
    EXPECT_THAT(memory_arguments(need, {.of_2_mib = 98 * kMib}),
                ElementsAre("--no-huge", "--no-shconf", "-m", "201"));
}

TEST(MemoryPlanTest, NeedGrowsWithWhatIsConfigured) {
    const MemoryNeed base = memory_need(settings_of(1000, 1000));
    EXPECT_GE(memory_need(settings_of(11000, 1000)).hugepage_bytes,
              base.hugepage_bytes + 10000 * 2048);
    EXPECT_GE(memory_need(settings_of(1000, 1001000)).hugepage_bytes,
              base.hugepage_bytes + uint64_t{1000000} * 64);
    auto two_workers = settings_of(1000, 1000);
    two_workers.worker_cpus = {1, 0};
    EXPECT_GT(memory_need(two_workers).plain_bytes, base.plain_bytes);
}

TEST(MemoryPlanTest, PersistenceLimitsAndLoadsCount) {
    auto settings = settings_of(1000, 1000);
    const MemoryNeed base = memory_need(settings);
    settings.templates_max += 1000000;
    EXPECT_GE(memory_need(settings).hugepage_bytes, base.hugepage_bytes + uint64_t{1000000} * 112);
    EXPECT_GE(memory_need(settings).plain_bytes, base.plain_bytes + uint64_t{1000000} * 112);
    settings.worker.real_servers_max = 1000;
    const uint64_t alone = shared_table_bytes(settings);
    settings.worker_cpus = {1, 2, 3};
    EXPECT_EQ(shared_table_bytes(settings), alone + 3 * 1000 * 8);
}

TEST(MemoryPlanTest, FrameBuffersHoldTheLargestMtu) {
    EXPECT_EQ(frame_room_bytes(settings_of(1, 1)), 2048 + 128);
    EXPECT_GE(frame_room_bytes(settings_of(1, 1, 9000)), 9000 + 14 + 8 + 4 + 128);
    // net_af_packet wants buffers as long as its ring's frames.
    auto packet_socket = settings_of(1, 1, 9000);
    packet_socket.ports[0].device = "net_af_packet0,iface=lo,framesz=9216,blocksz=36864";
    EXPECT_GE(frame_room_bytes(packet_socket), 9216 + 128);
}

}  // namespace
}  // namespace director::test
