// Each trap of matching on its own: packets without IP ID, checksums, cut packets, TTLs, DHCP,
// PROXY headers, what is ambiguous, clocks that contradict.
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "diagnostics/match/findings.h"
#include "diagnostics/match/sequence_diagram.h"
#include "diagnostics/match/stream.h"
#include "tests/unit/diagnostics/match/matched.h"

namespace director::diagnostics::matching {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kUs = 1'000;

// A point that packets are put into one by one.
class Point {
  public:
    explicit Point(const char* name) : builder_(name, {}) {}

    Headers tcp(bool is_from_client,
                uint16_t flags,
                uint32_t sequence,
                uint32_t acknowledgement) const {
        Headers headers;
        headers.layer3 = Layer3::kIpv4;
        headers.layer4 = Layer4::kTcp;
        headers.ip.source = is_from_client ? client.address : server.address;
        headers.ip.destination = is_from_client ? server.address : client.address;
        headers.source_port = (is_from_client ? client : server).port.host();
        headers.destination_port = (is_from_client ? server : client).port.host();
        headers.tcp.flags = flags;
        headers.tcp.sequence = sequence;
        headers.tcp.acknowledgement = acknowledgement;
        return headers;
    }
    void add(int64_t time_ns, Headers headers, const std::string& payload = "") {
        headers.payload = {reinterpret_cast<const uint8_t*>(payload.data()), payload.size()};
        headers.payload_wire_bytes =
            std::max(headers.payload_wire_bytes, static_cast<uint32_t>(payload.size()));
        Packet packet;
        packet.number = ++number_;
        packet.time_ns = 1'700'000'000'000'000'000 + time_ns;
        builder_.add(packet, headers);
    }
    VantagePoint finish() { return std::move(builder_).finish(); }

    Endpoint client = {Ipv4Address::of(10, 0, 0, 1), Be16::from_host(4711)};
    Endpoint server = {Ipv4Address::of(192, 0, 2, 1), Be16::from_host(80)};

  private:
    PointBuilder builder_;
    uint64_t number_ = 0;
};

Matched match_both(Point& a, Point& b, const MatchSettings& settings = {}) {
    std::vector<VantagePoint> points;
    points.push_back(a.finish());
    points.push_back(b.finish());
    return match_points(std::move(points), settings);
}

void add_handshake(Point& point, int64_t time_ns, uint32_t client, uint32_t server) {
    point.add(time_ns, point.tcp(true, kSyn, client, 0));
    point.add(time_ns + kMs, point.tcp(false, kSyn | kAck, server, client + 1));
    point.add(time_ns + 2 * kMs, point.tcp(true, kAck, client + 1, server + 1));
}

TEST(Traps, IdenticalResetsWithoutIpIdAreAmbiguousAndInOrder) {
    Point a("a");
    Point b("b");
    b.client = {Ipv4Address::of(198, 51, 100, 1), Be16::from_host(9)};
    b.server.address = Ipv4Address::of(172, 16, 0, 1);
    for (Point* one : {&a, &b}) {
        add_handshake(*one, 0, 1000, 5000);
        one->add(5 * kMs, one->tcp(true, kRst, 1001, 0));
        one->add(6 * kMs, one->tcp(true, kRst, 1001, 0));
    }
    const Matched matched = match_both(a, b);
    EXPECT_EQ(matched.pairs(0, 1), "1-1 2-2 3-3 4-4 5-5");
    ASSERT_EQ(matched.matching.ambiguous_packets.size(), 1U);
    EXPECT_EQ(matched.matching.ambiguous_packets[0].packets.a.size(), 2U);
}

TEST(Traps, UnequallyManyIdenticalPacketsAreNotPaired) {
    Point a("a");
    Point b("b");
    for (Point* one : {&a, &b}) {
        add_handshake(*one, 0, 1000, 5000);
        one->add(5 * kMs, one->tcp(true, kRst, 1001, 0));
    }
    a.add(6 * kMs, a.tcp(true, kRst, 1001, 0));
    const Matched matched = match_both(a, b);
    EXPECT_EQ(matched.pairs(0, 1), "1-1 2-2 3-3");
    EXPECT_EQ(matched.matching.ambiguous_packets.size(), 1U);
}

TEST(Traps, SynAcksWithoutIpIdDoNotMakeAConnection) {
    Point a("a");
    Point b("b");
    b.client = {Ipv4Address::of(172, 16, 0, 6), Be16::from_host(42768)};
    b.server.address = Ipv4Address::of(172, 16, 0, 9);
    add_handshake(a, 0, 1000, 5000);
    add_handshake(b, kMs, 77, 99);
    EXPECT_EQ(match_both(a, b).matching.conversations.size(), 2U);
}

TEST(Traps, ChecksumsAreNoKeyAndCutPacketsDo) {
    Point a("a");
    Point b("b");
    for (Point* one : {&a, &b}) {
        add_handshake(*one, 0, 1000, 5000);
    }
    Headers whole = a.tcp(true, kAck, 1001, 5001);
    whole.l4_checksum.found = 0x1234;
    a.add(4 * kMs, whole, std::string(100, 'x'));
    Headers cut = b.tcp(true, kAck, 1001, 5001);
    cut.l4_checksum.found = 0x4321;
    cut.payload_wire_bytes = 100;
    b.add(4 * kMs, cut, "xxxx");
    EXPECT_EQ(match_both(a, b).pairs(0, 1), "1-1 2-2 3-3 4-4");
}

TEST(Traps, ASegmentOfAFrameByIpIdAndPlace) {
    Point a("a");
    Point b("b");
    for (Point* one : {&a, &b}) {
        add_handshake(*one, 0, 1000, 5000);
    }
    Headers frame = a.tcp(true, kPsh | kAck, 1001, 5001);
    frame.ip.identification = 65535;  // the next ones are 0 and 1
    a.add(4 * kMs, frame, std::string(3000, 'x'));
    for (uint32_t i = 0; i < 3; ++i) {
        Headers part = b.tcp(true, i == 2 ? kPsh | kAck : kAck, 1001 + 1460 * i, 5001);
        part.ip.identification = (65535 + i) & 0xffff;
        b.add(4 * kMs + i * kUs, part, std::string(i == 2 ? 80 : 1460, 'x'));
    }
    const Matched matched = match_both(a, b);
    EXPECT_EQ(matched.pairs(0, 1), "1-1 2-2 3-3 4-4 4-5 4-6");
    EXPECT_EQ(matched.only_at(1, 0), "");
}

TEST(Traps, HopCountsTellThatThePointsAreInTheWrongOrder) {
    Point a("server");
    Point b("client");
    int64_t later = 10 * kMs;
    for (Point* one : {&a, &b}) {
        for (uint32_t i = 0; i < 3; ++i) {
            Headers request = one->tcp(true, kAck, 1001 + i, 5001);
            request.ip.ttl = one == &a ? 60 : 64;
            one->add(i * 100 * kMs + later, request);
            Headers response = one->tcp(false, kAck, 6001 + i, 1001);
            response.ip.ttl = one == &a ? 64 : 60;
            one->add(i * 100 * kMs + 50 * kMs - later, response);
        }
        later = 0;
    }
    const Matched matched = match_both(a, b);
    ASSERT_EQ(matched.matching.clocks.size(), 1U);
    EXPECT_TRUE(matched.matching.clocks[0].is_reversed);
    EXPECT_TRUE(matched.matching.clocks[0].clock.outliers.empty());
}

TEST(Traps, DhcpByItsTransactionBehindARelay) {
    Point a("a");
    Point b("b");
    const auto message = [](uint8_t type, uint8_t transaction) {
        std::string bytes(240, '\0');
        bytes[0] = type == 1 ? 1 : 2;
        bytes[7] = static_cast<char>(transaction);
        return bytes + std::string{53, 1, static_cast<char>(type), static_cast<char>(255)};
    };
    const auto headers = [](uint32_t source, uint16_t from, uint32_t destination, uint16_t to) {
        Headers one;
        one.layer3 = Layer3::kIpv4;
        one.layer4 = Layer4::kUdp;
        one.ip.source = Ipv4Address::from_host(source);
        one.ip.destination = Ipv4Address::from_host(destination);
        one.source_port = from;
        one.destination_port = to;
        return one;
    };
    for (uint8_t i = 1; i <= 3; ++i) {
        a.add(i * kMs, headers(0, 68, 0xffffffff, 67), message(1, i));
        b.add(i * kMs + kUs, headers(0x0a000001, 67, 0x0a000909, 67), message(1, i));
        b.add(i * kMs + 2 * kUs, headers(0x0a000909, 67, 0x0a000001, 67), message(2, i));
        a.add(i * kMs + 3 * kUs, headers(0x0a000001, 67, 0xffffffff, 68), message(2, i));
    }
    const Matched matched = match_both(a, b);
    EXPECT_EQ(matched.pairs(0, 1), "1-1 2-2 3-3 4-4 5-5 6-6");
    EXPECT_EQ(matched.matching.conversations.size(), 3U);
}

TEST(Traps, ProxyHeadersNameTheClient) {
    const auto read = [](const std::string& text) {
        return read_proxy_header({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    };
    const ProxyHeader first = read("PROXY TCP4 192.0.2.7 198.51.100.1 4711 80\r\nGET /");
    EXPECT_EQ(to_string(first.client), "192.0.2.7:4711");
    EXPECT_EQ(first.bytes, 43U);
    const ProxyHeader second = read(std::string(
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\7\xc6\x33\x64\1\x12\x67\0\x50", 28));
    EXPECT_EQ(to_string(second.client), "192.0.2.7:4711");
    EXPECT_FALSE(read("PROXY TCP4 192.0.2.7\r\n").is_known);
    EXPECT_FALSE(read("PROXY UNKNOWN\r\n").is_known);
}

TEST(Traps, ASlideOfTheBalancerWithTlsBindsAfterTheFirstData) {
    Point a("external");
    Point b("internal");
    b.client = {Ipv4Address::of(172, 16, 4, 6), Be16::from_host(34916)};
    b.server = {Ipv4Address::of(172, 16, 5, 9), Be16::from_host(443)};
    const std::string hello = std::string("\x16\x03\x01", 3) + std::string(200, 'h');
    add_handshake(a, 0, 1000, 5000);
    a.add(5 * kMs, a.tcp(true, kAck, 1001, 5001), hello);
    a.add(6 * kMs, a.tcp(false, kAck, 5001, 1204), std::string(1300, 'c'));
    a.add(10 * kMs, a.tcp(true, kAck, 1204, 6301), std::string(500, 'r'));
    add_handshake(b, 10 * kMs + 249 * kUs, 77, 99);
    b.add(14 * kMs, b.tcp(true, kAck, 78, 100), std::string(540, 'q'));
    b.add(60 * kMs, b.tcp(false, kAck, 100, 618), std::string(1400, 's'));
    a.add(62 * kMs + 500 * kUs, a.tcp(false, kAck, 6301, 1704), std::string(1360, 't'));
    const Matched matched = match_both(a, b);
    ASSERT_EQ(matched.matching.conversations.size(), 1U);
    EXPECT_EQ(matched.matching.conversations[0].links[0].link.evidence, Evidence::kTurns);
    EXPECT_EQ(matched.pairs(0, 1), "6-4 7-5");
    std::string told;
    for (const Finding& finding : find_all(matched.points, matched.matching)) {
        told += finding.kind == FindingKind::kDelayedBinding ? finding.text : "";
    }
    EXPECT_NE(told.find("after the client's first data"), std::string::npos) << told;
}

TEST(Traps, OneClockByRequestTellsWhatContradicts) {
    const Matched matched = match_files(
        {"captures/airline-2-checkpoint-eth2.pcap", "captures/airline-3-bigip-ext.pcap"}, {true});
    const ClockFit& clock = matched.matching.clocks.at(0).clock;
    EXPECT_TRUE(clock.is_one_clock);
    EXPECT_EQ(clock.outliers.size(), 6U);  // all of the server's packets: 152 s before they left
}

TEST(Clock, TimeZonesAreMultiplesOfFifteenMinutes) {
    const auto zone = [](int64_t offset_ns) {
        std::vector<ClockPair> pairs;
        for (int64_t i = 0; i < 10; ++i) {
            pairs.push_back({i * kMs, offset_ns + kMs, true, 0});
            pairs.push_back({i * kMs, offset_ns - kMs, false, 0});
        }
        return fit_clock(pairs, 1).zone_ns;
    };
    constexpr int64_t kMinute = 60'000 * kMs;
    EXPECT_EQ(zone(60 * kMinute + 3 * kMs), std::optional(60 * kMinute));
    EXPECT_EQ(zone(-345 * kMinute - 800 * kMs), std::optional(-345 * kMinute));
    EXPECT_EQ(zone(67 * kMinute), std::nullopt);
    EXPECT_EQ(zone(2000 * kMs), std::nullopt);
}

TEST(Clock, OneOutlierDoesNotMoveIt) {
    std::vector<ClockPair> pairs;
    for (int64_t i = 0; i < 50; ++i) {
        pairs.push_back({i * kMs, 500 * kMs + (1 + i % 3) * kMs, true, 0});
        pairs.push_back({i * kMs, 500 * kMs - (1 + i % 4) * kMs, false, 0});
    }
    pairs.push_back({25 * kMs, 700 * kMs, false, 7});
    const ClockFit fit = fit_clock(pairs, 1);
    EXPECT_EQ(fit.bounds.lower_ns, 499 * kMs);
    EXPECT_EQ(fit.bounds.upper_ns, 501 * kMs);
    ASSERT_EQ(fit.outliers.size(), 1U);
    EXPECT_EQ(fit.outliers[0].pair, 7U);
    EXPECT_EQ(fit.outliers[0].by_ns, 201 * kMs);
    EXPECT_EQ(fit.to_a(1'500 * kMs), 1'000 * kMs);
}

TEST(SequenceDiagram, LossesEndInACrossAndGapsAreBroken) {
    const Matched matched =
        match_files({"captures/airline-1-pc.pcap", "captures/airline-2-checkpoint-eth2.pcap"});
    const std::string svg = sequence_diagram(matched.points, matched.matching, 0);
    const auto count = [&](const std::string& text) {
        size_t found = 0;
        for (size_t at = svg.find(text); at != std::string::npos; at = svg.find(text, at + 1)) {
            ++found;
        }
        return found;
    };
    EXPECT_EQ(count("stroke=\"#cf222e\""), 12U);  // 10 + 1 lost, and the legend
    EXPECT_EQ(count("without a packet"), 9U);
    EXPECT_EQ(count("<svg "), 1U);
    EXPECT_EQ(count("</svg>"), 1U);
    EXPECT_EQ(count("<script"), 0U);
}

TEST(SequenceDiagram, NamesOfFilesAreEscaped) {
    Point a("<a & \"b\">");
    Point b("b");
    add_handshake(a, 0, 1000, 5000);
    add_handshake(b, 0, 1000, 5000);
    const Matched matched = match_both(a, b);
    const std::string svg = sequence_diagram(matched.points, matched.matching, 0);
    EXPECT_NE(svg.find("&lt;a &amp; &quot;b&quot;&gt;"), std::string::npos);
    EXPECT_EQ(svg.find("<a &"), std::string::npos);
}

}  // namespace
}  // namespace director::diagnostics::matching
