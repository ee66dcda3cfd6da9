// Generated conversations on both sides of a device, with loss, duplication, reordering, and clocks
// that differ and drift: every pair is right, and none is false. A failure names its seed.
#include "tests/unit/diagnostics/match/simulated.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace director::diagnostics::matching {
namespace {

constexpr uint64_t kSeeds = 6;
constexpr uint32_t kConnections = 30;
constexpr int64_t kMs = 1'000'000;

Weather storm(uint64_t seed) {
    return {20,
            20,
            3 * kMs,
            static_cast<int64_t>(seed) * 7'200'000 * kMs - 5 * kMs,
            40.0 * static_cast<double>(seed % 3)};
}

void expect_all_right(const Device& device) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        Simulation simulation(seed);
        simulation.converse(kConnections, device, storm(seed));
        const Matched matched = simulation.match();
        const Simulation::Score connections = simulation.score_connections(matched);
        EXPECT_EQ(connections.right, kConnections);
        EXPECT_EQ(connections.wrong, 0U);
        const Simulation::Score packets = simulation.score(matched);
        EXPECT_EQ(packets.wrong, 0U);
        EXPECT_EQ(packets.right, packets.expected);
        EXPECT_GT(packets.expected, kConnections * 8);
    }
}

TEST(Simulated, Routed) {
    expect_all_right({});
}

TEST(Simulated, TranslatedSource) {
    expect_all_right({true, true, false, false, false, IpIds::kCounted});
}

TEST(Simulated, TranslatedDestination) {
    expect_all_right({false, false, true, false, false, IpIds::kCounted});
}

TEST(Simulated, TranslatedBoth) {
    expect_all_right({true, true, true, false, false, IpIds::kCounted});
}

TEST(Simulated, ShiftedSequences) {
    expect_all_right({false, false, false, true, false, IpIds::kCounted});
    expect_all_right({true, true, false, true, false, IpIds::kCounted});
    expect_all_right({true, true, true, true, false, IpIds::kCounted});
}

TEST(Simulated, FramesCutByTheCard) {
    expect_all_right({false, false, false, false, true, IpIds::kCounted});
    expect_all_right({true, true, true, false, true, IpIds::kCounted});
}

TEST(Simulated, RewrittenIpIds) {
    // Retransmissions are told apart by their window alone, and copies not at all: told as
    // ambiguous.
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        Simulation simulation(seed);
        simulation.converse(
            kConnections, {true, true, false, false, false, IpIds::kRewritten}, storm(seed));
        const Matched matched = simulation.match();
        EXPECT_EQ(simulation.score_connections(matched).right, kConnections);
        const Simulation::Score packets = simulation.score(matched);
        EXPECT_EQ(packets.wrong, 0U);
        uint32_t told = 0;
        for (const AmbiguousGroup& group : matched.matching.ambiguous_packets) {
            told += static_cast<uint32_t>(std::min(group.packets.a.size(), group.packets.b.size()));
        }
        EXPECT_GE(packets.right + told, packets.expected);
        EXPECT_GE(packets.right * 100, packets.expected * 96);
    }
}

TEST(Simulated, WithoutIpIds) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        Simulation simulation(seed);
        simulation.converse(
            kConnections, {true, true, false, false, false, IpIds::kZero}, {0, 0, 3 * kMs, 0, 0});
        const Matched matched = simulation.match();
        const Simulation::Score packets = simulation.score(matched);
        EXPECT_EQ(packets.wrong, 0U);
        EXPECT_EQ(packets.right + packets.ambiguous, packets.expected);
        EXPECT_EQ(simulation.score_connections(matched).right, kConnections);
    }
}

TEST(Simulated, UnrelatedTrafficMakesNoPair) {
    for (uint64_t seed = 1; seed <= 5 * kSeeds; ++seed) {
        Simulation one(seed);
        one.converse(kConnections, {}, {});
        Simulation other(seed + 1000);
        other.converse(kConnections, {true, true, true, true, false, IpIds::kCounted}, {});
        std::vector<VantagePoint> points;
        points.push_back(one.match().points[0]);
        points.push_back(other.match().points[1]);
        const Matched matched = match_points(std::move(points));
        for (const Conversation& conversation : matched.matching.conversations) {
            EXPECT_EQ(conversation.points_seen(), 1U) << "seed " << seed;
        }
    }
}

TEST(Simulated, OffsetAndDriftAreFound) {
    Simulation simulation(7);
    simulation.converse(200, {}, {0, 0, kMs, 3'600'000 * kMs + 12 * kMs, 50});
    const Matched matched = simulation.match();
    const ClockFit& clock = matched.matching.clocks.at(0).clock;
    EXPECT_NEAR(static_cast<double>(clock.offset_at(1'700'000'000'000'000'000)),
                3'600'012.0 * kMs,
                0.5 * kMs);
    EXPECT_NEAR(static_cast<double>(clock.offset_at(1'700'000'020'000'000'000)),
                3'600'013.0 * kMs,
                0.5 * kMs);
    ASSERT_TRUE(clock.zone_ns.has_value());
    EXPECT_EQ(*clock.zone_ns, 3'600'000 * kMs);
}

TEST(SimulatedProxy, ForwardedForNamesTheClient) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        Simulation simulation(seed);
        simulation.proxy(kConnections, Simulation::Says::kForwardedFor, storm(seed));
        const Simulation::Score score = simulation.score_connections(simulation.match());
        EXPECT_EQ(score.right, kConnections) << "seed " << seed;
        EXPECT_EQ(score.wrong, 0U) << "seed " << seed;
    }
}

TEST(SimulatedProxy, SameRequestsByTimeOrAmbiguous) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        Simulation simulation(seed);
        simulation.proxy(80, Simulation::Says::kSameRequests, {0, 0, 0, 4000 * kMs, 0});
        const Simulation::Score score = simulation.score_connections(simulation.match());
        EXPECT_GE(score.right, 60U) << "seed " << seed;
        EXPECT_EQ(score.wrong, 0U) << "seed " << seed;
        EXPECT_GE(score.right + score.ambiguous, 80U) << "seed " << seed;
    }
}

TEST(SimulatedProxy, TlsBySizesAndTurns) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
        Simulation simulation(seed);
        simulation.proxy(40, Simulation::Says::kTls, {0, 0, 0, -900 * kMs, 0});
        const Simulation::Score score = simulation.score_connections(simulation.match());
        EXPECT_GE(score.right, 38U) << "seed " << seed;
        EXPECT_EQ(score.wrong, 0U) << "seed " << seed;
    }
}

}  // namespace
}  // namespace director::diagnostics::matching
