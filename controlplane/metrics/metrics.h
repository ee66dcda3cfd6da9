// The Prometheus page, and beside it the status page (status_page.html): what the control plane
// last published, at http://ADDRESS/metrics.
//
// The control-plane thread publishes a Snapshot whenever it has new counters (it swaps a pointer
// and goes on); the HTTP server's thread turns the latest one into text when it is asked, and no
// worker hears of that. To add a metric, add one entry to kMetrics in metrics.cc.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "controlplane/metrics/observed_view.h"
#include "controlplane/server/event_stream.h"
#include "controlplane/server/protocol.h"

namespace director::metrics {

// How full a ring to or from a worker is.
struct RingView {
    uint32_t worker = 0;
    std::string name;
    uint32_t used = 0;
    uint32_t capacity = 0;
};

// What the kernel says of a process; 0 where it does not.
struct ProcessView {
    double cpu_seconds = 0;    // user and system
    double start_seconds = 0;  // since 1970
    uint64_t resident_bytes = 0;
    uint64_t virtual_bytes = 0;
    uint64_t open_fds = 0;
    uint64_t max_fds = 0;
    uint64_t threads = 0;
};

// The answers of the control socket, taken at one moment, and what it does not tell.
// On the status page.
inline constexpr size_t kEventsShown = 30;

struct Snapshot {
    server::StatusView status;
    server::ServicesView services;
    server::DropsView drops;
    server::WorkersView workers;
    server::ChecksView checks;
    server::VrrpView vrrp;
    server::SyncView sync;
    std::vector<RingView> rings = {};
    std::vector<server::EventView> events = {};  // the latest, newest first
    uint32_t frames = 0;                         // buffers in the pool, and those in use
    uint32_t frames_used = 0;
    ProcessView process = {};
    ObservedView observed = {};
    // With more real servers than this, those of a service are summed up.
    uint32_t servers_max = 10000;
};

class PageServer;

class Metrics {
  public:
    // Without a listener: text() alone shows what is published.
    Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;
    ~Metrics();

    // Starts to answer on `address`, "127.0.0.1:9142" or "[::]:9142". Until the first publish() the
    // page is empty.
    [[nodiscard]] Result<void> listen(const std::string& address);

    // The TCP port that listen() got (of use with port 0); 0 without a listener.
    [[nodiscard]] int port() const;

    void publish(Snapshot snapshot);

    // The page as Prometheus would read it.
    [[nodiscard]] std::string text() const;

  private:
    class Collector;
    std::unique_ptr<Collector> collector_;
    std::unique_ptr<PageServer> server_;  // after what its thread reads
};

}  // namespace director::metrics
