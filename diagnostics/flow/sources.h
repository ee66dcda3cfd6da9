// What is known of each source address over all its flows: whether it scans, and which hosts are
// behind it. Bounded: with too many, the one not seen for longest gives way.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "common/hash.h"
#include "diagnostics/flow/aging_lists.h"
#include "diagnostics/flow/flow_record.h"
#include "diagnostics/flow/hosts.h"
#include "diagnostics/flow/index_hash.h"
#include "diagnostics/flow/settings.h"
#include "diagnostics/flow/slab.h"

namespace director::diagnostics {

// How a flow looked to a scan detector.
struct ScanTry {
    ScanKind kind = ScanKind::kNone;  // kNone: its client did something with it
    bool is_answered = false;         // as a scanner hopes for: SYN-ACK; of odd flags, anything
    // Flags that no stack sends: a scan by itself, whatever its source does otherwise.
    bool is_evil = false;
};

// About how many different things were added, up to some thousand (linear counting: Whang,
// Vander-Zanden, Taylor 1990).
class DistinctCounter {
  public:
    void add(uint64_t hash) { bits_[hash / 64 % kWords] |= uint64_t{1} << (hash % 64); }
    [[nodiscard]] uint64_t count() const;

  private:
    static constexpr size_t kWords = 16;
    std::array<uint64_t, kWords> bits_{};
};

class Sources {
  public:
    Sources(const AnalysisSettings& settings, const HashKey& key);

    // A flow from `key.source` is over.
    void count_flow(const FlowKey& key, const ScanTry& scan_try, int64_t now_ns);
    // Whether `source` is a scanner by what it did so far.
    [[nodiscard]] bool is_scanner(const IpAddress& source) const;
    // Tick, boot time and host of `source`'s timestamps.
    void identify(const IpAddress& source,
                  const TimestampSeries& series,
                  int64_t now_ns,
                  TimestampFacts& facts);
    // Scans and scanners.
    void fill(EndReport& report) const;

  private:
    struct Source {
        IpAddress address;
        uint64_t hash = 0;
        uint64_t flows = 0;
        std::array<uint64_t, 6> tries{};  // by ScanKind
        uint64_t tries_in_all = 0;
        uint64_t evil = 0;
        uint64_t successful = 0;
        uint64_t evil_successful = 0;
        DistinctCounter targets;
        Hosts hosts;
    };
    struct Totals {
        uint64_t attempted = 0;
        uint64_t successful = 0;
        uint64_t scanners = 0;
    };

    [[nodiscard]] uint64_t hash_of(const IpAddress& address) const;
    [[nodiscard]] uint32_t find(const IpAddress& address, uint64_t hash) const;
    [[nodiscard]] Source& touch(const IpAddress& address, int64_t now_ns);
    void forget_oldest();
    [[nodiscard]] bool scans(const Source& source) const;
    void add_to(Totals& totals, const Source& source) const;
    static ScanSource summary(const Source& source);

    AnalysisSettings settings_;
    HashKey key_;
    Slab<Source> slab_;
    IndexHash index_;
    AgingLists<1> ages_;
    Totals forgotten_;
};

}  // namespace director::diagnostics
