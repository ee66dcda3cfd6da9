#include "cli/ipvsadm_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <string_view>

namespace director::cli {
namespace {

using enum IpvsadmOption;
using Complaint = std::optional<IpvsadmError>;  // nullopt: fine

constexpr uint32_t kTimeoutMax = 2678400;  // 31 days
constexpr uint32_t kIntMax = std::numeric_limits<int32_t>::max();

IpvsadmError wrong(std::string message) {
    return {2, std::move(message), false};
}

// --- which options go with which command: ipvsadm's table "commands_v_options" ---

enum class Legality { kIllegal, kOptional, kNeeded, kExclusive };

Legality legality(IpvsadmOption command, IpvsadmOption option) {
    const auto among = [option](std::initializer_list<IpvsadmOption> options) {
        return std::find(options.begin(), options.end(), option) != options.end();
    };
    using enum Legality;
    switch (command) {
        case kAddService:
        case kEditService:
            return option == kService ? kNeeded
                   : among(
                         {kScheduler, kPersistent, kNetmask, kOnePacket, kEngine, kSchedulerFlags})
                       ? kOptional
                       : kIllegal;
        case kDeleteService:
            return option == kService ? kNeeded : kIllegal;
        case kList:
            return among({kConnection, kService, kTimeout, kDaemon}) ? kExclusive
                   : among({kNumeric,
                            kStats,
                            kRate,
                            kThresholds,
                            kPersistentConn,
                            kNoSort,
                            kSyncId,
                            kExact,
                            kTunnelInfo})
                       ? kOptional
                       : kIllegal;
        case kAddServer:
        case kEditServer:
            return among({kService, kServer}) ? kNeeded
                   : among({kForwarding,
                            kWeight,
                            kUpperThreshold,
                            kLowerThreshold,
                            kTunnelType,
                            kTunnelPort,
                            kTunnelNoChecksum,
                            kTunnelChecksum,
                            kTunnelRemoteChecksum})
                       ? kOptional
                       : kIllegal;
        case kDeleteServer:
            return among({kService, kServer}) ? kNeeded : kIllegal;
        case kStartDaemon:
            return among(
                       {kMcastInterface, kSyncId, kMcastGroup, kMcastPort, kMcastTtl, kSyncMaxlen})
                       ? kOptional
                       : kIllegal;
        case kStopDaemon:
            return option == kSyncId ? kOptional : kIllegal;
        case kSave:
            return option == kNumeric ? kOptional : kIllegal;
        case kZero:
            return option == kService ? kOptional : kIllegal;
        default:
            return kIllegal;
    }
}

Complaint check_legality(IpvsadmOption command, const std::set<IpvsadmOption>& given) {
    std::optional<IpvsadmOption> exclusive;
    for (int i = static_cast<int>(kNumeric); i <= static_cast<int>(kSyncMaxlen); ++i) {
        const auto option = static_cast<IpvsadmOption>(i);
        const bool is_given = given.contains(option);
        const Legality rule = legality(command, option);
        if (rule == Legality::kNeeded && !is_given) {
            return wrong(fmt::format("You need to supply the '{}' option for the '{}' command",
                                     title_of(option),
                                     title_of(command)));
        }
        if (rule == Legality::kIllegal && is_given) {
            return wrong(fmt::format(
                "Illegal '{}' option with the '{}' command", title_of(option), title_of(command)));
        }
        if (rule == Legality::kExclusive && is_given) {
            if (exclusive) {
                return wrong(fmt::format(
                    "The option '{}' conflicts with the '{}' option in the '{}' command",
                    title_of(option),
                    title_of(*exclusive),
                    title_of(command)));
            }
            exclusive = option;
        }
    }
    return std::nullopt;
}

// --- what options say ---

// Of several layouts ipvsadm prints the first of these.
void want(ListingKind kind, IpvsadmCommand& command) {
    constexpr std::array kOrder{ListingKind::kStats,
                                ListingKind::kRates,
                                ListingKind::kThresholds,
                                ListingKind::kPersistent,
                                ListingKind::kTunnels,
                                ListingKind::kRules};
    const auto rank = [&kOrder](ListingKind each) {
        return std::find(kOrder.begin(), kOrder.end(), each);
    };
    if (rank(kind) < rank(command.listing.kind)) {
        command.listing.kind = kind;
    }
}

Complaint take_service(const GivenOption& given, IpvsadmCommand& command) {
    WantedService wanted;
    wanted.text = given.argument;
    if (given.long_name == "udp-service") {
        wanted.protocol = Protocol::kUdp;
    } else if (given.long_name == "sctp-service") {
        wanted.protocol = Protocol::kSctp;
    } else if (given.long_name == "fwmark-service") {
        const auto mark = number_of(wanted.text, 1, std::numeric_limits<uint32_t>::max());
        if (!mark) {
            return wrong(fmt::format("invalid fwmark value `{}' specified", wanted.text));
        }
        wanted.mark = *mark;
    }
    command.service = wanted;
    return std::nullopt;
}

// "sh-port,flag-1": names of one scheduler alone, and of any.
Complaint take_flags(const std::string& text, ServiceOptions& to) {
    struct Flag {
        std::string_view name;
        std::string_view scheduler;  // empty: any
        std::string_view word;       // the control socket's; empty: no scheduler has it
    };
    constexpr std::array kFlags{Flag{"sh-fallback", "sh", "hash-fallback"},
                                Flag{"sh-port", "sh", "hash-port"},
                                Flag{"mh-fallback", "mh", "hash-fallback"},
                                Flag{"mh-port", "mh", "hash-port"},
                                Flag{"flag-1", "", "hash-fallback"},
                                Flag{"flag-2", "", "hash-port"},
                                Flag{"flag-3", "", ""}};
    std::string_view rest = text;
    while (!rest.empty()) {
        const size_t comma = std::min(rest.find(','), rest.size());
        const std::string_view name = rest.substr(0, comma);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        const auto* const flag = std::find_if(
            kFlags.begin(), kFlags.end(), [&](const Flag& each) { return each.name == name; });
        if (flag == kFlags.end()) {
            return wrong(fmt::format("invalid scheduler flag `{}'", name));
        }
        if (!flag->scheduler.empty() && flag->scheduler != to.scheduler) {
            return wrong(fmt::format("incompatible scheduler flag `{}'", name));
        }
        const bool is_there =
            std::find(to.flags.begin(), to.flags.end(), flag->word) != to.flags.end();
        if (!flag->word.empty() && !is_there) {
            to.flags.emplace_back(flag->word);
        }
    }
    return std::nullopt;
}

template <typename Number>
Complaint take_number(
    const GivenOption& given, uint32_t min, uint32_t max, std::string_view what, Number& to) {
    const auto number = number_of(given.argument, min, max);
    if (!number) {
        return wrong(fmt::format("illegal {} specified", what));
    }
    to = static_cast<Number>(*number);
    return std::nullopt;
}

Complaint take_persistence(const GivenOption& given, ServiceOptions& to) {
    to.is_persistent = true;
    if (given.argument.empty()) {
        return std::nullopt;
    }
    const auto seconds = number_of(given.argument, 1, kTimeoutMax);
    if (!seconds) {
        return wrong(fmt::format("invalid timeout value `{}' specified", given.argument));
    }
    to.persistence_seconds = *seconds;
    return std::nullopt;
}

Complaint take_group(const GivenOption& given, DaemonOptions& to) {
    const auto address = IpAddress::parse(given.argument);
    if (!address || !address->is_multicast()) {
        const bool is_ipv6 = given.argument.find(':') != std::string::npos;
        return wrong(
            fmt::format("invalid {} mcast-group `{}'", is_ipv6 ? "IPv6" : "IPv4", given.argument));
    }
    to.group = address;
    return std::nullopt;
}

Complaint take_tunnel_type(const GivenOption& given, ServerOptions& to) {
    if (given.argument != "ipip" && given.argument != "gue" && given.argument != "gre") {
        return wrong("illegal tunnel type specified");
    }
    to.tunnel = given.argument;
    return std::nullopt;
}

// Options of listings, none of which can be wrong. False: it is another one.
bool take_listing(IpvsadmOption option, IpvsadmCommand& command) {
    switch (option) {
        case kNumeric:
            command.names = NameStyle::kNumeric;
            return true;
        case kConnection:
            command.action = IpvsadmAction::kListConnections;
            return true;
        case kTimeout:
            command.action = IpvsadmAction::kListTimeouts;
            return true;
        case kDaemon:
            command.action = IpvsadmAction::kListDaemon;
            return true;
        case kStats:
            want(ListingKind::kStats, command);
            return true;
        case kRate:
            want(ListingKind::kRates, command);
            return true;
        case kThresholds:
            want(ListingKind::kThresholds, command);
            return true;
        case kPersistentConn:
            want(ListingKind::kPersistent, command);
            return true;
        case kTunnelInfo:
            want(ListingKind::kTunnels, command);
            return true;
        case kExact:
            command.listing.numbers = Numbers::kExact;
            return true;
        case kNoSort:
            command.listing.order = Order::kAsTold;
            return true;
        default:
            return false;
    }
}

Complaint take_daemon(const GivenOption& given, DaemonOptions& daemon) {
    switch (given.option) {
        case kMcastInterface:
            daemon.interface = given.argument;
            return std::nullopt;
        case kSyncId:
            return take_number(given, 0, 255, "syncid", daemon.id);
        case kMcastGroup:
            return take_group(given, daemon);
        case kMcastPort:
            return take_number(given, 1, 65535, "mcast-port", daemon.port);
        case kMcastTtl:
            return take_number(given, 1, 255, "mcast-ttl", daemon.ttl);
        case kSyncMaxlen:
            return take_number(given, 1, 65507, "sync-maxlen", daemon.message_bytes);
        default:
            return std::nullopt;
    }
}

Complaint take_server(const GivenOption& given, ServerOptions& server) {
    switch (given.option) {
        case kServer:
            server.text = given.argument;
            return std::nullopt;
        case kForwarding:
            server.forwarding = given.letter == 'm'   ? "nat"
                                : given.letter == 'i' ? "tunnel"
                                                      : "direct";
            return std::nullopt;
        case kWeight:
            return take_number(given, 0, kIntMax, "weight", server.weight);
        case kUpperThreshold:
            return take_number(given, 0, kIntMax, "u_threshold", server.upper_threshold);
        case kLowerThreshold:
            return take_number(given, 0, kIntMax, "l_threshold", server.lower_threshold);
        case kTunnelType:
            return take_tunnel_type(given, server);
        case kTunnelPort:
            return take_number(given, 1, 65535, "tunnel port", server.tunnel_port);
        case kTunnelNoChecksum:
            server.tunnel_checksum = "none";
            return std::nullopt;
        case kTunnelChecksum:
            server.tunnel_checksum = "full";
            return std::nullopt;
        case kTunnelRemoteChecksum:
            server.tunnel_checksum = "remote";
            return std::nullopt;
        default:
            return std::nullopt;
    }
}

// Takes one option into `command`.
Complaint take(const GivenOption& given, IpvsadmCommand& command) {
    if (take_listing(given.option, command)) {
        return std::nullopt;
    }
    ServiceOptions& service = command.service_options;
    switch (given.option) {
        case kService:
            return take_service(given, command);
        case kIpv6:
            if (!command.service || command.service->mark == 0) {
                return wrong("-6 used before -f\n");
            }
            command.service->family = Family::kIpv6;
            return std::nullopt;
        case kScheduler:
            service.scheduler = given.argument;
            return std::nullopt;
        case kPersistent:
            return take_persistence(given, service);
        case kNetmask:
            service.netmask = given.argument;
            return std::nullopt;
        case kOnePacket:
            service.one_packet = true;
            return std::nullopt;
        case kEngine:
            service.engine = given.argument;
            return std::nullopt;
        case kSchedulerFlags:
            return take_flags(given.argument, service);
        default:
            break;
    }
    if (auto complaint = take_server(given, command.server)) {
        return complaint;
    }
    return take_daemon(given, command.daemon);
}

IpvsadmAction action_of(IpvsadmOption command) {
    switch (command) {
        case kAddService:
            return IpvsadmAction::kAddService;
        case kEditService:
            return IpvsadmAction::kEditService;
        case kDeleteService:
            return IpvsadmAction::kDeleteService;
        case kAddServer:
            return IpvsadmAction::kAddServer;
        case kEditServer:
            return IpvsadmAction::kEditServer;
        case kDeleteServer:
            return IpvsadmAction::kDeleteServer;
        case kClear:
            return IpvsadmAction::kClear;
        case kZero:
            return IpvsadmAction::kZero;
        case kSet:
            return IpvsadmAction::kSetTimeouts;
        case kStartDaemon:
            return IpvsadmAction::kStartDaemon;
        case kStopDaemon:
            return IpvsadmAction::kStopDaemon;
        case kSave:
            return IpvsadmAction::kSave;
        case kRestore:
            return IpvsadmAction::kRestore;
        case kHelp:
            return IpvsadmAction::kHelp;
        case kVersion:
            return IpvsadmAction::kVersion;
        default:
            return IpvsadmAction::kList;
    }
}

// The three words behind --set.
Complaint take_timeouts(const std::vector<std::string>& words, TimeoutOptions& to) {
    if (words.size() < 3) {
        return wrong("--set option requires 3 timeout values");
    }
    for (size_t i = 0; i < 3; ++i) {
        const auto seconds = number_of(words[i], 0, kTimeoutMax);
        if (!seconds) {
            return wrong(fmt::format("invalid timeout value `{}' specified", words[i]));
        }
        (i == 0 ? to.tcp : i == 1 ? to.tcp_fin : to.udp) = *seconds;
    }
    return words.size() > 3 ? Complaint(wrong("unexpected argument " + words[3])) : std::nullopt;
}

Complaint check_tunnel(const std::set<IpvsadmOption>& given, const ServerOptions& server) {
    const bool has_any = std::any_of(given.begin(), given.end(), [](IpvsadmOption option) {
        return option >= kTunnelType && option <= kTunnelRemoteChecksum;
    });
    if (has_any && server.forwarding != "tunnel") {
        return wrong("Tunnel options conflict with forward method");
    }
    if (server.tunnel == "gue" && !given.contains(kTunnelPort)) {
        return wrong("You need to supply the 'tun-port' option for the 'gue' tunnel type");
    }
    if (server.tunnel != "gue" && given.contains(kTunnelPort)) {
        return wrong(
            fmt::format("Illegal 'tun-port' option with the '{}' tunnel type", server.tunnel));
    }
    return std::nullopt;
}

Complaint check_listing(const IpvsadmCommand& command) {
    const bool is_plain = command.listing.kind == ListingKind::kRules ||
                          command.listing.kind == ListingKind::kPersistent;
    return command.action == IpvsadmAction::kListConnections && !is_plain
               ? Complaint(wrong("options conflicts in the list command"))
               : std::nullopt;
}

// All options after the command, then what they are together.
Complaint take_all(const std::vector<GivenOption>& given, IpvsadmCommand& command) {
    const GivenOption& first = given.front();
    std::set<IpvsadmOption> seen;
    std::vector<std::string> words;
    for (size_t i = 1; i < given.size(); ++i) {
        const GivenOption& one = given[i];
        if (one.is_word) {
            words.push_back(one.argument);
            continue;
        }
        if (is_command(one.option)) {
            return wrong(one.letter != 0 ? fmt::format("invalid option `-{}'", one.letter)
                                         : fmt::format("invalid option `{}'", one.long_name));
        }
        const bool is_without_effect = one.option == kSort || one.option == kIpv6;
        if (!seen.insert(one.option).second && !is_without_effect) {
            return wrong(fmt::format("multiple '{}' options specified", title_of(one.option)));
        }
        if (auto complaint = take(one, command)) {
            return complaint;
        }
    }
    if (first.option == kSet) {
        if (auto complaint = take_timeouts(words, command.timeouts)) {
            return complaint;
        }
    } else if (!words.empty()) {
        return wrong("unexpected argument " + words.front());
    }
    if (auto complaint = check_legality(first.option, seen)) {
        return complaint;
    }
    if (first.option == kAddServer || first.option == kEditServer) {
        return check_tunnel(seen, command.server);
    }
    return check_listing(command);
}

// Of the commands that take a word.
Complaint take_role(const GivenOption& first, DaemonOptions& to) {
    if (first.argument != "master" && first.argument != "backup") {
        return wrong(first.option == kStartDaemon ? "illegal start-daemon parameter specified"
                                                  : "illegal start_daemon specified");
    }
    to.role = first.argument;
    return std::nullopt;
}

IpvsadmError hint(const std::string& program) {
    return {kExitPopt,
            fmt::format("Try `{} -h' or '{} --help' for more information.", program, program),
            false};
}

}  // namespace

tl::expected<IpvsadmCommand, IpvsadmError> parse_ipvsadm(
    const std::string& program, const std::vector<std::string>& arguments) {
    IpvsadmCommand command;
    if (arguments.empty()) {
        return command;
    }
    // ipvsadm looks for its command first, and asks popt for nothing more where there is none.
    const auto given = expand_options(arguments);
    const bool lacks_role = !given && arguments.size() == 1 &&
                            (arguments[0] == "--start-daemon" || arguments[0] == "--stop-daemon");
    if (lacks_role) {
        return tl::unexpected(hint(program));
    }
    if (!given) {
        return tl::unexpected(given.error());
    }
    const GivenOption& first = given->front();
    if (first.is_word || !is_command(first.option)) {
        return tl::unexpected(hint(program));
    }
    command.action = action_of(first.option);
    if (first.option == kHelp || first.option == kVersion) {
        return command;
    }
    if (first.option == kStartDaemon || first.option == kStopDaemon) {
        if (auto complaint = take_role(first, command.daemon)) {
            return tl::unexpected(std::move(*complaint));
        }
    }
    if (auto complaint = take_all(*given, command)) {
        return tl::unexpected(std::move(*complaint));
    }
    return command;
}

}  // namespace director::cli
