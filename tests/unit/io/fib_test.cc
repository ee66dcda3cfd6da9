// Compares both kinds of FIB (tree and DIR24-8) with a brute-force longest-prefix match over random
// prefixes.
#include <array>

#include <gtest/gtest.h>

#include "common/random.h"
#include "tests/unit/io/own_process.h"
#include "tests/unit/io/test_engine.h"

namespace director::test {
namespace {

using Entries = std::vector<std::pair<Ipv4Prefix, uint16_t>>;

uint16_t model_lookup(const Entries& entries, Ipv4Address address) {
    int best_length = -1;
    uint16_t best = 0;
    for (const auto& [prefix, route] : entries) {
        if (prefix.contains(address) && prefix.length >= best_length) {
            best_length = prefix.length;
            best = route;
        }
    }
    return best;
}

// Prefixes crowd into a few /12s so that they nest.
Entries random_entries(Random& random, size_t count, uint16_t highest_route) {
    Entries entries;
    for (size_t i = 0; i < count; ++i) {
        const uint32_t address =
            static_cast<uint32_t>(random.below(0x100000) | random.below(4) << 28);
        entries.push_back(
            {{Ipv4Address::from_host(address), static_cast<uint8_t>(random.below(33))},
             static_cast<uint16_t>(random.below(highest_route + 1U))});
    }
    return entries;
}

// Ends of the prefixes and their neighbours find off-by-one errors, random addresses the rest.
std::vector<uint32_t> addresses_for(const Entries& entries, Random& random) {
    std::vector<uint32_t> addresses{0, 0xffffffffU};
    for (const auto& [prefix, route] : entries) {
        const uint32_t first = prefix.network().host();
        const uint32_t last = first | ~prefix.mask();
        addresses.insert(addresses.end(), {first - 1, first, last, last + 1});
        addresses.push_back(static_cast<uint32_t>(random.below(0x100000) | random.below(4) << 28));
    }
    return addresses;
}

void expect_agrees(const Entries& entries, Random& random) {
    const auto fib = dp::io::Fib::build(entries);
    ASSERT_TRUE(fib) << fib.error().message;
    dp::RouteTable table;
    (*fib)->attach_to(table);
    const std::vector<uint32_t> addresses = addresses_for(entries, random);
    std::vector<uint16_t> found(addresses.size());
    table.lookup(
        table.fib, addresses.data(), found.data(), static_cast<uint32_t>(addresses.size()));
    for (size_t i = 0; i < addresses.size(); ++i) {
        const Ipv4Address address = Ipv4Address::from_host(addresses[i]);
        ASSERT_EQ(found[i], model_lookup(entries, address))
            << to_string(address) << " among " << entries.size() << " prefixes";
    }
}

TEST(FibTest, AgreesWithBruteForce) {
    run_in_own_process([] {
        TestEngine engine(small_engine(1, {"net_ring0"}));
        for (uint32_t seed = 1; seed <= 5; ++seed) {
            SCOPED_TRACE("seed " + std::to_string(seed));
            Random random(seed);
            for (const size_t count :
                 {size_t{0}, size_t{1}, size_t{5}, size_t{64}, size_t{65}, size_t{500}}) {
                expect_agrees(random_entries(random, count, 200), random);
            }
        }
    });
}

// More routes than a two-byte entry can name.
TEST(FibTest, HighRouteIndexesSurvive) {
    run_in_own_process([] {
        TestEngine engine(small_engine(1, {"net_ring0"}));
        Random random(99);
        expect_agrees(random_entries(random, 300, 65535), random);
    });
}

TEST(FibTest, LaterDuplicateWins) {
    run_in_own_process([] {
        TestEngine engine(small_engine(1, {"net_ring0"}));
        Random random(7);
        Entries entries = random_entries(random, 100, 50);
        for (size_t i = 0; i < 100; ++i) {
            entries.push_back({entries[i].first, static_cast<uint16_t>(100 + i)});
        }
        expect_agrees(entries, random);
    });
}

// 192 MiB do not hold three big tables; the fourth is a tree, and just as right.
TEST(FibTest, FallsBackWhenMemoryIsShort) {
    run_in_own_process([] {
        TestEngine engine(small_engine(1, {"net_ring0"}));
        Random random(3);
        const Entries entries = random_entries(random, 200, 100);
        std::vector<std::unique_ptr<dp::io::Fib>> held;
        for (int i = 0; i < 8; ++i) {
            expect_agrees(entries, random);
            auto fib = dp::io::Fib::build(entries);
            ASSERT_TRUE(fib);
            held.push_back(std::move(*fib));
        }
    });
}

TEST(FibTest, NeedsAnEngineAndMayOutliveIt) {
    run_in_own_process([] {
        EXPECT_FALSE(dp::io::Fib::build({}));
        TestEngine engine(small_engine(1, {"net_ring0"}));
        auto fib = dp::io::Fib::build({});
        ASSERT_TRUE(fib);
        EXPECT_EQ(engine.stop(), 0U);
        fib->reset();
    });
}

}  // namespace
}  // namespace director::test
