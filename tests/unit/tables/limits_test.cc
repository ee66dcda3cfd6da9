// Connection limits of one thread: rates against a count of what was admitted in every second,
// concurrency against std::map, and what happens when all places are taken. Seeds are in the
// messages.
#include "dataplane/core/tables/limits.h"

#include <deque>
#include <map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"

namespace director::dataplane {
namespace {

constexpr ServiceId kService{3};

[[nodiscard]] IpAddress client_of(uint32_t number) {
    return Ipv4Address::from_host(0xc0000200U + number);
}

[[nodiscard]] TimePoint at(int64_t us) {
    return TimePoint{std::chrono::seconds(1000)} + std::chrono::microseconds(us);
}

class Limits : public testing::Test {
  protected:
    ConnectionLimits limits_{8, 1000, HashKey{}, plain_table_memory()};
    ServiceOptions options_;

    [[nodiscard]] LimitVerdict verdict(uint32_t client, int64_t us) {
        return limits_.admit(kService, options_, client_of(client), at(us)).verdict;
    }
};

TEST_F(Limits, WithoutThemNothingIsCounted) {
    EXPECT_FALSE(ConnectionLimits::has_limits(options_));
    const LimitAnswer answer = limits_.admit(kService, options_, client_of(1), at(0));
    EXPECT_EQ(answer.verdict, LimitVerdict::kAdmitted);
    EXPECT_EQ(answer.ref, kNoLimit);
    limits_.release(kService, answer.ref);
}

TEST_F(Limits, AServicesRateLetsASecondsWorthThroughAtOnce) {
    options_.connections_per_second = 100;
    EXPECT_TRUE(ConnectionLimits::has_limits(options_));
    int admitted = 0;
    for (uint32_t i = 0; i < 300; ++i) {
        admitted += verdict(i, 0) == LimitVerdict::kAdmitted ? 1 : 0;
    }
    EXPECT_EQ(admitted, 100);
    EXPECT_EQ(verdict(1, 9000), LimitVerdict::kServiceRate);
    EXPECT_EQ(verdict(1, 10500), LimitVerdict::kAdmitted);
    EXPECT_EQ(verdict(1, 10500), LimitVerdict::kServiceRate);
}

TEST_F(Limits, AHighRateIsExact) {
    options_.connections_per_second = 700000;
    uint32_t steady = 0;
    for (int64_t us = 0; us < 10'000'000; ++us) {
        steady += verdict(1, us) == LimitVerdict::kAdmitted ? 1U : 0U;
    }
    EXPECT_NEAR(steady, 7'700'000, 8'000) << "ten seconds, and one at once";
}

// Never more than twice the rate in any second, and the rate itself over a long time.
TEST_F(Limits, AClientsRateHoldsInEverySecond) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        ConnectionLimits limits(
            8, 1000, HashKey{random.next(), random.next()}, plain_table_memory());
        ServiceOptions options;
        options.client_connections_per_second = static_cast<uint32_t>(1 + random.below(200));
        const uint64_t rate = options.client_connections_per_second;
        std::deque<int64_t> last_second;
        uint64_t admitted = 0;
        int64_t us = 0;
        constexpr int64_t kEnd = 20'000'000;
        while (us < kEnd) {
            us += static_cast<int64_t>(random.below(2 * 1'000'000 / (rate * 4) + 1));
            if (limits.admit(kService, options, client_of(1), at(us)).verdict ==
                LimitVerdict::kAdmitted) {
                ++admitted;
                last_second.push_back(us);
            }
            while (!last_second.empty() && last_second.front() <= us - 1'000'000) {
                last_second.pop_front();
            }
            ASSERT_LE(last_second.size(), 2 * rate);
        }
        EXPECT_LE(admitted, rate * 21 + rate / 50 + 1);
        EXPECT_GE(admitted, rate * 20 - rate / 50 - 1);
    }
}

TEST_F(Limits, APrefixIsOneClient) {
    options_.client_connections_max = 2;
    options_.client_prefix_ipv4 = 24;
    EXPECT_EQ(verdict(1, 0), LimitVerdict::kAdmitted);
    EXPECT_EQ(verdict(2, 0), LimitVerdict::kAdmitted);
    EXPECT_EQ(verdict(255, 0), LimitVerdict::kClientConnections);
    EXPECT_EQ(verdict(256, 0), LimitVerdict::kAdmitted);
    const auto ipv6 = [&](const char* text) {
        return limits_.admit(kService, options_, IpAddress::parse(text).value(), at(0)).verdict;
    };
    EXPECT_EQ(ipv6("2001:db8::1"), LimitVerdict::kAdmitted);
    EXPECT_EQ(ipv6("2001:db8::ffff:0:0:1"), LimitVerdict::kAdmitted);
    EXPECT_EQ(ipv6("2001:db8::2"), LimitVerdict::kClientConnections);
    EXPECT_EQ(ipv6("2001:db8:0:1::2"), LimitVerdict::kAdmitted);
    ServiceId other{4};
    EXPECT_EQ(limits_.admit(other, options_, client_of(1), at(0)).verdict, LimitVerdict::kAdmitted);
}

TEST_F(Limits, WhatTheServiceRefusesTheClientGetsBack) {
    options_.connections_max = 1;
    options_.client_connections_max = 1;
    const LimitAnswer first = limits_.admit(kService, options_, client_of(1), at(0));
    EXPECT_EQ(first.verdict, LimitVerdict::kAdmitted);
    EXPECT_EQ(verdict(2, 0), LimitVerdict::kServiceConnections);
    EXPECT_EQ(limits_.connections(kService), 1U);
    limits_.release(kService, first.ref);
    EXPECT_EQ(limits_.connections(kService), 0U);
    EXPECT_EQ(verdict(2, 0), LimitVerdict::kAdmitted);
    EXPECT_EQ(verdict(2, 0), LimitVerdict::kClientConnections);
}

TEST_F(Limits, AFullSetForgetsRatesButNoConnections) {
    ConnectionLimits tiny(8, 0, HashKey{}, plain_table_memory());  // one set
    options_.client_connections_per_second = 1;
    const auto admit = [&](uint32_t client, int64_t us) {
        return tiny.admit(kService, options_, client_of(client), at(us)).verdict;
    };
    for (uint32_t client = 0; client < 8; ++client) {
        EXPECT_EQ(admit(client, client), LimitVerdict::kAdmitted);
    }
    EXPECT_EQ(admit(0, 10), LimitVerdict::kClientRate);
    EXPECT_EQ(admit(8, 10), LimitVerdict::kAdmitted);
    EXPECT_EQ(admit(1, 11), LimitVerdict::kClientRate);
    EXPECT_EQ(tiny.untracked(), 0U);
    options_.client_connections_per_second = 0;
    options_.client_connections_max = 1;
    for (uint32_t client = 20; client < 28; ++client) {
        EXPECT_EQ(admit(client, 20), LimitVerdict::kAdmitted);
    }
    EXPECT_EQ(tiny.untracked(), 0U);
    EXPECT_EQ(admit(30, 20), LimitVerdict::kAdmitted);
    EXPECT_EQ(admit(30, 20), LimitVerdict::kAdmitted);
    EXPECT_EQ(tiny.untracked(), 2U);
    EXPECT_EQ(admit(20, 20), LimitVerdict::kClientConnections);
}

TEST_F(Limits, ConnectionsEqualTheModelUnderRandomOperations) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        ConnectionLimits limits(
            8, 4000, HashKey{random.next(), random.next()}, plain_table_memory());
        ServiceOptions options;
        options.connections_max = static_cast<uint32_t>(random.below(40));
        options.client_connections_max = static_cast<uint32_t>(random.below(6));
        std::map<uint32_t, uint32_t> of_client;
        std::vector<std::pair<uint32_t, LimitRef>> open;
        for (int64_t step = 0; step < 4000; ++step) {
            if (random.below(5) < 3 || open.empty()) {
                const auto client = static_cast<uint32_t>(random.below(20));
                const auto answer = limits.admit(kService, options, client_of(client), at(step));
                LimitVerdict expected = LimitVerdict::kAdmitted;
                if (options.client_connections_max != 0 &&
                    of_client[client] >= options.client_connections_max) {
                    expected = LimitVerdict::kClientConnections;
                } else if (options.connections_max != 0 && open.size() >= options.connections_max) {
                    expected = LimitVerdict::kServiceConnections;
                }
                ASSERT_EQ(answer.verdict, expected);
                if (expected == LimitVerdict::kAdmitted) {
                    ++of_client[client];
                    open.emplace_back(client, answer.ref);
                }
            } else {
                const size_t which = random.below(open.size());
                limits.release(kService, open[which].second);
                --of_client[open[which].first];
                open.erase(open.begin() + static_cast<ptrdiff_t>(which));
            }
        }
        EXPECT_EQ(limits.untracked(), 0U);
    }
}

}  // namespace
}  // namespace director::dataplane
