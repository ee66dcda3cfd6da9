// Who is to blame for a slow or broken connection, told from its two flow records.
#include "diagnostics/report/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace director::diagnostics {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMillisecondNs = 1'000'000;

// A healthy connection from a client to a server, captured between the two.
struct Connection {
    FlowRecord client;
    FlowRecord server;

    Connection() {
        client.flow = server.flow = 7;
        client.layer3 = server.layer3 = Layer3::kIpv4;
        client.layer4 = server.layer4 = Layer4::kTcp;
        client.key.source = server.key.destination = Ipv4Address::of(198, 51, 100, 9);
        client.key.destination = server.key.source = Ipv4Address::of(192, 0, 2, 1);
        client.key.source_port = server.key.destination_port = 40000;
        client.key.destination_port = server.key.source_port = 80;
        server.direction = Direction::kB;
        client.has_opposite = server.has_opposite = true;
        client.last_ns = server.last_ns = 900 * kMillisecondNs;
        client.packets = server.packets = 10;
        client.wire_bytes = server.wire_bytes = 5000;
        client.tcp.syns = server.tcp.syns = 1;
        client.tcp.flags = kSyn | kAck | kFin;
        server.tcp.flags = kSyn | kAck | kFin | kFlagSynAck;
        client.tcp.has_established = server.tcp.has_established = true;
        // A's handshake is the server's side, B's the client's.
        client.tcp.trips.has_handshake = server.tcp.trips.has_handshake = true;
        client.tcp.trips.handshake = 0.001;
        server.tcp.trips.handshake = 0.030;
        server.tcp.window.max = 65536;
    }
    [[nodiscard]] Explanation explained() const { return explain(client, &server); }
};

TEST(Explain, AHealthyConnectionBlamesNobody) {
    const Connection connection;
    const Explanation explanation = connection.explained();
    EXPECT_EQ(explanation.blame, Blame::kNeither);
    EXPECT_THAT(explanation.findings, IsEmpty());
    EXPECT_EQ(
        show_explanation(connection.client, &connection.server, explanation),
        "flow 7: TCP 198.51.100.9:40000 -> 192.0.2.1:80, 20 packets, 10 kB in 900 ms: neither\n"
        "  nothing in it explains a delay\n");
}

TEST(Explain, AZeroWindowIsTheApplicationThatDoesNotRead) {
    Connection connection;
    connection.server.tcp.window.zero_windows = 3;
    connection.server.tcp.window.zero_total_ns = 2100 * kMillisecondNs;
    const Explanation explanation = connection.explained();
    EXPECT_EQ(explanation.blame, Blame::kServer);
    EXPECT_NEAR(explanation.cost_s, 2.1, 1e-9);
    EXPECT_EQ(explanation.findings.front().text,
              "the server advertised a zero window 3 times, 2.1 s in all: its application is not "
              "reading");
}

// What had passed here was lost behind here.
TEST(Explain, ARetransmissionOfWhatPassedBlamesTheReceiversNetwork) {
    Connection connection;
    connection.server.tcp.sequence.timeout_retransmissions = 2;
    connection.server.tcp.sequence.retransmission_delay_max_ns = 640 * kMillisecondNs;
    EXPECT_EQ(connection.explained().blame, Blame::kClientNetwork);
    EXPECT_THAT(connection.explained().findings.front().text,
                HasSubstr("2 segments of the server had passed here and came again (2 after a "
                          "timeout, longest wait 640 ms): lost between here and the client"));
}

// What was missing here was lost before here.
TEST(Explain, AGapBlamesTheSendersNetwork) {
    Connection connection;
    connection.server.tcp.sequence.previous_not_captured = 3;
    EXPECT_EQ(connection.explained().blame, Blame::kServerNetwork);
}

// ... unless its receiver had it.
TEST(Explain, AGapThatTheReceiverAcknowledgesIsTheCapturesOwn) {
    Connection connection;
    connection.server.tcp.sequence.previous_not_captured = 3;
    connection.client.tcp.sequence.acks_of_unseen = 3;
    const Explanation explanation = connection.explained();
    EXPECT_EQ(explanation.blame, Blame::kNeither);
    ASSERT_THAT(explanation.findings, SizeIs(1));
    EXPECT_THAT(explanation.findings.front().text, HasSubstr("the capture missed packets"));
}

TEST(Explain, ASpuriousRetransmissionBlamesTheWayOfTheAck) {
    Connection connection;
    connection.client.tcp.sequence.spurious_retransmissions = 4;
    EXPECT_EQ(connection.explained().blame, Blame::kClientNetwork);
    EXPECT_THAT(connection.explained().findings.front().text,
                HasSubstr("lost or late between here and the client"));
}

TEST(Explain, ALongWayIsSaidWithBothSides) {
    Connection connection;
    connection.server.tcp.trips.handshake = 0.312;
    EXPECT_EQ(connection.explained().blame, Blame::kClientNetwork);
    EXPECT_EQ(connection.explained().findings.front().text,
              "from here to the client and back takes 312 ms (to the server and back: 1 ms)");
    Connection other;
    other.client.tcp.trips.handshake = 0.080;
    EXPECT_EQ(other.explained().blame, Blame::kServerNetwork);
}

// The way to the server and back is not the server's doing.
TEST(Explain, ASlowAnswerIsTheServers) {
    Connection connection;
    connection.server.answer_s = {4, 0.001, 0.510, 0.150, 0};
    EXPECT_EQ(connection.explained().blame, Blame::kServer);
    EXPECT_EQ(
        connection.explained().findings.front().text,
        "the server took up to 510 ms to answer, 150 ms in the mean of 4 answers (the way to it "
        "and back: 1 ms): its application is slow, or waits for others");
    connection.client.tcp.trips.handshake = 0.015;
    EXPECT_EQ(connection.explained().blame, Blame::kNeither);
    ExplainSettings strict;
    strict.slow_answer_s = 0.1;
    EXPECT_EQ(explain(connection.client, &connection.server, strict).blame, Blame::kServer);
}

TEST(Explain, ASynThatNobodyAnswers) {
    Connection connection;
    connection.client.tcp.has_established = false;
    connection.client.tcp.syns = 4;
    const Explanation explanation = explain(connection.client, nullptr);
    EXPECT_EQ(explanation.blame, Blame::kServer);
    EXPECT_THAT(explanation.findings.front().text, HasSubstr("asked 4 times"));
}

TEST(Explain, ARefusalIsTheServers) {
    Connection connection;
    connection.client.tcp.has_established = connection.server.tcp.has_established = false;
    connection.server.tcp.syns = 0;
    connection.server.tcp.flags = kRst | kAck;
    connection.server.tcp.resets = 1;
    EXPECT_EQ(connection.explained().blame, Blame::kServer);
    EXPECT_THAT(connection.explained().findings.front().text, HasSubstr("refused"));
}

TEST(Explain, ASynAckThatNobodyAnswersIsTheClientsSide) {
    Connection connection;
    connection.client.tcp.has_established = connection.server.tcp.has_established = false;
    connection.server.tcp.syns = 5;
    EXPECT_EQ(connection.explained().blame, Blame::kClientNetwork);
    EXPECT_THAT(connection.explained().findings.front().text, HasSubstr("passed here 5 times"));
}

TEST(Explain, ALateSynAckTellsWhereTheSynWasLost) {
    Connection connection;
    connection.client.tcp.sequence.syn_retransmissions = 1;
    EXPECT_EQ(connection.explained().blame, Blame::kServerNetwork);
    connection.server.tcp.syns = 2;
    EXPECT_EQ(connection.explained().blame, Blame::kClientNetwork);
}

TEST(Explain, AResetAfterTheEndHurtsNobody) {
    Connection connection;
    connection.server.tcp.resets = 1;
    EXPECT_EQ(connection.explained().blame, Blame::kServer);
    connection.client.tcp.fins = connection.server.tcp.fins = 1;
    EXPECT_EQ(connection.explained().blame, Blame::kNeither);
}

TEST(Explain, TheWorstComesFirst) {
    Connection connection;
    connection.client.tcp.sequence.out_of_order = 2;
    connection.server.tcp.window.zero_windows = 1;
    connection.server.tcp.window.zero_total_ns = 5000 * kMillisecondNs;
    connection.server.tcp.sequence.fast_retransmissions = 1;
    const Explanation explanation = connection.explained();
    ASSERT_THAT(explanation.findings, SizeIs(3));
    EXPECT_EQ(explanation.findings[0].blame, Blame::kServer);
    EXPECT_EQ(explanation.findings[1].blame, Blame::kClientNetwork);
    EXPECT_EQ(explanation.findings[2].blame, Blame::kClientNetwork);
    EXPECT_GE(explanation.findings[1].cost_s, explanation.findings[2].cost_s);
}

// A capture may begin with the server's packet.
TEST(Explain, RolesAreThoseOfTheHandshakeElseOfThePorts) {
    Connection connection;
    const Sides turned = sides_of(connection.server, &connection.client);
    EXPECT_EQ(turned.client, &connection.client);
    EXPECT_EQ(turned.server, &connection.server);
    connection.client.tcp.syns = connection.server.tcp.syns = 0;
    connection.client.tcp.flags = connection.server.tcp.flags = kAck;
    EXPECT_EQ(sides_of(connection.server, &connection.client).client, &connection.client);
    EXPECT_EQ(sides_of(connection.client, &connection.server).client, &connection.client);
}

TEST(Explain, DurationsHaveThreeFigures) {
    EXPECT_EQ(duration_text(0), "0 s");
    EXPECT_EQ(duration_text(0.000042), "42 us");
    EXPECT_EQ(duration_text(0.0787), "78.7 ms");
    EXPECT_EQ(duration_text(0.99996), "1 s");
    EXPECT_EQ(duration_text(2.1), "2.1 s");
    EXPECT_EQ(duration_text(125), "2m 05s");
    EXPECT_EQ(duration_text(3720), "1h 02m");
    EXPECT_EQ(bytes_text(999), "999 B");
    EXPECT_EQ(bytes_text(65536), "65.5 kB");
    EXPECT_EQ(bytes_text(999'999), "1 MB");
}

}  // namespace
}  // namespace director::diagnostics
