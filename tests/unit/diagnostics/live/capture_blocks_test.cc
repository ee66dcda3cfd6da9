// What CaptureBlocks writes, the capture reader reads: interfaces, times, lengths. (That tshark
// shows names and comments: tests/lab/cases/diagnostics.sh.)
#include "diagnostics/live/capture_blocks.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "diagnostics/files/capture_file.h"
#include "diagnostics/files/pcapng_blocks.h"

namespace director::diagnostics {
namespace {

std::span<const uint8_t> span_of(std::string_view bytes) {
    return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

TEST(CaptureBlocksTest, BlocksSayWhatWasAdded) {
    CaptureBlocks blocks("test");
    const size_t section = blocks.bytes().size();
    EXPECT_EQ(section % 4, 0U);
    blocks.clear();
    ASSERT_EQ(blocks.add_interface("d0 client side", "what", 128), 0U);
    const auto interface = BlockReader(span_of(blocks.bytes()), false).interface_block();
    ASSERT_TRUE(interface);
    EXPECT_EQ(interface->name, "d0 client side");
    EXPECT_EQ(interface->snap_length, 128U);
    EXPECT_EQ(interface->resolution, 9);
    blocks.clear();

    const std::string bytes = "fourteen bytes";
    blocks.add_packet({.interface = 0,
                       .time_ns = 1'700'000'000'123'456'789,
                       .bytes = span_of(bytes),
                       .wire_bytes = 60,
                       .direction = CaptureDirection::kInbound,
                       .comment = "why"});
    EXPECT_NE(blocks.bytes().find("why"), std::string_view::npos);
    const auto packet = BlockReader(span_of(blocks.bytes()), false).packet();
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->ticks, 1'700'000'000'123'456'789U);
    EXPECT_EQ(packet->wire_bytes, 60U);
    EXPECT_EQ(packet->bytes.size(), bytes.size());
    blocks.clear();

    blocks.add_statistics(
        {.interface = 0, .begin_ns = 1, .end_ns = 2, .received = 7, .missed = 3, .comment = ""});
    const auto statistics = BlockReader(span_of(blocks.bytes()), false).statistics();
    ASSERT_TRUE(statistics);
    EXPECT_EQ(statistics->received, 7U);
    EXPECT_EQ(statistics->dropped, 3U);
}

}  // namespace
}  // namespace director::diagnostics
