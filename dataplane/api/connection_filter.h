// Which rows of the connection table somebody wants. The worker looks, so that a question about one
// client of ten million brings no ten million rows to the control plane. What is not set lets every
// row pass.
#pragma once

#include <cstdint>
#include <optional>

#include "common/address.h"
#include "dataplane/api/conn_state.h"
#include "dataplane/api/ids.h"

namespace director::dataplane {

struct ConnectionFilter {
    static constexpr uint32_t kAllStates = ~0U;
    static_assert(kConnStateCount <= 32, "a bit of `states` for each");

    std::optional<IpPrefix> client;
    std::optional<Endpoint> virtual_service;  // port 0: every port
    std::optional<Endpoint> real_server;      // the same
    std::optional<Protocol> protocol;
    std::optional<ServiceId> service;
    uint32_t states = kAllStates;  // a bit for each ConnState
    uint32_t idle_seconds_min = 0;
    uint32_t idle_seconds_max = UINT32_MAX;

    // What a look at the entry's first bytes decides.
    [[nodiscard]] constexpr bool may_fit(Protocol of_protocol, ConnState state) const {
        return (states >> static_cast<uint32_t>(state) & 1U) != 0 &&
               (!protocol || *protocol == of_protocol);
    }

    // `Row` is a ConnectionRow (job.h).
    template <typename Row>
    [[nodiscard]] constexpr bool fits(const Row& row) const {
        return may_fit(row.protocol, row.state) && row.idle_seconds >= idle_seconds_min &&
               row.idle_seconds <= idle_seconds_max && (!service || *service == row.service) &&
               (!client || client->contains(row.client.address)) &&
               is_at(virtual_service, row.virtual_service) && is_at(real_server, row.real_server);
    }

  private:
    [[nodiscard]] static constexpr bool is_at(const std::optional<Endpoint>& wanted,
                                              const Endpoint& found) {
        return !wanted || (wanted->address == found.address &&
                           (wanted->port.raw == 0 || wanted->port.raw == found.port.raw));
    }
};

}  // namespace director::dataplane
