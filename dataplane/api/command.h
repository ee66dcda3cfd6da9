// What the control plane tells a worker. Fixed-size values on a single-producer single-consumer
// ring; large things travel by pointer and come back as an Event.
#pragma once

#include <cstdint>
#include <type_traits>

#include "common/time.h"
#include "dataplane/api/conn_state.h"
#include "dataplane/api/forwarding.h"
#include "dataplane/api/ids.h"
#include "dataplane/api/job.h"
#include "dataplane/api/local_pool.h"
#include "dataplane/api/service.h"
#include "dataplane/api/sync.h"
#include "dataplane/api/tables.h"

namespace director::dataplane {

enum class CommandKind : uint8_t {
    kPutService,        // install or replace a service's table; the old one is returned
    kRetireService,     // admit no new connection; existing ones go on; the table is returned
    kForgetService,     // the slot is free again; sent when no connection refers to it any more
    kSetWeight,         // weight of one real server in an installed table
    kForgetRealServer,  // zero the slot's counters; sent when no connection refers to it any more
    kEndConnections,    // what is to become of a gone server's connections
    kSetTimeout,        // of one connection state, for timers armed from now on
    kPutInterface,      // define or change an interface
    kSetVirtualMac,     // receive frames to a virtual router's MAC address, or no longer
    kPutNeighbour,      // define or change a neighbour
    kRemoveNeighbour,
    kPutRoutes,     // install a route table; the old one is returned
    kPutTables,     // install match rules, source NAT and prefix lists; the old ones are returned
    kPutLocalPool,  // install a pool of local addresses; the old one is returned
    kSetSync,       // when connections are told to the twin
    kHoldStrays,    // for a while, packets of unknown connections are nobody's
    kRunJob,        // answer a question (dataplane/api/job.h)
};

// Parameters of the commands that have more than one.
struct WeightChange {
    ServiceId service;
    RealServerId server;
    uint32_t position;  // of the server in the table's list
    uint32_t weight;
};

struct ConnectionsEnd {
    RealServerId server;
    WhenServerGone how;
};

struct TimeoutChange {
    ConnState state;
    uint32_t seconds;
};

struct InterfaceChange {
    InterfaceId id;
    Interface interface;
};

// RFC 5798 section 7.3: 00-00-5E-00-01-{number} for IPv4, 00-00-5E-00-02-{number} for IPv6.
struct VirtualMacChange {
    InterfaceId interface;
    Family family;
    uint8_t router;  // its number
    bool is_ours;
};

struct NeighbourChange {
    NeighbourKey key;
    Neighbour neighbour;
};

// NOLINTBEGIN(cppcoreguidelines-pro-type-member-init): one member of the union is enough.
struct Command {
    CommandKind kind;
    // Counts up by one per command and worker. Events echo it, so that the control plane knows how
    // far each worker is.
    uint32_t sequence = 0;
    union {
        ServiceTable* service_table;       // kPutService
        ServiceId service;                 // kRetireService, kForgetService
        WeightChange set_weight;           // kSetWeight
        RealServerId server;               // kForgetRealServer
        ConnectionsEnd end_connections;    // kEndConnections
        TimeoutChange set_timeout;         // kSetTimeout
        InterfaceChange put_interface;     // kPutInterface
        VirtualMacChange set_virtual_mac;  // kSetVirtualMac
        NeighbourChange put_neighbour;     // kPutNeighbour
        NeighbourKey remove_neighbour;     // kRemoveNeighbour
        const RouteTable* routes;          // kPutRoutes
        const Tables* tables;              // kPutTables
        LocalPool* local_pool;             // kPutLocalPool
        SyncPolicy set_sync;               // kSetSync
        Duration hold_strays;              // kHoldStrays
        Job* job;                          // kRunJob
    };

    Command() : kind(CommandKind::kRunJob), job(nullptr) {}
    explicit Command(CommandKind command_kind) : kind(command_kind), put_interface{} {}
};
// NOLINTEND(cppcoreguidelines-pro-type-member-init)

static_assert(sizeof(Command) <= 64 && sizeof(Command) % 4 == 0);
static_assert(std::is_trivially_copyable_v<Command>);

}  // namespace director::dataplane
