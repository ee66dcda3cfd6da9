// What `directorctl vrrp` prints. Pure functions from an answer to text.
#pragma once

#include <string>

#include "cli/table.h"
#include "controlplane/server/protocol.h"

namespace director::cli {

// MASTER is good, FAULT is bad.
[[nodiscard]] Style style_of_vrrp_state(const std::string& state);

[[nodiscard]] std::string show_vrrp(const server::VrrpView& vrrp, Colour colour);
// All there is of one.
[[nodiscard]] std::string show_vrrp_instance(const server::VrrpInstanceView& instance,
                                             Colour colour);

}  // namespace director::cli
