// Questions that take a worker longer than one poll to answer. The control plane allocates a job,
// hands it over with CommandKind::kRunJob, and must not look at it until EventKind::kJobDone brings
// it back. The worker does a bounded piece of it per poll, so a table of ten million entries can be
// listed without a packet noticing.
#pragma once

#include <cstdint>
#include <vector>

#include "common/address.h"
#include "dataplane/api/conn_state.h"
#include "dataplane/api/connection_filter.h"
#include "dataplane/api/counters.h"
#include "dataplane/api/ids.h"
#include "dataplane/api/service.h"

namespace director::dataplane {

enum class JobKind : uint8_t {
    kCountersReport,
    kConnectionPage,
    kExplanation,     // dataplane/api/explanation.h
    kSyncCollection,  // dataplane/api/sync_jobs.h, as the next two
    kSyncPage,
    kSyncInstallation,
    kTap,  // dataplane/api/mirror.h
};

struct Job {
    JobKind kind;
    WorkerId worker{};    // filled by the worker
    uint32_t cursor = 0;  // the worker's progress; starts at 0 for a report
};

// A copy of all counters. The vectors' sizes say how many slots are wanted (from slot 0).
struct CountersReport : Job {
    CountersReport() : Job{JobKind::kCountersReport, {}, 0} {}

    WorkerCounters totals;
    std::vector<ServiceCounters> services;
    std::vector<ServerCounters> servers;
    std::vector<PoolCounters> pools;  // by number; small, so answered in the last piece
    uint32_t commands_applied = 0;  // sequence number of the last command applied before the report
};

// One row of the connection table.
struct ConnectionRow {
    Protocol protocol = Protocol::kTcp;
    ConnState state = ConnState::kNone;
    Endpoint client;
    Endpoint virtual_service;
    Endpoint real_server;
    Endpoint local;  // full NAT and source NAT: the client as the server sees it
    ForwardingMethod forwarding = ForwardingMethod::kNat;
    bool is_template = false;  // persistence: client's network, kept for its next connections
    uint32_t expires_in_seconds = 0;
    uint32_t idle_seconds = 0;  // since its last packet
    ServiceId service = kNoService;
    RealServerId server = kNoRealServer;
};

// Some rows of the connection table that fit `filter`, from table position `cursor` on. `rows` is
// filled up to its capacity (reserve() it: a worker does not allocate), or until `positions_left`
// places were looked at, so that jobs behind a search that finds nothing have their turn;
// afterwards `cursor` is where the next page starts and `is_last` says that there is none.
struct ConnectionPage : Job {
    ConnectionPage() : Job{JobKind::kConnectionPage, {}, 0} {}

    std::vector<ConnectionRow> rows;
    ConnectionFilter filter;
    uint32_t positions_left = UINT32_MAX;
    bool is_last = false;
};

}  // namespace director::dataplane
