// What instances and groups watch: interfaces, scripts, files, the quorum of virtual services.
// Facts come in, verdicts about single entries come out; scripts are asked for when due and given
// up when they take too long.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vrrp/action.h"
#include "vrrp/config.h"
#include "vrrp/interface_table.h"

namespace director::vrrp {

// What one entry means for who watches.
struct Verdict {
    bool is_ready = true;  // false: no result yet
    std::string fault;     // empty: none
    int weight = 0;
};

enum class WeightUse : uint8_t { kAllowed, kCountsAsFault };

struct TrackerStatus {
    std::string name;
    TrackerKind kind = TrackerKind::kInterface;
    std::optional<bool> is_up;  // nullopt: not known yet; of a file: whether its value is 0
    int value = 0;              // file
    unsigned streak = 0;        // script: results in a row that speak against is_up
    uint64_t runs = 0;
    uint64_t failures = 0;
    uint64_t timeouts = 0;
};

class Tracking {
  public:
    // `interfaces` must outlive this.
    explicit Tracking(const InterfaceTable& interfaces) : interfaces_(interfaces) {}

    // Trackers that stay keep what is known of them. Scripts run from start() to stop().
    void configure(TimePoint now, const std::vector<TrackerConfig>& trackers, Actions& actions);
    void start(TimePoint now, Actions& actions);
    void stop(Actions& actions);

    [[nodiscard]] TimePoint deadline() const;
    void wake(TimePoint now, Actions& actions);

    // A run's end; those of a run that was given up, or of an unknown tracker, mean nothing.
    void script_ended(
        TimePoint now, std::string_view tracker, uint64_t run, bool succeeded, Actions& actions);
    // The number in a watched file; nullopt: it cannot be read, which counts as 0.
    void file_changed(std::string_view file, std::optional<int> value, Actions& actions);
    void quorum_changed(std::string_view service, bool is_up, Actions& actions);

    [[nodiscard]] Verdict verdict(const TrackEntry& entry, WeightUse use) const;
    [[nodiscard]] std::vector<TrackerStatus> status() const;

  private:
    struct Tracker {
        TrackerConfig config;
        TrackerStatus status;
        uint64_t run = 0;  // 0: none runs
        TimePoint start_at = kNever;
        TimePoint give_up_at = kNever;
    };

    void count_result(Tracker& tracker, bool succeeded, Actions& actions);
    void set_up(Tracker& tracker, bool is_up, Actions& actions);
    [[nodiscard]] std::optional<bool> is_up(const Tracker& tracker) const;

    const InterfaceTable& interfaces_;
    std::map<std::string, Tracker, std::less<>> trackers_;
    uint64_t last_run_ = 0;
    bool is_started_ = false;
};

}  // namespace director::vrrp
