// What a new connection will be, before it has a place in the table. Private to the stages that
// open connections (admit.cc).
#pragma once

#include "dataplane/core/tables/conn_table.h"
#include "dataplane/core/tables/limits.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

struct NewConnection {
    Connection entry;
    ConnectionDetails details;
    bool has_details = false;
    bool may_use_reserve = false;  // ends with its packet, and the table is full
};

// The two ends, with addresses, that a connection shows on one side.
struct EndpointPair {
    Endpoint client;
    Endpoint server;
};

// The ends of `packet`, which comes from the client.
[[nodiscard]] EndpointPair endpoints_of(const Packet& packet);

// The connection with these ends outside, or kNoConnection.
[[nodiscard]] uint32_t find_outside(const Worker::State& state,
                                    Protocol protocol,
                                    const EndpointPair& outside);

// A connection from `outside` to `inside`, both as yet without server, state and deadline: places,
// traits, kind of translation, checksum deltas.
[[nodiscard]] NewConnection make_connection(const HashKey& key,
                                            Protocol protocol,
                                            const EndpointPair& outside,
                                            const EndpointPair& inside,
                                            ForwardingMethod method);

// Puts it into the table, if need be in place of the oldest half-open one; arms its timer and
// counts it. Answers its index, or kNoConnection (admit.cc).
[[nodiscard]] uint32_t insert_connection(Worker::State& state, const NewConnection& wanted);

// The same without eviction.
[[nodiscard]] uint32_t insert_if_room(Worker::State& state,
                                      const NewConnection& wanted,
                                      ConnTable::Room room = ConnTable::Room::kOrdinary);

// The client's new end, for a method that gives it one. False: no port is free (admit.cc).
[[nodiscard]] bool translate_client(Worker::State& state,
                                    Protocol protocol,
                                    uint16_t pool_number,
                                    EndpointPair& inside);

// Gives back the port of a connection that finds no place (admit.cc).
void abandon(Worker::State& state, const NewConnection& wanted, const EndpointPair& inside);

// Whether the client may have a connection to the service at all (let_in.cc). `limit_ref` is to be
// released at the connection's end, or when it is not made after all.
struct LetIn {
    DropReason reason = DropReason::kCount;  // kCount: it may
    LimitRef limit_ref = kNoLimit;
};
[[nodiscard]] LetIn let_in(Worker::State& state, const ServiceTable& table, const Packet& packet);

// What let_in() would say, without counting anything: of a SYN, whose sender may be anybody.
// kCount: it may.
[[nodiscard]] DropReason foresee_let_in(Worker::State& state,
                                        const ServiceTable& table,
                                        const Packet& packet);

}  // namespace director::dataplane
