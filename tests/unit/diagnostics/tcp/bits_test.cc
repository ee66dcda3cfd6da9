// Each bit of tcpFStat, tcpFlags, tcpAnomaly and tcpStatesAFlags by a conversation that has it.
#include <gmock/gmock.h>

#include "tests/unit/diagnostics/tcp/conversation.h"

namespace director::diagnostics {
namespace {

class Anomaly : public testing::Test {
  protected:
    void SetUp() override { wire_.open(); }
    Conversation wire_;
};

TEST_F(Anomaly, SynRetransmission) {
    Conversation wire;
    EXPECT_EQ(wire.client({100, 0, 0, kSyn}).anomaly, 0);
    wire.pass(kSecond);
    const TcpFinding again = wire.client({100, 0, 0, kSyn});
    EXPECT_EQ(again.anomaly, kAnomalySynRetransmission);
    EXPECT_EQ(again.retransmission_delay_ns, kSecond);
    EXPECT_EQ(wire.a().sequence.syn_retransmissions, 1U);
}

TEST_F(Anomaly, TimeoutRetransmission) {
    wire_.client({101, 501, 1000});
    wire_.pass(300 * kMillisecond);
    const TcpFinding again = wire_.client({101, 501, 1000});
    EXPECT_EQ(again.anomaly, kAnomalyTimeoutRetransmission);
    EXPECT_EQ(again.retransmission_delay_ns, 300 * kMillisecond);
    EXPECT_EQ(wire_.a().sequence.retransmitted_bytes, 1000U);
    EXPECT_EQ(wire_.a().sequence.faults, 1U);
}

TEST_F(Anomaly, FastRetransmissionAfterTwoDuplicateAcks) {
    wire_.client({101, 501, 1000});
    wire_.client({1101, 501, 1000});
    wire_.server({501, 101});
    wire_.server({501, 101});
    EXPECT_EQ(wire_.server({501, 101}).duplicate_ack, 3U);
    wire_.pass(10 * kMillisecond);
    EXPECT_EQ(wire_.client({101, 501, 1000}).anomaly, kAnomalyFastRetransmission);
}

TEST_F(Anomaly, NoFastRetransmissionLaterThan20Ms) {
    wire_.client({101, 501, 1000});
    wire_.client({1101, 501, 1000});
    wire_.server({501, 101});
    wire_.server({501, 101});
    wire_.server({501, 101});
    wire_.pass(30 * kMillisecond);
    EXPECT_EQ(wire_.client({101, 501, 1000}).anomaly, kAnomalyTimeoutRetransmission);
}

TEST_F(Anomaly, DuplicateAck) {
    wire_.client({101, 501, 1000});
    wire_.client({1101, 501, 1000});
    EXPECT_EQ(wire_.server({501, 1101}).anomaly, 0);
    const TcpFinding again = wire_.server({501, 1101});
    EXPECT_EQ(again.anomaly, kAnomalyDuplicateAck);
    EXPECT_EQ(again.duplicate_ack, 1U);
    EXPECT_EQ(wire_.b().sequence.acknowledgement_faults, 1U);
}

TEST_F(Anomaly, DuplicateAckIsNoneWithDataOrAnotherWindow) {
    wire_.client({101, 501, 1000});
    wire_.server({501, 1101});
    EXPECT_EQ(wire_.server({501, 1101, 10}).anomaly, 0);
    EXPECT_EQ(wire_.server({511, 1101, 0, kAck, 9000}).anomaly, 0);
}

TEST_F(Anomaly, KeepAliveAndItsAck) {
    wire_.client({101, 501, 1000});
    wire_.server({501, 1101});
    wire_.pass(60 * kSecond);
    EXPECT_EQ(wire_.client({1100, 501}).anomaly, kAnomalyKeepAlive);
    EXPECT_EQ(wire_.server({501, 1101}).anomaly, kAnomalyKeepAliveAck);
    // With a byte, too.
    EXPECT_EQ(wire_.client({1100, 501, 1}).anomaly, kAnomalyKeepAlive);
}

TEST_F(Anomaly, OutOfOrderWithinARoundTrip) {
    wire_.client({1101, 501, 1000});
    wire_.pass(kMillisecond);
    EXPECT_EQ(wire_.client({101, 501, 500}).anomaly, kAnomalyOutOfOrder);
    EXPECT_EQ(wire_.a().sequence.retransmissions(), 0U);
}

TEST_F(Anomaly, SpuriousRetransmissionOfWhatIsAcknowledged) {
    wire_.client({101, 501, 1000});
    wire_.server({501, 1101});
    wire_.pass(300 * kMillisecond);
    EXPECT_EQ(wire_.client({101, 501, 1000}).anomaly, kAnomalySpurious);
}

TEST_F(Anomaly, AckOfUnseen) {
    wire_.client({101, 501, 1000});
    EXPECT_EQ(wire_.server({501, 2101}).anomaly, kAnomalyAckOfUnseen);
    EXPECT_EQ(wire_.server({501, 2101}).anomaly & kAnomalyDuplicateAck, kAnomalyDuplicateAck);
}

TEST_F(Anomaly, PreviousNotCaptured) {
    wire_.client({101, 501, 1000});
    EXPECT_EQ(wire_.client({2101, 501, 1000}).anomaly, kAnomalyPreviousNotCaptured);
    EXPECT_EQ(wire_.a().sequence.missing_bytes, 1000U);
}

TEST_F(Anomaly, AcrossTheWrapOfSequenceNumbers) {
    Conversation wire;
    wire.client({0xfffffff0, 0, 0, kSyn});
    wire.server({500, 0xfffffff1, 0, kSyn | kAck});
    wire.client({0xfffffff1, 501});
    EXPECT_EQ(wire.client({0xfffffff1, 501, 100}).anomaly, 0);
    EXPECT_EQ(wire.client({0x00000055, 501, 100}).anomaly, 0);
    EXPECT_EQ(wire.server({501, 0x000000b9}).anomaly, 0);
    wire.pass(kSecond);
    EXPECT_EQ(wire.client({0xfffffff1, 501, 100}).anomaly, kAnomalySpurious);
    EXPECT_EQ(wire.a().sequence.sent_bytes, 100U);
}

TEST_F(Anomaly, SynWithData) {
    Conversation wire;
    EXPECT_EQ(wire.client({100, 0, 5, kSyn}).anomaly, kAnomalySynWithData);
}

TEST(Flags, OfOnePacketAreCombined) {
    EXPECT_EQ(flag_bits(kSyn), 0x0002);
    EXPECT_EQ(flag_bits(kFin | kAck), 0x0111);
    EXPECT_EQ(flag_bits(kSyn | kAck), 0x0212);
    EXPECT_EQ(flag_bits(kRst | kAck), 0x0414);
    EXPECT_EQ(flag_bits(0), 0x0800);
    EXPECT_EQ(flag_bits(kEce | kCwr), 0x08c0);
    EXPECT_EQ(flag_bits(kSyn | kFin), 0x1003);
    EXPECT_EQ(flag_bits(kSyn | kFin | kRst), 0x7007);
    EXPECT_EQ(flag_bits(kFin | kPsh | kUrg), 0x8029);
    // AccECN's ninth bit is none of these.
    EXPECT_EQ(flag_bits(0x100 | kAck), 0x0010);
}

TEST(Status, TellsScaledWindowsOnlyWhereBothSynsHadTheOption) {
    Conversation both;
    both.open(2, 3);
    const TcpFinding scaled = both.client({101, 501, 0, kAck, 1000});
    EXPECT_EQ(scaled.window, 4000U);
    EXPECT_NE(scaled.status & kStatusWindowScaled, 0);
    Conversation one;
    one.open(2, {});
    const TcpFinding plain = one.client({101, 501, 0, kAck, 1000});
    EXPECT_EQ(plain.window, 1000U);
    EXPECT_EQ(plain.status & kStatusWindowScaled, 0);
    // RFC 7323: 255 is taken as 14.
    Conversation large;
    large.open(255, 1);
    EXPECT_EQ(large.client({101, 501, 0, kAck, 1}).window, 16384U);
}

TEST(Status, TellsUpdatesFullWindowsAndZeroWindowProbes) {
    Conversation wire;
    wire.open();
    wire.client({101, 501, 4096});
    const TcpFinding full = wire.client({4197, 501, 4096});
    EXPECT_NE(full.status & kStatusWindowFull, 0);
    const TcpFinding zero = wire.server({501, 8293, 0, kAck, 0});
    EXPECT_NE(zero.status & kStatusWindowBelowMin, 0);
    wire.pass(200 * kMillisecond);
    EXPECT_EQ(wire.client({8293, 501, 1}).status,
              kStatusInterDistance | kStatusWindowInit | kStatusZeroWindowProbe);
    EXPECT_NE(wire.server({501, 8293, 0, kAck, 0}).status & kStatusZeroWindowProbeAck, 0);
    wire.pass(200 * kMillisecond);
    // Linux's way: no byte, the number before the next; no keep-alive here.
    const TcpFinding empty = wire.client({8292, 501, 0});
    EXPECT_NE(empty.status & kStatusZeroWindowProbe, 0);
    EXPECT_EQ(empty.anomaly, 0);
    wire.pass(100 * kMillisecond);
    EXPECT_NE(wire.server({501, 8293, 0, kAck, 8192}).status & kStatusWindowUpdate, 0);
    wire.conclude();
    const WindowFacts& window = wire.b().window;
    EXPECT_EQ(window.zero_windows, 2U);
    EXPECT_EQ(window.zero_episodes, 1U);
    EXPECT_EQ(window.zero_total_ns, 500 * kMillisecond);
    EXPECT_EQ(window.updates, 1U);
    EXPECT_EQ(wire.a().window.full, 1U);
    EXPECT_EQ(wire.a().window.zero_window_probes, 2U);
}

TEST(Status, OfAZeroWindowThatNeverOpensLastsToTheEnd) {
    Conversation wire;
    wire.open();
    wire.server({501, 101, 0, kAck, 0});
    wire.pass(3 * kSecond);
    wire.client({101, 501, 1});
    wire.conclude();
    EXPECT_EQ(wire.b().window.zero_longest_ns, 3 * kSecond);
}

TEST(Status, TellsOptions) {
    Conversation wire;
    wire.open();
    wire.options().option_count = 3;
    wire.options().options_seen = 1U << 8 | 1U << 5;
    wire.options().has_timestamps = true;
    wire.options().timestamp = 1000;
    EXPECT_NE(wire.client({101, 501}).status & kStatusOptionInit, 0);
    wire.options().timestamp = 900;
    EXPECT_NE(wire.client({101, 501, 5}).status & kStatusTimestampFalls, 0);
    wire.options().timestamp = 1100;
    wire.options().sack_count = 1;
    wire.options().sack[0] = {700, 800};
    EXPECT_NE(wire.client({106, 501}).status & kStatusSack, 0);
    EXPECT_EQ(wire.a().options.dsack_packets, 0U);
    // RFC 2883: below the ACK, so it came twice.
    wire.options().sack[0] = {501, 601};
    wire.client({106, 701});
    EXPECT_EQ(wire.a().options.dsack_packets, 1U);
    wire.has_broken_options() = true;
    EXPECT_NE(wire.client({106, 701}).status & kStatusOptionsCorrupt, 0);
    wire.is_fragment() = true;
    EXPECT_NE(wire.client({106, 701}).status & kStatusL4Checksum, 0);
    EXPECT_EQ(wire.a().options.packets, 6U);
    EXPECT_EQ(wire.a().options.kinds, 1U << 8 | 1U << 5);
    EXPECT_EQ(wire.a().options.sack_packets, 4U);
}

TEST(Windows, AreCountedUpDownAndByTurns) {
    Conversation wire;
    for (const uint16_t window :
         std::initializer_list<uint16_t>{100, 200, 300, 300, 250, 400, 0, 0, 50}) {
        wire.client({100, 0, 0, kAck, window});
    }
    wire.conclude();
    const WindowFacts& facts = wire.a().window;
    EXPECT_EQ(facts.initial, 100U);
    EXPECT_EQ(facts.min, 0U);
    EXPECT_EQ(facts.max, 400U);
    EXPECT_EQ(facts.last, 50U);
    EXPECT_EQ(facts.ups, 4U);
    EXPECT_EQ(facts.downs, 2U);
    // Up, down, up, down, up.
    EXPECT_EQ(facts.turns, 5U);
    EXPECT_EQ(facts.below_min, 2U);
    EXPECT_DOUBLE_EQ(facts.below_min_share, 2.0 / 9);
    EXPECT_DOUBLE_EQ(facts.mean, 1600.0 / 9);
}

TEST(Windows, BelowAThresholdOfOnesOwnAreCounted) {
    AnalysisSettings settings;
    settings.window_min = 1000;
    Conversation wire(settings);
    wire.open();
    EXPECT_NE(wire.client({101, 501, 0, kAck, 999}).status & kStatusWindowBelowMin, 0);
    EXPECT_EQ(wire.client({101, 501, 0, kAck, 1000}).status & kStatusWindowBelowMin, 0);
    EXPECT_EQ(wire.a().window.below_min, 1U);
    EXPECT_EQ(wire.a().window.zero_windows, 0U);
}

TEST(RoundTrips, AreSplitAtThePointOfCapture) {
    Conversation wire;
    wire.open();
    wire.client({101, 501, 1000});
    wire.pass(40 * kMillisecond);
    EXPECT_EQ(wire.server({501, 1101, 500}).ack_trip_ns, 40 * kMillisecond);
    wire.pass(10 * kMillisecond);
    EXPECT_EQ(wire.client({1101, 1001}).ack_trip_ns, 10 * kMillisecond);
    wire.conclude();
    EXPECT_NEAR(wire.a().trips.handshake, 0.020, 1e-9);
    EXPECT_NEAR(wire.b().trips.handshake, 0.005, 1e-9);
    // To the server and back: SYN 20 ms, data 40 ms.
    EXPECT_EQ(wire.a().trips.ack_trip.count, 2U);
    EXPECT_NEAR(wire.a().trips.ack_trip.min, 0.020, 1e-9);
    EXPECT_NEAR(wire.a().trips.ack_trip.max, 0.040, 1e-9);
    EXPECT_NEAR(wire.a().trips.ack_trip.mean, 0.030, 1e-9);
    EXPECT_NEAR(wire.a().trips.ack_trip_jitter, 0.010, 1e-9);
    EXPECT_NEAR(wire.a().trips.sequence_mean, 0.025, 1e-9);
    EXPECT_NEAR(wire.b().trips.ack_trip.mean, 0.0075, 1e-9);
    EXPECT_NEAR(wire.b().trips.sequence_mean, 0.0375, 1e-9);
}

// Karn: which of two copies an ACK answers cannot be known.
TEST(RoundTrips, AreNotTakenOfWhatWasSentTwice) {
    Conversation wire;
    wire.open();
    wire.client({101, 501, 1000});
    wire.pass(300 * kMillisecond);
    wire.client({101, 501, 1000});
    wire.pass(20 * kMillisecond);
    EXPECT_EQ(wire.server({501, 1101}).ack_trip_ns, 0);
}

TEST(RoundTrips, AreAlsoToldByTimestamps) {
    Conversation wire;
    wire.open();
    wire.options().has_timestamps = true;
    wire.options().option_count = 1;
    wire.options().timestamp = 1000;
    wire.options().timestamp_echo = 0;
    wire.client({101, 501, 10});
    wire.pass(15 * kMillisecond);
    wire.options().timestamp = 7000;
    wire.options().timestamp_echo = 1000;
    wire.server({501, 111});
    wire.pass(15 * kMillisecond);
    // The same echo again is no second sample.
    wire.server({501, 111, 20});
    wire.conclude();
    EXPECT_EQ(wire.a().trips.timestamp_trip.count, 1U);
    EXPECT_NEAR(wire.a().trips.timestamp_trip.mean, 0.015, 1e-9);
}

TEST(States, OfPacketsAfterTeardownAndAfterReset) {
    Conversation closed;
    closed.open();
    closed.client({101, 501, 0, kFin | kAck});
    closed.server({501, 102, 0, kFin | kAck});
    EXPECT_EQ(closed.client({102, 502}).states, 0);
    EXPECT_EQ(closed.pair().state, TcpState::kClosed);
    EXPECT_EQ(closed.server({502, 102, 10}).states, kStatesAfterTeardown);
    Conversation reset;
    reset.open();
    EXPECT_EQ(reset.server({501, 101, 0, kRst | kAck}).states, kStatesResetFromSender);
    EXPECT_EQ(reset.client({101, 501, 10}).states, kStatesAfterReset);
    reset.conclude();
    // As flow 36: A reset, B only ended badly.
    EXPECT_EQ(reset.b().states, kStatesResetFromSender | kStatesTeardown);
}

TEST(States, OfOddFlags) {
    Conversation wire;
    wire.open();
    EXPECT_EQ(wire.client({101, 501, 0, kSyn | kFin}).states, kStatesEvil | kStatesFlags);
    Conversation first;
    const TcpFinding probe = first.client({100, 0, 0, kFin | kPsh | kUrg});
    EXPECT_EQ(probe.states, kStatesEvil | kStatesEstablishment);
    EXPECT_EQ(probe.anomaly, kAnomalyScan);
    Conversation middle;
    EXPECT_EQ(middle.client({100, 7, 50, kAck}).states, kStatesEstablishment);
    Conversation backwards;
    EXPECT_EQ(backwards.server({100, 7, 0, kSyn | kAck}).states, kStatesEstablishment);
}

TEST(BytesInFlight, AreADistanceAndTheTutorialsASum) {
    Conversation wire;
    wire.open();
    wire.client({101, 501, 1000});
    EXPECT_EQ(wire.client({1101, 501, 1000}).in_flight, 2000U);
    wire.pass(kSecond);
    EXPECT_EQ(wire.client({101, 501, 1000}).in_flight, 2000U);
    EXPECT_EQ(wire.a().sequence.in_flight_max, 2000U);
    EXPECT_EQ(wire.a().sequence.unacknowledged_payload_max, 3000U);
    wire.server({501, 2101});
    EXPECT_EQ(wire.client({2101, 501, 10}).in_flight, 10U);
}

}  // namespace
}  // namespace director::diagnostics
