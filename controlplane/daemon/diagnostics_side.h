// Diagnostics as the control plane sees them: taps of the workers, watches of the diagnostics
// thread, the requests "capture", "flows" and "health", and observation all the time
// (diagnostics.health). Control-plane thread only.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/time.h"
#include "config/model.h"
#include "controlplane/daemon/diagnostics_thread.h"
#include "controlplane/daemon/fleet.h"
#include "controlplane/daemon/health_book.h"
#include "controlplane/daemon/tap_filter.h"
#include "controlplane/daemon/watch_health.h"
#include "controlplane/metrics/observed_view.h"
#include "controlplane/plan/catalogue.h"
#include "controlplane/server/diagnostics_protocol.h"
#include "controlplane/server/request_table.h"

namespace director::daemon {

// What was observed, in words.
[[nodiscard]] server::HealthView health_view(const HealthReport& report);
[[nodiscard]] server::HealthVerdictView verdict_view(const diagnostics::Verdict& verdict);

class DiagnosticsSide {
  public:
    struct Surroundings {
        asio::io_context& io;
        const Clock& clock;
        dataplane::io::Engine& engine;
        Fleet& fleet;
        const plan::Catalogue& catalogue;
        std::vector<std::string> ports;
        std::function<uint64_t()> version;  // of the catalogue
        std::function<void()> serve_engine;
    };

    explicit DiagnosticsSide(Surroundings surroundings);
    DiagnosticsSide(const DiagnosticsSide&) = delete;
    DiagnosticsSide& operator=(const DiagnosticsSide&) = delete;

    void add_to(server::RequestTable& table);
    // Every few seconds: services and servers may have come and gone.
    void sample();
    // As the configuration has it; nothing else is disturbed.
    void configure(const config::Observation& settings);
    [[nodiscard]] metrics::ObservedView observed() const;

  private:
    // A tap that nobody has, or whose watch runs, or that the workers are still to forget.
    enum class TapState : uint8_t { kFree, kInUse, kEnding };
    using MakeWatch = std::function<std::shared_ptr<Watch>(uint8_t tap)>;

    void answer_capture(const nlohmann::json& params, const server::Reply& reply);
    void answer_flows(const nlohmann::json& params, const server::Reply& reply);
    void answer_health(const nlohmann::json& params, const server::Reply& reply);
    // False: all taps are in use, which `reply` is told.
    bool watch(const dataplane::MirrorTap& tap, const MakeWatch& make, const server::Reply& reply);
    [[nodiscard]] std::optional<uint8_t> free_tap() const;
    void begin(std::shared_ptr<Watch> watch, const dataplane::MirrorTap& tap);
    // What all three requests have: filter, one_in, rate.
    [[nodiscard]] Result<TapFilter> filter_of(const nlohmann::json& params) const;
    // diagnostics_always.cc: observation all the time.
    void observe_always();
    void end_observation();
    void take_step(HealthStep step);
    void look_at_catalogue();
    [[nodiscard]] dataplane::MirrorTap tap_of_all() const;
    [[nodiscard]] TapCounts observed_counts() const;
    void set_tap(uint8_t number,
                 const dataplane::MirrorTap& tap,
                 const std::function<void()>& done);
    void end(uint8_t number);
    [[nodiscard]] std::shared_ptr<const WatchNames> names() const;

    Surroundings around_;
    std::array<TapState, dataplane::kTapsMax> taps_{};
    // By number, while the client waits for it.
    std::map<uint64_t, server::Reply> waiting_;
    uint64_t last_waiting_ = 0;
    std::optional<uint64_t> seen_version_;  // of the catalogue

    // Observation all the time.
    config::Observation settings_;
    std::shared_ptr<WatchHealthAlways> always_;  // null: off, or no tap is free
    TapCounts counts_began_;                     // of its tap, when it began
    TapCounts counts_before_;                    // of those before it
    uint64_t flows_evicted_ = 0;
    HealthBook book_;
    HealthStep latest_;  // but for its servers, which are in the book

    DiagnosticsThread thread_;
};

}  // namespace director::daemon
