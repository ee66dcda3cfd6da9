// Which real server a new connection gets: what the client's earlier connections say (persistence),
// else the scheduler. Private to the stages that open connections.
#pragma once

#include "dataplane/core/tables/persistence.h"
#include "dataplane/core/worker_state.h"

namespace director::dataplane {

struct ServerChoice {
    uint32_t position = kNoPosition;  // in the service's table; kNoPosition: none is available
    TemplateRef template_ref =
        kNoTemplate;  // to be released when the connection is not made after all
};

// What a client's template is found by. IPVS: the template of a service for any port, by rule or
// with FTP's helper serves all ports.
[[nodiscard]] TemplateKey template_key(const ServiceTable& table, const IpAddress& client);

// `is_stateless` is what goes_stateless() said.
[[nodiscard]] ServerChoice choose_server(Worker::State& state,
                                         ServiceTable& table,
                                         const Packet& packet,
                                         bool is_stateless);

// What choose_server() would answer, without a trace, to a packet that is not QUIC's.
struct ForeseenServer {
    uint32_t position = kNoPosition;
    bool is_by_template = false;
    RealServerId template_server = kNoRealServer;  // remembered, though perhaps not usable now
};
[[nodiscard]] ForeseenServer foresee_server(const Worker::State& state,
                                            ServiceTable& table,
                                            const Packet& packet,
                                            bool is_stateless);

// While the table is full of connections that may not go, a service whose scheduler would choose
// the same server for the client's next packet again goes on without remembering; if its servers
// answer past us, for an answer could not be translated.
[[nodiscard]] bool goes_stateless(const Worker::State& state, const ServiceTable& table);

}  // namespace director::dataplane
