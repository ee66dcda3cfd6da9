// ipvsadm's command line (version 1.31, popt's rules), as far as Director has an answer to it: the
// listing commands. Pure.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "cli/ipvsadm_listing.h"
#include "common/address.h"

namespace director::cli {

enum class IpvsadmAction { kList, kListConnections, kListTimeouts, kHelp, kVersion };
enum class NameStyle { kNames, kNumeric };

// -t, -u or --sctp-service, as typed; or -f, which is a mark.
struct WantedService {
    Protocol protocol = Protocol::kTcp;
    std::string text;
    uint32_t mark = 0;
    Family family = Family::kIpv4;  // of a mark: -6
};

struct IpvsadmCommand {
    IpvsadmAction action = IpvsadmAction::kList;
    ListingOptions listing;
    NameStyle names = NameStyle::kNames;
    std::optional<WantedService> service;
};

// What ipvsadm would print to standard error, and its exit code.
struct IpvsadmError {
    int exit_code = 2;
    std::string message;
};

// `program` is how the user called us, for the hint in messages. No arguments list everything.
[[nodiscard]] tl::expected<IpvsadmCommand, IpvsadmError> parse_ipvsadm(
    const std::string& program, const std::vector<std::string>& arguments);

[[nodiscard]] std::string ipvsadm_usage(const std::string& program);

}  // namespace director::cli
