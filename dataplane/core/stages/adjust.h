// What helpers do to a connection's packets beyond translating addresses and ports: the client's
// address told to the server, FTP's control connections followed (ftp_connections.h). Called by the
// rewrite stage, before it translates, for connections with kHasAdjustment alone; what they
// remember is in ConnectionDetails.
#pragma once

#include "dataplane/api/service.h"
#include "dataplane/core/tables/conn_table.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

// Whether a new connection of such a service gets kHasAdjustment: `entry` is complete but for that.
[[nodiscard]] bool needs_adjustment(const ServiceOptions& options, const Connection& entry);

// Changes a packet that still shows its own side's ends and numbers. False: it has been dropped, or
// has become an answer to its sender.
//
// PROXY protocol: before the client's first byte, whichever segment brings it and however often; in
// each datagram of UDP, which has no first one. TCP option: in every segment of the client's that
// acknowledges nothing beyond the server's SYN, as Alibaba's LVS and DPVS do: their readers look at
// the end of the handshake and at the first data. Either way the server's SYN announces so much
// less that the client's segments leave the room.
[[nodiscard]] bool adjust(Worker::State& state, const Connection& connection, Packet& packet);

// For an ICMP error that quotes a packet of the connection, before its ends are translated: the
// quoted sequence number (TCP only believes an error about what is in flight, RFC 5927 section
// 4.1), and an MTU that leaves room for what is added. `quoted_l4_offset` counts from the error's
// IP header.
void adjust_icmp_error(Worker::State& state,
                       const Connection& connection,
                       const Packet& packet,
                       uint32_t quoted_l4_offset);

}  // namespace director::dataplane
