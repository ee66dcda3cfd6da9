// Flows of mirrored packets, added up by service and real server: for some time and once
// (directorctl health), or as long as directord runs.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/hash.h"
#include "controlplane/daemon/watch_flows.h"
#include "diagnostics/live/health.h"

namespace director::daemon {

// What one real server of one service did.
struct ServerHealth {
    dataplane::ServiceId service = dataplane::kNoService;
    dataplane::RealServerId server = dataplane::kNoRealServer;
    diagnostics::ServerFacts facts;
};

// Adds flows up as they end. Of those that are followed it knows whose they are, and forgets that
// with them: its memory is that of the analyzer and of the servers seen since take_facts().
class WatchServers : public WatchFlows {
  public:
    WatchServers(uint8_t tap, const diagnostics::AnalysisSettings& settings);

    // Flows that it knows an owner of: at most those that the analyzer holds.
    [[nodiscard]] size_t owners() const { return owners_.size(); }

  protected:
    using Key = std::pair<uint32_t, uint32_t>;  // service and server
    using Facts = std::map<Key, diagnostics::ServerFacts>;

    // Flows that end from now on do so at this time.
    void set_time(int64_t now_ns) { now_ns_ = now_ns; }
    [[nodiscard]] int64_t now_ns() const { return now_ns_; }
    // What was added up since the last call.
    [[nodiscard]] Facts take_facts() { return std::exchange(facts_, {}); }
    [[nodiscard]] std::vector<diagnostics::ObservedServer> named(const Facts& facts) const;

  private:
    struct KeyHash {
        HashKey secret;
        size_t operator()(const diagnostics::FlowKey& key) const;
    };
    // Whose flow it is, and whether a record's direction is the client's.
    struct Owner {
        Key key;
        bool is_from_client = false;
    };

    void note(const dataplane::MirrorRecord& record, const diagnostics::Headers& headers) override;
    void take_flow(const diagnostics::FlowRecord& record) override;
    // Either direction of a flow; the other one may be missing.
    void add(const diagnostics::FlowRecord& record, const diagnostics::FlowRecord* opposite);
    [[nodiscard]] std::optional<Owner> take_owner(const diagnostics::FlowKey& key);

    std::unordered_map<diagnostics::FlowKey, Key, KeyHash> owners_;  // by the client's direction
    Facts facts_;
    // The first direction of a pair: the second follows at once.
    std::optional<diagnostics::FlowRecord> pending_;
    int64_t now_ns_ = 0;
};

// What was seen in one time of observation.
struct HealthReport {
    double observed_s = 0;
    uint64_t packets = 0;
    TapCounts counts;
    std::vector<diagnostics::ObservedServer> servers;
};

// Observes for some time.
class WatchHealth final : public WatchServers {
  public:
    using Tell = std::function<void(HealthReport)>;

    // `tell` is called by the diagnostics thread at the end of that time.
    WatchHealth(uint8_t tap,
                const diagnostics::AnalysisSettings& settings,
                int64_t duration_ns,
                Tell tell);

    void turn(int64_t now_ns) override;
    void finish(int64_t now_ns, const TapCounts& counts) override;
    [[nodiscard]] bool is_over(int64_t now_ns) override;
    [[nodiscard]] bool is_done() override { return true; }

  private:
    int64_t duration_ns_;
    Tell tell_;
    int64_t began_ns_ = 0;
};

// What continuous observation tells each kHealthStepNs.
struct HealthStep {
    std::vector<ServerHealth> servers;  // since the step before, those with flows that ended
    uint64_t flows = 0;                 // followed now
    uint64_t flows_evicted = 0;         // since the step before: there was no place for them
    // Of the last minute, or less if it began later.
    double observed_s = 0;
    std::vector<diagnostics::Verdict> verdicts;  // worst first, at most kVerdictsMax
    uint64_t verdicts_in_all = 0;
};

inline constexpr int64_t kHealthStepNs = 10 * diagnostics::kSecond;
inline constexpr size_t kHealthSteps = 6;  // that verdicts are of
inline constexpr size_t kVerdictsMax = 50;

// Observes until stop(). Hands over what it has added up, step by step, and keeps a minute of it.
class WatchHealthAlways final : public WatchServers {
  public:
    using Tell = std::function<void(HealthStep)>;

    // Flows end soon, so that they are heard of; `tell` is called by the diagnostics thread.
    WatchHealthAlways(uint8_t tap, size_t flows_max, Tell tell);

    // From any thread.
    void stop() { is_stopped_.store(true); }

    void turn(int64_t now_ns) override;
    void finish(int64_t now_ns, const TapCounts& counts) override;
    [[nodiscard]] bool is_over(int64_t /*now_ns*/) override { return is_stopped_.load(); }
    [[nodiscard]] bool is_done() override { return true; }

    [[nodiscard]] static diagnostics::AnalysisSettings settings(size_t flows_max);

  private:
    void tell_step();

    Tell tell_;
    std::atomic<bool> is_stopped_ = false;
    int64_t stepped_ns_ = 0;
    uint64_t evicted_before_ = 0;
    // Of each step, how long it took and what was seen; the latest last.
    std::deque<std::pair<int64_t, Facts>> steps_;
};

}  // namespace director::daemon
