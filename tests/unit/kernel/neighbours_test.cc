// Frames wait for a MAC address and go, or are dropped and counted; watched next hops are asked
// after when they must be and not more often. Virtual time; the kernel is played by the test.
#include "controlplane/kernel/neighbours.h"

#include <vector>

#include <gmock/gmock.h>

namespace director::kernel {
namespace {

using dataplane::InterfaceId;
using dataplane::Neighbour;
using dataplane::NeighbourKey;
using dataplane::NeighbourState;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

const MacAddress kMac{{2, 0, 0, 0, 0, 7}};
const Neighbour kReachable{kMac, NeighbourState::kReachable};
const Neighbour kFailed{{}, NeighbourState::kFailed};

NeighbourKey key(uint8_t last, uint16_t interface = 1) {
    return {Ipv4Address::of(192, 168, 0, last), InterfaceId{interface}};
}

std::vector<uint8_t> frame(uint8_t mark) {
    return {0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 8, 0, mark};
}

class NeighbourResolverTest : public testing::Test {
  protected:
    void hold(const NeighbourKey& next_hop, uint8_t mark) {
        resolver_.hold(next_hop, frame(mark), now_, actions_);
    }
    void change(const NeighbourKey& next_hop, const Neighbour& neighbour) {
        resolver_.on_changed(next_hop, neighbour, now_, actions_);
    }
    void remove(const NeighbourKey& next_hop) { resolver_.on_removed(next_hop, now_, actions_); }
    void watch(const std::vector<NeighbourKey>& next_hops) {
        resolver_.watch(next_hops, now_, actions_);
    }
    // Lets time pass, calling on_deadline() whenever one is reached.
    void pass(Duration time) {
        const TimePoint end = now_ + time;
        while (resolver_.deadline() && *resolver_.deadline() <= end) {
            ASSERT_GE(*resolver_.deadline(), now_);
            now_ = *resolver_.deadline();
            resolver_.on_deadline(now_, actions_);
            ASSERT_TRUE(!resolver_.deadline() || *resolver_.deadline() > now_);
        }
        now_ = end;
    }
    std::vector<NeighbourKey> take_solicited() { return std::exchange(actions_.solicit, {}); }
    std::vector<NeighbourKey> take_forgotten() { return std::exchange(actions_.forget, {}); }
    // The marks of the frames sent, each checked to have its destination filled in.
    std::vector<int> take_sent() {
        std::vector<int> marks;
        for (const ReadyFrame& ready : std::exchange(actions_.send, {})) {
            EXPECT_TRUE(std::equal(kMac.bytes.begin(), kMac.bytes.end(), ready.bytes.begin()));
            EXPECT_EQ(ready.bytes.size(), 15U);
            EXPECT_EQ(ready.bytes[6], 2);  // the source is untouched
            marks.push_back(ready.bytes.back());
        }
        return marks;
    }

    NeighbourResolver resolver_;
    NeighbourActions actions_;
    TimePoint now_{1000s};
};

// --- Waiting frames

TEST_F(NeighbourResolverTest, AFrameWaitsUntilTheNeighbourIsKnown) {
    hold(key(7), 1);
    hold(key(7), 2);
    EXPECT_THAT(take_solicited(), ElementsAre(key(7)));
    EXPECT_THAT(take_sent(), IsEmpty());
    EXPECT_EQ(resolver_.held(), 2U);
    pass(3ms);
    change(key(7), kReachable);
    EXPECT_EQ(actions_.send.at(0).interface, InterfaceId{1});
    EXPECT_THAT(take_sent(), ElementsAre(1, 2));
    EXPECT_EQ(resolver_.held(), 0U);
    EXPECT_EQ(resolver_.counters().held, 2U);
    EXPECT_EQ(resolver_.counters().sent, 2U);
    EXPECT_EQ(resolver_.deadline(), std::nullopt);
}

TEST_F(NeighbourResolverTest, AFrameGoesAtOnceWhenTheWorkerWasBehind) {
    change(key(7), kReachable);
    hold(key(7), 1);
    EXPECT_THAT(take_sent(), ElementsAre(1));
    EXPECT_THAT(take_solicited(), IsEmpty());
    EXPECT_EQ(resolver_.held(), 0U);
}

TEST_F(NeighbourResolverTest, TheSameAddressOnAnotherInterfaceIsAnotherNextHop) {
    hold(key(7, 1), 1);
    change(key(7, 2), kReachable);
    EXPECT_THAT(take_sent(), IsEmpty());
}

TEST_F(NeighbourResolverTest, AFrameWaitsOneSecond) {
    hold(key(7), 1);
    pass(400ms);
    hold(key(7), 2);
    pass(600ms);
    EXPECT_EQ(resolver_.held(), 1U);
    EXPECT_EQ(resolver_.counters().dropped_late, 1U);
    pass(400ms);
    EXPECT_EQ(resolver_.held(), 0U);
    EXPECT_EQ(resolver_.counters().dropped_late, 2U);
    change(key(7), kReachable);
    EXPECT_THAT(take_sent(), IsEmpty());
}

TEST_F(NeighbourResolverTest, EightWaitForOneNextHopAndTheOldestGives) {
    for (uint8_t mark = 1; mark <= 10; ++mark) {
        hold(key(7), mark);
    }
    EXPECT_EQ(resolver_.held(), 8U);
    EXPECT_EQ(resolver_.counters().dropped_full, 2U);
    change(key(7), kReachable);
    EXPECT_THAT(take_sent(), ElementsAre(3, 4, 5, 6, 7, 8, 9, 10));
}

TEST_F(NeighbourResolverTest, AtMost256WaitInAll) {
    for (uint16_t i = 0; i < 300; ++i) {
        resolver_.hold(
            {Ipv4Address::from_host(0x0a000000U + i), InterfaceId{1}}, frame(1), now_, actions_);
    }
    EXPECT_EQ(resolver_.held(), 256U);
    EXPECT_EQ(resolver_.counters().dropped_full, 44U);
    EXPECT_EQ(take_solicited().size(), 256U);  // a scan costs no more than that
    pass(1s);
    EXPECT_EQ(resolver_.held(), 0U);
    EXPECT_EQ(resolver_.deadline(), std::nullopt);
}

TEST_F(NeighbourResolverTest, ANextHopThatFailsDropsItsFramesAndThoseThatFollow) {
    hold(key(7), 1);
    change(key(7), kFailed);
    EXPECT_EQ(resolver_.counters().dropped_failed, 1U);
    hold(key(7), 2);
    EXPECT_EQ(resolver_.counters().dropped_failed, 2U);
    EXPECT_EQ(resolver_.held(), 0U);
}

TEST_F(NeighbourResolverTest, AFailedNextHopIsForgottenSoThatItMayTryAgain) {
    hold(key(7), 1);
    take_solicited();
    change(key(7), kFailed);
    pass(2999ms);
    EXPECT_THAT(take_forgotten(), IsEmpty());
    pass(1ms);
    EXPECT_THAT(take_forgotten(), ElementsAre(key(7)));
    pass(3s);  // the kernel did not: once more
    EXPECT_THAT(take_forgotten(), ElementsAre(key(7)));
    remove(key(7));
    EXPECT_EQ(resolver_.deadline(), std::nullopt);
    hold(key(7), 2);
    EXPECT_THAT(take_solicited(), ElementsAre(key(7)));
}

TEST_F(NeighbourResolverTest, ASteadyStreamAsksOnceASecond) {
    for (int i = 0; i < 29; ++i) {
        hold(key(7), 1);
        pass(100ms);
    }
    EXPECT_EQ(take_solicited().size(), 3U);
}

TEST_F(NeighbourResolverTest, AFrameJustAfterARemovalIsAskedForInTime) {
    hold(key(7), 1);
    change(key(7), kReachable);
    take_sent();
    remove(key(7));
    pass(500ms);
    hold(key(7), 2);
    take_solicited();
    pass(600ms);
    change(key(7), kReachable);
    EXPECT_THAT(take_sent(), ElementsAre(2));
}

// --- Watched next hops

TEST_F(NeighbourResolverTest, AWatchedNextHopIsAskedForAtOnce) {
    watch({key(7), key(8)});
    EXPECT_THAT(take_solicited(), ElementsAre(key(7), key(8)));
}

TEST_F(NeighbourResolverTest, AKnownOneIsAskedAfterEvery30Seconds) {
    watch({key(7)});
    change(key(7), kReachable);
    take_solicited();
    pass(29s);
    EXPECT_THAT(take_solicited(), IsEmpty());
    pass(1s);
    EXPECT_THAT(take_solicited(), ElementsAre(key(7)));
    pass(60s);
    EXPECT_EQ(take_solicited().size(), 2U);
}

TEST_F(NeighbourResolverTest, AnUnknownOneEvery3Seconds) {
    watch({key(7)});
    take_solicited();
    pass(9s);
    EXPECT_EQ(take_solicited().size(), 3U);
}

TEST_F(NeighbourResolverTest, AFailedOneIsAskedAfterAgainAndNotForgotten) {
    watch({key(7)});
    take_solicited();
    pass(1s);
    change(key(7), kFailed);
    pass(3s);
    EXPECT_THAT(take_solicited(), ElementsAre(key(7)));
    pass(30s);
    EXPECT_THAT(take_forgotten(), IsEmpty());
    change(key(7), kReachable);
    hold(key(7), 1);
    EXPECT_THAT(take_sent(), ElementsAre(1));
}

TEST_F(NeighbourResolverTest, OneThatVanishesIsAskedForAtOnceButNotMoreThanOnceASecond) {
    watch({key(7)});
    change(key(7), kReachable);
    pass(10s);
    take_solicited();
    remove(key(7));
    EXPECT_THAT(take_solicited(), ElementsAre(key(7)));
    for (int i = 0; i < 20; ++i) {  // an interface that flaps
        change(key(7), kReachable);
        remove(key(7));
        pass(100ms);
    }
    EXPECT_EQ(take_solicited().size(), 2U);
}

TEST_F(NeighbourResolverTest, ANewListLeavesTheOthersScheduleAlone) {
    watch({key(7)});
    change(key(7), kReachable);
    pass(20s);
    take_solicited();
    watch({key(7), key(8)});
    EXPECT_THAT(take_solicited(), ElementsAre(key(8)));
    change(key(8), kReachable);
    pass(10s);
    EXPECT_THAT(take_solicited(), ElementsAre(key(7)));
}

TEST_F(NeighbourResolverTest, OneNoLongerWatchedIsLeftAlone) {
    watch({key(7)});
    change(key(7), kReachable);
    take_solicited();
    watch({});
    pass(120s);
    EXPECT_THAT(take_solicited(), IsEmpty());
    EXPECT_EQ(resolver_.deadline(), std::nullopt);
}

TEST_F(NeighbourResolverTest, AWatchedListMayNameANextHopTwice) {
    watch({key(7), key(7)});
    EXPECT_THAT(take_solicited(), ElementsAre(key(7)));
}

}  // namespace
}  // namespace director::kernel
