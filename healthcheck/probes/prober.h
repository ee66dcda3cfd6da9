// Runs probes: StartProbe and CancelProbe in, results out. No probe blocks, and none waits for
// another. Single-threaded; whoever drives it waits until fd() is readable or deadline() has come,
// and calls run().
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/random.h"
#include "common/result.h"
#include "healthcheck/actions.h"
#include "healthcheck/probes/http_client.h"
#include "healthcheck/probes/poller.h"
#include "healthcheck/probes/probe.h"
#include "healthcheck/probes/process.h"
#include "healthcheck/probes/stream_probes.h"

namespace director::healthcheck {

class Prober final : public ProbeOwner {
  public:
    // `poller` and `sockets` outlive the prober. The seed is for what peers must not guess.
    // Ignores SIGPIPE from here on.
    [[nodiscard]] static Result<std::unique_ptr<Prober>> make(Poller& poller,
                                                              Sockets& sockets,
                                                              uint64_t seed);

    void start(const StartProbe& start, TimePoint now);
    void cancel(const CancelProbe& cancel);
    // The results since the last call. To be taken after start() and after Poller::run().
    [[nodiscard]] std::vector<ProbeResult> take_results();
    [[nodiscard]] bool has_results() const { return !results_.empty(); }
    [[nodiscard]] size_t running() const { return running_; }
    [[nodiscard]] Undertaker& undertaker() { return undertaker_; }

    void on_finished(Probe& probe) override;

  private:
    struct Clients {
        std::unique_ptr<HttpClient> http;
        TlsContexts tls;
    };
    Prober(Poller& poller, Sockets& sockets, uint64_t seed, Clients clients);
    [[nodiscard]] std::unique_ptr<Probe> make_probe(const StartProbe& start, TimePoint now);

    Undertaker undertaker_;
    Clients clients_;
    Random random_;
    ProbeTools tools_;
    std::vector<std::unique_ptr<Probe>> probes_;    // by CheckId; null: none
    std::vector<std::unique_ptr<Probe>> finished_;  // until nobody is in their functions
    std::vector<ProbeResult> results_;
    size_t running_ = 0;
};

}  // namespace director::healthcheck
