// Flows of mirrored packets, as clients see them: records as lines to a client, or added up by
// service and real server.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controlplane/daemon/watch.h"
#include "diagnostics/flow/analyzer.h"
#include "diagnostics/live/health.h"

namespace director::daemon {

// Packets of services on the client's side, analysed.
class WatchFlows : public Watch, private diagnostics::RecordSink {
  public:
    WatchFlows(uint8_t tap, const diagnostics::AnalysisSettings& settings);

    void see(const dataplane::io::MirroredPacket& packet,
             uint16_t worker,
             int64_t time_ns) override;

  protected:
    // Whose flow a record is of.
    struct Owner {
        dataplane::ServiceId service{};
        dataplane::RealServerId server{};
        bool is_from_client = false;  // this direction of it
    };
    virtual void take(const diagnostics::FlowRecord& record, const Owner& owner) = 0;

    // All flows that there are, those that go on included: what comes makes new ones.
    void end_flows();
    void pass_time(int64_t now_ns) { analyzer_.pass_time(now_ns); }
    [[nodiscard]] uint64_t packets() const { return packets_; }

  private:
    struct KeyHash {
        size_t operator()(const diagnostics::FlowKey& key) const;
    };
    struct Known {
        dataplane::ServiceId service{};
        dataplane::RealServerId server{};
    };

    void take_flow(const diagnostics::FlowRecord& record) override;

    diagnostics::Analyzer analyzer_;
    std::unordered_map<diagnostics::FlowKey, Known, KeyHash> owners_;  // by the client's direction
    uint64_t packets_ = 0;
};

// Flow records as they end, a line each: "directorctl flows live".
class WatchFlowStream final : public WatchFlows {
  public:
    WatchFlowStream(uint8_t tap,
                    const diagnostics::AnalysisSettings& settings,
                    int64_t duration_ns,
                    bool is_json,
                    int descriptor);

    void turn(int64_t now_ns) override;
    void finish(int64_t now_ns, const TapCounts& counts) override;
    [[nodiscard]] bool is_over(int64_t now_ns) override;
    [[nodiscard]] bool is_done() override { return output_.is_empty() || output_.is_gone(); }

  private:
    void take(const diagnostics::FlowRecord& record, const Owner& owner) override;

    int64_t duration_ns_;
    bool is_json_;
    WatchOutput output_;
    int64_t began_ns_ = 0;
    uint64_t unread_ = 0;  // records
};

// What was seen in one time of observation.
struct HealthReport {
    double observed_s = 0;
    uint64_t packets = 0;
    TapCounts counts;
    std::vector<diagnostics::ObservedServer> servers;
};

// Observes for some time.
class WatchHealth final : public WatchFlows {
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
    using Key = std::pair<uint32_t, uint32_t>;  // service and server

    void take(const diagnostics::FlowRecord& record, const Owner& owner) override;
    void add_pending();

    int64_t duration_ns_;
    Tell tell_;
    int64_t began_ns_ = 0;
    int64_t now_ns_ = 0;
    std::map<Key, diagnostics::ServerFacts> facts_;
    // The first direction of a pair, until the second comes, which follows at once.
    std::optional<std::pair<diagnostics::FlowRecord, Owner>> pending_;
};

}  // namespace director::daemon
