// Scans by what a source does over all its flows; and clients that do much but scan not.
#include <gmock/gmock.h>

#include "tests/unit/diagnostics/flow/analyzed.h"
#include "tests/unit/diagnostics/flow/made_packets.h"

namespace director::diagnostics {
namespace {

constexpr std::string_view kScanner = "198.51.100.9";
constexpr std::string_view kVictim = "203.0.113.10";

class Scans : public testing::Test {
  protected:
    // One probe of the scanner's to `port`.
    void probe(uint16_t port, uint16_t flags) {
        feed_.pass(kMillisecond);
        feed_.see(MadeTcp{kScanner, kVictim, 40000, port, flags, 1000});
    }
    void answer(uint16_t port, uint16_t flags) {
        feed_.pass(kMillisecond);
        feed_.see(MadeTcp{kVictim, kScanner, port, 40000, flags, 5000, 1001});
    }
    // A connection that serves a purpose.
    void talk(std::string_view client, uint16_t client_port, std::string_view server) {
        const auto from_client = [&](uint16_t flags, uint32_t seq, uint32_t ack, uint32_t bytes) {
            feed_.pass(kMillisecond);
            feed_.see(MadeTcp{client, server, client_port, 80, flags, seq, ack, bytes});
        };
        const auto from_server = [&](uint16_t flags, uint32_t seq, uint32_t ack, uint32_t bytes) {
            feed_.pass(kMillisecond);
            feed_.see(MadeTcp{server, client, 80, client_port, flags, seq, ack, bytes});
        };
        from_client(kSyn, 100, 0, 0);
        from_server(kSyn | kAck, 500, 101, 0);
        from_client(kAck, 101, 501, 0);
        from_client(kAck | kPsh, 101, 501, 10);
        from_server(kAck | kFin, 501, 111, 0);
        from_client(kAck | kFin, 111, 502, 0);
        from_server(kAck, 502, 112, 0);
    }
    const EndReport& finish() {
        analyzer_.finish();
        report_ = analyzer_.report();
        return report_;
    }

    KeepingSink records_;
    Analyzer analyzer_{AnalysisSettings(), records_};
    Feed feed_{analyzer_};
    EndReport report_;
};

TEST_F(Scans, OfSynsWithoutAnswerAreCountedAllFromTheFirst) {
    for (uint16_t port = 1; port <= 1000; ++port) {
        probe(port, kSyn);
    }
    const EndReport& report = finish();
    EXPECT_EQ(report.scans_attempted, 1000U);
    EXPECT_EQ(report.scans_successful, 0U);
    ASSERT_EQ(report.scanner_count, 1U);
    EXPECT_EQ(report.scanners[0].source, *IpAddress::parse(kScanner));
    EXPECT_EQ(report.scanners[0].kind, ScanKind::kSynScan);
    EXPECT_NEAR(static_cast<double>(report.scanners[0].targets), 1000, 100);
    for (const FlowRecord& flow : records_.flows) {
        EXPECT_EQ(flow.tcp.anomaly, kAnomalyScan);
        EXPECT_EQ(flow.tcp.states, kStatesEstablishment | kStatesTeardown);
        EXPECT_EQ(flow.scan, ScanKind::kSynScan);
    }
}

TEST_F(Scans, FindOpenPortsBySynAck) {
    for (uint16_t port = 1; port <= 100; ++port) {
        probe(port, kSyn);
        if (port % 25 == 0) {
            answer(port, kSyn | kAck);
            feed_.see(MadeTcp{kScanner, kVictim, 40000, port, kRst, 1001});
        } else {
            answer(port, kRst | kAck);
        }
    }
    const EndReport& report = finish();
    EXPECT_EQ(report.scans_attempted, 100U);
    EXPECT_EQ(report.scans_successful, 4U);
}

TEST_F(Scans, ByConnectAreTold) {
    for (uint16_t port = 1; port <= 50; ++port) {
        probe(port, kSyn);
        answer(port, kSyn | kAck);
        feed_.see(MadeTcp{kScanner, kVictim, 40000, port, kAck, 1001, 5001});
        feed_.see(MadeTcp{kScanner, kVictim, 40000, port, kRst | kAck, 1001, 5001});
    }
    const EndReport& report = finish();
    EXPECT_EQ(report.scans_attempted, 50U);
    EXPECT_EQ(report.scans_successful, 50U);
    EXPECT_EQ(report.scanners[0].kind, ScanKind::kConnectScan);
}

TEST_F(Scans, ByFlagsThatNoStackSendsNeedNoMoreThanOnePacket) {
    probe(1, 0);
    probe(2, kFin);
    probe(3, kFin | kPsh | kUrg);
    answer(3, kRst | kAck);
    const EndReport& report = finish();
    EXPECT_EQ(report.scans_attempted, 3U);
    EXPECT_EQ(report.scans_successful, 1U);
    const auto kind = [&](uint64_t flow) { return records_.flow(flow, Direction::kA).scan; };
    EXPECT_EQ(kind(1), ScanKind::kNullScan);
    EXPECT_EQ(kind(2), ScanKind::kFinScan);
    EXPECT_EQ(kind(3), ScanKind::kXmasScan);
    // nmap's rows 1038 and 1042.
    EXPECT_EQ(records_.flow(2, Direction::kA).tcp.states, 0x83);
    EXPECT_EQ(records_.flow(3, Direction::kA).tcp.flags, 0x8029);
    EXPECT_EQ(records_.flow(3, Direction::kA).tcp.anomaly, 0x3000);
}

TEST_F(Scans, AreNotWhatABusyClientDoes) {
    for (uint16_t i = 0; i < 5000; ++i) {
        talk("192.0.2.1", static_cast<uint16_t>(1024 + i), kVictim);
    }
    EXPECT_EQ(finish().scans_attempted, 0U);
}

// A server that is down: thousands of tries, all of one address and port.
TEST_F(Scans, AreNotTriesOfOneTargetAgainAndAgain) {
    for (uint16_t i = 0; i < 5000; ++i) {
        feed_.pass(kMillisecond);
        feed_.see(MadeTcp{"192.0.2.1", kVictim, static_cast<uint16_t>(1024 + i), 80, kSyn, i});
    }
    const EndReport& report = finish();
    EXPECT_EQ(report.scans_attempted, 0U);
    EXPECT_EQ(report.tcp_anomaly, 0);
}

// A proxy or crawler: many servers, of which some do not answer.
TEST_F(Scans, AreNotTheFailuresOfAClientThatMostlySucceeds) {
    for (uint32_t i = 0; i < 200; ++i) {
        const std::string server = "203.0.113." + std::to_string(i + 1);
        if (i % 4 == 0) {
            feed_.see(MadeTcp{"192.0.2.1", server, static_cast<uint16_t>(i + 1024), 80, kSyn, i});
        } else {
            talk("192.0.2.1", static_cast<uint16_t>(i + 1024), server);
        }
    }
    EXPECT_EQ(finish().scans_attempted, 0U);
}

// 1000 copies of one SYN.
TEST(ScanCaptures, OneSynSentAgainIsNoScan) {
    const auto analyzed = analyze_file(capture("scan/1k_pkts.pcap"));
    EXPECT_EQ(analyzed->report.scans_attempted, 0U);
    EXPECT_EQ(analyzed->report.syn_retransmissions, 999U);
    EXPECT_EQ(analyzed->report.flows_a, 1U);
    EXPECT_EQ(analyzed->report.tcp_anomaly, kAnomalySynRetransmission);
}

TEST(ScanSources, AreBoundedAndTheirScansStayCounted) {
    AnalysisSettings settings;
    settings.scan_sources_max = 4;
    settings.scan_targets_min = 5;
    settings.new_timeout_ns = kSecond;
    KeepingSink records;
    Analyzer analyzer(settings, records);
    Feed feed(analyzer);
    for (uint32_t source = 1; source <= 20; ++source) {
        const std::string address = "10.0.0." + std::to_string(source);
        for (uint16_t port = 1; port <= 10; ++port) {
            feed.see(MadeTcp{address, kVictim, 40000, port, kSyn, 1});
        }
        feed.pass(10 * kSecond);
    }
    analyzer.finish();
    EXPECT_EQ(analyzer.report().scans_attempted, 200U);
    EXPECT_EQ(analyzer.report().scanners_in_all, 20U);
    EXPECT_LE(analyzer.report().scanner_count, 4U);
}

}  // namespace
}  // namespace director::diagnostics
