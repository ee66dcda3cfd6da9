#include "diagnostics/flow/sources.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/wide.h"

namespace director::diagnostics {

uint64_t DistinctCounter::count() const {
    size_t zeros = 0;
    for (const uint64_t word : bits_) {
        zeros += static_cast<size_t>(std::popcount(~word));
    }
    constexpr double kBits = kWords * 64;
    // A full map means "at least so many".
    const double share = std::max(1.0, static_cast<double>(zeros)) / kBits;
    return static_cast<uint64_t>(std::lround(-kBits * std::log(share)));
}

Sources::Sources(const AnalysisSettings& settings, const HashKey& key)
    : settings_(settings), key_(key) {}

uint64_t Sources::hash_of(const IpAddress& address) const {
    const auto words = std::bit_cast<std::array<uint64_t, 2>>(address.bytes);
    return keyed_hash(key_, multiply_fold(words[0] ^ key_.first, key_.second | 1) ^ words[1]);
}

uint32_t Sources::find(const IpAddress& address, uint64_t hash) const {
    return index_.find(hash, [&](uint32_t index) { return slab_[index].address == address; });
}

Sources::Source& Sources::touch(const IpAddress& address, int64_t now_ns) {
    const uint64_t hash = hash_of(address);
    uint32_t index = find(address, hash);
    if (index != IndexHash::kNone) {
        ages_.touch(index, 0, now_ns);
        return slab_[index];
    }
    if (index_.size() >= std::max<size_t>(1, settings_.scan_sources_max)) {
        forget_oldest();
    }
    index = slab_.acquire();
    Source& source = slab_[index];
    source.address = address;
    source.hash = hash;
    index_.insert(hash, index);
    ages_.add(index, 0, now_ns);
    return source;
}

void Sources::forget_oldest() {
    const uint32_t index = ages_.oldest(0);
    add_to(forgotten_, slab_[index]);
    ages_.remove(index);
    index_.erase(slab_[index].hash, index);
    slab_.release(index);
}

void Sources::count_flow(const FlowKey& key, const ScanTry& scan_try, int64_t now_ns) {
    Source& source = touch(key.source, now_ns);
    ++source.flows;
    if (scan_try.kind == ScanKind::kNone) {
        return;
    }
    ++source.tries_in_all;
    ++source.tries[static_cast<size_t>(scan_try.kind)];
    source.evil += scan_try.is_evil ? 1U : 0U;
    source.successful += scan_try.is_answered ? 1U : 0U;
    source.evil_successful += scan_try.is_evil && scan_try.is_answered ? 1U : 0U;
    source.targets.add(keyed_hash(key_, hash_of(key.destination) + uint64_t{key.destination_port}));
}

bool Sources::scans(const Source& source) const {
    return source.tries_in_all >= settings_.scan_targets_min &&
           source.tries_in_all * 100 >= source.flows * settings_.scan_share_percent &&
           source.targets.count() >= settings_.scan_targets_min;
}

bool Sources::is_scanner(const IpAddress& source) const {
    const uint32_t index = find(source, hash_of(source));
    return index != IndexHash::kNone && scans(slab_[index]);
}

void Sources::identify(const IpAddress& source,
                       const TimestampSeries& series,
                       int64_t now_ns,
                       TimestampFacts& facts) {
    touch(source, now_ns).hosts.identify(series, settings_, facts);
}

void Sources::add_to(Totals& totals, const Source& source) const {
    if (scans(source)) {
        totals.attempted += source.tries_in_all;
        totals.successful += source.successful;
        ++totals.scanners;
    } else {
        totals.attempted += source.evil;
        totals.successful += source.evil_successful;
        totals.scanners += source.evil > 0 ? 1U : 0U;
    }
}

ScanSource Sources::summary(const Source& source) {
    const auto most = std::max_element(source.tries.begin(), source.tries.end());
    return {source.address,
            static_cast<ScanKind>(most - source.tries.begin()),
            source.targets.count(),
            source.tries_in_all,
            source.successful};
}

void Sources::fill(EndReport& report) const {
    Totals totals = forgotten_;
    report.scanner_count = 0;
    const auto busier = [](const ScanSource& a, const ScanSource& b) {
        return a.attempted > b.attempted;
    };
    for (uint32_t index = ages_.oldest(0); index != AgingLists<1>::kNone;
         index = ages_.after(index)) {
        const Source& source = slab_[index];
        add_to(totals, source);
        if (!scans(source) && source.evil == 0) {
            continue;
        }
        const auto begin = report.scanners.begin();
        const ScanSource entry = summary(source);
        const auto place = std::upper_bound(begin, begin + report.scanner_count, entry, busier);
        if (place == report.scanners.end()) {
            continue;
        }
        if (report.scanner_count < report.scanners.size()) {
            ++report.scanner_count;
        }
        std::move_backward(place, begin + report.scanner_count - 1, begin + report.scanner_count);
        *place = entry;
    }
    report.scans_attempted = totals.attempted;
    report.scans_successful = totals.successful;
    report.scanners_in_all = totals.scanners;
}

}  // namespace director::diagnostics
