// The connections of FTP services: control connections, which the helper follows (ftp.h), and the
// data connections that they announce. Those are in the table like any other from the moment that
// they are announced, in IPVS's state LISTEN: active ones whole, passive ones with client port 0
// until the client's SYN brings the port (IPVS: IP_VS_CONN_F_NO_CPORT).
//
// All packets between a client and an FTP service belong to the worker that the client's address
// alone chooses, so that announcements and their connections meet. Answers that come to another
// worker by their port find no connection there and are handed on (hand_over_ftp_answer). So are
// packets of connections that are older than their service's `ftp`: those stay at the worker of
// their client's port (hand_over_ftp_stray).
#pragma once

#include "dataplane/core/stages/new_connection.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

// Whether a connection to `port` of such a service is a control connection.
[[nodiscard]] bool is_ftp_control(const ServiceTable& table, Be16 port);

// Makes `wanted` a control connection. False: too many are open.
[[nodiscard]] bool become_ftp_control(Worker::State& state, NewConnection& wanted);

// Whether a packet to a service that is or was an FTP service is for another port than its control
// connections.
[[nodiscard]] bool may_be_ftp_data(const Worker::State& state,
                                   const ServiceTable& table,
                                   const Packet& packet);

// For a SYN to an FTP service that belongs to no connection: true when it is no control
// connection's, and has become the data connection that was announced, has been dropped, or is
// nobody's.
[[nodiscard]] bool admit_ftp_data(Worker::State& state, const ServiceTable& table, Packet& packet);

// Reads a segment of a control connection, which still shows its sender's ends and numbers. kCount:
// it may go on, or has become an answer.
[[nodiscard]] DropReason follow_ftp(Worker::State& state,
                                    const Connection& control,
                                    Packet& packet);

// Hands a client's packet that opens nothing and belongs to no connection here to the worker of its
// port. False: this is that worker, or the service is none of FTP's.
[[nodiscard]] bool hand_over_ftp_stray(Worker::State& state, Packet& packet);

// Hands a packet that no connection here wants to the worker that FTP's would be at. False: this is
// that worker, or there are none.
[[nodiscard]] bool hand_over_ftp_answer(Worker::State& state, Packet& packet);

}  // namespace director::dataplane
