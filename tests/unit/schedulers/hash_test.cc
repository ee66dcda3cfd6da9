// sh, dh and mh: check values that the kernel's functions give, and what differs from IPVS on
// purpose (docs/lvs-differences.md).
#include <map>

#include <gtest/gtest.h>

#include "dataplane/core/schedulers/ipvs_hash.h"
#include "tests/unit/schedulers/ipvs_model.h"

namespace director::dataplane {
namespace {

[[nodiscard]] uint32_t fold(std::string_view text) {
    return address_fold(IpAddress::parse(text).value());
}

// Servers as "address, weight", port 80.
[[nodiscard]] ServiceTable table_of(std::string_view scheduler,
                                    const SchedulerFlags& flags,
                                    const std::vector<std::pair<std::string, uint32_t>>& servers) {
    ServiceTable table;
    table.scheduler = find_scheduler(scheduler).value();
    table.flags = flags;
    for (const auto& [address, weight] : servers) {
        RealServerSlot slot;
        slot.id = RealServerId{static_cast<uint32_t>(table.servers.size())};
        slot.endpoint = {IpAddress::parse(address).value(), Be16::from_host(80)};
        slot.weight = weight;
        table.servers.push_back(slot);
    }
    prepare_scheduler(table);
    schedulers()[table.scheduler].adopt(table, nullptr);
    return table;
}

[[nodiscard]] ServiceTable equal_servers(std::string_view scheduler,
                                         const SchedulerFlags& flags,
                                         uint32_t count,
                                         uint32_t weight = 1) {
    std::vector<std::pair<std::string, uint32_t>> servers;
    for (uint32_t i = 0; i < count; ++i) {
        servers.emplace_back(to_string(IpAddress(Ipv4Address::from_host(0x0a000001U + i))), weight);
    }
    return table_of(scheduler, flags, servers);
}

[[nodiscard]] uint32_t pick(ServiceTable& table, const ScheduleInput& input) {
    return schedulers()[table.scheduler].pick(table, input);
}

[[nodiscard]] uint32_t pick_client(ServiceTable& table,
                                   std::string_view client,
                                   uint16_t port = 0) {
    return pick(table, {.client_fold = fold(client), .client_port = port});
}

void overload(ServiceTable& table, uint32_t position) {
    table.servers[position].is_overloaded = true;
    schedulers()[table.scheduler].load_changed(table, position);
}

[[nodiscard]] std::map<uint32_t, uint32_t> slots_by_server(const ServiceTable& table) {
    std::map<uint32_t, uint32_t> counts;
    for (const uint32_t position : table.state.slots) {
        ++counts[position];
    }
    return counts;
}

TEST(AddressFold, HostOrderAndForIpv6TheFourWordsXored) {
    EXPECT_EQ(fold("192.0.2.1"), 0xc0000201U);
    EXPECT_EQ(fold("2001:db8::1"), 0x20010db8U ^ 1U);
    EXPECT_EQ(fold("1:2:3:4:5:6:7:8"), 0x00010002U ^ 0x00030004U ^ 0x00050006U ^ 0x00070008U);
}

// From a kernel's functions compiled in user space: offset, skip and slots of three servers in list
// order, and where four clients go.
constexpr SchedulerFlags kMhPort{.hash_port = true};

[[nodiscard]] ServiceTable mh_example() {
    return table_of("mh", kMhPort, {{"10.1.1.3", 1}, {"10.1.1.2", 2}, {"10.1.1.1", 1}});
}

TEST(Mh, OffsetAndSkipOfTheKernel) {
    const auto key = [](std::string_view address) { return fold(address) + 80; };
    EXPECT_EQ(hsiphash(key("10.1.1.3"), kMhFirstKey) % 4093, 2042U);
    EXPECT_EQ(hsiphash(key("10.1.1.3"), kMhSecondKey) % 4092 + 1, 3711U);
    EXPECT_EQ(hsiphash(key("10.1.1.2"), kMhFirstKey) % 4093, 3983U);
    EXPECT_EQ(hsiphash(key("10.1.1.2"), kMhSecondKey) % 4092 + 1, 739U);
    EXPECT_EQ(hsiphash(key("10.1.1.1"), kMhFirstKey) % 4093, 2947U);
    EXPECT_EQ(hsiphash(key("10.1.1.1"), kMhSecondKey) % 4092 + 1, 3258U);
}

TEST(Mh, TableAndChoicesOfTheKernel) {
    ServiceTable table = mh_example();
    EXPECT_EQ(table.state.slots.size(), 4093U);
    EXPECT_EQ(slots_by_server(table),
              (std::map<uint32_t, uint32_t>{{0, 1024}, {1, 2046}, {2, 1023}}));
    EXPECT_EQ(hsiphash(fold("192.0.2.1"), kMhFirstKey) % 4093, 2891U);
    EXPECT_EQ(hsiphash(fold("192.0.2.2"), kMhFirstKey) % 4093, 746U);
    EXPECT_EQ(hsiphash(fold("198.51.100.7"), kMhFirstKey) % 4093, 924U);
    EXPECT_EQ(hsiphash(fold("203.0.113.9") + 12345, kMhFirstKey) % 4093, 3754U);
    EXPECT_EQ(pick_client(table, "192.0.2.1"), 1U);
    EXPECT_EQ(pick_client(table, "192.0.2.2"), 0U);
    EXPECT_EQ(pick_client(table, "198.51.100.7"), 0U);
    EXPECT_EQ(pick_client(table, "203.0.113.9", 12345), 1U);
}

TEST(Mh, ClientsOfAServerAtWeightZero) {
    for (const bool like_ipvs : {false, true}) {
        ServiceTable table = table_of("mh",
                                      {.hash_fallback = false, .like_ipvs = like_ipvs},
                                      {{"10.1.1.3", 1}, {"10.1.1.2", 0}, {"10.1.1.1", 1}});
        EXPECT_EQ(slots_by_server(table).count(1), 0U);  // never had another weight
        table.servers[1].last_weight = 2;
        prepare_scheduler(table);
        EXPECT_EQ(slots_by_server(table).count(1), like_ipvs ? 1U : 0U);
        EXPECT_EQ(pick_client(table, "192.0.2.1") == kNoServer, like_ipvs);
    }
}

TEST(Mh, AsManyServersAsIpvsTakesAndMore) {
    ServiceTable table = equal_servers("mh", {}, 4093);
    EXPECT_EQ(table.state.slots.size(), 4093U);
    EXPECT_EQ(slots_by_server(table).size(), 4093U);
    table = equal_servers("mh", {}, 10000);
    const auto counts = slots_by_server(table);
    EXPECT_EQ(counts.size(), 10000U);
    for (const auto& [position, count] : counts) {
        ASSERT_GE(count, 13U) << position;
        ASSERT_LE(count, 14U) << position;
    }
}

TEST(Mh, WeightsAreSixBitsFine) {
    // 65535 : 1 is more than 64 : 1, so the light one gets a whole turn to 63 of the heavy one.
    ServiceTable table = table_of("mh", {}, {{"10.1.1.1", 65535}, {"10.1.1.2", 1}});
    EXPECT_NEAR(slots_by_server(table)[1], 4093 / 64.0, 1);
}

// IPVS's buckets, by a table that has a server of its own in each.
TEST(Sh, BucketsOfTheKernel) {
    EXPECT_EQ(ipvs_hash_32(fold("192.0.2.1"), 8), 50U);
    ServiceTable table = equal_servers("sh", {.hash_port = true}, 256);
    EXPECT_EQ(pick_client(table, "192.0.2.1"), 50U);
    EXPECT_EQ(pick_client(table, "192.0.2.2"), 148U);
    EXPECT_EQ(pick_client(table, "198.51.100.7"), 171U);
    EXPECT_EQ(pick_client(table, "203.0.113.9", 12345), 159U);
}

TEST(Sh, ThePortCountsWithTheFlagAlone) {
    ServiceTable table = equal_servers("sh", {}, 256);
    EXPECT_EQ(pick_client(table, "192.0.2.1", 1), 50U);
    EXPECT_EQ(pick_client(table, "192.0.2.1", 54321), 50U);
}

TEST(Dh, BucketsOfTheKernel) {
    ServiceTable table = equal_servers("dh", {}, 256);
    const auto at = [&](std::string_view address) {
        return pick(table, {.client_fold = 1, .destination_fold = fold(address), .client_port = 9});
    };
    EXPECT_EQ(at("192.0.2.1"), 50U);
    EXPECT_EQ(at("192.0.2.2"), 148U);
    EXPECT_EQ(at("198.51.100.7"), 171U);
    EXPECT_EQ(at("203.0.113.9"), ipvs_hash_32(fold("203.0.113.9"), 8));
}

TEST(Dh, WeightsCountUnlessLikeIpvs) {
    const std::vector<std::pair<std::string, uint32_t>> servers{{"10.0.0.1", 3}, {"10.0.0.2", 1}};
    EXPECT_EQ(slots_by_server(table_of("dh", {}, servers)),
              (std::map<uint32_t, uint32_t>{{0, 192}, {1, 64}}));
    EXPECT_EQ(slots_by_server(table_of("dh", {.like_ipvs = true}, servers)),
              (std::map<uint32_t, uint32_t>{{0, 128}, {1, 128}}));
}

// Clients of a server that is not available are refused by IPVS and go on elsewhere here, spread
// over the others, while those of the others stay.
TEST(Hash, AnUnavailableServersClientsGoOn) {
    for (const std::string_view name : {"sh", "dh", "mh"}) {
        ServiceTable before = equal_servers(name, {}, 8);
        ServiceTable ours = equal_servers(name, {}, 8);
        ServiceTable ipvs = equal_servers(name, {.like_ipvs = true}, 8);
        overload(ours, 3);
        overload(ipvs, 3);
        std::map<uint32_t, int> refuge;
        for (uint32_t client = 0; client < 4000; ++client) {
            const ScheduleInput input{client * 97, client * 97, 0, 0};
            const uint32_t usual = pick(before, input);
            const uint32_t chosen = pick(ours, input);
            ASSERT_EQ(pick(ipvs, input), usual == 3 ? kNoServer : usual);
            if (usual != 3) {
                ASSERT_EQ(chosen, usual);
            } else {
                ASSERT_NE(chosen, 3U);
                ASSERT_NE(chosen, kNoServer);
                ++refuge[chosen];
            }
        }
        EXPECT_EQ(refuge.size(), 7U) << name;
        for (const auto& [position, count] : refuge) {
            EXPECT_NEAR(count, 500 / 7.0, 30) << name << " server " << position;
        }
    }
}

// Why sh-fallback is not the default: with servers of equal weight, one inherits all.
TEST(Sh, IpvsFallbackSendsAllClientsToOneServer) {
    ServiceTable table = equal_servers("sh", {.hash_fallback = true}, 8);
    overload(table, 3);
    for (uint32_t client = 0; client < 4000; ++client) {
        if (table.state.slots[ipvs_hash_32(client, 8)] == 3) {
            ASSERT_EQ(pick(table, {.client_fold = client}), 6U);
        }
    }
}

// More weight than 256 slots hold: IPVS leaves the last of the list without clients.
TEST(Hash, ManyServersAllGetTheirShare) {
    for (const std::string_view name : {"sh", "dh"}) {
        EXPECT_EQ(slots_by_server(equal_servers(name, {.like_ipvs = true}, 300)).size(), 256U);
        ServiceTable table = equal_servers(name, {}, 10000);
        const auto counts = slots_by_server(table);
        EXPECT_EQ(counts.size(), 10000U);
        for (const auto& [position, count] : counts) {
            ASSERT_GE(count, 13U);
            ASSERT_LE(count, 14U);
        }
        table = equal_servers(name, {}, 3, 100);
        for (const auto& [position, count] : slots_by_server(table)) {
            EXPECT_NEAR(count, 4096 / 3.0, 1);
        }
    }
}

TEST(Hash, OneAvailableServerAmongTenThousandIsFound) {
    for (const std::string_view name : {"sh", "dh", "mh", "maglev"}) {
        ServiceTable table = equal_servers(name, {}, 10000);
        for (uint32_t position = 0; position < 10000; ++position) {
            if (position != 4711) {
                overload(table, position);
            }
        }
        for (uint32_t client = 0; client < 100; ++client) {
            ASSERT_EQ(pick(table, {client * 31, client * 31, 0, 0}), 4711U) << name;
        }
        overload(table, 4711);
        EXPECT_EQ(pick(table, {}), kNoServer) << name;
    }
}

TEST(Hash, NoServersNoChoice) {
    for (const Scheduler& scheduler : schedulers()) {
        ServiceTable table = table_of(scheduler.name, {}, {});
        EXPECT_EQ(pick(table, {}), kNoServer) << scheduler.name;
        table = equal_servers(scheduler.name, {}, 3, 0);
        EXPECT_EQ(pick(table, {}), kNoServer) << scheduler.name;
    }
}

// A weight of 0 holds at once, even where the control plane sends a new table a moment later.
TEST(Hash, WeightZeroHoldsAtOnce) {
    for (const Scheduler& scheduler : schedulers()) {
        ServiceTable table = equal_servers(scheduler.name, {}, 2);
        set_weight(table, 0, 0);
        scheduler.adopt(table, &table);
        for (uint32_t client = 0; client < 50; ++client) {
            ASSERT_EQ(pick(table, {client * 31, client * 31, 0, 0}), 1U) << scheduler.name;
        }
    }
}

}  // namespace
}  // namespace director::dataplane
