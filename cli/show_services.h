// What `directorctl service`, `server` and `conn` print. Pure functions from answers to text.
#pragma once

#include <string>
#include <vector>

#include "cli/table.h"
#include "controlplane/server/protocol.h"

namespace director::cli {

// In one word, and how it should look: "up", "no server", "under attack", "retired".
[[nodiscard]] Cell state_of(const server::ServiceView& service);
// "up", "out" (by its checks), "draining", "weight 0", "overloaded", "retired".
[[nodiscard]] Cell state_of(const server::ServerView& server);
// Whether new connections may go there.
[[nodiscard]] bool takes_connections(const server::ServerView& server);

[[nodiscard]] std::string show_services(const std::vector<server::ServiceView>& services,
                                        Colour colour);
[[nodiscard]] std::string show_service(const server::ServiceView& service, Colour colour);
// Of all services, or of those that are given.
[[nodiscard]] std::string show_servers(const std::vector<server::ServiceView>& services,
                                       Colour colour);

}  // namespace director::cli
