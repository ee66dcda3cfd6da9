// Two directors' packet paths, one telling the other of its connections: what lies between their
// control planes, without sockets.
//
//   SyncTwins link(master, backup);
//   link.start();               // the master marks connections from now on
//   ... traffic through the master ...
//   link.carry();               // the backup hears of what is marked
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/api/sync_jobs.h"
#include "tests/support/worker_fleet.h"

namespace director::test {

// What the records travel as.
enum class SyncWire : uint8_t {
    kNone,  // as they are
    kIpvs,  // in IPVS's messages, version 1; what these cannot say is left out
};

class SyncTwins {
  public:
    SyncTwins(WorkerFleet& from, WorkerFleet& to, SyncWire wire = SyncWire::kNone)
        : from_(from), to_(to), wire_(wire) {}

    void start(const dataplane::SyncPolicy& policy = {.is_on = true});

    // What the workers have marked, one worker after the other.
    [[nodiscard]] std::vector<dataplane::SyncRecord> collect();
    // The whole table, and the templates.
    [[nodiscard]] std::vector<dataplane::SyncRecord> pages(size_t records_per_page = 7);
    // By outcome. Services and servers are found by what they are called, as in IPVS.
    std::array<uint64_t, dataplane::kSyncOutcomeCount> install(
        std::vector<dataplane::SyncRecord> records);
    // collect() and install(); the count of records.
    size_t carry();

    [[nodiscard]] uint64_t outcomes(dataplane::SyncOutcome outcome) const {
        return outcomes_[static_cast<size_t>(outcome)];
    }
    [[nodiscard]] dataplane::SyncCounters counters();

  private:
    [[nodiscard]] std::vector<dataplane::SyncRecord> travel(
        const std::vector<dataplane::SyncRecord>& records) const;
    void locate(dataplane::SyncRecord& record) const;
    [[nodiscard]] uint16_t owner(const dataplane::SyncRecord& record) const;

    WorkerFleet& from_;
    WorkerFleet& to_;
    SyncWire wire_;
    std::array<uint64_t, dataplane::kSyncOutcomeCount> outcomes_{};
};

}  // namespace director::test
