// Jobs (dataplane/api/job.h) of connection sync.
//
// Up: each worker marks connections that the twin should hear of, by IPVS's rules (SyncPolicy), and
// the control plane fetches them with a SyncCollection; a SyncPage walks the whole table for a twin
// that has just joined. Down: a SyncInstallation brings records of the twin's, of whose client this
// worker is the owner.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/api/job.h"
#include "dataplane/api/sync.h"

namespace director::dataplane {

// Fetches what is marked, connections that the twin knows before those it does not. `records` is
// filled up to its capacity (reserve() it: two places per connection, which may have a template).
struct SyncCollection : Job {
    SyncCollection() : Job{JobKind::kSyncCollection, {}, 0} {}

    std::vector<SyncRecord> records;
    uint32_t waiting = 0;  // still marked
    SyncCounters counters;
};

// The table from position `cursor` on, as ConnectionPage. Connections that the policy would not
// tell (half open, one packet's) are left out.
struct SyncPage : Job {
    SyncPage() : Job{JobKind::kSyncPage, {}, 0} {}

    bool is_of_templates = false;  // instead: the table that all workers share; any may be asked
    std::vector<SyncRecord> records;
    bool is_last = false;
};

// Brings records of the twin's; `service` and `server` are this director's. A bounded number per
// poll; afterwards `outcomes` tells how many came to which end.
struct SyncInstallation : Job {
    SyncInstallation() : Job{JobKind::kSyncInstallation, {}, 0} {}

    std::vector<SyncRecord> records;
    std::array<uint64_t, kSyncOutcomeCount> outcomes{};
};

}  // namespace director::dataplane
