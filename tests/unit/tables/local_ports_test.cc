// Pools of local ports: whose they are, in which order they come, and that no port is ever held
// twice, against std::set under random operations and replacements. Seeds are in the messages.
#include "dataplane/core/tables/local_ports.h"

#include <set>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"
#include "dataplane/core/shard.h"

namespace director::dataplane {
namespace {

[[nodiscard]] IpAddress address(const char* text) {
    return IpAddress::parse(text).value();
}

[[nodiscard]] LocalPoolSettings settings(uint16_t first, uint16_t last) {
    LocalPoolSettings out;
    out.port_first = first;
    out.port_last = last;
    return out;
}

TEST(LocalPorts, EveryPortBelongsToExactlyOneWorker) {
    constexpr uint16_t kWorkers = 3;
    const std::vector<IpAddress> addresses{address("10.0.0.9"), address("2001:db8::9")};
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
        std::set<Endpoint> seen;
        for (uint16_t worker = 0; worker < kWorkers; ++worker) {
            LocalPoolSettings mine = settings(2000, 2999);
            mine.worker = WorkerId{worker};
            mine.worker_count = kWorkers;
            const auto pool = build_local_pool(mine, addresses);
            while (const auto local = take_local_port(*pool, 0, family)) {
                EXPECT_EQ(owner_of(*local, kWorkers), WorkerId{worker});
                EXPECT_TRUE(seen.insert(*local).second) << to_string(*local);
            }
            EXPECT_EQ(pool->exhausted, 1U);
        }
        EXPECT_EQ(seen.size(), 1000U);
        EXPECT_EQ(seen.begin()->port.host(), 2000);
        EXPECT_EQ(seen.rbegin()->port.host(), 2999);
    }
}

TEST(LocalPorts, TakesAddressesInTurnAndLetsPortsRest) {
    const std::vector<IpAddress> addresses{
        address("10.0.0.1"), address("2001:db8::1"), address("10.0.0.2")};
    const auto pool = build_local_pool(settings(100, 102), addresses);
    const auto take = [&] { return to_string(take_local_port(*pool, 5, Family::kIpv4).value()); };
    EXPECT_EQ(take(), "10.0.0.1:100");
    EXPECT_EQ(take(), "10.0.0.2:100");
    give_back_local_port(*pool, Endpoint::parse("10.0.0.1:100").value(), 5);
    EXPECT_EQ(take(), "10.0.0.1:101");
    EXPECT_EQ(take(), "10.0.0.2:101");
    EXPECT_EQ(take(), "10.0.0.1:102");
    EXPECT_EQ(take(), "10.0.0.2:102");
    EXPECT_EQ(take(), "10.0.0.1:100");
    EXPECT_FALSE(take_local_port(*pool, 5, Family::kIpv4));
    EXPECT_TRUE(take_local_port(*pool, 6, Family::kIpv4)) << "another group has its own ports";
    EXPECT_EQ(to_string(take_local_port(*pool, 5, Family::kIpv6).value()), "[2001:db8::1]:100");
}

TEST(LocalPorts, FindsTheOnlyFreePortWhereverItIs) {
    const std::vector<IpAddress> addresses{address("10.0.0.1")};
    const auto pool = build_local_pool(settings(0, 65535), addresses);
    while (take_local_port(*pool, 0, Family::kIpv4)) {
    }
    for (const uint16_t port :
         std::initializer_list<uint16_t>{0, 63, 64, 4095, 4096, 4097, 65535, 1, 61440}) {
        const Endpoint local{addresses[0], Be16::from_host(port)};
        give_back_local_port(*pool, local, 0);
        EXPECT_EQ(take_local_port(*pool, 0, Family::kIpv4), local);
    }
    EXPECT_FALSE(take_local_port(*pool, 0, Family::kIpv4));
}

TEST(LocalPorts, AStrangersPortIsNoConcern) {
    const std::vector<IpAddress> addresses{address("10.0.0.1")};
    const auto pool = build_local_pool(settings(100, 109), addresses);
    give_back_local_port(*pool, Endpoint::parse("10.0.0.1:100").value(), 0);
    give_back_local_port(*pool, Endpoint::parse("10.0.0.1:999").value(), 0);
    give_back_local_port(*pool, Endpoint::parse("10.9.9.9:100").value(), 0);
    EXPECT_EQ(local_pool_usage(*pool).ports, 10U * kLocalPortGroups);
    EXPECT_EQ(local_pool_usage(*pool).held, 0U);
}

TEST(LocalPorts, GroupsSpreadAndDependOnProtocol) {
    std::set<uint32_t> groups;
    uint32_t same = 0;
    for (uint32_t i = 0; i < 256; ++i) {
        const Endpoint server{Ipv4Address::from_host(0x0a000000U + i), Be16::from_host(80)};
        const uint32_t group = local_port_group(Protocol::kTcp, server);
        ASSERT_LT(group, kLocalPortGroups);
        groups.insert(group);
        same += group == local_port_group(Protocol::kUdp, server) ? 1U : 0U;
    }
    EXPECT_EQ(groups.size(), kLocalPortGroups);
    EXPECT_LT(same, 64U);
}

TEST(LocalPorts, HoldsThePortsThatAnotherDirectorHandsOver) {
    const std::vector<IpAddress> addresses{address("10.0.0.1")};
    const auto pool = build_local_pool(settings(100, 101), addresses);
    const Endpoint first = Endpoint::parse("10.0.0.1:100").value();
    EXPECT_TRUE(hold_local_port(*pool, first, 0));
    EXPECT_FALSE(hold_local_port(*pool, first, 0));
    EXPECT_FALSE(hold_local_port(*pool, Endpoint::parse("10.0.0.3:100").value(), 0));
    EXPECT_EQ(take_local_port(*pool, 0, Family::kIpv4)->port.host(), 101);
    EXPECT_FALSE(take_local_port(*pool, 0, Family::kIpv4));
    give_back_local_port(*pool, first, 0);
    EXPECT_EQ(take_local_port(*pool, 0, Family::kIpv4), first);
}

// Takes, gives back and replaces pools at random; the model knows what is held.
TEST(LocalPorts, NoPortIsHeldTwiceWhateverReplacesThePool) {
    const std::vector<IpAddress> all{
        address("10.0.0.1"), address("10.0.0.2"), address("2001:db8::1"), address("2001:db8::2")};
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        const auto make = [&] {
            std::vector<IpAddress> some;
            for (const IpAddress& each : all) {
                if (random.below(4) != 0) {
                    some.push_back(each);
                }
            }
            const auto first = static_cast<uint16_t>(60 + random.below(3));
            LocalPoolSettings next = settings(first, static_cast<uint16_t>(first + 8));
            next.worker_count = 2;
            return build_local_pool(next, some);
        };
        auto pool = make();
        std::set<std::tuple<Endpoint, uint32_t>> held;
        for (int step = 0; step < 2000; ++step) {
            const auto group = static_cast<uint32_t>(random.below(2));
            const uint64_t action = random.below(20);
            if (action == 0) {
                auto next = make();
                adopt_local_ports(*next, *pool);
                pool = std::move(next);
            } else if (action < 12) {
                const Family family = random.below(2) == 0 ? Family::kIpv4 : Family::kIpv6;
                if (const auto local = take_local_port(*pool, group, family)) {
                    ASSERT_TRUE(held.emplace(*local, group).second) << to_string(*local);
                    ASSERT_EQ(owner_of(*local, 2), WorkerId{0});
                    ASSERT_GE(local->port.host(), pool->port_first);
                    ASSERT_LE(local->port.host(), pool->port_last);
                }
            } else if (!held.empty()) {
                auto which = held.begin();
                std::advance(which, static_cast<int64_t>(random.below(held.size())));
                give_back_local_port(*pool, std::get<0>(*which), std::get<1>(*which));
                held.erase(which);
            }
            ASSERT_EQ(local_pool_usage(*pool).held, held.size());
        }
        for (const auto& [local, group] : held) {
            give_back_local_port(*pool, local, group);
        }
        const uint64_t exhausted = pool->exhausted;
        auto fresh = make();
        adopt_local_ports(*fresh, *pool);
        EXPECT_EQ(local_pool_usage(*fresh).held, 0U);
        EXPECT_EQ(fresh->exhausted, exhausted);
        EXPECT_EQ(fresh->retired.size(), 0U);
    }
}

}  // namespace
}  // namespace director::dataplane
