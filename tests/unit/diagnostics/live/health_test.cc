// Facts to verdicts: what is below a threshold says nothing, what is above says it in a sentence,
// and the worst comes first.
#include "diagnostics/live/health.h"

#include <gmock/gmock.h>

namespace director::diagnostics {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kService = "tcp 192.0.2.1:80";

ServerFacts well() {
    ServerFacts facts;
    facts.connections = facts.opened = 100;
    facts.client.packets = facts.server.packets = 1000;
    facts.client.trips.add(500, 0.030, 0.060);
    facts.server.trips.add(500, 0.001, 0.002);
    return facts;
}

std::vector<Verdict> verdicts_of(const ServerFacts& facts) {
    const std::vector<ObservedServer> servers{{kService, "192.168.2.13:80", facts}};
    return judge(servers, 10);
}

TEST(HealthTest, NothingIsWrongWithWhatIsWell) {
    EXPECT_THAT(judge({}, 10), IsEmpty());
    EXPECT_THAT(verdicts_of(well()), IsEmpty());
}

TEST(HealthTest, AZeroWindowIsTheApplicationsFault) {
    ServerFacts facts = well();
    facts.server.zero_windows = 2;
    EXPECT_THAT(verdicts_of(facts), IsEmpty());
    facts.server.zero_windows = 12;
    const auto verdicts = verdicts_of(facts);
    ASSERT_THAT(verdicts, SizeIs(1));
    EXPECT_EQ(verdicts[0].text,
              "server 192.168.2.13:80 advertised a zero window 12 times in 10 s: the application "
              "is not reading");
    EXPECT_EQ(verdicts[0].blame, Blame::kServer);
    EXPECT_EQ(verdicts[0].server, "192.168.2.13:80");
}

TEST(HealthTest, RetransmissionsCountByTheirShare) {
    ServerFacts facts = well();
    facts.server.data_packets_again = 19;
    EXPECT_THAT(verdicts_of(facts), IsEmpty());
    facts.server.data_packets_again = 20;
    ASSERT_THAT(verdicts_of(facts), SizeIs(1));
    EXPECT_THAT(verdicts_of(facts)[0].text, HasSubstr("2.0 %"));
    // Of few packets a share says nothing.
    facts.server.packets = 49;
    EXPECT_THAT(verdicts_of(facts), IsEmpty());
    facts = well();
    facts.client.data_packets_again = 100;
    ASSERT_THAT(verdicts_of(facts), SizeIs(1));
    EXPECT_EQ(verdicts_of(facts)[0].blame, Blame::kClientNetwork);
    EXPECT_EQ(verdicts_of(facts)[0].server, "");
}

TEST(HealthTest, HandshakesThatFailAreTheServersOrTheClients) {
    ServerFacts facts = well();
    facts.unanswered = 4;
    EXPECT_THAT(verdicts_of(facts), IsEmpty());  // 4 of 100
    facts.unanswered = 50;
    ASSERT_THAT(verdicts_of(facts), SizeIs(1));
    EXPECT_THAT(verdicts_of(facts)[0].text, HasSubstr("50 of 100 connections"));
    facts = well();
    facts.unfinished = 80;
    ASSERT_THAT(verdicts_of(facts), SizeIs(1));
    EXPECT_THAT(verdicts_of(facts)[0].text, HasSubstr("not finished by clients"));
}

TEST(HealthTest, RoundTripsHaveSides) {
    ServerFacts facts = well();
    facts.server.trips.add(5000, 0.040, 0.100);
    ASSERT_THAT(verdicts_of(facts), SizeIs(1));
    EXPECT_EQ(verdicts_of(facts)[0].blame, Blame::kServerNetwork);
    facts = well();
    facts.client.trips.add(50000, 0.400, 1.0);
    ASSERT_THAT(verdicts_of(facts), SizeIs(1));
    EXPECT_THAT(verdicts_of(facts)[0].text, HasSubstr("clients of tcp 192.0.2.1:80 are"));
}

TEST(HealthTest, ResetsAndScans) {
    ServerFacts facts = well();
    facts.server.resets = 40;
    facts.scans = 30;
    const auto verdicts = verdicts_of(facts);
    ASSERT_THAT(verdicts, SizeIs(2));
    EXPECT_THAT(verdicts[0].text, HasSubstr("reset 40 of 100 connections"));
    EXPECT_THAT(verdicts[1].text, HasSubstr("is being scanned: 30 tries"));
}

TEST(HealthTest, TheWorstComesFirst) {
    ServerFacts slow = well();
    slow.server.trips.add(5000, 0.025, 0.1);
    ServerFacts dead = well();
    dead.unanswered = 100;
    const std::vector<ObservedServer> servers{{kService, "10.0.0.1:80", slow},
                                              {kService, "10.0.0.2:80", dead}};
    const auto verdicts = judge(servers, 10);
    ASSERT_THAT(verdicts, SizeIs(2));
    EXPECT_EQ(verdicts[0].server, "10.0.0.2:80");
    EXPECT_GT(verdicts[0].severity, verdicts[1].severity);
}

FlowRecord record_of(uint64_t syns, uint64_t resets, bool has_established) {
    FlowRecord record;
    record.layer4 = Layer4::kTcp;
    record.packets = 3;
    record.tcp.syns = syns;
    record.tcp.resets = resets;
    record.tcp.has_established = has_established;
    return record;
}

TEST(ServerFactsTest, KnowsHandshakesThatFailed) {
    constexpr int64_t kLater = 10'000'000'000;
    const FlowRecord opened = record_of(1, 0, true);
    const FlowRecord half = record_of(1, 0, false);
    const FlowRecord answer = record_of(1, 0, true);
    const FlowRecord refusal = record_of(0, 1, false);
    ServerFacts facts;
    facts.add(&opened, &answer, kLater);
    EXPECT_EQ(facts.unanswered + facts.unfinished, 0U);
    facts.add(&half, nullptr, kLater);
    EXPECT_EQ(facts.unanswered, 1U);
    facts.add(&half, &refusal, kLater);
    EXPECT_EQ(facts.unanswered, 1U);
    EXPECT_EQ(facts.server.resets, 1U);
    facts.add(&half, &answer, kLater);
    EXPECT_EQ(facts.unfinished, 1U);
    facts.add(&half, nullptr, 1);  // has only begun
    EXPECT_EQ(facts.unanswered, 1U);
    EXPECT_EQ(facts.opened, 5U);
}

TEST(TripFactsTest, FallIntoBuckets) {
    TripFacts trips;
    trips.add(3, 0.0004, 0.001);
    trips.add(1, 9, 10);
    trips.add(0, 1, 1);
    EXPECT_EQ(trips.count, 4U);
    EXPECT_EQ(trips.buckets.front(), 3U);
    EXPECT_EQ(trips.buckets.back(), 1U);
    EXPECT_DOUBLE_EQ(trips.max_s, 10);
    TripFacts both = trips;
    both.add(trips);
    EXPECT_EQ(both.count, 8U);
    EXPECT_DOUBLE_EQ(both.mean_s(), trips.mean_s());
}

}  // namespace
}  // namespace director::diagnostics
