// Persistence templates of one thread: against std::map under random operations (seeds are in the
// messages), and row by row what IPVS does with them. Several threads: persistence_threads_test.cc.
#include "dataplane/core/tables/persistence.h"

#include <map>
#include <set>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/core/tables/timer_lists.h"

namespace director::dataplane {
namespace {

constexpr uint32_t kTimeout = to_ticks(300);
constexpr RealServerId kServerA{7};
constexpr RealServerId kServerB{8};

[[nodiscard]] TemplateKey key_of(uint32_t client, uint32_t service = 1, uint16_t port = 80) {
    return {ServiceId{service}, Ipv4Address::from_host(0x0a000000U + client), port};
}

class Persistence : public testing::Test {
  protected:
    // Starts shortly before ticks wrap, as they may.
    uint32_t now_ = 0xffffff00U;
    TemplateTable table_{1000, HashKey{}, plain_table_memory()};

    [[nodiscard]] RealServerId server_of(const TemplateKey& key) {
        const TemplateUse use = table_.find(key, now_, kTimeout);
        table_.release(use.ref, now_);
        return use.server;
    }
    void remember(const TemplateKey& key, RealServerId server) {
        table_.release(table_.insert(key, server, now_, kTimeout).ref, now_);
    }
};

TEST_F(Persistence, TellsServicesClientsAndPortsApart) {
    remember(key_of(1), kServerA);
    EXPECT_EQ(server_of(key_of(1)), kServerA);
    EXPECT_EQ(server_of(key_of(2)), kNoRealServer);
    EXPECT_EQ(server_of(key_of(1, 2)), kNoRealServer);
    EXPECT_EQ(server_of(key_of(1, 1, 81)), kNoRealServer);
    const TemplateKey ipv6{ServiceId{1}, IpAddress::parse("::a00:1").value(), 80};
    EXPECT_EQ(server_of(ipv6), kNoRealServer);
}

TEST_F(Persistence, LastsItsTimeoutAfterTheLastConnection) {
    remember(key_of(1), kServerA);
    now_ += kTimeout - 1;
    EXPECT_EQ(server_of(key_of(1)), kServerA) << "and this one renews it";
    now_ += kTimeout - 1;
    EXPECT_EQ(server_of(key_of(1)), kServerA);
    now_ += kTimeout;
    EXPECT_EQ(server_of(key_of(1)), kNoRealServer);
}

TEST_F(Persistence, LastsAsLongAsConnectionsReferToItAndToTheEndOfAMinuteStep) {
    const TemplateUse use = table_.insert(key_of(1), kServerA, now_, kTimeout);
    now_ += kTimeout + 10;
    EXPECT_EQ(server_of(key_of(1)), kServerA);
    now_ += kTimeout + to_ticks(60) + 10;  // ten ticks into the second step
    table_.release(use.ref, now_);
    now_ += to_ticks(60) - 11;
    TemplateRow row;
    uint32_t rows = 0;
    for (uint32_t slot = 0; slot < table_.slot_count(); ++slot) {
        rows += table_.row(slot, now_, row) ? 1U : 0U;
    }
    EXPECT_EQ(rows, 1U);
    now_ += 1;
    EXPECT_EQ(server_of(key_of(1)), kNoRealServer);
}

TEST_F(Persistence, TheFirstServerCounts) {
    const TemplateUse first = table_.insert(key_of(1), kServerA, now_, kTimeout);
    const TemplateUse second = table_.insert(key_of(1), kServerB, now_, kTimeout);
    EXPECT_EQ(second.server, kServerA);
    EXPECT_EQ(second.ref, first.ref);
}

TEST_F(Persistence, AQuiescedServerIsReplacedOnce) {
    const TemplateUse use = table_.insert(key_of(1), kServerA, now_, kTimeout);
    EXPECT_EQ(table_.replace(use.ref, kServerA, kServerB), kServerB);
    EXPECT_EQ(table_.replace(use.ref, kServerA, RealServerId{9}), kServerB);
    EXPECT_EQ(server_of(key_of(1)), kServerB);
}

TEST_F(Persistence, DroppingAServerFreesItsClients) {
    remember(key_of(1), kServerA);
    remember(key_of(2), kServerB);
    const TemplateUse busy = table_.insert(key_of(3), kServerA, now_, kTimeout);
    EXPECT_EQ(table_.drop_server(kServerA), 2U);
    EXPECT_EQ(server_of(key_of(1)), kNoRealServer);
    EXPECT_EQ(server_of(key_of(2)), kServerB);
    EXPECT_EQ(server_of(key_of(3)), kNoRealServer);
    EXPECT_EQ(table_.insert(key_of(3), kServerB, now_, kTimeout).ref, busy.ref);
    table_.release(busy.ref, now_);
    table_.release(busy.ref, now_);
    EXPECT_EQ(server_of(key_of(3)), kServerB);
    EXPECT_EQ(table_.drop_service(ServiceId{2}), 0U);
    EXPECT_EQ(table_.drop_service(ServiceId{1}), 2U);
    EXPECT_EQ(server_of(key_of(2)), kNoRealServer);
}

TEST_F(Persistence, ListsWhatItKnows) {
    const TemplateKey ipv6{ServiceId{5}, IpAddress::parse("2001:db8::").value(), 443};
    remember(key_of(1), kServerA);
    const TemplateUse use = table_.insert(ipv6, kServerB, now_, kTimeout);
    EXPECT_TRUE(table_.add_reference(use.ref));
    std::vector<TemplateRow> rows;
    TemplateRow row;
    for (uint32_t slot = 0; slot < table_.slot_count(); ++slot) {
        if (table_.row(slot, now_, row)) {
            rows.push_back(row);
        }
    }
    ASSERT_EQ(rows.size(), 2U);
    const TemplateRow& second = rows[rows[0].server == kServerB ? 0 : 1];
    EXPECT_EQ(second.key, ipv6);
    EXPECT_EQ(second.connections, 2U);
    EXPECT_EQ(second.deadline, now_ + kTimeout);
}

TEST_F(Persistence, AFullSetEvictsWhatIsNearestItsEndButNothingInUse) {
    TemplateTable tiny(0, HashKey{}, plain_table_memory());  // one set
    ASSERT_EQ(tiny.slot_count(), 8U);
    for (uint32_t client = 0; client < 8; ++client) {
        const TemplateUse use = tiny.insert(key_of(client), kServerA, now_ + client, kTimeout);
        if (client != 0) {
            tiny.release(use.ref, now_);
        }
    }
    EXPECT_EQ(tiny.insert(key_of(8), kServerB, now_ + 8, kTimeout).server, kServerB);
    EXPECT_EQ(tiny.evicted(), 1U);
    EXPECT_EQ(tiny.find(key_of(1), now_ + 8, kTimeout).server, kNoRealServer);
    EXPECT_EQ(tiny.find(key_of(0), now_ + 8, kTimeout).server, kServerA);
    for (uint32_t client = 10; client < 16; ++client) {
        EXPECT_NE(tiny.insert(key_of(client), kServerB, now_, kTimeout).ref, kNoTemplate);
    }
    const TemplateUse without = tiny.insert(key_of(20), kServerB, now_, kTimeout);
    EXPECT_EQ(without.server, kServerB);
    EXPECT_EQ(without.ref, kNoTemplate);
    EXPECT_EQ(tiny.refused(), 1U);
}

// What a slow and obvious table would say.
struct Model {
    struct Entry {
        RealServerId server;
        uint32_t connections;
        uint64_t deadline;
    };
    std::map<std::tuple<uint32_t, IpAddress, uint16_t>, Entry> entries;

    [[nodiscard]] static auto name(const TemplateKey& key) {
        return std::tuple(index(key.service), key.client, key.virtual_port);
    }
    [[nodiscard]] Entry* find(const TemplateKey& key, uint64_t now) {
        const auto found = entries.find(name(key));
        if (found == entries.end()) {
            return nullptr;
        }
        Entry& entry = found->second;
        const bool is_gone =
            entry.connections == 0 && (entry.deadline <= now || entry.server == kNoRealServer);
        return is_gone ? nullptr : &entry;
    }
    void release(Entry& entry, uint64_t now) const {
        while (entry.deadline <= now) {
            entry.deadline += to_ticks(60);
        }
        --entry.connections;
    }
};

TEST_F(Persistence, EqualsTheModelUnderRandomOperations) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        TemplateTable table(4000, HashKey{random.next(), random.next()}, plain_table_memory());
        Model model;
        std::vector<std::pair<TemplateKey, TemplateRef>> held;
        uint64_t now = 0xfffff000U;
        for (int step = 0; step < 4000; ++step) {
            const auto tick = static_cast<uint32_t>(now);
            const TemplateKey key = key_of(static_cast<uint32_t>(random.below(20)),
                                           static_cast<uint32_t>(random.below(2)));
            const RealServerId server{static_cast<uint32_t>(random.below(4))};
            const uint64_t action = random.below(100);
            if (action < 40) {
                TemplateUse use = table.find(key, tick, kTimeout);
                Model::Entry* entry = model.find(key, now);
                const bool is_known = entry != nullptr && entry->server != kNoRealServer;
                ASSERT_EQ(use.server, is_known ? entry->server : kNoRealServer);
                if (!is_known) {
                    use = table.insert(key, server, tick, kTimeout);
                    ASSERT_EQ(use.server, server);
                    Model::Entry& made = model.entries[Model::name(key)];
                    made.connections = entry != nullptr ? made.connections : 0;
                    made.server = server;
                    entry = &made;
                }
                ++entry->connections;
                entry->deadline = now + kTimeout;
                held.emplace_back(key, use.ref);
            } else if (action < 80 && !held.empty()) {
                const size_t which = random.below(held.size());
                table.release(held[which].second, tick);
                model.release(model.entries.at(Model::name(held[which].first)), now);
                held.erase(held.begin() + static_cast<int64_t>(which));
            } else if (action < 85) {
                (void)table.drop_server(server);
                for (auto& [name, entry] : model.entries) {
                    entry.server = entry.server == server ? kNoRealServer : entry.server;
                }
            } else if (action < 88 && !held.empty()) {
                const auto& [held_key, ref] = held[random.below(held.size())];
                Model::Entry& entry = model.entries.at(Model::name(held_key));
                const RealServerId gone = entry.server;
                ASSERT_EQ(table.replace(ref, gone, server), server);
                entry.server = server;
            } else {
                now += random.below(to_ticks(100));
            }
        }
        uint32_t rows = 0;
        uint32_t expected = 0;
        TemplateRow row;
        for (uint32_t slot = 0; slot < table.slot_count(); ++slot) {
            if (table.row(slot, static_cast<uint32_t>(now), row)) {
                ++rows;
                const Model::Entry* entry = model.find(row.key, now);
                ASSERT_NE(entry, nullptr);
                EXPECT_EQ(row.server, entry->server);
                EXPECT_EQ(row.connections, entry->connections);
                EXPECT_EQ(row.deadline, static_cast<uint32_t>(entry->deadline));
            }
        }
        for (const auto& [name, entry] : model.entries) {
            const TemplateKey key{
                ServiceId{std::get<0>(name)}, std::get<1>(name), std::get<2>(name)};
            const Model::Entry* found = model.find(key, now);
            expected += found != nullptr && found->server != kNoRealServer ? 1U : 0U;
        }
        EXPECT_EQ(rows, expected);
        EXPECT_EQ(table.evicted(), 0U);
    }
}

}  // namespace
}  // namespace director::dataplane
