// The hosts behind one address, told apart by their timestamp clocks (RFC 7323): when each was
// booted, as its TSvals say, and how long a tick of it lasts.
//
// What this cannot do: Linux since 4.10 begins each connection at a random TSval, so that its boot
// times mean nothing; then there are soon more "hosts" than kHostsMax, and none is told.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "diagnostics/flow/flow_record.h"
#include "diagnostics/flow/settings.h"

namespace director::diagnostics {

// What the timestamps of one direction of a flow were.
struct TimestampSeries {
    uint32_t first = 0;
    uint32_t last = 0;
    int64_t first_ns = 0;
    int64_t last_ns = 0;
    bool falls = false;  // by more than overtaking explains
};

// The tick of a series by itself, put to the nearest usual one; 0 if it is too short to tell, or
// is like no usual one.
[[nodiscard]] float measured_tick_s(const TimestampSeries& series,
                                    const AnalysisSettings& settings);

// "tcpUtm" and "tcpBtm". The product is made with the tick as a float has it, as in the tutorial:
// 7748617 ticks of 0.01f are 77486.168268 s.
[[nodiscard]] double up_time_s(uint32_t timestamp, float tick_s);
[[nodiscard]] double boot_time_s(int64_t time_ns, double up_s);

class Hosts {
  public:
    static constexpr size_t kHostsMax = 8;

    // Finds the host of `series`, or makes it a new one; fills tick, up and boot time, source and
    // host of `facts`.
    void identify(const TimestampSeries& series,
                  const AnalysisSettings& settings,
                  TimestampFacts& facts);
    // How many there are; kHostsMax + 1 if there are more than can be told apart.
    [[nodiscard]] size_t count() const { return count_; }

  private:
    struct Host {
        float tick_s = 0;
        bool is_measured = false;
        uint32_t last = 0;
        int64_t last_ns = 0;
    };

    [[nodiscard]] size_t find(const TimestampSeries& series,
                              float tick_s,
                              const AnalysisSettings& settings);

    std::array<Host, kHostsMax> hosts_{};
    size_t count_ = 0;
};

}  // namespace director::diagnostics
