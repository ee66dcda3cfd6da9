// Boot times and the hosts behind one address, by the 40 rows that the tutorial prints.
#include "diagnostics/flow/hosts.h"

#include <cmath>
#include <map>

#include <gmock/gmock.h>

#include "tests/unit/diagnostics/flow/analyzed.h"

namespace director::diagnostics {
namespace {

class BootTimes : public testing::Test {
  protected:
    TsvTable rows_{capture("expected/annoloc2-boot-time.tsv")};

    // As one packet with timestamps has it: the row's time is boot time and up time together.
    [[nodiscard]] TimestampSeries series(size_t row) const {
        TimestampSeries one;
        one.first = one.last = static_cast<uint32_t>(rows_.number(row, "tcpTmS"));
        one.first_ns = one.last_ns = static_cast<int64_t>(
            std::llround((rows_.real(row, "tcpUtm") + rows_.real(row, "tcpBtm")) * 1e9));
        return one;
    }
    // Each row of `address` through one Hosts: the host of each.
    [[nodiscard]] std::vector<uint32_t> hosts_of(const std::string& address) const {
        std::vector<uint32_t> result;
        Hosts hosts;
        for (size_t row = 0; row < rows_.size(); ++row) {
            if (rows_.cell(row, "srcIP") == address) {
                TimestampFacts facts;
                hosts.identify(series(row), {}, facts);
                result.push_back(facts.host);
            }
        }
        return result;
    }
};

TEST_F(BootTimes, AreThoseOfATickInSinglePrecision) {
    ASSERT_EQ(rows_.size(), 40U);
    for (size_t row = 0; row < rows_.size(); ++row) {
        const auto tick = static_cast<float>(rows_.real(row, "tcpEcI"));
        const auto timestamp = static_cast<uint32_t>(rows_.number(row, "tcpTmS"));
        const double up = up_time_s(timestamp, tick);
        EXPECT_NEAR(up, rows_.real(row, "tcpUtm"), 6e-7) << timestamp;
        EXPECT_NEAR(boot_time_s(series(row).last_ns, up), rows_.real(row, "tcpBtm"), 2e-6);
    }
    EXPECT_NEAR(up_time_s(7748617, 0.01F), 77486.168268, 5e-7);
    EXPECT_NEAR(up_time_s(4323074, 0.1F), 432307.406442, 5e-7);
    EXPECT_NEAR(up_time_s(3992845, 0.004F), 15971.380759, 5e-7);
}

TEST_F(BootTimes, MakeOneHostOfRowsThatAgree) {
    EXPECT_THAT(hosts_of("18.2.89.211"), testing::AllOf(testing::SizeIs(13), testing::Each(1U)));
    // 38 ms apart.
    EXPECT_THAT(hosts_of("19.24.4.45"), testing::Each(1U));
}

TEST_F(BootTimes, TellTwoHostsBehindOneAddress) {
    EXPECT_THAT(hosts_of("19.182.177.87"), testing::ElementsAre(1U, 2U));
}

// Printed with ticks of 0.1, 0.01 and 0.01 s, and boot times days apart: it is 0.5 s.
TEST_F(BootTimes, FindTheTickOverSeveralFlowsInsteadOfAnotherHost) {
    EXPECT_THAT(hosts_of("19.173.18.204"), testing::ElementsAre(1U, 1U, 1U));
}

TimestampSeries series_of(uint32_t first, uint32_t last, int64_t lasted_ns) {
    const int64_t begin = 1'700'000'000 * kSecond;
    return {first, last, begin, begin + lasted_ns, false};
}

TEST(Ticks, AreMeasuredOverAFlowAndPutToAUsualOne) {
    EXPECT_FLOAT_EQ(measured_tick_s(series_of(1000, 2003, kSecond), {}), 0.001F);
    EXPECT_FLOAT_EQ(measured_tick_s(series_of(1000, 1254, kSecond), {}), 0.004F);
    EXPECT_FLOAT_EQ(measured_tick_s(series_of(1000, 1099, kSecond), {}), 0.01F);
    EXPECT_FLOAT_EQ(measured_tick_s(series_of(1000, 1020, 10 * kSecond), {}), 0.5F);
    // Across 2^32.
    EXPECT_FLOAT_EQ(measured_tick_s(series_of(0xffffff00, 0x00000cb8, 4 * kSecond), {}), 0.001F);
    // Too short, too few, and like no clock.
    EXPECT_EQ(measured_tick_s(series_of(1000, 1005, 5 * kMillisecond), {}), 0);
    EXPECT_EQ(measured_tick_s(series_of(1000, 1003, kSecond), {}), 0);
    EXPECT_EQ(measured_tick_s(series_of(1000, 9000000, kSecond), {}), 0);
}

TEST(Ticks, OfNonsenseAreFlaggedAsUnusable) {
    const auto source_of = [](const TimestampSeries& series) {
        Hosts hosts;
        TimestampFacts facts;
        hosts.identify(series, {}, facts);
        EXPECT_EQ(facts.is_usable(), facts.boot_s != 0);
        return facts.source;
    };
    // nmap's probes.
    EXPECT_EQ(source_of(series_of(4294967295, 4294967295, 0)), TickSource::kUnusable);
    EXPECT_EQ(source_of(series_of(0, 0, 0)), TickSource::kUnusable);
    EXPECT_EQ(source_of(series_of(5000, 5000, 60 * kSecond)), TickSource::kUnusable);
    EXPECT_EQ(source_of({9000, 5000, kSecond, 2 * kSecond, true}), TickSource::kUnusable);
    EXPECT_EQ(source_of(series_of(5000, 15000, 10 * kSecond)), TickSource::kMeasured);
    EXPECT_EQ(source_of(series_of(5000, 5000, 0)), TickSource::kGuessed);
}

// Random TSvals for each connection (Linux since 4.10).
TEST(Ticks, TellNoHostsWhereThereAreTooManyToBelieve) {
    Hosts hosts;
    uint32_t last = 1;
    for (uint32_t i = 0; i < 20; ++i) {
        TimestampFacts facts;
        hosts.identify(series_of(i * 200'000'000, i * 200'000'000 + 1000, kSecond), {}, facts);
        last = facts.host;
    }
    EXPECT_EQ(last, 0U);
    EXPECT_GT(hosts.count(), Hosts::kHostsMax);
}

// Timestamps over a longer flow of a capture.
TEST(Ticks, OfACaptureAreMeasured) {
    const auto analyzed = analyze_file(capture("tcp/timestamp.pcap"));
    for (const FlowRecord& flow : analyzed->records.flows) {
        EXPECT_EQ(flow.tcp.timestamps.source, TickSource::kMeasured);
        EXPECT_GT(flow.tcp.timestamps.tick_s, 0);
    }
}

}  // namespace
}  // namespace director::diagnostics
