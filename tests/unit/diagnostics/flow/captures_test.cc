// What Wireshark counts in a capture, the analysis counts too: the numbers are tshark 4.0.17's
// (tests/data/captures/README.md), as are the rules. Where they differ, `why` says it.
#include <gmock/gmock.h>

#include "tests/unit/diagnostics/flow/analyzed.h"

namespace director::diagnostics {
namespace {

struct Counts {
    const char* file;
    uint64_t retransmissions = 0;  // all kinds, as tshark counts them
    uint64_t fast = 0;
    uint64_t spurious = 0;
    uint64_t out_of_order = 0;
    uint64_t duplicate_acks = 0;
    uint64_t lost = 0;
    uint64_t unseen = 0;
    uint64_t keep_alives = 0;
    uint64_t keep_alive_acks = 0;
    const char* why = "";  // where they differ from tshark's
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name.
void PrintTo(const Counts& counts, std::ostream* out) {
    *out << counts.file;
}

Counts counted(const EndReport& report, const KeepingSink& records) {
    Counts counts{""};
    counts.retransmissions = report.syn_retransmissions + report.sequence_retransmissions;
    counts.fast = report.fast_retransmissions;
    counts.spurious = report.spurious_retransmissions;
    counts.out_of_order = report.out_of_order;
    counts.duplicate_acks = report.duplicate_acks;
    counts.lost = report.previous_not_captured;
    counts.unseen = report.acks_of_unseen;
    for (const FlowRecord& flow : records.flows) {
        counts.keep_alives += flow.tcp.sequence.keep_alives;
        counts.keep_alive_acks += flow.tcp.sequence.keep_alive_acks;
    }
    return counts;
}

class CaptureCounts : public testing::TestWithParam<Counts> {};

TEST_P(CaptureCounts, AreThoseOfTshark) {
    const Counts& expected = GetParam();
    const auto analyzed = analyze_file(capture(expected.file));
    const Counts counts = counted(analyzed->report, analyzed->records);
    EXPECT_EQ(counts.retransmissions, expected.retransmissions)
        << "retransmissions " << expected.why;
    EXPECT_EQ(counts.fast, expected.fast) << "fast retransmissions";
    EXPECT_EQ(counts.spurious, expected.spurious) << "spurious retransmissions";
    EXPECT_EQ(counts.out_of_order, expected.out_of_order) << "out of order";
    EXPECT_EQ(counts.duplicate_acks, expected.duplicate_acks) << "duplicate ACKs";
    EXPECT_EQ(counts.lost, expected.lost) << "previous not captured";
    EXPECT_EQ(counts.unseen, expected.unseen) << "ACKs of unseen";
    EXPECT_EQ(counts.keep_alives, expected.keep_alives) << "keep-alives";
    EXPECT_EQ(counts.keep_alive_acks, expected.keep_alive_acks) << "keep-alive ACKs";
}

// Looked at together with others, or one by one: the same.
TEST_P(CaptureCounts, AreTheSameOfPacketsThatWaited) {
    const auto one_by_one = analyze_file(capture(GetParam().file), {});
    KeepingSink together;
    Analyzer analyzer({}, together);
    auto file = CaptureFile::open(capture(GetParam().file));
    ASSERT_TRUE(file.has_value());
    while (const Packet* const packet = file->next()) {
        analyzer.see_soon(*packet);
    }
    analyzer.finish();
    const std::vector<FlowRecord>& expected = one_by_one->records.flows;
    ASSERT_EQ(together.flows.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(together.flows[i].flow, expected[i].flow);
        EXPECT_EQ(together.flows[i].key, expected[i].key);
        EXPECT_EQ(together.flows[i].packets, expected[i].packets);
        EXPECT_EQ(together.flows[i].bytes, expected[i].bytes);
        EXPECT_EQ(together.flows[i].last_ns, expected[i].last_ns);
        EXPECT_EQ(together.flows[i].ip.flags, expected[i].ip.flags);
        EXPECT_EQ(together.flows[i].tcp.anomaly, expected[i].tcp.anomaly);
        EXPECT_EQ(together.flows[i].tcp.status, expected[i].tcp.status);
        EXPECT_EQ(together.flows[i].tcp.states, expected[i].tcp.states);
        EXPECT_EQ(together.flows[i].tcp.sequence.sent_bytes, expected[i].tcp.sequence.sent_bytes);
    }
    EXPECT_EQ(analyzer.report().packets, one_by_one->report.packets);
}

INSTANTIATE_TEST_SUITE_P(
    Files,
    CaptureCounts,
    testing::Values(
        Counts{"t2-faf-flow36-headers.pcap", 9, 0, 9, 5, 1, 3, 2, 0, 0},
        Counts{"airline-1-pc.pcap", 7, 0, 0, 0, 0, 1, 1, 0, 0},
        Counts{"airline-2-checkpoint-eth2.pcap", 0, 0, 0, 0, 0, 1, 1, 0, 0},
        Counts{"airline-3-bigip-ext.pcap", 0, 0, 0, 0, 0, 1, 1, 0, 0},
        Counts{"sf15-1-client-lan.pcap"},
        Counts{"sf15-5-lb-internal.pcap"},
        Counts{"tcp/wireshark-retrans.pcap",
               48,
               14,
               5,
               0,
               27,
               0,
               0,
               1,
               0,
               "a SYN that comes again is a retransmission however soon; tshark: out of order"},
        Counts{
            "tcp/reassembly.pcap",
            20,
            0,
            0,
            0,
            21,
            8,
            8,
            0,
            0,
            "three FINs sent again without a duplicate ACK are no fast retransmissions; frame 105 "
            "acknowledges what 106 shows to be missing"},
        Counts{"tcp/retransmit-timeout.pcapng", 1, 0, 1, 0, 0, 0, 0, 0, 0},
        Counts{"tcp/fin_retransmission.pcap", 2, 0, 0, 0, 0, 0, 0, 0, 0},
        Counts{"tcp/missing-syn.pcap"},
        Counts{"tcp/rst-inject-rae.pcap"},
        Counts{"tcp/payload-syn.pcap"},
        Counts{"tcp/syn-bad.pcap"},
        Counts{"tcp/timestamp.pcap"},
        Counts{"tcp/option-sack.pcap", 3, 0, 0, 0, 0, 0, 0, 0, 0},
        Counts{"tcp/window-scale-range.pcap"},
        Counts{"tcp/one_tcp_stream.pcap", 2, 0, 0, 0, 0, 0, 0, 1, 1},
        Counts{"tcp/one_tcp_stream_max_seq.pcap", 2, 0, 0, 0, 0, 0, 0, 1, 1},
        Counts{"tcp/unidirectional_tcp_stream_with_missing_packet.pcap", 0, 0, 0, 0, 0, 1, 0, 0, 0},
        Counts{"tcp/tcpseq_synthetic.pcap", 1, 0, 0, 2, 0, 3, 0, 0, 0},
        Counts{"tcp/websocket.pcap", 0, 0, 0, 0, 0, 0, 0, 2, 2},
        Counts{"mptcp/mptcp-v0.pcap",
               0,
               0,
               0,
               0,
               3,
               0,
               0,
               0,
               0,
               "an ACK that signals something of MPTCP repeats nothing (RFC 8684 section 3.3.1)"},
        Counts{"mptcp/mptcp-v1.pcap"},
        Counts{"mptcp/mptcp-fclose.pcap", 0, 0, 0, 0, 0, 0, 0, 0, 0, "the same: FASTCLOSE"},
        Counts{"scan/1k_pkts.pcap", 999, 0, 0, 0, 0, 0, 0, 0, 0},
        Counts{"ftp/retr.pcap", 1, 0, 0, 0, 0, 0, 0, 0, 0}));

}  // namespace
}  // namespace director::diagnostics
