// The connection table against std::map: random operations at tiny and large sizes, clients that
// collide, chains that overflow, a full table. Seeds are in the messages.
#include "dataplane/core/tables/conn_table.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "common/random.h"

namespace director::dataplane {
namespace {

[[nodiscard]] Endpoint endpoint(uint32_t address, uint16_t port) {
    return {Ipv4Address::from_host(address), Be16::from_host(port)};
}

[[nodiscard]] Connection connection(Protocol protocol,
                                    const Endpoint& client,
                                    const Endpoint& virtual_service,
                                    const Endpoint& real_server) {
    const auto end = [&](const Endpoint& of) {
        return FlowEnd::of(HashKey{}, protocol, of.address, of.port);
    };
    Connection out;
    out.sides = {FlowEnds{end(client), end(virtual_service)},
                 FlowEnds{end(client), end(real_server)}};
    out.state = ConnState::kEstablished;
    out.server = RealServerId{2};
    return out;
}

// A table driven as the stages do.
class Table {
  public:
    explicit Table(uint32_t capacity)
        : table_(capacity, capacity, HashKey{}, plain_table_memory()) {
        EXPECT_TRUE(table_.is_allocated());
    }

    uint32_t insert(const Connection& entry) {
        const uint32_t index = table_.insert(entry, nullptr);
        if (index != kNoConnection) {
            table_.timers().arm(index, 100, 1);
        }
        return index;
    }

    [[nodiscard]] uint32_t find(const Connection& entry, Direction direction) const {
        const ConnectionKey key{direction, entry.ends(side_of(direction))};
        const uint64_t hash = table_.hash(key.ends.client);
        return table_.find(hash, key, table_.candidate(hash));
    }

    ConnTable& operator*() { return table_; }
    ConnTable* operator->() { return &table_; }

  private:
    ConnTable table_;
};

constexpr Direction kIn = Direction::kClientToServer;
constexpr Direction kOut = Direction::kServerToClient;

TEST(ConnTable, BothDirectionsFindOneEntry) {
    Table table(8);
    const Connection entry =
        connection(Protocol::kTcp, endpoint(1, 2), endpoint(3, 80), endpoint(4, 8080));
    const uint32_t index = table.insert(entry);
    ASSERT_NE(index, kNoConnection);
    EXPECT_EQ(table.find(entry, kIn), index);
    EXPECT_EQ(table.find(entry, kOut), index);
    const Connection& found = (*table)[index];
    EXPECT_EQ(table->endpoint(found, Side::kOutside, Role::kClient), endpoint(1, 2));
    EXPECT_EQ(table->endpoint(found, Side::kOutside, Role::kServer), endpoint(3, 80));
    EXPECT_EQ(table->endpoint(found, Side::kInside, Role::kClient), endpoint(1, 2));
    EXPECT_EQ(table->endpoint(found, Side::kInside, Role::kServer), endpoint(4, 8080));
    EXPECT_TRUE(table->is_used(index));
    table->remove(index);
    EXPECT_EQ(table.find(entry, kIn), kNoConnection);
    EXPECT_EQ(table.find(entry, kOut), kNoConnection);
    EXPECT_FALSE(table->is_used(index));
    EXPECT_EQ(table->size(), 0U);
    EXPECT_EQ(table->removals(), 1U);
}

TEST(ConnTable, EveryPartOfTheKeyCounts) {
    Table table(8);
    const Connection entry =
        connection(Protocol::kTcp, endpoint(1, 2), endpoint(3, 80), endpoint(4, 8080));
    ASSERT_NE(table.insert(entry), kNoConnection);
    const auto misses = [&](const auto& change) {
        Connection other = entry;
        change(other);
        return table.find(other, kIn) == kNoConnection && table.find(other, kOut) == kNoConnection;
    };
    const auto tcp = [](uint32_t address, uint16_t port) {
        return FlowEnd::of(Protocol::kTcp, Ipv4Address::from_host(address), Be16::from_host(port));
    };
    const auto with_client = [&](FlowEnd client) {
        return misses([&](Connection& c) { c.sides[0].client = c.sides[1].client = client; });
    };
    const auto with_servers = [&](FlowEnd outside, FlowEnd inside) {
        return misses([&](Connection& c) {
            c.sides[0].server = outside;
            c.sides[1].server = inside;
        });
    };
    EXPECT_TRUE(
        with_client(FlowEnd::of(Protocol::kUdp, Ipv4Address::from_host(1), Be16::from_host(2))));
    EXPECT_TRUE(with_client(tcp(5, 2)));
    EXPECT_TRUE(with_client(tcp(1, 3)));
    // The peers are told apart by direction.
    EXPECT_TRUE(with_servers(tcp(4, 8080), tcp(3, 80)));
    EXPECT_TRUE(with_servers(tcp(3, 81), tcp(4, 8081)));
    EXPECT_TRUE(with_servers(tcp(9, 80), tcp(9, 8080)));
}

TEST(ConnTable, AFullTableRefusesAndTakesAgainAfterARemoval) {
    constexpr uint32_t kCapacity = 8;
    Table table(kCapacity);
    std::vector<uint32_t> indexes;
    for (uint16_t i = 0; i < kCapacity; ++i) {
        indexes.push_back(table.insert(
            connection(Protocol::kTcp, endpoint(1, i), endpoint(3, 80), endpoint(4, 80))));
        ASSERT_NE(indexes.back(), kNoConnection);
    }
    const Connection more =
        connection(Protocol::kTcp, endpoint(1, 99), endpoint(3, 80), endpoint(4, 80));
    EXPECT_EQ(table.insert(more), kNoConnection);
    EXPECT_EQ(table->size(), kCapacity);
    table->remove(indexes[3]);
    EXPECT_EQ(table.insert(more), indexes[3]);  // the free entry is used again
    EXPECT_EQ(table->high_water(), kCapacity);
    EXPECT_EQ(table.insert(
                  connection(Protocol::kTcp, endpoint(1, 100), endpoint(3, 80), endpoint(4, 80))),
              kNoConnection);
}

// One client endpoint with many services: all in one bucket, ten there and 64 in its chain.
TEST(ConnTable, CollidingClientsFillAChainAndNoMore) {
    constexpr uint16_t kMost = 10 + ConnTable::kOverflowMax;
    const auto entry = [](uint16_t i) {
        return connection(Protocol::kTcp, endpoint(1, 1), endpoint(3, i), endpoint(4, i));
    };
    for (const uint16_t step : {uint16_t{1}, uint16_t{7}, uint16_t{73}}) {  // removal orders
        Table table(1000);
        std::map<uint16_t, uint32_t> there;
        for (uint16_t i = 0; i < kMost; ++i) {
            there[i] = table.insert(entry(i));
            ASSERT_NE(there[i], kNoConnection) << i;
        }
        EXPECT_EQ(table.insert(entry(kMost)), kNoConnection);
        EXPECT_EQ(table->size(), kMost);
        uint16_t victim = 0;
        while (!there.empty()) {
            victim = static_cast<uint16_t>((victim + step) % kMost);
            table->remove(there.at(victim));
            there.erase(victim);
            for (uint16_t i = 0; i < kMost; ++i) {
                const uint32_t expected = there.contains(i) ? there[i] : kNoConnection;
                ASSERT_EQ(table.find(entry(i), kIn), expected) << i << " after " << victim;
                ASSERT_EQ(table.find(entry(i), kOut), expected) << i << " after " << victim;
            }
            if (victim % 3 == 0 && !there.empty()) {
                // Room again: another takes the place and is found.
                const uint32_t index = table.insert(entry(500));
                ASSERT_NE(index, kNoConnection);
                ASSERT_EQ(table.find(entry(500), kIn), index);
                table->remove(index);
            }
        }
        EXPECT_EQ(table->size(), 0U);
    }
}

// Random insertions, lookups and removals; the model is a std::map from what identifies a
// connection to its index.
void expect_like_model(uint32_t capacity, uint32_t clients, int operations, uint64_t seed) {
    SCOPED_TRACE(fmt::format("capacity {} clients {} seed {}", capacity, clients, seed));
    Random random(seed);
    Table table(capacity);
    using Key = std::tuple<uint64_t, uint64_t>;
    struct Stored {
        Connection connection;
        uint32_t index;
    };
    std::map<Key, Stored> model;
    std::set<uint32_t> used;
    for (int i = 0; i < operations; ++i) {
        const uint16_t service = static_cast<uint16_t>(random.below(3));
        const Connection entry = connection(random.below(4) == 0 ? Protocol::kUdp : Protocol::kTcp,
                                            endpoint(static_cast<uint32_t>(random.below(clients)),
                                                     static_cast<uint16_t>(random.below(4))),
                                            endpoint(100, service),
                                            endpoint(200, service));
        const Key key{entry.sides[0].client.bits, entry.sides[0].server.bits};
        const auto known = model.find(key);
        const uint32_t expected = known == model.end() ? kNoConnection : known->second.index;
        ASSERT_EQ(table.find(entry, kIn), expected) << "operation " << i;
        ASSERT_EQ(table.find(entry, kOut), expected) << "operation " << i;
        if (expected == kNoConnection) {
            const uint32_t index = table.insert(entry);
            ASSERT_EQ(index == kNoConnection, model.size() == capacity) << "operation " << i;
            if (index != kNoConnection) {
                ASSERT_TRUE(used.insert(index).second) << "index given twice";
                ASSERT_LT(index, table->high_water());
                model.emplace(key, Stored{entry, index});
            }
        } else if (random.below(3) == 0) {
            table->remove(expected);
            used.erase(expected);
            model.erase(known);
        }
        ASSERT_EQ(table->size(), model.size());
    }
    for (uint32_t index = 0; index < table->high_water(); ++index) {
        ASSERT_EQ(table->is_used(index), used.contains(index));
    }
    for (const auto& [key, stored] : model) {
        ASSERT_EQ(table.find(stored.connection, kIn), stored.index);
    }
}

TEST(ConnTable, LikeAModelAtTinySizes) {
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        for (const uint32_t capacity : {1U, 2U, 8U}) {
            ASSERT_NO_FATAL_FAILURE(expect_like_model(capacity, 4, 600, seed));
        }
    }
}

TEST(ConnTable, LikeAModelNearlyFull) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
        ASSERT_NO_FATAL_FAILURE(expect_like_model(2000, 400, 60000, seed));
    }
}

TEST(ConnTable, LikeAModelWhenLarge) {
    ASSERT_NO_FATAL_FAILURE(expect_like_model(200000, 40000, 400000, 7));
}

// 192 GB of table may be asked for, but not had.
TEST(ConnTable, SaysWhenThereIsNoMemory) {
    const TableMemory nothing{[](size_t) -> void* { return nullptr; }, [](void*, size_t) {}};
    const ConnTable table(1000, 1000, HashKey{}, nothing);
    EXPECT_FALSE(table.is_allocated());
}

// The aim: 96 bytes of memory per connection, all in; one that needs details has as much again.
TEST(ConnTable, MemoryPerConnection) {
    const uint64_t million = ConnTable::bytes(1000000, 0);
    EXPECT_LE(million, 96 * uint64_t{1000000});
}

}  // namespace
}  // namespace director::dataplane
