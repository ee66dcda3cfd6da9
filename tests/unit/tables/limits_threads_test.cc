// Connection limits under several threads: never more connections than allowed, and none is lost.
// For ThreadSanitizer, too.
#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/core/tables/limits.h"

namespace director::dataplane {
namespace {

TEST(LimitsThreads, TogetherTheyKeepTheLimitsAndLoseNothing) {
    constexpr uint32_t kThreads = 4;
    constexpr ServiceId kService{1};
    ConnectionLimits limits(2, 100, HashKey{}, plain_table_memory());
    ServiceOptions options;
    options.connections_max = 10;
    options.client_connections_max = 4;
    options.connections_per_second = 100000;
    options.client_connections_per_second = 100000;
    std::atomic<uint32_t> open{0};
    {
        std::vector<std::jthread> threads;
        for (uint32_t id = 0; id < kThreads; ++id) {
            threads.emplace_back([&, id] {
                Random random(id + 1);
                std::vector<LimitRef> held;
                TimePoint now{std::chrono::seconds(1)};
                for (int step = 0; step < 20000; ++step) {
                    now += std::chrono::microseconds(50);
                    const IpAddress client =
                        Ipv4Address::from_host(static_cast<uint32_t>(random.below(30)));
                    if (random.below(2) == 0) {
                        const LimitAnswer answer = limits.admit(kService, options, client, now);
                        if (answer.verdict == LimitVerdict::kAdmitted) {
                            EXPECT_LE(open.fetch_add(1) + 1, options.connections_max);
                            held.push_back(answer.ref);
                        }
                    } else if (!held.empty()) {
                        open.fetch_sub(1);
                        limits.release(kService, held.back());
                        held.pop_back();
                    }
                }
                for (const LimitRef ref : held) {
                    open.fetch_sub(1);
                    limits.release(kService, ref);
                }
            });
        }
    }
    EXPECT_EQ(limits.connections(kService), 0U);
    // Every client may have all its connections again.
    const TimePoint later{std::chrono::hours(1)};
    for (uint32_t client = 0; client < 30; ++client) {
        std::vector<LimitRef> held;
        for (uint32_t i = 0; i < options.client_connections_max; ++i) {
            const LimitAnswer answer =
                limits.admit(kService, options, Ipv4Address::from_host(client), later);
            ASSERT_EQ(answer.verdict, LimitVerdict::kAdmitted);
            held.push_back(answer.ref);
        }
        for (const LimitRef ref : held) {
            limits.release(kService, ref);
        }
    }
}

}  // namespace
}  // namespace director::dataplane
