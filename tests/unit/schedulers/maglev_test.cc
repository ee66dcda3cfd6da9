// maglev: shares, disruption, agreement, and the bound on load.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "common/random.h"
#include "tests/unit/schedulers/ipvs_model.h"

namespace director::test {
namespace {

using dataplane::SchedulerFlags;

constexpr SchedulerFlags kUnbounded{.load_bound_percent = 0};

[[nodiscard]] ModelList servers(uint32_t count, uint32_t weight = 1) {
    ModelList list;
    for (uint32_t number = 0; number < count; ++number) {
        list.push_back({.number = number, .weight = weight});
    }
    return list;
}

// The server's number in each slot.
[[nodiscard]] std::vector<uint32_t> slots(Ours& ours) {
    std::vector<uint32_t> numbers;
    for (const uint32_t position : ours.table().state.slots) {
        numbers.push_back(index(ours.table().servers[position].id));
    }
    return numbers;
}

TEST(Maglev, SlotsFollowTheWeights) {
    const uint64_t seed = 1;
    Random random(seed);
    for (const uint32_t count : {1U, 2U, 3U, 10U, 100U, 1000U}) {
        for (const uint32_t weight_max : {1U, 10U, 65535U}) {
            ModelList list = servers(count);
            uint64_t sum = 0;
            for (ModelServer& server : list) {
                server.weight = 1 + static_cast<uint32_t>(random.below(weight_max));
                sum += server.weight;
            }
            Ours ours("maglev", kUnbounded);
            ours.put(list);
            std::map<uint32_t, uint64_t> counts;
            for (const uint32_t number : slots(ours)) {
                ++counts[number];
            }
            const uint64_t size = slots(ours).size();
            for (const ModelServer& server : list) {
                // By turns in the order of what each would have per weight: off by less than two.
                const uint64_t share = size * server.weight / sum;
                ASSERT_LE(counts[server.number], share + 2)
                    << fmt::format("seed {} count {} weight {}", seed, count, server.weight);
                ASSERT_GE(counts[server.number] + 2, share);
            }
        }
    }
}

TEST(Maglev, ClientsFollowTheSlots) {
    Ours ours("maglev", kUnbounded);
    ours.put({{.number = 1, .weight = 1}, {.number = 2, .weight = 3}});
    std::map<uint32_t, int> counts;
    for (uint32_t client = 0; client < 40000; ++client) {
        ++counts[ours.pick({.client_fold = 0xc0a80000U + client}).value()];
    }
    // 30,000 expected; the standard deviation is 87.
    EXPECT_NEAR(counts[2], 30000, 500);
}

TEST(Maglev, TheOrderOfTheListDoesNotMatter) {
    ModelList list = servers(50);
    Ours one("maglev", kUnbounded);
    one.put(list);
    std::reverse(list.begin(), list.end());
    Ours other("maglev", kUnbounded);
    other.put(list);
    EXPECT_EQ(slots(one), slots(other));
}

// The share of slots of the servers that stay which changed hands.
[[nodiscard]] double moved(const std::vector<uint32_t>& before,
                           const std::vector<uint32_t>& after,
                           uint32_t victim) {
    size_t staying = 0;
    size_t changed = 0;
    for (size_t i = 0; i < before.size(); ++i) {
        staying += before[i] != victim && after[i] != victim ? 1U : 0U;
        changed += before[i] != victim && after[i] != victim && before[i] != after[i] ? 1U : 0U;
    }
    return static_cast<double>(changed) / static_cast<double>(staying);
}

TEST(Maglev, FewClientsMoveWhenAServerGoesOrComes) {
    for (const uint32_t count : {10U, 30U, 100U, 300U}) {
        ModelList list = servers(count);
        Ours ours("maglev", kUnbounded);
        ours.put(list);
        const std::vector<uint32_t> before = slots(ours);
        list[count / 2].weight = 0;
        ours.set_weight(list, count / 2);
        const std::vector<uint32_t> quiesced = slots(ours);
        EXPECT_EQ(std::count(quiesced.begin(), quiesced.end(), count / 2), 0);
        // NSDI 2016, figure 12: a few percent at one in ten to one in a hundred servers.
        EXPECT_LT(moved(before, quiesced, count / 2), 0.03) << count;
        list.erase(list.begin() + count / 2);
        ours.put(list);
        EXPECT_EQ(slots(ours), quiesced);
        list.insert(list.begin(), {.number = count / 2});
        ours.put(list);
        EXPECT_EQ(slots(ours), before);  // it gets its own clients back
    }
}

// ceil(1.25 * connections * weight / weights), after the new one.
void expect_below_bound(const ModelList& list, size_t chosen, uint32_t percent) {
    uint64_t connections = 0;
    uint64_t weights = 0;
    for (const ModelServer& server : list) {
        connections += server.ok() ? server.total : 0;
        weights += server.ok() ? server.weight : 0;
    }
    const uint64_t numerator = connections * list[chosen].weight * percent;
    const uint64_t bound = (numerator + weights * 100 - 1) / (weights * 100);
    ASSERT_LE(list[chosen].total, bound) << "weight " << list[chosen].weight;
}

// Whatever the order of the list: each is found by its id, the first of two with the same one, and
// nobody by an id that none has.
TEST(QuicServers, AreFoundByTheirId) {
    dataplane::ServiceTable table;
    table.options.quic_id_bytes = 2;
    const std::vector<uint64_t> ids{700, 3, 65535, 3, 0, 12};
    for (const uint64_t id : ids) {
        dataplane::RealServerSlot server;
        server.quic_id = id;
        table.servers.push_back(server);
    }
    dataplane::prepare_scheduler(table);
    for (uint32_t position = 0; position < ids.size(); ++position) {
        EXPECT_EQ(dataplane::server_with_quic_id(table, ids[position]),
                  position == 3 ? 1 : position);
    }
    for (const uint64_t id : {uint64_t{1}, uint64_t{13}, uint64_t{701}, uint64_t{65536}}) {
        EXPECT_EQ(dataplane::server_with_quic_id(table, id), dataplane::kNoServer);
    }
    table.options.quic_id_bytes = 0;
    dataplane::prepare_scheduler(table);
    EXPECT_EQ(dataplane::server_with_quic_id(table, 700), dataplane::kNoServer);
}

// Nothing remembers the choice: the client's next packet has to find the same server, whatever the
// loads have become.
TEST(Maglev, LoadsDoNotSwayAChoiceThatNobodyRemembers) {
    ModelList list = servers(5);
    Ours ours("maglev", {.load_bound_percent = 101});
    ours.put(list);
    for (uint32_t client = 0; client < 100; ++client) {
        const dataplane::ScheduleInput input{.client_fold = client, .is_stateless = true};
        for (ModelServer& server : list) {
            server.total = 0;
        }
        ours.put(list);
        const auto before = ours.pick(input);
        ASSERT_TRUE(before.has_value());
        list[*before].total = 1000;
        ours.set_load(list, *before);
        EXPECT_EQ(ours.pick(input), before);
        EXPECT_NE(ours.pick(dataplane::ScheduleInput{.client_fold = client}), before);
    }
}

// Clients that all hash alike, others, closing connections and failing servers: a server never gets
// a connection beyond its bound.
TEST(Maglev, NoServerGetsMoreThanItsBound) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        Random random(seed);
        const uint16_t percent = seed % 4 == 0 ? 101 : seed % 4 == 1 ? 200 : 125;
        ModelList list = servers(1 + static_cast<uint32_t>(random.below(30)));
        for (ModelServer& server : list) {
            server.weight = static_cast<uint32_t>(random.below(seed % 2 == 0 ? 2 : 20));
        }
        Ours ours("maglev", {.load_bound_percent = percent});
        ours.put(list);
        for (int step = 0; step < 1000; ++step) {
            const size_t any = random.below(list.size());
            const uint64_t what = random.below(20);
            if (what == 0) {
                list[any].is_overloaded = !list[any].is_overloaded;
                ours.set_load(list, any);
            } else if (what == 1) {
                list[any].total /= 2;
                ours.set_load(list, any);
            } else if (what == 2 && step % 10 == 0) {
                list[any].weight = static_cast<uint32_t>(random.below(10));
                ours.set_weight(list, any);
            }
            const bool has_any = std::any_of(
                list.begin(), list.end(), [](const ModelServer& server) { return server.ok(); });
            const uint32_t client =
                random.below(3) == 0 ? static_cast<uint32_t>(random.next()) : 42;
            const Choice chosen = ours.pick({.client_fold = client});
            ASSERT_EQ(chosen.has_value(), has_any);
            if (chosen) {
                ASSERT_TRUE(list[*chosen].ok());
                ++list[*chosen].total;
                ours.set_load(list, *chosen);
                ASSERT_NO_FATAL_FAILURE(expect_below_bound(list, *chosen, percent));
            }
        }
    }
}

TEST(Maglev, AClientKeepsItsServerBelowTheBound) {
    ModelList list = servers(20);
    for (ModelServer& server : list) {
        server.total = 100;
    }
    Ours bounded("maglev", {});
    Ours unbounded("maglev", kUnbounded);
    bounded.put(list);
    unbounded.put(list);
    for (uint32_t client = 0; client < 1000; ++client) {
        ASSERT_EQ(bounded.pick({.client_fold = client}), unbounded.pick({.client_fold = client}));
    }
    const Choice usual = unbounded.pick({.client_fold = 5});
    list[*usual].total = 140;
    bounded.set_load(list, *usual);
    unbounded.set_load(list, *usual);
    EXPECT_NE(bounded.pick({.client_fold = 5}), usual);
    EXPECT_EQ(unbounded.pick({.client_fold = 5}), usual);
}

TEST(Maglev, ThePortCountsWithTheFlagAlone) {
    Ours plain("maglev", kUnbounded);
    Ours with_port("maglev", {.hash_port = true, .load_bound_percent = 0});
    plain.put(servers(10));
    with_port.put(servers(10));
    std::map<uint32_t, int> of_plain;
    std::map<uint32_t, int> of_port;
    for (uint16_t port = 1; port <= 1000; ++port) {
        ++of_plain[plain.pick({.client_fold = 9, .client_port = port}).value()];
        ++of_port[with_port.pick({.client_fold = 9, .client_port = port}).value()];
    }
    EXPECT_EQ(of_plain.size(), 1U);
    EXPECT_EQ(of_port.size(), 10U);
}

// Distribution of the others that draw or hash: within five standard deviations.
TEST(Distribution, TwosFollowsTheWeightsWhenLoadsAreEven) {
    ModelList list{
        {.number = 0, .weight = 1}, {.number = 1, .weight = 2}, {.number = 2, .weight = 5}};
    Ours ours("twos", {});
    ours.put(list);
    std::map<uint32_t, int> counts;
    for (int i = 0; i < 80000; ++i) {
        ++counts[ours.pick({}).value()];
    }
    // Without load the first draw wins: 0 .. 8 are drawn evenly, and 0 is the first server's too.
    EXPECT_NEAR(counts[0], 80000.0 * 2 / 9, 600);
    EXPECT_NEAR(counts[1], 80000.0 * 2 / 9, 600);
    EXPECT_NEAR(counts[2], 80000.0 * 5 / 9, 700);
}

TEST(Distribution, TwosKeepsLoadsCloseTogether) {
    ModelList list = servers(100);
    Ours ours("twos", {});
    ours.put(list);
    for (int i = 0; i < 10000; ++i) {
        const uint32_t chosen = ours.pick({}).value();
        ++list[chosen].total;
        ours.set_load(list, chosen);
    }
    // 100 each; drawing once would leave some above 125.
    for (const ModelServer& server : list) {
        EXPECT_NEAR(server.total, 100, 8);
    }
}

}  // namespace
}  // namespace director::test
