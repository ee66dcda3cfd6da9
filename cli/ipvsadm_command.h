// ipvsadm's command line (version 1.31): which command, with which options, or what ipvsadm would
// complain of. Pure: names are resolved by who carries the command out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "cli/ipvsadm_listing.h"
#include "cli/ipvsadm_options.h"
#include "common/address.h"

namespace director::cli {

enum class IpvsadmAction {
    kList,
    kListConnections,
    kListTimeouts,
    kListDaemon,
    kAddService,
    kEditService,
    kDeleteService,
    kAddServer,
    kEditServer,
    kDeleteServer,
    kClear,
    kZero,
    kSetTimeouts,
    kStartDaemon,
    kStopDaemon,
    kSave,
    kRestore,
    kHelp,
    kVersion,
};
enum class NameStyle { kNames, kNumeric };

// -t, -u or --sctp-service, as typed; or -f, which is a mark.
struct WantedService {
    Protocol protocol = Protocol::kTcp;
    std::string text;
    uint32_t mark = 0;
    Family family = Family::kIpv4;  // of a mark: -6
};

// The words are those of the control socket's "edit".
struct ServiceOptions {
    std::string scheduler = "wlc";
    std::vector<std::string> flags;
    bool is_persistent = false;
    uint32_t persistence_seconds = 360;  // of -p without a value: what ipvsadm 1.31 sends
    std::string netmask;                 // as typed
    bool one_packet = false;
    std::string engine;  // --pe
};
struct ServerOptions {
    std::string text;  // -r, as typed
    std::string forwarding = "direct";
    uint32_t weight = 1;
    uint32_t upper_threshold = 0;
    uint32_t lower_threshold = 0;
    std::string tunnel = "ipip";
    uint16_t tunnel_port = 0;
    std::string tunnel_checksum = "none";
};
struct TimeoutOptions {
    uint32_t tcp = 0;  // 0: as it is
    uint32_t tcp_fin = 0;
    uint32_t udp = 0;
};
struct DaemonOptions {
    std::string role;  // "master", "backup"
    std::string interface = "eth0";
    uint32_t id = 0;
    std::optional<IpAddress> group;
    uint16_t port = 0;           // 0: as it is
    uint8_t ttl = 0;             // 0: as it is
    uint32_t message_bytes = 0;  // 0: as it is
};

struct IpvsadmCommand {
    IpvsadmAction action = IpvsadmAction::kList;
    ListingOptions listing;
    NameStyle names = NameStyle::kNames;
    std::optional<WantedService> service;
    ServiceOptions service_options;
    ServerOptions server;
    TimeoutOptions timeouts;
    DaemonOptions daemon;
};

// `program` is how the user called us, for the hint in messages. No arguments list everything.
[[nodiscard]] tl::expected<IpvsadmCommand, IpvsadmError> parse_ipvsadm(
    const std::string& program, const std::vector<std::string>& arguments);

[[nodiscard]] std::string ipvsadm_usage(const std::string& program);

}  // namespace director::cli
