// Compares both kinds of FIB (ranges and DIR24-8) with a brute-force longest-prefix match over
// random prefixes of both families.
#include <array>

#include <gtest/gtest.h>

#include "common/random.h"
#include "tests/unit/io/own_process.h"
#include "tests/unit/io/test_engine.h"

namespace director::test {
namespace {

using Entries = std::vector<std::pair<IpPrefix, uint16_t>>;

uint16_t model_lookup(const Entries& entries, const IpAddress& address) {
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

// Addresses crowd into a few /12s, or IPv6 ones into few bits at either end, so that they nest.
IpAddress random_address(Random& random, Family family) {
    const auto value = static_cast<uint32_t>(random.below(0x100000) | random.below(4) << 28);
    if (family == Family::kIpv4) {
        return Ipv4Address::from_host(value);
    }
    IpAddress address = *IpAddress::parse("2001:db8::");
    address.bytes[5] = static_cast<uint8_t>(value >> 28);
    address.bytes[7] = static_cast<uint8_t>(random.below(2) * 0xff);
    address.bytes[8] = static_cast<uint8_t>(random.below(2) * 0x80);
    address.bytes[14] = static_cast<uint8_t>(value >> 8);
    address.bytes[15] = static_cast<uint8_t>(value);
    return address;
}

Entries random_entries(Random& random, size_t count, uint16_t highest_route) {
    Entries entries;
    for (size_t i = 0; i < count; ++i) {
        const Family family = i % 2 == 0 ? Family::kIpv4 : Family::kIpv6;
        entries.push_back({{random_address(random, family),
                            static_cast<uint8_t>(random.below(IpPrefix::length_max(family) + 1U))},
                           static_cast<uint16_t>(random.below(highest_route + 1U))});
    }
    return entries;
}

// One more or one less, over the end into the beginning.
IpAddress next_to(const IpAddress& address, int step) {
    if (address.is_ipv4()) {
        return Ipv4Address::from_host(address.ipv4().host() + static_cast<uint32_t>(step));
    }
    IpAddress result = address;
    for (size_t i = result.bytes.size(); i-- > 0;) {
        result.bytes[i] = static_cast<uint8_t>(result.bytes[i] + step);
        if (result.bytes[i] != (step > 0 ? 0 : 0xff)) {
            break;
        }
    }
    return result;
}

IpAddress last_of(const IpPrefix& prefix) {
    IpAddress last = prefix.network();
    const size_t skipped = prefix.family() == Family::kIpv4 ? 96 : 0;
    for (size_t bit = skipped + prefix.length; bit < 128; ++bit) {
        last.bytes[bit / 8] |= static_cast<uint8_t>(0x80U >> bit % 8);
    }
    return last;
}

// Ends of the prefixes and their neighbours find off-by-one errors, random addresses the rest.
std::vector<IpAddress> addresses_for(const Entries& entries, Random& random) {
    std::vector<IpAddress> addresses{
        Ipv4Address(), Ipv4Address::from_host(0xffffffffU), IpAddress(), next_to(IpAddress(), -1)};
    for (const auto& [prefix, route] : entries) {
        const IpAddress first = prefix.network();
        const IpAddress last = last_of(prefix);
        addresses.insert(addresses.end(), {next_to(first, -1), first, last, next_to(last, 1)});
        addresses.push_back(random_address(random, prefix.family()));
    }
    return addresses;
}

uint16_t look_up(const dp::PrefixLookup& lookup, const IpAddress& address) {
    uint16_t number = 0;
    if (address.is_ipv4() && lookup.ipv4 != nullptr) {
        const uint32_t key = address.ipv4().host();
        lookup.ipv4(lookup.fib, &key, &number, 1);
    } else if (!address.is_ipv4() && lookup.ipv6 != nullptr) {
        lookup.ipv6(lookup.fib, &address, &number, 1);
    }
    return number;
}

void expect_agrees(const Entries& entries, Random& random) {
    const auto fib = dp::io::Fib::build(entries);
    const dp::PrefixLookup lookup = fib->lookup();
    std::vector<uint32_t> ipv4;
    for (const IpAddress& address : addresses_for(entries, random)) {
        ASSERT_EQ(look_up(lookup, address), model_lookup(entries, address))
            << to_string(address) << " among " << entries.size() << " prefixes";
        if (address.is_ipv4()) {
            ipv4.push_back(address.ipv4().host());
        }
    }
    if (lookup.ipv4 == nullptr) {
        return;
    }
    std::vector<uint16_t> found(ipv4.size());  // more at a time than one chunk
    lookup.ipv4(lookup.fib, ipv4.data(), found.data(), static_cast<uint32_t>(ipv4.size()));
    for (size_t i = 0; i < ipv4.size(); ++i) {
        ASSERT_EQ(found[i], model_lookup(entries, Ipv4Address::from_host(ipv4[i])));
    }
}

TEST(FibTest, AgreesWithBruteForce) {
    run_in_own_process([] {
        TestEngine engine(small_engine(1, {"net_ring0"}));
        for (uint32_t seed = 1; seed <= 5; ++seed) {
            SCOPED_TRACE("seed " + std::to_string(seed));
            Random random(seed);
            for (const size_t count :
                 {size_t{0}, size_t{1}, size_t{5}, size_t{128}, size_t{130}, size_t{1000}}) {
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
        expect_agrees(random_entries(random, 600, 65535), random);
    });
}

TEST(FibTest, LaterDuplicateWins) {
    run_in_own_process([] {
        TestEngine engine(small_engine(1, {"net_ring0"}));
        Random random(7);
        Entries entries = random_entries(random, 200, 50);
        for (size_t i = 0; i < 200; ++i) {
            entries.push_back({entries[i].first, static_cast<uint16_t>(200 + i)});
        }
        expect_agrees(entries, random);
    });
}

// 192 MiB do not hold three big tables; the fourth is ranges, and just as right.
TEST(FibTest, FallsBackWhenMemoryIsShort) {
    run_in_own_process([] {
        TestEngine engine(small_engine(1, {"net_ring0"}));
        Random random(3);
        const Entries entries = random_entries(random, 400, 100);
        std::vector<std::unique_ptr<dp::io::Fib>> held;
        for (int i = 0; i < 8; ++i) {
            expect_agrees(entries, random);
            held.push_back(dp::io::Fib::build(entries));
        }
    });
}

TEST(FibTest, IsRangesWithoutAnEngineAndMayOutliveOne) {
    run_in_own_process([] {
        Random random(4);
        const Entries entries = random_entries(random, 400, 100);
        expect_agrees(entries, random);
        TestEngine engine(small_engine(1, {"net_ring0"}));
        auto fib = dp::io::Fib::build(entries);
        EXPECT_EQ(engine.stop(), 0U);
        fib.reset();
    });
}

TEST(FibTest, NoPrefixOfAFamilyIsNoLookup) {
    EXPECT_EQ(dp::io::Fib::build({})->lookup().ipv4, nullptr);
    EXPECT_EQ(dp::io::Fib::build({})->lookup().ipv6, nullptr);
    const Entries entries{{*IpPrefix::parse("2001:db8::/32"), 7}};
    EXPECT_EQ(dp::io::Fib::build(entries)->lookup().ipv4, nullptr);
    EXPECT_NE(dp::io::Fib::build(entries)->lookup().ipv6, nullptr);
}

}  // namespace
}  // namespace director::test
