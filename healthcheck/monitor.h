// All health checks of a director: which probe starts when, what results mean for checks, servers,
// services and their tables. Sans-IO: time, results and counters go in, Actions come out; the same
// inputs and seed give the same actions. Called by Engine, or by a test.
//
//   Monitor monitor(seed);
//   monitor.apply(settings, now, actions);        // at start and at every reload
//   monitor.on_deadline(now, actions);            // when deadline() has come
//   monitor.on_result(result, now, actions);      // for each StartProbe that was not cancelled
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "common/random.h"
#include "common/time.h"
#include "healthcheck/actions.h"
#include "healthcheck/check_machine.h"
#include "healthcheck/config.h"
#include "healthcheck/deadline_heap.h"
#include "healthcheck/passive.h"
#include "healthcheck/service_health.h"

namespace director::healthcheck {

// How long probes took that passed.
struct Latencies {
    static constexpr std::array<Duration, 8> kBounds{
        std::chrono::milliseconds(1),
        std::chrono::milliseconds(3),
        std::chrono::milliseconds(10),
        std::chrono::milliseconds(30),
        std::chrono::milliseconds(100),
        std::chrono::milliseconds(300),
        std::chrono::seconds(1),
        std::chrono::seconds(3),
    };
    std::array<uint64_t, kBounds.size() + 1> counts{};  // the last: longer
    Duration sum = Duration::zero();

    void add(Duration took);
};

// For listings and metrics. The settings live until the next apply().
struct CheckStatus {
    const CheckSettings* settings = nullptr;
    CheckState state = CheckState::kUntried;
    bool is_probing = false;
    TimePoint since;  // of the state
    std::optional<uint32_t> weight;
    uint64_t passed = 0;
    uint64_t failed = 0;
    uint64_t unable = 0;
    uint64_t transitions = 0;
    std::string last_text;  // of the last one that did not pass
    Latencies latencies;
    std::vector<std::string_view> services;
};

class Monitor {
  public:
    explicit Monitor(uint64_t seed) : random_(seed) {}

    // Precondition: validate() found no error. What did not change keeps its state: services by
    // name, servers by endpoint, checks by their settings (timing apart).
    void apply(const Settings& settings, TimePoint now, Actions& actions);
    // Cancels all probes; omega's commands. Nothing is left afterwards.
    void stop(Actions& actions);

    // Checks that one call looks at: more stay due, and deadline() in the past, so that the caller
    // can do what is more urgent between two calls, however many checks come at once.
    static constexpr int kDuePerTurn = 64;
    // What is due, of checks as many as that.
    void on_deadline(TimePoint now, Actions& actions);
    // Results of probes that are no longer waited for are ignored. Those that are there together
    // should come together: a service is brought up to date once for all of them.
    void on_results(std::span<const ProbeResult> results, TimePoint now, Actions& actions);
    void on_result(const ProbeResult& result, TimePoint now, Actions& actions) {
        on_results({&result, 1}, now, actions);
    }
    // For the passive checks of a server, whatever service its clients used.
    void add_traffic(const Endpoint& server, const Traffic& traffic);

    [[nodiscard]] TimePoint deadline() const;
    // Null if there is none of this name. Lives until the next apply().
    [[nodiscard]] const ServiceHealth* find_service(std::string_view name) const;
    [[nodiscard]] std::vector<CheckStatus> checks() const;
    // Probes that should run but wait for others to end: 0 but when limits are too small.
    [[nodiscard]] size_t waiting() const {
        return probes_.waiting.size() + scripts_.waiting.size();
    }

  private:
    struct Check {
        explicit Check(const Timing& timing) : machine(timing) {}

        std::shared_ptr<const CheckSettings> settings;
        CheckMachine machine;
        Attempt attempt{};
        std::optional<PassiveJudge> judge;
        bool is_waiting = false;
        bool is_kept = true;  // during apply()
        Outcome last = Outcome::kPassed;
        std::vector<uint32_t> users;  // services
        CheckStatus status;
    };
    // What bounds how many probes run at once.
    struct Lane {
        size_t running = 0;
        size_t running_max = 0;
        std::deque<CheckId> waiting;
    };
    // Places in a vector that are free again.
    struct FreePlaces {
        std::vector<uint32_t> places;

        [[nodiscard]] uint32_t take(size_t otherwise) {
            if (places.empty()) {
                return static_cast<uint32_t>(otherwise);
            }
            const uint32_t place = places.back();
            places.pop_back();
            return place;
        }
        void give(uint32_t place) { places.push_back(place); }
    };
    struct ByValue {
        using is_transparent = void;
        bool operator()(const CheckSettings* a, const CheckSettings* b) const { return *a < *b; }
    };
    using Index = std::map<const CheckSettings*, CheckId, ByValue>;

    [[nodiscard]] Check& check(CheckId id) { return *checks_[static_cast<size_t>(id)]; }
    [[nodiscard]] CheckView& view(CheckId id) { return views_[static_cast<size_t>(id)]; }
    [[nodiscard]] Lane& lane(const Check& check);
    [[nodiscard]] CheckId find_or_create(const CheckSettings& settings,
                                         Index& loose,
                                         TimePoint now);
    [[nodiscard]] CheckId create(const CheckSettings& settings, TimePoint now);
    void set_settings(CheckId id, const CheckSettings& settings);
    void remove(CheckId id, Actions& actions);
    void remove_unused(Actions& actions);
    [[nodiscard]] Index index_by_purpose(const Settings& settings);
    void apply_services(const Settings& settings, Index& loose, TimePoint now, Actions& actions);
    void begin(CheckId id, TimePoint now, Actions& actions);
    void start_waiting(Lane& lane, TimePoint now, Actions& actions);
    void finish(CheckId id, const ProbeResult& result, TimePoint now, Actions& actions);
    void report(const Check& check,
                const ProbeResult& result,
                CheckState before,
                Actions& actions) const;
    void take_result(const ProbeResult& result, TimePoint now, Actions& actions);
    void update_service(uint32_t id, TimePoint now, Actions& actions);
    void update_changed(TimePoint now, Actions& actions);
    void plan(CheckId id);

    Random random_;
    std::vector<std::unique_ptr<Check>> checks_;            // by CheckId; null: free
    CheckViews views_;                                      // by CheckId
    Index index_;                                           // of all checks
    std::vector<std::unique_ptr<ServiceHealth>> services_;  // null: free
    std::map<std::string, uint32_t, std::less<>> service_ids_;
    FreePlaces free_checks_;
    FreePlaces free_services_;
    std::vector<uint32_t> changed_;  // services of checks that changed, perhaps several times
    DeadlineHeap check_deadlines_;
    DeadlineHeap service_deadlines_;
    Lane probes_;
    Lane scripts_;
    uint64_t last_attempt_ = 0;
    uint64_t last_down_ = 0;
};

}  // namespace director::healthcheck
