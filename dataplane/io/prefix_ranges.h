// Longest-prefix match in ordinary memory: the prefixes flattened into ranges that do not overlap,
// sorted, and searched by halving. 18 bytes a boundary (6 for IPv4), two boundaries a prefix at
// most, built in one sort: a million prefixes are 21 steps.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "common/address.h"

namespace director::dataplane::io {

// An IPv6 address as a number.
struct Ipv6Number {
    uint64_t high = 0;
    uint64_t low = 0;

    friend constexpr auto operator<=>(const Ipv6Number&, const Ipv6Number&) = default;
};

[[nodiscard]] uint32_t number_of(Ipv4Address address);
[[nodiscard]] Ipv6Number number_of(const IpAddress& address);

// Prefixes of one family; a Key is a uint32_t or an Ipv6Number.
template <typename Key>
class PrefixRanges {
  public:
    struct Range {
        Key first;
        Key last;
        uint16_t number;
    };

    PrefixRanges() = default;
    // Ranges that are prefixes (nested or apart, never half over each other), wider ones before
    // those within; later duplicates win.
    explicit PrefixRanges(std::span<const Range> prefixes);

    // 0 where no prefix fits.
    [[nodiscard]] uint16_t look_up(const Key& key) const {
        const auto above = std::upper_bound(starts_.begin(), starts_.end(), key);
        return above == starts_.begin()
                   ? uint16_t{0}
                   : numbers_[static_cast<size_t>(above - starts_.begin()) - 1];
    }
    [[nodiscard]] bool is_empty() const { return starts_.empty(); }

  private:
    void begin(const Key& start, uint16_t number);

    std::vector<Key> starts_;  // a range goes to the next one's start
    std::vector<uint16_t> numbers_;
};

using Entries = std::span<const std::pair<IpPrefix, uint16_t>>;
[[nodiscard]] PrefixRanges<uint32_t> ipv4_ranges(Entries entries);
[[nodiscard]] PrefixRanges<Ipv6Number> ipv6_ranges(Entries entries);

}  // namespace director::dataplane::io
