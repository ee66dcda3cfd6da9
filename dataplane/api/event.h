// What a worker tells the control plane. Fixed-size values on a single-producer single-consumer
// ring.
#pragma once

#include <cstdint>
#include <type_traits>

#include "dataplane/api/forwarding.h"
#include "dataplane/api/ids.h"
#include "dataplane/api/job.h"
#include "dataplane/api/local_pool.h"
#include "dataplane/api/service.h"
#include "dataplane/api/tables.h"

namespace director::dataplane {

enum class EventKind : uint8_t {
    kServiceReturned,  // the worker no longer uses this service table (free it)
    kRoutesReturned,   // the worker no longer uses this route table (free it after the last worker)
    kTablesReturned,   // the worker no longer uses these tables (free them after the last worker)
    kLocalPoolReturned,  // the worker no longer uses this pool (free it)
    kJobDone,            // the job is answered and the control plane's again
    kCommandRefused,     // a command named a slot that does not exist or a table is full
};

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): which pointer is meant, `kind` tells.
struct Event {
    EventKind kind{};
    WorkerId worker{};
    uint32_t sequence = 0;  // of the command that caused it
    union {
        ServiceTable* service_table;  // kServiceReturned
        const RouteTable* routes;     // kRoutesReturned
        const Tables* tables;         // kTablesReturned
        LocalPool* local_pool;        // kLocalPoolReturned
        Job* job;                     // kJobDone
    };
};

static_assert(sizeof(Event) == 16);
static_assert(std::is_trivially_copyable_v<Event>);

}  // namespace director::dataplane
