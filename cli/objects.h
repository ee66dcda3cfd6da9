// How services and real servers are named on the command line, and which of directord's they are.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/address.h"
#include "common/result.h"
#include "controlplane/server/protocol.h"

namespace director::cli {

// A service as somebody has typed it: "192.0.2.1:80", "udp/192.0.2.1:53", "TCP 192.0.2.1:80" (as
// listings print it), "mark/7", "mark6/7" (IPv6), "FWM 7".
struct ServiceName {
    std::string protocol;  // "tcp", "udp", "sctp"; empty: whatever there is
    Endpoint endpoint;
    uint32_t mark = 0;
    bool is_ipv6 = false;  // of a mark

    [[nodiscard]] static Result<ServiceName> parse(std::string_view text);
    [[nodiscard]] bool fits(const server::ServiceView& service) const;
    // For a service that does not exist yet: TCP, if nothing is said.
    [[nodiscard]] server::EditKey to_key() const;
};

// "TCP 192.0.2.1:80", "FWM 7", as listings and errors print it; to_word(): "tcp/192.0.2.1:80",
// "mark/7", one word for the shell.
[[nodiscard]] std::string to_string(const server::ServiceView& service);
[[nodiscard]] std::string to_word(const server::ServiceView& service);
[[nodiscard]] server::EditKey key_of(const server::ServiceView& service);
// "10.0.0.1:80", "[2001:db8::1]:80"
[[nodiscard]] std::string endpoint_text(const std::string& address, uint16_t port);

// The one service that the name fits, retired ones left aside; says what there is instead.
[[nodiscard]] Result<const server::ServiceView*> find_service(
    const std::vector<server::ServiceView>& services, const std::string& name);

// As the request "drain" takes it: "tcp 192.0.2.1:80", "192.0.2.1:80", "mark 7".
[[nodiscard]] std::string drain_text(const ServiceName& name);

// Whether that is the server; port 0 fits all of its ports.
[[nodiscard]] bool is_server(const std::string& address, uint16_t port, const Endpoint& wanted);
// What is not about the server goes.
void keep_server(server::ChecksView& checks, const Endpoint& wanted);
void keep_server(server::ServicesView& services, const Endpoint& wanted);

// "10.0.0.1:80"; without a port, the service's own.
[[nodiscard]] Result<Endpoint> parse_server(std::string_view text, uint16_t service_port);

}  // namespace director::cli
