// Connection sync, put together: fetches what the workers have marked and sends it, takes what the
// twin sends to the workers that own it, and exchanges whole tables and servers' counters. Control
// plane's thread only.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "config/model.h"
#include "controlplane/daemon/census.h"
#include "controlplane/daemon/fleet.h"
#include "controlplane/plan/catalogue.h"
#include "controlplane/plan/locate.h"
#include "controlplane/server/protocol.h"
#include "controlplane/sync/bulk_link.h"
#include "controlplane/sync/datagram_link.h"
#include "controlplane/sync/receiver.h"
#include "controlplane/sync/sender.h"
#include "controlplane/sync/waiting_room.h"
#include "dataplane/api/sync_jobs.h"

namespace director::daemon {

// Marked connections of one worker that may wait, by the configuration; also where sync is off,
// since it may be turned on later.
[[nodiscard]] uint32_t sync_queue_per_worker(const config::Sync& sync, size_t workers);

class SyncControl {
  public:
    // `turn` moves commands to the workers soon (Application::serve_engine). The interface must
    // be there.
    [[nodiscard]] static Result<std::unique_ptr<SyncControl>> start(
        asio::io_context& io,
        const Clock& clock,
        Fleet& fleet,
        const plan::Catalogue& catalogue,
        const config::Sync& settings,
        std::function<void()> turn);
    // Sends what is still waiting.
    ~SyncControl();
    SyncControl(const SyncControl&) = delete;
    SyncControl& operator=(const SyncControl&) = delete;

    // Calls `joined` once, soon: when the twin's whole table has arrived and lies with the workers,
    // or when within settings.join_wait no twin was heard of or no more of its table has come.
    void when_joined(std::function<void()> joined);
    // This director has taken over: for some seconds it resets no connection that it does not know,
    // since the other one may still do, and be MASTER again in a moment.
    void hold_strays();

    // Workers mark nothing more: before this ends while they go on.
    void stop_workers();

    // Services or servers have changed: what waited for them is tried again.
    void services_changed();

    // Tells the twin of our servers; called every two seconds.
    void report_servers(const Reports& reports);

    [[nodiscard]] server::SyncView view() const;
    // Of view(), who was heard.
    [[nodiscard]] std::vector<server::SyncPeerView> peers() const;

  private:
    void add_counts(server::SyncView& view) const;
    SyncControl(asio::io_context& io,
                const Clock& clock,
                Fleet& fleet,
                const plan::Catalogue& catalogue,
                const config::Sync& settings,
                std::function<void()> turn);

    // What lies between us and one worker.
    struct Desk {
        bool is_collecting = false;
        bool is_installing = false;
        uint32_t waiting_there = 0;
        dataplane::SyncCounters counters;
        std::vector<dataplane::SyncRecord> arrived;  // to be installed
    };

    [[nodiscard]] Result<void> open();
    [[nodiscard]] bool sends() const;
    [[nodiscard]] bool receives() const;
    [[nodiscard]] bool is_allowed(const IpAddress& from) const;
    void set_policy(bool is_on);
    // sync_join.cc
    [[nodiscard]] bool has_joined() const;
    void look_whether_joined();
    void tick();
    void collect(uint16_t worker);
    void on_collected(uint16_t worker, const dataplane::SyncCollection& job);
    void take(std::span<const uint8_t> datagram, const IpAddress& from);
    void install(std::vector<dataplane::SyncRecord> records);
    void install_next(uint16_t worker);
    void read_page(uint64_t cursor, std::function<void(const sync::BulkPage&)> done);
    void compare_servers(const std::vector<sync::ServerReport>& reports);
    [[nodiscard]] std::vector<std::string> mismatches() const;

    asio::io_context& io_;
    const Clock& clock_;
    Fleet& fleet_;
    const plan::Catalogue& catalogue_;
    config::Sync settings_;
    std::function<void()> turn_;
    sync::Authenticator authenticator_;
    uint64_t incarnation_;
    sync::Sender sender_;
    sync::Receiver receiver_;
    sync::WaitingRoom waiting_room_;
    plan::Locator locator_;
    std::unique_ptr<sync::DatagramLink> link_;
    std::unique_ptr<sync::BulkListener> listener_;
    std::unique_ptr<sync::BulkFetcher> fetcher_;
    asio::steady_timer timer_;
    std::vector<Desk> desks_;  // by worker
    std::function<void()> joined_;
    TimePoint join_deadline_{};
    uint64_t joined_records_ = 0;
    std::array<uint64_t, dataplane::kSyncOutcomeCount> outcomes_{};
    uint64_t overflowed_ = 0;
    // The twin's servers by service and server, as it told us last.
    using ServerKey = std::tuple<uint8_t, uint32_t, Endpoint, Endpoint>;
    struct TwinServer {
        sync::ServerReport report;
        TimePoint heard_at;
    };
    std::map<ServerKey, TwinServer> twin_servers_;
    // Handlers of workers' answers outlive us in the fleet; they look whether we are still there.
    std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace director::daemon
