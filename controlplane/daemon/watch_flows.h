// Flows of mirrored packets, as clients see them: records as lines to a client. What adds them up
// by service and real server is in watch_health.h.
#pragma once

#include <cstdint>

#include "controlplane/daemon/watch.h"
#include "diagnostics/flow/analyzer.h"

namespace director::daemon {

// Packets of services on the client's side, analysed; who derives takes the records.
class WatchFlows : public Watch, protected diagnostics::RecordSink {
  public:
    WatchFlows(uint8_t tap, const diagnostics::AnalysisSettings& settings);

    void see(const dataplane::io::MirroredPacket& packet,
             uint16_t worker,
             int64_t time_ns) override;

  protected:
    // A packet that the analyzer has just seen: whatever its flow ended has been taken.
    virtual void note(const dataplane::MirrorRecord& /*record*/,
                      const diagnostics::Headers& /*headers*/) {}

    // All flows that there are, those that go on included: what comes makes new ones.
    void end_flows() { analyzer_.finish(); }
    void pass_time(int64_t now_ns) { analyzer_.pass_time(now_ns); }
    [[nodiscard]] uint64_t packets() const { return packets_; }
    [[nodiscard]] const diagnostics::Analyzer& analyzer() const { return analyzer_; }

  private:
    diagnostics::Analyzer analyzer_;
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
    void take_flow(const diagnostics::FlowRecord& record) override;

    int64_t duration_ns_;
    bool is_json_;
    WatchOutput output_;
    int64_t began_ns_ = 0;
    uint64_t unread_ = 0;  // records
};

}  // namespace director::daemon
