#include "dataplane/core/tables/match.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <span>
#include <vector>

namespace director::dataplane {
namespace {

constexpr uint32_t kNoRule = 0xffffffffU;

// All ends included.
struct Range {
    IpAddress first;
    IpAddress last;
    uint32_t number;
};

// Addresses of one family compare as their bytes do: half the work of IpAddress's own order.
[[nodiscard]] bool is_before(const IpAddress& a, const IpAddress& b) {
    return a.bytes < b.bytes;
}

// The address after this one; nullopt after its family's last.
[[nodiscard]] std::optional<IpAddress> next_address(const IpAddress& address) {
    IpAddress next = address;
    const size_t first = address.is_ipv4() ? 12 : 0;
    for (size_t i = next.bytes.size(); i-- > first;) {
        if (++next.bytes[i] != 0) {
            return next;
        }
    }
    return std::nullopt;
}

[[nodiscard]] IpAddress last_of(const IpPrefix& prefix) {
    IpAddress last = prefix.network();
    const size_t host_from = (prefix.family() == Family::kIpv4 ? 96U : 0U) + prefix.length;
    for (size_t bit = host_from; bit < 128; ++bit) {
        last.bytes[bit / 8] |= static_cast<uint8_t>(0x80U >> bit % 8);
    }
    return last;
}

// Calls `visit` with each node of the tree with `leaves` leaves that makes up [first, end).
template <typename Visit>
void for_each_node(uint32_t leaves, uint32_t first, uint32_t end, const Visit& visit) {
    for (first += leaves, end += leaves; first < end; first /= 2, end /= 2) {
        if (first % 2 == 1) {
            visit(first++);
        }
        if (end % 2 == 1) {
            visit(--end);
        }
    }
}

// The place between `starts` where an address is: 0 is before the first.
[[nodiscard]] uint32_t place_of(const std::vector<IpAddress>& starts, const IpAddress& address) {
    const auto after = std::ranges::upper_bound(starts, address, is_before);
    return static_cast<uint32_t>(after - starts.begin());
}

// `ranges` ascend by number.
[[nodiscard]] RangeIndex build_index(std::span<const Range> ranges) {
    RangeIndex index;
    for (const Range& range : ranges) {
        index.starts.push_back(range.first);
        if (const auto next = next_address(range.last)) {
            index.starts.push_back(*next);
        }
    }
    std::ranges::sort(index.starts, is_before);
    index.starts.erase(std::unique(index.starts.begin(), index.starts.end()), index.starts.end());

    const auto places = static_cast<uint32_t>(index.starts.size() + 1);
    const uint32_t leaves = std::bit_ceil(places);
    const auto for_each_pair = [&](const auto& visit) {
        for (const Range& range : ranges) {
            const uint32_t first = place_of(index.starts, range.first);
            const uint32_t end = place_of(index.starts, range.last) + 1;
            for_each_node(leaves, first, end, [&](uint32_t node) { visit(node, range.number); });
        }
    };
    // Counts, then where each node's numbers begin, then the numbers.
    index.offsets.resize(size_t{leaves} * 2 + 1);
    for_each_pair([&](uint32_t node, uint32_t) { ++index.offsets[node + 1]; });
    for (size_t node = 1; node < index.offsets.size(); ++node) {
        index.offsets[node] += index.offsets[node - 1];
    }
    index.numbers.resize(index.offsets.back());
    std::vector<uint32_t> filled(index.offsets);
    for_each_pair([&](uint32_t node, uint32_t number) { index.numbers[filled[node]++] = number; });
    return index;
}

// The lowest number whose range contains the address and that `fits`, or kNoRule.
template <typename Fits>
[[nodiscard]] uint32_t find_first(const RangeIndex& index,
                                  const IpAddress& address,
                                  const Fits& fits) {
    if (index.numbers.empty()) {
        return kNoRule;
    }
    uint32_t best = kNoRule;
    const auto leaves = static_cast<uint32_t>((index.offsets.size() - 1) / 2);
    for (uint32_t node = leaves + place_of(index.starts, address); node > 0; node /= 2) {
        for (uint32_t i = index.offsets[node]; i < index.offsets[node + 1]; ++i) {
            const uint32_t number = index.numbers[i];
            if (number >= best) {
                break;
            }
            if (fits(number)) {
                best = number;
                break;
            }
        }
    }
    return best;
}

[[nodiscard]] const RangeIndex& of_family(const RangeIndexes& indexes, const IpAddress& address) {
    return indexes[address.is_ipv4() ? 0 : 1];
}

template <typename Rules, typename ToRange>
[[nodiscard]] RangeIndexes build_indexes(const Rules& rules, const ToRange& to_range) {
    std::array<std::vector<Range>, 2> ranges;
    for (uint32_t number = 0; number < rules.size(); ++number) {
        const Range range = to_range(rules[number], number);
        if (range.first.family() == range.last.family() && range.first <= range.last) {
            ranges[range.first.is_ipv4() ? 0 : 1].push_back(range);
        }
    }
    return {build_index(ranges[0]), build_index(ranges[1])};
}

}  // namespace

void build_match_indexes(Tables& tables) {
    tables.match_index =
        build_indexes(tables.match_rules, [](const MatchRule& rule, uint32_t number) {
            return Range{rule.first, rule.last, number};
        });
    tables.source_nat_index =
        build_indexes(tables.source_nat, [](const SourceNatRule& rule, uint32_t number) {
            return Range{rule.source.network(), last_of(rule.source), number};
        });
}

const MatchRule* find_match_rule(const Tables& tables,
                                 Protocol protocol,
                                 const Endpoint& destination) {
    const uint16_t port = destination.port.host();
    const auto fits = [&](uint32_t number) {
        const MatchRule& rule = tables.match_rules[number];
        return (rule.protocol == Protocol::kAny || rule.protocol == protocol) &&
               port >= rule.port_first && port <= rule.port_last;
    };
    const uint32_t found =
        find_first(of_family(tables.match_index, destination.address), destination.address, fits);
    return found == kNoRule ? nullptr : &tables.match_rules[found];
}

const SourceNatRule* find_source_nat(const Tables& tables,
                                     const IpAddress& source,
                                     const IpAddress& destination) {
    const auto fits = [&](uint32_t number) {
        return tables.source_nat[number].destination.contains(destination);
    };
    const uint32_t found = find_first(of_family(tables.source_nat_index, source), source, fits);
    return found == kNoRule ? nullptr : &tables.source_nat[found];
}

}  // namespace director::dataplane
