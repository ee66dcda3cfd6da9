// What workers count. Written by the owning worker alone; the control plane sees copies only, which
// it asks for with a CountersReport (dataplane/api/job.h).
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "dataplane/api/drop_reason.h"

namespace director::dataplane {

// Per worker. Every received packet is counted exactly once among the outcomes:
//   received + handed_in + answered + resumed + cut = forwarded + punted + dropped + handed_out +
//   held
struct WorkerCounters {
    uint64_t received = 0;        // frames polled from this worker's receive queues
    uint64_t received_bytes = 0;  // of these, as the port gave them: from the destination MAC on
    uint64_t handed_in = 0;       // frames taken over from other workers
    uint64_t handed_out = 0;      // frames given to the worker that owns their connection
    uint64_t answered = 0;   // frames of our own: ICMP errors, resets and SYN cookies in place of
                             // dropped frames, and what the SYN proxy tells a server
    uint64_t held = 0;       // fragments kept until their datagram's first one comes
    uint64_t resumed = 0;    // of these, those that went on, or were dropped after all
    uint64_t cut = 0;        // frames that packets became more than themselves: a packet cut into
                             // three fragments counts two here, and three below
    uint64_t forwarded = 0;  // frames sent on, translated or routed
    uint64_t punted = 0;     // frames given to the control plane: the kernel's, or waiting for ARP
    std::array<uint64_t, kDropReasonCount> dropped{};
    uint64_t stateless = 0;  // packets forwarded without remembering them, in a full table
    uint64_t connections_created = 0;
    uint64_t connections_expired = 0;
    uint64_t connections_evicted = 0;    // half-open ones that made room in a full table
    uint64_t connections = 0;            // gauge: in the table now
    uint64_t connections_max = 0;        // size of the table
    uint64_t services_under_attack = 0;  // gauge: whose handshakes are finished for them now

    [[nodiscard]] constexpr uint64_t dropped_total() const {
        uint64_t total = 0;
        for (const uint64_t count : dropped) {
            total += count;
        }
        return total;
    }
};

// Per worker and real server. Bytes are IP lengths including the header, as IPVS counts them.
struct ServerCounters {
    uint64_t connections = 0;  // ever
    uint64_t packets_in = 0;   // client to server
    uint64_t packets_out = 0;  // server to client
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
    uint32_t active = 0;    // gauge: connections in an active state
    uint32_t inactive = 0;  // gauge: all other connections
    // Where the server's answers are seen (NAT, full NAT), TCP connections that it did not answer
    // before their SYN was repeated or they expired; and those that it reset while their client had
    // not ended them.
    uint64_t unanswered = 0;
    uint64_t resets = 0;
};

// Per worker and pool of local addresses.
struct PoolCounters {
    uint64_t ports = 0;      // gauge: that could be in use at one time
    uint64_t held = 0;       // gauge: by connections
    uint64_t exhausted = 0;  // connections refused for want of a port
};

// Per worker and virtual service.
struct ServiceCounters {
    std::array<uint64_t, kDropReasonCount> dropped{};
    uint64_t connections = 0;      // gauge: in the table now
    uint32_t half_open = 0;        // gauge: of these, whose handshake is not complete
    uint32_t is_under_attack = 0;  // gauge: 1 while handshakes are finished for it for that reason
};

static_assert(std::is_trivially_copyable_v<WorkerCounters>);
static_assert(std::is_trivially_copyable_v<ServerCounters> && sizeof(ServerCounters) == 64);

}  // namespace director::dataplane
