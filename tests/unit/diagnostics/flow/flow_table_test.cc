// Which packets make a flow, when it ends, and that memory is bounded.
#include <gmock/gmock.h>

#include "common/random.h"
#include "tests/unit/diagnostics/flow/analyzed.h"
#include "tests/unit/diagnostics/flow/made_packets.h"

namespace director::diagnostics {
namespace {

constexpr std::string_view kClient = "192.0.2.1";
constexpr std::string_view kServer = "203.0.113.10";

class Flows : public testing::Test {
  protected:
    void use(const AnalysisSettings& settings) {
        analyzer_.emplace(settings, records_);
        feed_.emplace(*analyzer_);
    }
    void client(uint16_t flags, uint32_t seq, uint32_t ack, uint32_t bytes = 0) {
        feed_->see(MadeTcp{kClient, kServer, 1024, 80, flags, seq, ack, bytes});
    }
    void server(uint16_t flags, uint32_t seq, uint32_t ack, uint32_t bytes = 0) {
        feed_->see(MadeTcp{kServer, kClient, 80, 1024, flags, seq, ack, bytes});
    }
    void open() {
        client(kSyn, 100, 0);
        server(kSyn | kAck, 500, 101);
        client(kAck, 101, 501);
    }
    Headers udp(std::string_view from, std::string_view to, uint16_t vlan = 0) {
        Headers headers =
            ip_headers(IpAddress::parse(from).value(), IpAddress::parse(to).value(), 17);
        headers.layer4 = Layer4::kUdp;
        headers.source_port = 53;
        headers.destination_port = 53;
        headers.payload_wire_bytes = 300;
        headers.vlan_count = vlan != 0 ? 1 : 0;
        headers.vlans[0] = vlan;
        return headers;
    }

    KeepingSink records_;
    std::optional<Analyzer> analyzer_{std::in_place, AnalysisSettings(), records_};
    std::optional<Feed> feed_{*analyzer_};
};

// From the last packet of a request to the first of its answer; ACKs are neither.
TEST_F(Flows, TellHowLongAnAnswerTakes) {
    open();
    client(kAck, 101, 501, 1000);
    feed_->pass(5 * kMillisecond);
    client(kAck | kPsh, 1101, 501, 200);
    feed_->pass(1 * kMillisecond);
    server(kAck, 501, 1301);
    feed_->pass(299 * kMillisecond);
    server(kAck, 501, 1301, 1400);
    feed_->pass(1 * kMillisecond);
    server(kAck | kPsh, 1901, 1301, 600);
    feed_->pass(40 * kMillisecond);
    client(kAck | kPsh, 1301, 2501, 100);
    feed_->pass(100 * kMillisecond);
    server(kAck | kPsh, 2501, 1401, 100);
    analyzer_->finish();
    const Spread& server_s = records_.flow(1, Direction::kB).answer_s;
    EXPECT_EQ(server_s.count, 2U);
    EXPECT_NEAR(server_s.max, 0.3, 1e-9);
    EXPECT_NEAR(server_s.min, 0.1, 1e-9);
    const Spread& client_s = records_.flow(1, Direction::kA).answer_s;
    EXPECT_EQ(client_s.count, 1U);
    EXPECT_NEAR(client_s.max, 0.04, 1e-9);
}

TEST_F(Flows, HaveADirectionEachWay) {
    feed_->see(udp(kClient, kServer));
    feed_->see(udp(kServer, kClient));
    feed_->see(udp(kClient, kServer));
    analyzer_->finish();
    ASSERT_EQ(records_.flows.size(), 2U);
    const FlowRecord& a = records_.flow(1, Direction::kA);
    EXPECT_EQ(a.key.source, *IpAddress::parse(kClient));
    EXPECT_EQ(a.packets, 2U);
    EXPECT_EQ(a.packets_received, 1U);
    EXPECT_EQ(a.bytes, 600U);
    EXPECT_NEAR(a.packet_asymmetry(), 1.0 / 3, 1e-12);
    EXPECT_EQ(a.status, kFlowIpv4 | kFlowNoEthernet);
    EXPECT_EQ(a.tcp.status, kStatusInterDistance);
    const FlowRecord& b = records_.flow(1, Direction::kB);
    EXPECT_EQ(b.key.source, *IpAddress::parse(kServer));
    EXPECT_EQ(b.status, kFlowInverted | kFlowIpv4 | kFlowNoEthernet);
}

TEST_F(Flows, WithTheSamePortsAndAddressesAtBothEndsAreOne) {
    feed_->see(udp(kClient, kClient));
    feed_->see(udp(kClient, kClient));
    analyzer_->finish();
    ASSERT_EQ(records_.flows.size(), 1U);
    EXPECT_EQ(records_.flows[0].packets, 2U);
}

TEST_F(Flows, AreApartByVlanAndFamily) {
    feed_->see(udp(kClient, kServer));
    feed_->see(udp(kClient, kServer, 7));
    feed_->see(udp(kClient, kServer, 8));
    feed_->see(udp("2001:db8::1", "2001:db8::2"));
    analyzer_->finish();
    EXPECT_EQ(analyzer_->report().flows_a, 4U);
    EXPECT_EQ(records_.flow(2, Direction::kA).key.vlan, 7);
    EXPECT_EQ(records_.flow(4, Direction::kA).status & kFlowIpv6, kFlowIpv6);
}

// nmap's flow 1035: four packets of 300 bytes; the first packet's gap is 0 and counts.
TEST_F(Flows, HaveTheStatisticsThatTheTutorialPrints) {
    for (const int64_t gap : {0L, 571'979'000L, 552'111'000L, 552'111'000L}) {
        feed_->pass(gap);
        feed_->see(udp(kClient, kServer));
    }
    analyzer_->finish();
    const FlowRecord& flow = records_.flows[0];
    EXPECT_EQ(flow.bytes, 1200U);
    EXPECT_EQ(flow.packet_bytes.min, 300);
    EXPECT_EQ(flow.packet_bytes.deviation, 0);
    EXPECT_EQ(flow.arrival_gap_s.min, 0);
    EXPECT_NEAR(flow.arrival_gap_s.max, 0.571979, 1e-9);
    EXPECT_NEAR(flow.arrival_gap_s.mean, 0.4190502, 1e-6);
    EXPECT_NEAR(flow.packets_per_second(), 2.386349, 1e-6);
    EXPECT_NEAR(flow.bytes_per_second(), 715.9046, 1e-3);
    EXPECT_EQ(flow.packet_asymmetry(), 1);
}

TEST_F(Flows, EndWhenIdleForTheTimeOfTheirState) {
    const auto flows_after = [&](int64_t ns) {
        analyzer_->pass_time(feed_->now_ns() + ns);
        return records_.flows.size();
    };
    client(kSyn, 100, 0);
    EXPECT_EQ(flows_after(120 * kSecond - 1), 0U);
    EXPECT_EQ(flows_after(120 * kSecond), 1U);
    EXPECT_EQ(records_.flows[0].end, FlowEnd::kIdle);

    feed_->pass(200 * kSecond);
    open();
    EXPECT_EQ(flows_after(610 * kSecond - 1), 1U);
    EXPECT_EQ(flows_after(610 * kSecond), 3U);

    feed_->pass(1000 * kSecond);
    open();
    client(kRst, 101, 0);
    EXPECT_EQ(flows_after(99 * kMillisecond), 3U);
    EXPECT_EQ(flows_after(100 * kMillisecond), 5U);
}

TEST_F(Flows, ThatCloseInOrderHaveNoStatesBits) {
    open();
    client(kFin | kAck, 101, 501);
    server(kFin | kAck, 501, 102);
    client(kAck, 102, 502);
    analyzer_->pass_time(feed_->now_ns() + 10 * kSecond);
    ASSERT_EQ(records_.flows.size(), 2U);
    EXPECT_EQ(records_.flows[0].tcp.states, 0);
    EXPECT_EQ(records_.flows[1].tcp.states, 0);
    EXPECT_TRUE(records_.flows[0].tcp.has_established);
}

TEST_F(Flows, ComingAgainAfterTheirTimeAreOthers) {
    open();
    feed_->pass(700 * kSecond);
    client(kAck, 101, 501, 10);
    analyzer_->finish();
    EXPECT_EQ(analyzer_->report().flows_a, 2U);
    EXPECT_EQ(records_.flow(2, Direction::kA).tcp.states & kStatesEstablishment,
              kStatesEstablishment);
}

TEST_F(Flows, WithANewSynOnTheSamePortsAreOthers) {
    open();
    client(kSyn, 70000, 0);
    server(kSyn | kAck, 900, 70001);
    analyzer_->finish();
    EXPECT_EQ(analyzer_->report().flows_a, 2U);
    EXPECT_EQ(analyzer_->report().syn_retransmissions, 0U);
}

TEST_F(Flows, WithTheSameSynAgainAreTheSame) {
    client(kSyn, 100, 0);
    feed_->pass(kSecond);
    client(kSyn, 100, 0);
    analyzer_->finish();
    EXPECT_EQ(analyzer_->report().flows_a, 1U);
    EXPECT_EQ(analyzer_->report().syn_retransmissions, 1U);
}

TEST_F(Flows, GiveWayOldestFirstWhenTheTableIsFull) {
    AnalysisSettings settings;
    settings.flows_max = 3;
    use(settings);
    for (const std::string_view source : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) {
        feed_->see(udp(source, kServer));
        feed_->pass(kSecond);
    }
    feed_->see(udp("10.0.0.1", kServer));
    feed_->pass(kSecond);
    feed_->see(udp("10.0.0.4", kServer));
    ASSERT_EQ(records_.flows.size(), 1U);
    EXPECT_EQ(records_.flows[0].key.source, *IpAddress::parse("10.0.0.2"));
    EXPECT_EQ(records_.flows[0].end, FlowEnd::kTableFull);
    EXPECT_EQ(analyzer_->flows_in_memory(), 3U);
    EXPECT_EQ(analyzer_->report().flows_evicted, 1U);
}

// A long flow is heard of while it lasts, by records that add up to it; silence alone ends none.
TEST_F(Flows, ThatLastLongAreEmittedInPieces) {
    AnalysisSettings settings;
    settings.active_timeout_ns = 10 * kSecond;
    use(settings);
    open();
    for (uint32_t i = 0; i < 25; ++i) {
        feed_->pass(kSecond);
        client(kAck, 101 + i * 100, 501, 100);
        server(kAck, 501, 201 + i * 100);
    }
    // Each has a client's packets of 10 s, the first one the handshake's as well.
    ASSERT_EQ(records_.flows.size(), 4U);
    EXPECT_EQ(records_.flows[0].end, FlowEnd::kGoesOn);
    EXPECT_EQ(records_.flows[0].packets, 11U);
    EXPECT_EQ(records_.flows[2].packets, 10U);
    EXPECT_EQ(records_.flows[2].tcp.syns, 0U);
    analyzer_->finish();
    uint64_t packets = 0;
    uint64_t trips = 0;
    for (const FlowRecord& record : records_.flows) {
        packets += record.packets;
        trips += record.tcp.trips.ack_trip.count;
    }
    EXPECT_EQ(packets, 3U + 2 * 25);
    EXPECT_EQ(trips, 1U + 1 + 25);
}

// Adds up without keeping.
class SummingSink final : public RecordSink {
  public:
    void take_flow(const FlowRecord& record) override {
        ++flows;
        packets += record.packets;
        bytes += record.bytes;
    }
    uint64_t flows = 0;
    uint64_t packets = 0;
    uint64_t bytes = 0;
};

TEST(FlowMemory, OfAMillionFlowsIsThatOfTheTable) {
    AnalysisSettings settings;
    settings.flows_max = 5000;
    settings.scan_sources_max = 1000;
    SummingSink sink;
    Analyzer analyzer(settings, sink);
    Random random(7);
    Packet packet;
    size_t in_memory_max = 0;
    uint64_t packets = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < 1'000'000; ++i) {
        Headers headers = ip_headers(IpAddress(Ipv4Address::from_host(0x0a000000 + i)),
                                     IpAddress(Ipv4Address::of(203, 0, 113, 10)),
                                     6);
        headers.layer4 = Layer4::kTcp;
        headers.source_port = 1024;
        headers.destination_port = 80;
        headers.tcp.flags = kSyn;
        packet.time_ns = int64_t{i} * 1000;
        headers.payload_wire_bytes = static_cast<uint32_t>(random.below(3));
        analyzer.see(packet, headers);
        ++packets;
        bytes += headers.payload_wire_bytes;
        in_memory_max = std::max(in_memory_max, analyzer.flows_in_memory());
    }
    EXPECT_EQ(in_memory_max, 5000U);
    analyzer.finish();
    EXPECT_EQ(analyzer.flows_in_memory(), 0U);
    EXPECT_EQ(sink.flows, 1'000'000U);
    EXPECT_EQ(sink.packets, packets);
    EXPECT_EQ(sink.bytes, bytes);
    EXPECT_EQ(analyzer.report().flows_evicted, 995'000U);
    EXPECT_EQ(analyzer.report().flows_in_memory_max, 5000U);
}

}  // namespace
}  // namespace director::diagnostics
