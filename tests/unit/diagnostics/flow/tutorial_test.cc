// The tutorial's captures against the tables that it prints (tests/data/captures/expected).
#include <set>

#include <gmock/gmock.h>

#include "tests/unit/diagnostics/flow/analyzed.h"

namespace director::diagnostics {
namespace {

// Rows of which the packet before is not in the excerpt: what depends on it cannot be as printed.
const std::set<int64_t> kAfterGap{1287, 1417, 1419, 1420, 1427, 1450, 1452};

class Flow36 : public testing::Test {
  protected:
    TsvTable expected_{capture("expected/t2-faf-flow36-expected.tsv")};
    std::unique_ptr<Analyzed> analyzed_{analyze_file(capture("t2-faf-flow36-headers.pcap"))};

    [[nodiscard]] const PacketRecord& packet(int64_t printed) const {
        for (size_t row = 0; row < expected_.size(); ++row) {
            if (expected_.number(row, "pktNo") == printed) {
                return analyzed_->records.packets[row];
            }
        }
        ADD_FAILURE() << printed;
        return analyzed_->records.packets[0];
    }
};

TEST_F(Flow36, HasNumbersOfEachPacketAsPrinted) {
    ASSERT_EQ(analyzed_->records.packets.size(), expected_.size());
    for (size_t row = 0; row < expected_.size(); ++row) {
        const PacketRecord& packet = analyzed_->records.packets[row];
        const int64_t printed = expected_.number(row, "pktNo");
        SCOPED_TRACE(printed);
        EXPECT_EQ(packet.direction == Direction::kA ? "A" : "B", expected_.cell(row, "dir"));
        EXPECT_EQ(packet.sequence, expected_.number(row, "seq"));
        EXPECT_EQ(packet.acknowledgement, expected_.number(row, "ack"));
        EXPECT_EQ(packet.window, expected_.number(row, "tcpWin"));
        EXPECT_EQ(packet.flags, expected_.number(row, "tcpFlags"));
        if (kAfterGap.contains(printed)) {
            continue;
        }
        // Printed as 0: the tutorial leaves out the step to a probe, and so those bytes altogether.
        const int64_t step = printed == 1421 ? 1380 : 0;
        EXPECT_EQ(packet.sequence_difference, expected_.number(row, "seqDiff") + step);
        EXPECT_EQ(packet.sequence_length, expected_.number(row, "seqLen") + step);
        EXPECT_EQ(packet.acknowledgement_difference, expected_.number(row, "ackDiff"));
        EXPECT_EQ(packet.acknowledgement_length, expected_.number(row, "ackLen"));
        EXPECT_EQ(packet.sequence_max, expected_.number(row, "seqMax"));
    }
}

// 1418 "window full" needs ACKs that are not in the excerpt; 1450 acknowledges what is not in it.
TEST_F(Flow36, HasStatusAndAnomalyOfEachPacketAsPrinted) {
    const std::set<int64_t> other_status{1418};
    const std::set<int64_t> other_anomaly{1417, 1419, 1450};
    for (size_t row = 0; row < expected_.size(); ++row) {
        const PacketRecord& packet = analyzed_->records.packets[row];
        const int64_t printed = expected_.number(row, "pktNo");
        SCOPED_TRACE(printed);
        if (!other_status.contains(printed)) {
            EXPECT_EQ(packet.status, expected_.number(row, "tcpFStat"));
        }
        if (!other_anomaly.contains(printed)) {
            EXPECT_EQ(packet.anomaly, expected_.number(row, "tcpAnomaly"));
        }
    }
    EXPECT_EQ(packet(1417).anomaly, kAnomalyPreviousNotCaptured);
    EXPECT_EQ(packet(1419).anomaly, kAnomalyAckOfUnseen);
    EXPECT_EQ(packet(1450).anomaly, kAnomalyAckOfUnseen);
}

TEST_F(Flow36, HasZeroWindowEpisodeProbesAndUpdates) {
    const FlowRecord& a = analyzed_->records.flow(1, Direction::kA);
    const FlowRecord& b = analyzed_->records.flow(1, Direction::kB);
    EXPECT_EQ(a.tcp.window.zero_windows, 3U);
    EXPECT_EQ(a.tcp.window.below_min, 3U);
    EXPECT_EQ(a.tcp.window.zero_episodes, 1U);
    // 1420 .283988 to 1425 .848253.
    EXPECT_EQ(a.tcp.window.zero_total_ns, 1'564'265'000);
    EXPECT_EQ(a.tcp.window.zero_longest_ns, 1'564'265'000);
    EXPECT_EQ(a.tcp.window.zero_window_probe_acks, 2U);
    EXPECT_EQ(a.tcp.window.updates, 2U);
    EXPECT_EQ(b.tcp.window.zero_window_probes, 2U);
    EXPECT_EQ(a.tcp.window.initial, 8192U);
    EXPECT_EQ(a.tcp.window.min, 0U);
    EXPECT_EQ(a.tcp.window.max, 64860U);
    EXPECT_EQ(b.tcp.window.min, 8192U);
    EXPECT_DOUBLE_EQ(a.tcp.window.below_min_share, 3.0 / static_cast<double>(a.packets));
}

// Scaling is not in use: the SYN offers a shift of 2, the SYN-ACK has no such option.
TEST_F(Flow36, HasFlowColumnsAsFarAsTheExcerptGoes) {
    const FlowRecord& a = analyzed_->records.flow(1, Direction::kA);
    const FlowRecord& b = analyzed_->records.flow(1, Direction::kB);
    EXPECT_EQ(a.tcp.status & kStatusWindowScaled, 0);
    EXPECT_EQ(a.tcp.sequence.first, 3392384642U);
    EXPECT_EQ(b.tcp.sequence.first, 3177226489U);
    EXPECT_EQ(a.tcp.options.mss, 1460);
    EXPECT_EQ(a.tcp.options.window_multiplier(), 4U);
    EXPECT_EQ(b.tcp.options.mss, 1380);
    EXPECT_EQ(a.tcp.options.kinds, 0x0000003eU);
    EXPECT_EQ(b.tcp.options.kinds, 0x00000016U);
    EXPECT_EQ(a.ip.ttl_min, 128);
    EXPECT_EQ(b.ip.ttl_max, 111);
    EXPECT_NEAR(a.tcp.trips.handshake, 0.078742, 1e-9);
    EXPECT_NEAR(b.tcp.trips.handshake, 0.000461, 1e-9);
    EXPECT_NEAR(a.tcp.trips.sequence_mean, 0.079203, 1e-9);
    EXPECT_EQ(b.tcp.sequence.spurious_retransmissions, 9U);
    EXPECT_EQ(b.tcp.sequence.out_of_order, 5U);
    EXPECT_EQ(a.tcp.options.dsack_packets, 2U);
    EXPECT_EQ(a.tcp.status & kStatusSack, kStatusSack);
}

// Bytes in flight are a distance, as tshark has it; the tutorial's sum stands beside it.
TEST_F(Flow36, TellsBothKindsOfBytesInFlight) {
    EXPECT_EQ(packet(1287).in_flight, 1380U);
    EXPECT_EQ(packet(1288).in_flight, 2760U);
    EXPECT_EQ(packet(1454).in_flight, 19320U);
    EXPECT_EQ(packet(1454).unacknowledged_payload, 4140U);
    EXPECT_EQ(packet(1288).unacknowledged_payload, 2760U);
    EXPECT_EQ(packet(1468).unacknowledged_payload, 22080U);
}

TEST_F(Flow36, CountsFromTheFirstSequenceNumberIfAsked) {
    AnalysisSettings settings = with_packets();
    settings.with_relative_sequences = true;
    const auto relative = analyze_file(capture("t2-faf-flow36-headers.pcap"), settings);
    const PacketRecord& ack = relative->records.packets[2];
    EXPECT_EQ(ack.sequence, 1U);
    EXPECT_EQ(ack.acknowledgement, 1U);
    EXPECT_EQ(relative->records.packets[0].acknowledgement, 0U);
    EXPECT_EQ(relative->records.packets[3].sequence_max, 1U);
}

TEST(Fragments, OfANullScanJoinTheFlowOfTheFirst) {
    const auto analyzed = analyze_file(capture("t2-frag-flow4.pcap"));
    ASSERT_EQ(analyzed->records.flows.size(), 2U);
    const FlowRecord& a = analyzed->records.flow(1, Direction::kA);
    const FlowRecord& b = analyzed->records.flow(1, Direction::kB);
    EXPECT_EQ(a.key.source_port, 1509);
    EXPECT_EQ(a.packets, 26U);
    EXPECT_EQ(a.packets_received, 1U);
    EXPECT_EQ(a.bytes, 10000U);
    EXPECT_EQ(a.bytes_received, 0U);
    EXPECT_EQ(a.fragments, 26U);
    // Printed as 0x0820: the tutorial has the checksum of the first fragment wrong.
    EXPECT_EQ(a.ip.flags, 0x0020);
    EXPECT_EQ(a.tcp.status, 0x1011);
    EXPECT_EQ(b.tcp.status, 0x0011);
    EXPECT_EQ(a.tcp.flags, 0x0800);
    EXPECT_EQ(b.tcp.flags, 0x0414);
    EXPECT_EQ(a.tcp.anomaly, 0x3000);
    EXPECT_EQ(b.tcp.anomaly, 0x0180);
    EXPECT_EQ(a.tcp.states | b.tcp.states, 0xc3);
    EXPECT_EQ(a.scan, ScanKind::kNullScan);
    EXPECT_EQ(analyzed->report.fragments, 26U);
    EXPECT_EQ(analyzed->report.scans_attempted, 1U);
    EXPECT_EQ(analyzed->report.scans_successful, 1U);
    const PacketRecord& last = analyzed->records.packets[25];
    EXPECT_EQ(last.key.source_port, 1509);
    EXPECT_FALSE(last.has_tcp);
    EXPECT_EQ(analyzed->records.packets[0].states, 0x81);
    EXPECT_EQ(analyzed->records.packets[26].states, 0x40);
}

// tcpdump's captures have the same subtypes as the tutorial's file.
TEST(Mptcp, HasTheBitsOfSubtypes) {
    const auto v0 = analyze_file(capture("mptcp/mptcp-v0.pcap"));
    EXPECT_EQ(v0->report.mptcp_subtypes, 0x001f);
    EXPECT_EQ(v0->report.mptcp_packets, 264U);
    const auto closed = analyze_file(capture("mptcp/mptcp-fclose.pcap"));
    EXPECT_EQ(closed->report.mptcp_subtypes, 0x0085);
    const auto reset = analyze_file(capture("mptcp/mptcp-tcprst.pcap"));
    EXPECT_EQ(reset->report.mptcp_subtypes, 0x0100);
}

class TutorialMptcp : public testing::Test {
  protected:
    void SetUp() override {
        const char* const captures = std::getenv("DIRECTOR_CAPTURES");
        if (captures == nullptr) {
            GTEST_SKIP() << "DIRECTOR_CAPTURES does not name the folder of captures";
        }
        analyzed_ = analyze_file(std::string(captures) + "/tutorial/iperf-mptcp-0-0.pcap");
    }

    [[nodiscard]] const FlowRecord& flow(const std::string& source, uint16_t port) const {
        for (const FlowRecord& each : analyzed_->records.flows) {
            if (each.key.source == IpAddress::parse(source) && each.key.source_port == port) {
                return each;
            }
        }
        ADD_FAILURE() << source;
        return analyzed_->records.flows[0];
    }

    std::unique_ptr<Analyzed> analyzed_;
};

TEST_F(TutorialMptcp, HasTheEndReport) {
    const EndReport& report = analyzed_->report;
    EXPECT_EQ(report.packets, 2560U);
    EXPECT_EQ(report.wire_bytes, 2538100U);
    EXPECT_EQ(report.ipv4, 2554U);
    EXPECT_EQ(report.ipv6, 6U);
    EXPECT_EQ(report.flows_a, 6U);
    EXPECT_EQ(report.flows_b, 2U);
    EXPECT_EQ(report.syn_retransmissions, 4U);
    EXPECT_EQ(report.sequence_retransmissions, 0U);
    EXPECT_EQ(report.duplicate_acks, 4U);
    EXPECT_EQ(report.tcp_anomaly, 0x0009);
    EXPECT_EQ(report.ip_flags & ~kIpGapZero, 0x0040);
    EXPECT_EQ(report.tcp_status, 0x8a33);
    EXPECT_EQ(report.tcp_flags, 0x031b);
    // The tutorial counts options and calls them packets.
    EXPECT_EQ(report.mptcp_packets, 2554U);
    EXPECT_EQ(report.mptcp_options, 2557U);
    EXPECT_EQ(report.mptcp_flags, 0x81);
}

TEST_F(TutorialMptcp, HasTheFlows) {
    const FlowRecord& unanswered = flow("10.1.1.1", 43376);
    EXPECT_EQ(unanswered.tcp.status, 0x8013);
    EXPECT_EQ(unanswered.tcp.options.mptcp_subtypes, 0x0002);
    EXPECT_EQ(unanswered.tcp.options.mptcp_address_id, 3);
    EXPECT_EQ(unanswered.packets, 3U);
    const FlowRecord& sender = flow("10.1.0.1", 49078);
    EXPECT_EQ(sender.tcp.status, 0x8213);
    EXPECT_EQ(sender.tcp.options.mptcp_subtypes, 0x0006);
    EXPECT_EQ(sender.tcp.options.mptcp_address_id, 2);
    EXPECT_EQ(sender.tcp.options.mptcp_dss_flags, 0x15);
    EXPECT_EQ(sender.packets, 1527U);
    EXPECT_EQ(sender.bytes, 2166516U);
    EXPECT_EQ(sender.tcp.options.kinds, 0x4000011eU);
    EXPECT_EQ(sender.tcp.window.initial, 29200U);
    EXPECT_EQ(sender.tcp.window.max, 29200U);
    const FlowRecord& receiver = flow("10.2.1.1", 5001);
    EXPECT_EQ(receiver.tcp.status, 0x8a33);
    EXPECT_EQ(receiver.tcp.options.mptcp_subtypes, 0x0006);
    EXPECT_EQ(receiver.tcp.options.mptcp_dss_flags, 0x15);
    EXPECT_EQ(receiver.packets, 781U);
    EXPECT_EQ(receiver.tcp.window.initial, 28560U);
    EXPECT_EQ(receiver.tcp.window.max, 42232U);
    const FlowRecord& first = flow("10.1.0.1", 5001);
    EXPECT_EQ(first.tcp.options.mptcp_subtypes, 0x000d);
    EXPECT_EQ(first.tcp.options.mptcp_flags, 0x81);
    EXPECT_EQ(first.tcp.options.mptcp_address_id, 3);
    EXPECT_EQ(first.tcp.options.mptcp_dss_flags, 0x05);
    EXPECT_EQ(first.bytes, 192804U);
    const FlowRecord& back = flow("10.2.0.1", 5001);
    EXPECT_EQ(back.tcp.status, 0x8a13);
    EXPECT_EQ(back.tcp.options.mptcp_dss_flags, 0x01);
    EXPECT_EQ(back.packets, 99U);
}

}  // namespace
}  // namespace director::diagnostics
