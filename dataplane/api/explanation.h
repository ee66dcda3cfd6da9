// The question what would become of a packet, as a job (job.h), and the worker's answer to it.
// Nothing is changed by asking: no scheduler moves on, nothing is counted, remembered or renewed.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/api/counters.h"
#include "dataplane/api/forwarding.h"
#include "dataplane/api/job.h"

namespace director::dataplane {

// What a packet would meet.
enum class Fate : uint8_t {
    kForward,  // goes on, to `adjacency` or to a next hop whose MAC address is yet to be asked for
    kDrop,     // by `reason`
    kKernel,   // this machine's own
    kCookie,   // the SYN proxy answers in the server's place; `reason` stands against what follows
};

// Who decides which server it is.
enum class ChosenBy : uint8_t { kNobody, kConnection, kTemplate, kScheduler };

// A real server of the service as the worker sees it.
struct Candidate {
    RealServerId id = kNoRealServer;
    Endpoint endpoint;
    uint32_t weight = 0;
    uint32_t active = 0;
    uint32_t total = 0;
    bool is_overloaded = false;
};

struct Explanation : Job {
    Explanation() : Job{JobKind::kExplanation, {}, 0} {}

    // The question: the first packet of a client, or (`is_reply`) one of a real server. Only the
    // worker at `owner` has the answer; any other fills in no more than that.
    Protocol protocol = Protocol::kTcp;
    Endpoint source;
    Endpoint destination;
    bool is_reply = false;

    WorkerId owner{};
    Fate fate = Fate::kDrop;
    DropReason reason = DropReason::kCount;  // of kDrop, perhaps of kCookie
    ServiceId service = kNoService;
    bool is_service_retired = false;
    bool has_rule = false;
    MatchRule rule;  // that found the service
    bool is_syn_proxy_on = false;
    bool is_table_full = false;  // and the service goes on without remembering, or by eviction

    bool has_connection = false;
    ConnectionRow connection;
    bool is_connection_ending = false;  // its server is gone
    uint32_t timeout_seconds = 0;       // of its state

    ChosenBy chosen_by = ChosenBy::kNobody;
    RealServerId template_server = kNoRealServer;  // persistence remembers it, usable or not
    RealServerSlot server;                         // the chosen one, as in the table
    // The control plane reserves: filled up to the capacity.
    std::vector<Candidate> candidates;

    // The packet as it leaves: both ends, before any tunnel's header. Full NAT's client end is
    // known of a connection alone.
    Endpoint sent_source;
    Endpoint sent_destination;
    bool takes_local_port = false;
    bool is_tunnelled = false;
    IpAddress outer_source;  // and to the server's address
    bool is_mac_known = false;
    MacAddress source_mac;
    MacAddress destination_mac;
    InterfaceId interface {};
    uint32_t mtu_bytes = 0;
    IpAddress next_hop;
};

}  // namespace director::dataplane
