// Match rules and source NAT rules against a scan of the list from its head, for random rules and
// addresses at and beside every end. Seeds are in the messages.
#include "dataplane/core/tables/match.h"

#include <vector>

#include <gtest/gtest.h>

#include "common/random.h"

namespace director::dataplane {
namespace {

[[nodiscard]] IpAddress address(const char* text) {
    return IpAddress::parse(text).value();
}

[[nodiscard]] const MatchRule* scan(const Tables& tables, Protocol protocol, const Endpoint& to) {
    for (const MatchRule& rule : tables.match_rules) {
        const bool is_family =
            rule.first.family() == to.address.family() && rule.last.family() == to.address.family();
        if (is_family && rule.first <= to.address && to.address <= rule.last &&
            rule.port_first <= to.port.host() && to.port.host() <= rule.port_last &&
            (rule.protocol == Protocol::kAny || rule.protocol == protocol)) {
            return &rule;
        }
    }
    return nullptr;
}

[[nodiscard]] const SourceNatRule* scan(const Tables& tables,
                                        const IpAddress& source,
                                        const IpAddress& destination) {
    for (const SourceNatRule& rule : tables.source_nat) {
        if (rule.source.contains(source) && rule.destination.contains(destination)) {
            return &rule;
        }
    }
    return nullptr;
}

// An address from few, so that ranges overlap, and from the very ends of both families.
[[nodiscard]] IpAddress any_address(Random& random) {
    const auto small = static_cast<uint32_t>(random.below(40));
    switch (random.below(4)) {
        case 0:
            return Ipv4Address::from_host(small);
        case 1:
            return Ipv4Address::from_host(0xffffffffU - small);
        default: {
            IpAddress ipv6;
            ipv6.bytes.fill(random.below(2) == 0 ? 0xff : 0);
            ipv6.bytes[15] = static_cast<uint8_t>(ipv6.bytes[15] ^ small);
            // Right beside what would be an IPv4 address.
            if (random.below(4) == 0) {
                ipv6.bytes[9] = 1;
            }
            return ipv6;
        }
    }
}

TEST(MatchRules, EqualAScanOfTheList) {
    constexpr Protocol kProtocols[]{Protocol::kAny, Protocol::kTcp, Protocol::kUdp};
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        Tables tables;
        const uint64_t count = random.below(40);
        for (uint64_t i = 0; i < count; ++i) {
            MatchRule rule;
            rule.first = any_address(random);
            rule.last = random.below(4) == 0 ? rule.first : any_address(random);
            rule.port_first = static_cast<uint16_t>(random.below(3));
            rule.port_last = random.below(2) == 0 ? uint16_t{65535} : rule.port_first;
            rule.protocol = kProtocols[random.below(3)];
            tables.match_rules.push_back(rule);
        }
        build_match_indexes(tables);
        for (int i = 0; i < 300; ++i) {
            const Endpoint to{any_address(random),
                              Be16::from_host(static_cast<uint16_t>(random.below(4)))};
            const Protocol protocol = kProtocols[1 + random.below(2)];
            ASSERT_EQ(find_match_rule(tables, protocol, to), scan(tables, protocol, to))
                << to_string(to);
        }
    }
}

TEST(MatchRules, SourceNatEqualsAScanOfTheList) {
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        Tables tables;
        const auto prefix = [&] {
            const IpAddress base = any_address(random);
            const uint8_t length_max = IpPrefix::length_max(base.family());
            const uint64_t length =
                random.below(8) == 0 ? random.below(4) : length_max - random.below(8);
            return IpPrefix{base, static_cast<uint8_t>(length)};
        };
        const uint64_t count = random.below(30);
        for (uint64_t i = 0; i < count; ++i) {
            SourceNatRule rule;
            rule.source = prefix();
            rule.destination = prefix();
            tables.source_nat.push_back(rule);
        }
        build_match_indexes(tables);
        for (int i = 0; i < 300; ++i) {
            const IpAddress source = any_address(random);
            const IpAddress destination = any_address(random);
            ASSERT_EQ(find_source_nat(tables, source, destination),
                      scan(tables, source, destination))
                << to_string(source) << " " << to_string(destination);
        }
    }
}

TEST(MatchRules, CoverWholeFamiliesAndNoOther) {
    Tables tables;
    MatchRule everything;
    everything.first = address("0.0.0.0");
    everything.last = address("255.255.255.255");
    tables.match_rules.push_back(everything);
    build_match_indexes(tables);
    const auto fits = [&](const char* text) {
        return find_match_rule(tables, Protocol::kIcmp, {address(text), {}}) != nullptr;
    };
    EXPECT_TRUE(fits("0.0.0.0"));
    EXPECT_TRUE(fits("255.255.255.255"));
    EXPECT_FALSE(fits("::"));
    EXPECT_FALSE(fits("ffff::"));
    tables.match_rules[0].first = address("::");
    tables.match_rules[0].last = address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    build_match_indexes(tables);
    EXPECT_TRUE(fits("::"));
    EXPECT_TRUE(fits("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    EXPECT_FALSE(fits("10.0.0.1"));
}

TEST(MatchRules, EmptyTablesFitNothing) {
    const Tables never_built;
    EXPECT_EQ(find_match_rule(never_built, Protocol::kTcp, Endpoint{}), nullptr);
    EXPECT_EQ(find_source_nat(never_built, Ipv4Address(), Ipv4Address()), nullptr);
    Tables tables;
    build_match_indexes(tables);
    EXPECT_EQ(find_match_rule(tables, Protocol::kTcp, Endpoint{}), nullptr);
    EXPECT_EQ(find_source_nat(tables, Ipv4Address(), Ipv4Address()), nullptr);
}

// 20,000 rules that all contain the address stay cheap to build and to search.
TEST(MatchRules, ManyOverlappingRangesTakeLittleMemory) {
    constexpr uint32_t kRules = 20000;
    Tables tables;
    for (uint32_t i = 0; i < kRules; ++i) {
        MatchRule rule;
        rule.first = Ipv4Address::from_host(0x0a000000U + i);
        rule.last = Ipv4Address::from_host(0x0affffffU - i);
        rule.port_first = rule.port_last = static_cast<uint16_t>(i);
        tables.match_rules.push_back(rule);
    }
    build_match_indexes(tables);
    EXPECT_LT(tables.match_index[0].numbers.size(), size_t{kRules} * 2 * 17);
    const Endpoint to{address("10.128.0.0"), Be16::from_host(19999)};
    EXPECT_EQ(find_match_rule(tables, Protocol::kTcp, to), &tables.match_rules.back());
}

}  // namespace
}  // namespace director::dataplane
