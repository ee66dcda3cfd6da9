// A FIB is DPDK's DIR24-8 table or, when routes are few, DPDK's binary tree of prefixes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <unordered_set>

#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_memory.h>

#include "dataplane/io/eal.h"
#include "dataplane/io/engine.h"

namespace director::dataplane::io {
namespace {

// Up to this many prefixes the tree serves: 16 ns an address with 4 prefixes, 28 with 64, where
// DIR24-8 takes 5, but DIR24-8 takes 32 MiB (2-byte entries) or 64 (4-byte) and 15 to 50 ms to
// build, whatever it holds. Connections remember their next hop, so few packets ask at all.
constexpr size_t kTreeMax = 64;
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
using Entries = std::span<const std::pair<Ipv4Prefix, uint16_t>>;

void look_up(const void* fib, const uint32_t* addresses, uint16_t* route_indexes, uint32_t count) {
    // rte_fib_lookup_bulk changes neither, but does not say so.
    auto* const table = static_cast<rte_fib*>(const_cast<void*>(fib));
    auto* const keys = const_cast<uint32_t*>(addresses);
    std::array<uint64_t, kChunk> found{};
    for (uint32_t start = 0; start < count; start += kChunk) {
        const uint32_t part = std::min(kChunk, count - start);
        rte_fib_lookup_bulk(table, keys + start, found.data(), static_cast<int>(part));
        for (uint32_t i = 0; i < part; ++i) {
            route_indexes[start + i] = static_cast<uint16_t>(found[i]);
        }
    }
}

// Second-level tables that DIR24-8 needs: one for each /24 that holds a longer prefix.
uint32_t second_levels(Entries entries) {
    std::unordered_set<uint32_t> blocks;
    for (const auto& [prefix, route] : entries) {
        if (prefix.length > 24) {
            blocks.insert(prefix.address.host() >> 8);
        }
    }
    return static_cast<uint32_t>(blocks.size()) + 1;
}

Handle create(rte_fib_type type, Entries entries) {
    static std::atomic<uint32_t> serial = 0;
    rte_fib_conf conf{};
    conf.type = type;
    conf.default_nh = 0;
    conf.max_routes = static_cast<int>(std::max<size_t>(entries.size(), 16));
    if (type == RTE_FIB_DIR24_8) {
        uint16_t highest = 0;
        for (const auto& [prefix, route] : entries) {
            highest = std::max(highest, route);
        }
        const uint32_t tables = second_levels(entries);
        const bool fits = highest <= kTwoByteMax && tables <= kTwoByteMax;
        conf.dir24_8.nh_sz = fits ? RTE_FIB_DIR24_8_2B : RTE_FIB_DIR24_8_4B;
        conf.dir24_8.num_tbl8 = tables;
    }
    const std::string name = fmt::format("fib{}", serial.fetch_add(1));
    return Handle(rte_fib_create(name.c_str(), SOCKET_ID_ANY, &conf));
}

bool fill(rte_fib* fib, Entries entries) {
    return std::all_of(entries.begin(), entries.end(), [fib](const auto& entry) {
        const auto& [prefix, route] = entry;
        return rte_fib_add(fib, prefix.network().host(), prefix.length, route) == 0;
    });
}

class DpdkFib final : public Fib {
  public:
    explicit DpdkFib(Handle handle) : handle_(std::move(handle)) {}
    void attach_to(RouteTable& table) const override {
        table.fib = handle_.get();
        table.lookup = &look_up;
    }

  private:
    Handle handle_;
};

}  // namespace

Result<std::unique_ptr<Fib>> Fib::build(Entries entries) {
    if (!Eal::is_running()) {
        return failure("a FIB needs a running engine");
    }
    if (entries.size() > kTreeMax) {
        Handle table = create(RTE_FIB_DIR24_8, entries);
        if (table != nullptr && fill(table.get(), entries)) {
            return std::make_unique<DpdkFib>(std::move(table));
        }
    }
    // Few routes, or no memory for the big table: slower, but right.
    Handle tree = create(RTE_FIB_DUMMY, entries);
    if (tree == nullptr || !fill(tree.get(), entries)) {
        return failure(fmt::format(
            "no memory for a table of {} routes ({}): reserve hugepages, or give EAL more memory "
            "(-m)",
            entries.size(),
            rte_strerror(rte_errno)));
    }
    return std::make_unique<DpdkFib>(std::move(tree));
}

}  // namespace director::dataplane::io
