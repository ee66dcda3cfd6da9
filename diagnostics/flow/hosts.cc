#include "diagnostics/flow/hosts.h"

#include <cmath>

namespace director::diagnostics {
namespace {

// Clocks met with: 1 kHz, 500, 300, 250, 100, 10 and 2 Hz, 1 Hz (RFC 7323 section 5.4: 1 ms to 1
// s).
constexpr std::array<float, 8> kUsualTicks = {
    0.001F, 0.002F, 1.0F / 300, 0.004F, 0.01F, 0.1F, 0.5F, 1.0F};
// Of present systems most; taken where nothing tells.
constexpr float kLikelyTick = 0.001F;
// A measured tick differs from the true one by the delays of the packets it was measured by.
constexpr double kTickTolerance = 0.2;
constexpr uint32_t kTicksMin = 4;
// Below this no system had timestamps: 1990.
constexpr double kBootMin = 631'152'000;
// Crystals differ by so much at most (RFC 8085 has no number; NTP takes 500 ppm).
constexpr double kDrift = 500e-6;
// The slowest clock allowed ticks within 1 s; one that does not in so long is none.
constexpr int64_t kStandstillNs = 5 * kSecond;

double seconds(int64_t ns) {
    return static_cast<double>(ns) / 1e9;
}

// The usual tick nearest to `tick_s`, 0 if none is near.
float usual_tick(double tick_s) {
    float best = 0;
    double best_distance = std::log1p(kTickTolerance);
    for (const float each : kUsualTicks) {
        const double distance = std::abs(std::log(tick_s / static_cast<double>(each)));
        if (distance < best_distance) {
            best = each;
            best_distance = distance;
        }
    }
    return best;
}

float tick_between(uint32_t first, int64_t first_ns, uint32_t last, int64_t last_ns) {
    // Either may be the later.
    const auto ticks = static_cast<double>(static_cast<int32_t>(last - first));
    const double lasted = seconds(last_ns - first_ns);
    return std::abs(ticks) >= kTicksMin && lasted / ticks > 0 ? usual_tick(lasted / ticks) : 0;
}

bool is_clock(const TimestampSeries& series) {
    const bool stands_still =
        series.first == series.last && series.last_ns - series.first_ns > kStandstillNs;
    return !series.falls && !stands_still && series.last != 0 && series.last != 0xffffffff;
}

}  // namespace

float measured_tick_s(const TimestampSeries& series, const AnalysisSettings& settings) {
    if (series.last_ns - series.first_ns < settings.tick_span_min_ns) {
        return 0;
    }
    return tick_between(series.first, series.first_ns, series.last, series.last_ns);
}

double up_time_s(uint32_t timestamp, float tick_s) {
    return static_cast<double>(timestamp) * static_cast<double>(tick_s);
}

double boot_time_s(int64_t time_ns, double up_s) {
    return seconds(time_ns) - up_s;
}

// The host whose clock stands where this one does; or one whose tick was guessed, if another tick
// brings both together.
size_t Hosts::find(const TimestampSeries& series, float tick_s, const AnalysisSettings& settings) {
    for (size_t i = 0; i < count_; ++i) {
        const Host& host = hosts_[i];
        const auto tick = static_cast<double>(tick_s > 0 ? tick_s : host.tick_s);
        const double lasted = seconds(series.last_ns - host.last_ns);
        const auto ticks = static_cast<double>(static_cast<int32_t>(series.last - host.last));
        const double tolerance = seconds(settings.same_boot_within_ns) + std::abs(lasted) * kDrift;
        if (std::abs(lasted - ticks * tick) <= tolerance) {
            return i;
        }
    }
    for (size_t i = 0; i < count_; ++i) {
        Host& host = hosts_[i];
        if (host.is_measured) {
            continue;
        }
        const float tick = tick_between(host.last, host.last_ns, series.last, series.last_ns);
        if (tick > 0 && (tick_s <= 0 || tick == tick_s)) {
            host.tick_s = tick;
            host.is_measured = true;
            return i;
        }
    }
    return count_;
}

void Hosts::identify(const TimestampSeries& series,
                     const AnalysisSettings& settings,
                     TimestampFacts& facts) {
    facts.source = TickSource::kUnusable;
    if (!is_clock(series)) {
        return;
    }
    const float measured = measured_tick_s(series, settings);
    const size_t found = count_ <= kHostsMax ? find(series, measured, settings) : count_;
    if (found == count_ && count_ < kHostsMax) {
        hosts_[count_++] = {measured > 0 ? measured : kLikelyTick, measured > 0, 0, 0};
    } else if (found >= kHostsMax) {
        count_ = kHostsMax + 1;
    }
    float tick = measured > 0 ? measured : kLikelyTick;
    bool is_measured = measured > 0;
    if (found < kHostsMax) {
        Host& host = hosts_[found];
        if (measured > 0 && !host.is_measured) {
            host.tick_s = measured;
            host.is_measured = true;
        }
        tick = host.tick_s;
        is_measured = host.is_measured;
        host.last = series.last;
        host.last_ns = series.last_ns;
    }
    facts.tick_s = tick;
    facts.up_s = up_time_s(series.last, tick);
    facts.boot_s = boot_time_s(series.last_ns, facts.up_s);
    if (facts.boot_s < kBootMin && seconds(series.last_ns) > kBootMin) {
        facts.boot_s = 0;
        return;
    }
    facts.source = is_measured ? TickSource::kMeasured : TickSource::kGuessed;
    facts.host = count_ <= kHostsMax ? static_cast<uint32_t>(found + 1) : 0;
}

}  // namespace director::diagnostics
