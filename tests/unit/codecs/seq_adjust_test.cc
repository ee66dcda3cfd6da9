// Sequence numbers that differ between the two ends: against a model that knows each byte's number
// on both sides, and for random headers with every checksum computed anew. And the policy that says
// when handshakes are to be finished on the servers' behalf.
#include "dataplane/core/codecs/seq_adjust.h"

#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/core/tables/attack_watch.h"
#include "tests/support/tcp_frame.h"

namespace director::dataplane {
namespace {

using test::fault_of;
using test::number_at;
using test::payload_of;
using test::TestFrame;

[[nodiscard]] Endpoint endpoint(const char* text) {
    return Endpoint::parse(text).value();
}

constexpr size_t kServer = static_cast<size_t>(TcpSender::kServer);
constexpr size_t kClient = static_cast<size_t>(TcpSender::kClient);

// The number that the other end sees.
[[nodiscard]] uint32_t forward(TcpAdjustment& adjustment, uint32_t sequence) {
    TestFrame frame({endpoint("10.0.0.1:21"), endpoint("10.0.0.2:99"), sequence});
    adjust_tcp(frame.bytes.l4(), 20, TcpSender::kServer, adjustment);
    EXPECT_EQ(fault_of(frame.bytes), "");
    return number_at(frame.bytes.l4() + 4, 4);
}

// The acknowledgement that comes back, in the sender's numbers.
[[nodiscard]] uint32_t backward(TcpAdjustment& adjustment, uint32_t acknowledgement) {
    TestFrame frame({endpoint("10.0.0.2:99"), endpoint("10.0.0.1:21"), 5, acknowledgement});
    adjust_tcp(frame.bytes.l4(), 20, TcpSender::kClient, adjustment);
    EXPECT_EQ(fault_of(frame.bytes), "");
    return number_at(frame.bytes.l4() + 8, 4);
}

// Segments one after the other, some resized, each acknowledged before the next resize but one: the
// last and the one before may be sent again at any time.
TEST(SeqAdjust, FollowsResizesWhereverTheNumbersWrap) {
    for (uint64_t seed = 1; seed <= 100; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        TcpAdjustment adjustment;
        auto sent = static_cast<uint32_t>(random.next());
        uint32_t shown = sent;
        for (int i = 0; i < 50; ++i) {
            const auto length = static_cast<uint32_t>(30 + random.below(1000));
            int32_t growth = 0;
            if (random.below(3) == 0) {
                growth = static_cast<int32_t>(random.below(21)) - 10;
                record_resize(adjustment.sent[kServer], sent, growth);
                const SeqAdjust once = adjustment.sent[kServer];
                record_resize(adjustment.sent[kServer], sent, growth);  // sent again
                EXPECT_EQ(adjustment.sent[kServer], once);
            }
            ASSERT_EQ(forward(adjustment, sent), shown);
            ASSERT_EQ(backward(adjustment, shown), sent) << "of what was before";
            const uint32_t next_sent = sent + length;
            const uint32_t next_shown = shown + length + static_cast<uint32_t>(growth);
            ASSERT_EQ(backward(adjustment, next_shown), next_sent);
            ASSERT_EQ(forward(adjustment, next_sent), next_shown);
            ASSERT_EQ(forward(adjustment, sent), shown) << "sent again";
            sent = next_sent;
            shown = next_shown;
        }
    }
}

TEST(SeqAdjust, AGrownStreamStaysGrownAfterGigabytes) {
    TcpAdjustment adjustment;
    record_resize(adjustment.sent[kServer], 1000, 28);
    uint32_t sequence = 1000;
    for (int i = 0; i < 10000; ++i) {
        sequence += 1U << 20;
        ASSERT_EQ(forward(adjustment, sequence), sequence + 28) << i;
        ASSERT_EQ(backward(adjustment, sequence + 28), sequence) << i;
    }
}

TEST(SeqAdjust, ShiftsSackEdgesAndTimestampsWhereverTheyStand) {
    Random random(9);
    for (uint32_t lead = 0; lead < 4; ++lead) {
        TcpAdjustment adjustment;
        adjustment.sent[kServer] = constant_shift(0, 1000);
        adjustment.timestamp_delta = 70000;
        std::vector<uint8_t> options(lead, 1);
        const auto put = [&](uint32_t value) {
            for (int shift = 24; shift >= 0; shift -= 8) {
                options.push_back(static_cast<uint8_t>(value >> shift));
            }
        };
        options.insert(options.end(), {5, 18});
        for (const uint32_t edge : {5000U, 6000U, 7000U, 8000U}) {
            put(edge);
        }
        options.insert(options.end(), {8, 10});
        put(111);
        put(70222);
        options.resize((options.size() + 3) / 4 * 4, 0);
        TestFrame frame({endpoint("[2001:db8::1]:9"),
                         endpoint("[2001:db8::2]:21"),
                         5,
                         3000,
                         kTcpFlagAck,
                         7,
                         options});
        adjustment.window_shift = 2;
        adjust_tcp(
            frame.bytes.l4(), frame.bytes.tcp_header_bytes(), TcpSender::kClient, adjustment);
        ASSERT_EQ(fault_of(frame.bytes), "") << lead;
        const uint8_t* const tcp = frame.bytes.l4();
        EXPECT_EQ(number_at(tcp + 8, 4), 2000U);
        EXPECT_EQ(number_at(tcp + 14, 2), 7U) << "the server's window, not the client's";
        for (uint32_t i = 0; i < 4; ++i) {
            EXPECT_EQ(number_at(tcp + 22 + lead + 4 * i, 4), 4000U + 1000 * i);
        }
        EXPECT_EQ(number_at(tcp + 20 + lead + 20, 4), 111U);
        EXPECT_EQ(number_at(tcp + 20 + lead + 24, 4), 222U);
    }
}

// Whatever bytes stand in the options, a right checksum stays right and nothing else is touched.
TEST(SeqAdjust, RandomOptionsKeepTheChecksumRight) {
    for (uint64_t seed = 1; seed <= 3000; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        std::vector<uint8_t> options(random.below(11) * 4);
        for (uint8_t& byte : options) {
            byte = static_cast<uint8_t>(random.below(2) == 0 ? random.below(12) : random.next());
        }
        TcpAdjustment adjustment;
        for (SeqAdjust& each : adjustment.sent) {
            each = {static_cast<uint32_t>(random.next()),
                    static_cast<int32_t>(random.next()),
                    static_cast<int32_t>(random.next()),
                    random.below(2) == 0};
        }
        adjustment.timestamp_delta = static_cast<uint32_t>(random.next());
        adjustment.window_shift = static_cast<int8_t>(static_cast<int>(random.below(29)) - 14);
        TestFrame frame({endpoint("10.0.0.1:21"),
                         endpoint("10.0.0.2:99"),
                         static_cast<uint32_t>(random.next()),
                         static_cast<uint32_t>(random.next()),
                         static_cast<uint8_t>(random.next()),
                         static_cast<uint16_t>(random.next()),
                         options,
                         "payload"});
        adjust_tcp(frame.bytes.l4(),
                   frame.bytes.tcp_header_bytes(),
                   random.below(2) == 0 ? TcpSender::kClient : TcpSender::kServer,
                   adjustment);
        ASSERT_EQ(fault_of(frame.bytes), "");
        EXPECT_EQ(payload_of(frame.bytes), "payload");
    }
}

TEST(SeqAdjust, WithoutAdjustmentNothingChanges) {
    TcpAdjustment adjustment;
    TestFrame frame({endpoint("10.0.0.1:21"),
                     endpoint("10.0.0.2:99"),
                     1,
                     2,
                     kTcpFlagAck,
                     3,
                     {8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1}});
    const std::vector<uint8_t> before = frame.memory;
    adjust_tcp(frame.bytes.l4(), 32, TcpSender::kClient, adjustment);
    adjust_tcp(frame.bytes.l4(), 32, TcpSender::kServer, adjustment);
    EXPECT_EQ(frame.memory, before);
    EXPECT_FALSE(adjustment.sent[kClient].is_set);
}

[[nodiscard]] TimePoint at(int64_t ms) {
    return TimePoint{std::chrono::milliseconds(ms)};
}

TEST(AttackWatch, TurnsOnWithTheHalfOpenShareAndOffAfterACalmWhile) {
    AttackThresholds thresholds;
    thresholds.syns_on_per_second = 0;
    AttackWatch attack;
    const auto update = [&](int64_t ms, uint32_t half_open) {
        return attack.update(at(ms), thresholds, {half_open, 1000, 0});
    };
    EXPECT_FALSE(update(0, 0));
    EXPECT_FALSE(update(100, 250));
    EXPECT_TRUE(update(200, 251));
    EXPECT_TRUE(update(9000, 121)) << "above the lower threshold";
    EXPECT_TRUE(update(18999, 120));
    EXPECT_FALSE(update(19000, 120));
    EXPECT_FALSE(update(19100, 250));
    thresholds.hold_seconds = 2;
    EXPECT_TRUE(update(20000, 251));
    EXPECT_TRUE(update(21999, 120));
    EXPECT_FALSE(update(22000, 120));
    EXPECT_TRUE(update(22100, 1000));
    attack.end();
    EXPECT_FALSE(attack.is_under_attack());
}

TEST(AttackWatch, TurnsOnWithTheRateOfSyns) {
    AttackThresholds thresholds;
    thresholds.syns_on_per_second = 1000;
    thresholds.syns_off_per_second = 500;
    AttackWatch attack;
    const auto update = [&](int64_t ms, uint64_t count, uint32_t workers = 1) {
        return attack.update(at(ms), thresholds, {0, 1000, count}, workers);
    };
    uint64_t syns = 5'000'000;  // long before it began to watch
    EXPECT_FALSE(update(0, syns));
    EXPECT_FALSE(update(10, syns + 90)) << "a burst of 10 ms";
    EXPECT_FALSE(update(100, syns += 100));
    EXPECT_TRUE(update(200, syns += 102));
    for (int64_t ms = 300; ms < 10200; ms += 100) {
        EXPECT_TRUE(update(ms, syns += 40)) << ms;
    }
    EXPECT_FALSE(update(10300, syns));
    EXPECT_FALSE(update(10400, syns += 40));
    EXPECT_TRUE(update(10500, syns += 40, 3)) << "one worker's share of three";
}

}  // namespace
}  // namespace director::dataplane
