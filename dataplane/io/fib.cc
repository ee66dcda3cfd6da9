// A FIB is DPDK's DIR24-8 table for many IPv4 prefixes, and sorted ranges for all else.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <unordered_set>

#include <rte_fib.h>
#include <rte_memory.h>

#include "dataplane/io/eal.h"
#include "dataplane/io/engine.h"
#include "dataplane/io/prefix_ranges.h"

namespace director::dataplane::io {
namespace {

// Up to this many IPv4 prefixes the ranges serve: DIR24-8 takes 5 ns an address, but 32 MiB (2-byte
// entries) or 64 (4-byte) and 15 to 50 ms to build, whatever it holds. Connections remember their
// next hop, so few packets ask at all. For IPv6 there is no such table: DPDK's rte_fib6 chains one
// of 256 entries for every byte of every prefix beyond the third, which for a million /64s are
// gigabytes.
constexpr size_t kRangesMax = 64;
constexpr uint32_t kChunk = 32;
// One bit of an entry is DIR24-8's own.
constexpr uint32_t kTwoByteMax = (1U << 15) - 1;

struct FibDeleter {
    void operator()(rte_fib* fib) const {
        // After EAL's clean-up its memory is gone already.
        if (Eal::is_running()) {
            rte_fib_free(fib);
        }
    }
};

using Handle = std::unique_ptr<rte_fib, FibDeleter>;
using Ipv4Entries = std::vector<std::pair<IpPrefix, uint16_t>>;

// Second-level tables that DIR24-8 needs: one for each /24 that holds a longer prefix.
uint32_t second_levels(const Ipv4Entries& entries) {
    std::unordered_set<uint32_t> blocks;
    for (const auto& [prefix, number] : entries) {
        if (prefix.length > 24) {
            blocks.insert(prefix.address.ipv4().host() >> 8);
        }
    }
    return static_cast<uint32_t>(blocks.size()) + 1;
}

Handle create(const Ipv4Entries& entries) {
    static std::atomic<uint32_t> serial = 0;
    uint16_t highest = 0;
    for (const auto& [prefix, number] : entries) {
        highest = std::max(highest, number);
    }
    const uint32_t tables = second_levels(entries);
    const bool fits = highest <= kTwoByteMax && tables <= kTwoByteMax;
    rte_fib_conf conf{};
    conf.type = RTE_FIB_DIR24_8;
    conf.default_nh = 0;
    conf.max_routes = static_cast<int>(entries.size());
    conf.dir24_8.nh_sz = fits ? RTE_FIB_DIR24_8_2B : RTE_FIB_DIR24_8_4B;
    conf.dir24_8.num_tbl8 = tables;
    const std::string name = fmt::format("fib{}", serial.fetch_add(1));
    return Handle(rte_fib_create(name.c_str(), SOCKET_ID_ANY, &conf));
}

// Null when there is no memory for it.
Handle build_table(Entries entries) {
    Ipv4Entries ipv4;
    std::copy_if(entries.begin(), entries.end(), std::back_inserter(ipv4), [](const auto& entry) {
        return entry.first.family() == Family::kIpv4;
    });
    if (ipv4.size() <= kRangesMax || !Eal::is_running()) {
        return nullptr;
    }
    Handle table = create(ipv4);
    const bool is_full =
        table != nullptr && std::all_of(ipv4.begin(), ipv4.end(), [&table](const auto& entry) {
            const auto& [prefix, number] = entry;
            return rte_fib_add(
                       table.get(), prefix.network().ipv4().host(), prefix.length, number) == 0;
        });
    return is_full ? std::move(table) : nullptr;
}

class FibOfBothFamilies final : public Fib {
  public:
    explicit FibOfBothFamilies(Entries entries)
        : table_(build_table(entries)), ipv6_(ipv6_ranges(entries)) {
        if (table_ == nullptr) {
            ipv4_ = ipv4_ranges(entries);
        }
    }

    [[nodiscard]] PrefixLookup lookup() const override {
        PrefixLookup lookup;
        lookup.fib = this;
        if (table_ != nullptr) {
            lookup.ipv4 = &look_up_table;
        } else if (!ipv4_.is_empty()) {
            lookup.ipv4 = &look_up_ipv4;
        }
        if (!ipv6_.is_empty()) {
            lookup.ipv6 = &look_up_ipv6;
        }
        return lookup;
    }

  private:
    static void look_up_table(const void* fib,
                              const uint32_t* addresses,
                              uint16_t* numbers,
                              uint32_t count) {
        // rte_fib_lookup_bulk changes neither, but does not say so.
        rte_fib* const table = static_cast<const FibOfBothFamilies*>(fib)->table_.get();
        auto* const keys = const_cast<uint32_t*>(addresses);
        std::array<uint64_t, kChunk> found{};
        for (uint32_t start = 0; start < count; start += kChunk) {
            const uint32_t part = std::min(kChunk, count - start);
            rte_fib_lookup_bulk(table, keys + start, found.data(), static_cast<int>(part));
            for (uint32_t i = 0; i < part; ++i) {
                numbers[start + i] = static_cast<uint16_t>(found[i]);
            }
        }
    }
    static void look_up_ipv4(const void* fib,
                             const uint32_t* addresses,
                             uint16_t* numbers,
                             uint32_t count) {
        const auto& ranges = static_cast<const FibOfBothFamilies*>(fib)->ipv4_;
        for (uint32_t i = 0; i < count; ++i) {
            numbers[i] = ranges.look_up(addresses[i]);
        }
    }
    static void look_up_ipv6(const void* fib,
                             const IpAddress* addresses,
                             uint16_t* numbers,
                             uint32_t count) {
        const auto& ranges = static_cast<const FibOfBothFamilies*>(fib)->ipv6_;
        for (uint32_t i = 0; i < count; ++i) {
            numbers[i] = ranges.look_up(number_of(addresses[i]));
        }
    }

    Handle table_;  // of IPv4; nullptr: the ranges serve
    PrefixRanges<uint32_t> ipv4_;
    PrefixRanges<Ipv6Number> ipv6_;
};

}  // namespace

std::unique_ptr<Fib> Fib::build(Entries entries) {
    return std::make_unique<FibOfBothFamilies>(entries);
}

}  // namespace director::dataplane::io
