// FrameBurst gives back what was put in, also when the frame's first byte has moved.
#include "tests/support/frame_burst.h"

#include <gtest/gtest.h>

#include "tests/support/frame_assertions.h"
#include "tests/support/sim_clock.h"

namespace director::test {
namespace {

TEST(FrameBurst, HoldsFrames) {
    FrameBurst frames;
    const Frame one = PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).build();
    const Frame two = PacketBuilder().vlan(3).ipv4("10.0.0.1", "10.0.0.2").build();
    frames.add(one, dataplane::PortId{4});
    frames.add(two);
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames.packet(0).in_port, dataplane::PortId{4});
    EXPECT_EQ(frames.packet(1).contiguous_bytes, two.size());
    EXPECT_TRUE(same_frame(one, frames.bytes(0)));
    EXPECT_TRUE(same_frame(two, frames.bytes(1)));

    dataplane::Packet& packet = frames.packet(0);
    packet.data -= 4;
    packet.length_bytes += 4;
    std::copy_n(packet.data + 4, 12, packet.data);
    EXPECT_EQ(frames.bytes(0).size(), one.size() + 4);

    frames.clear();
    EXPECT_EQ(frames.burst().count, 0U);
}

TEST(FrameBurst, RefusesAPacketThatLeftItsBlock) {
    FrameBurst frames;
    frames.add(PacketBuilder().build()).length_bytes += 1;
    EXPECT_DEATH(static_cast<void>(frames.bytes(0)), "assertion failed");
}

TEST(SimClock, MovesOnlyForwardAndOnlyByHand) {
    SimClock clock;
    const TimePoint start = clock.now();
    EXPECT_EQ(clock.now(), start);
    clock.advance(std::chrono::seconds(5));
    EXPECT_EQ(clock.now() - start, std::chrono::seconds(5));
    EXPECT_DEATH(clock.jump_to(start), "assertion failed");
}

}  // namespace
}  // namespace director::test
