// Persistence templates under several threads: workers that meet the same new client at the same
// time agree on its server, and no reference is lost whatever the others do. For ThreadSanitizer,
// too.
#include <array>
#include <barrier>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/core/tables/persistence.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kThreads = 4;
constexpr uint32_t kTimeout = 1000;

[[nodiscard]] TemplateKey key_of(uint64_t client) {
    return {ServiceId{1}, Ipv4Address::from_host(static_cast<uint32_t>(client)), 0};
}

template <typename Work>
void run_threads(const Work& work) {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (uint32_t id = 0; id < kThreads; ++id) {
        threads.emplace_back([&work, id] { work(id); });
    }
}

TEST(PersistenceThreads, AgreeOnTheServerOfANewClient) {
    constexpr uint32_t kRounds = 3000;
    constexpr uint32_t kClients = 3;  // in one set of eight slots
    TemplateTable table(0, HashKey{}, plain_table_memory());
    std::barrier start(kThreads);
    std::array<std::vector<TemplateUse>, kThreads> answers;
    run_threads([&](uint32_t id) {
        for (uint32_t round = 0; round < kRounds; ++round) {
            // What the round before has left is over by now.
            const uint32_t tick = round * 2 * kTimeout;
            start.arrive_and_wait();
            for (uint32_t i = 0; i < kClients; ++i) {
                // Each thread in another order, so that they also meet half-way.
                const TemplateKey key = key_of((i + id) % kClients + 1);
                const TemplateUse use = table.insert(key, RealServerId{id}, tick, kTimeout);
                answers[id].push_back(use);
            }
            start.arrive_and_wait();
            for (uint32_t i = 0; i < kClients; ++i) {
                table.release(answers[id][answers[id].size() - kClients + i].ref, tick);
            }
        }
    });
    for (uint32_t round = 0; round < kRounds; ++round) {
        for (uint32_t client = 0; client < kClients; ++client) {
            std::set<RealServerId> servers;
            std::set<TemplateRef> refs;
            for (uint32_t id = 0; id < kThreads; ++id) {
                const uint32_t i = (client + kClients * kThreads - id) % kClients;
                servers.insert(answers[id][round * kClients + i].server);
                refs.insert(answers[id][round * kClients + i].ref);
            }
            ASSERT_EQ(servers.size(), 1U) << "round " << round << " client " << client;
            ASSERT_EQ(refs.size(), 1U);
            ASSERT_NE(*refs.begin(), kNoTemplate);
        }
    }
    EXPECT_EQ(table.refused(), 0U);
    EXPECT_EQ(table.evicted(), 0U);
}

TEST(PersistenceThreads, LoseNoReferenceWhateverTheOthersDo) {
    constexpr uint32_t kSteps = 20000;
    TemplateTable table(8, HashKey{}, plain_table_memory());
    run_threads([&](uint32_t id) {
        Random random(id + 1);
        std::vector<TemplateUse> held;
        uint32_t tick = 0;
        for (uint32_t step = 0; step < kSteps; ++step) {
            tick += static_cast<uint32_t>(random.below(20));
            const RealServerId server{static_cast<uint32_t>(random.below(3))};
            const TemplateKey key = key_of(random.below(40));
            TemplateRow row;
            switch (random.below(held.size() < 4 ? 4 : 8)) {
                case 0:
                case 1:
                case 2: {
                    TemplateUse use = table.find(key, tick, kTimeout);
                    if (use.server == kNoRealServer) {
                        use = table.insert(key, server, tick, kTimeout);
                    }
                    held.push_back(use);
                    break;
                }
                case 3:
                    if (random.below(50) == 0) {
                        (void)table.drop_server(server);
                    }
                    if (table.row(
                            static_cast<uint32_t>(random.below(table.slot_count())), tick, row)) {
                        EXPECT_LT(row.key.client.ipv4().host(), 40U);
                        EXPECT_EQ(row.key.service, ServiceId{1});
                    }
                    break;
                case 4:
                    if (held.back().ref != kNoTemplate) {
                        const RealServerId now =
                            table.replace(held.back().ref, held.back().server, server);
                        EXPECT_LT(index(now), 3U);
                    }
                    break;
                default:
                    table.release(held.back().ref, tick);
                    held.pop_back();
            }
        }
        for (const TemplateUse& use : held) {
            table.release(use.ref, tick);
        }
    });
    std::set<uint32_t> clients;
    TemplateRow row;
    for (uint32_t slot = 0; slot < table.slot_count(); ++slot) {
        if (table.row(slot, 0, row)) {
            EXPECT_EQ(row.connections, 0U);
            EXPECT_TRUE(clients.insert(row.key.client.ipv4().host()).second) << "two of one key";
        }
    }
    // Nothing is in use: every slot can be had again.
    for (uint32_t client = 100; client < 100 + 8; ++client) {
        EXPECT_NE(table.insert(key_of(client), RealServerId{1}, 1U << 30, kTimeout).ref,
                  kNoTemplate);
    }
}

}  // namespace
}  // namespace director::dataplane
