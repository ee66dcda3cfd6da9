// What an ipvsadm command asks of directord, and what ipvsadm says where directord refuses. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "cli/ipvsadm_command.h"
#include "common/address.h"
#include "controlplane/server/protocol.h"

namespace director::cli {

// "host[:port]" -> an address and a port; nullopt if it names nothing.
using Resolve = std::function<std::optional<Endpoint>(const std::string& text, Protocol protocol)>;

// The service that a command names.
[[nodiscard]] tl::expected<server::EditKey, IpvsadmError> edit_key(const WantedService& wanted,
                                                                   const Resolve& resolve);

// The edit that a command of -A, -E, -D, -a, -e, -d, -C, --set, --start-daemon or --stop-daemon is.
// The rules of ipvsadm.c: port zero needs persistence, -o needs UDP, a server of another family
// needs a tunnel, direct routing and tunnels take the service's port.
[[nodiscard]] tl::expected<server::EditRequest, IpvsadmError> edit_request(
    const IpvsadmCommand& command, const Resolve& resolve);

// ipvsadm's words for a refusal of the kernel's (ipvs_strerror() of libipvs).
[[nodiscard]] IpvsadmError kernel_error(IpvsadmAction action,
                                        std::string_view reason,
                                        const std::string& message);

// `ipvsadm -S`: a line for each service and server that -R takes. Thresholds are saved, too, which
// ipvsadm forgets.
[[nodiscard]] std::string save_services(std::vector<server::ServiceView> services, Names& names);

// A line of `ipvsadm -R` as words; leading "ipvsadm" is skipped.
[[nodiscard]] std::vector<std::string> restore_words(const std::string& line);

}  // namespace director::cli
