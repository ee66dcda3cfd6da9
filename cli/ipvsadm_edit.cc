#include "cli/ipvsadm_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <sstream>
#include <utility>

namespace director::cli {
namespace {

using server::EditKey;
using server::EditRequest;
using Requested = tl::expected<EditRequest, IpvsadmError>;

tl::unexpected<IpvsadmError> wrong(std::string message) {
    return tl::unexpected(IpvsadmError{2, std::move(message), false});
}

// "255.255.255.0", or bits. 0: every bit counts.
tl::expected<uint32_t, IpvsadmError> prefix_of(const std::string& netmask, Family family) {
    if (netmask.empty()) {
        return 0;
    }
    if (const auto bits = number_of(netmask, 1, IpPrefix::length_max(family))) {
        return *bits;
    }
    if (family == Family::kIpv6) {
        return wrong("illegal ipv6 netmask specified");
    }
    const auto mask = Ipv4Address::parse(netmask);
    const bool has_holes =
        mask && std::countl_one(mask->host()) + std::countr_zero(mask->host()) < 32;
    if (!mask || has_holes || mask->host() == 0) {
        return wrong("illegal virtual server persistent mask specified");
    }
    return static_cast<uint32_t>(std::countl_one(mask->host()));
}

Family family_of(const EditKey& key) {
    if (key.mark != 0) {
        return key.is_ipv6 ? Family::kIpv6 : Family::kIpv4;
    }
    return IpAddress::parse(key.address).value_or(IpAddress()).family();
}

Requested service_request(const IpvsadmCommand& command, EditRequest request) {
    const ServiceOptions& options = command.service_options;
    const EditKey& key = request.service;
    if (key.mark == 0 && key.port == 0 && !options.is_persistent) {
        return wrong("Zero port specified for non-persistent service");
    }
    if (options.one_packet && key.mark == 0 && key.protocol != "udp") {
        return wrong("One-Packet Scheduling is only for UDP virtual services");
    }
    const auto prefix = prefix_of(options.netmask, family_of(key));
    if (!prefix) {
        return tl::unexpected(prefix.error());
    }
    // A persistence engine is one more thing that the kernel would have to find.
    request.scheduler = options.engine.empty() ? options.scheduler : "pe " + options.engine;
    request.flags = options.flags;
    request.persistence_seconds = options.is_persistent ? options.persistence_seconds : 0;
    const uint32_t all = IpPrefix::length_max(family_of(key));
    request.persistence_prefix = *prefix == all ? 0 : *prefix;
    request.one_packet = options.one_packet;
    return request;
}

Requested server_request(const IpvsadmCommand& command,
                         const Resolve& resolve,
                         EditRequest request) {
    const ServerOptions& options = command.server;
    const Protocol protocol =
        command.service->mark != 0 ? Protocol::kTcp : command.service->protocol;
    const auto endpoint = resolve(options.text, protocol);
    if (!endpoint) {
        return wrong("illegal real server address[:port] specified");
    }
    const bool is_deletion = command.action == IpvsadmAction::kDeleteServer;
    const bool is_tunnel = options.forwarding == "tunnel";
    if (!is_deletion && endpoint->address.family() != family_of(request.service) && !is_tunnel) {
        return wrong("Different address family is allowed only for tunneling servers");
    }
    request.server = to_string(endpoint->address);
    request.server_port = endpoint->port.host();
    const bool takes_service_port =
        !is_deletion && request.service.mark == 0 && (is_tunnel || options.forwarding == "direct");
    if (takes_service_port) {
        request.server_port = request.service.port;
    }
    request.forwarding = options.forwarding;
    request.weight = options.weight;
    request.upper_threshold = options.upper_threshold;
    request.lower_threshold = options.lower_threshold;
    request.tunnel = options.tunnel;
    request.tunnel_port = options.tunnel_port;
    request.tunnel_checksum = options.tunnel_checksum;
    return request;
}

std::string_view word_of(IpvsadmAction action) {
    switch (action) {
        case IpvsadmAction::kAddService:
            return "add-service";
        case IpvsadmAction::kEditService:
            return "edit-service";
        case IpvsadmAction::kDeleteService:
            return "delete-service";
        case IpvsadmAction::kAddServer:
            return "add-server";
        case IpvsadmAction::kEditServer:
            return "edit-server";
        case IpvsadmAction::kDeleteServer:
            return "delete-server";
        case IpvsadmAction::kSetTimeouts:
            return "set-timeouts";
        case IpvsadmAction::kStartDaemon:
            return "start-daemon";
        case IpvsadmAction::kStopDaemon:
            return "stop-daemon";
        default:
            return "clear";
    }
}

// --- save ---

std::string service_words(const server::ServiceView& service, Names& names) {
    if (service.mark != 0) {
        return fmt::format("-f {}{}", service.mark, service.address == "::" ? " -6" : "");
    }
    const std::string place = names.of(service.address, service.port, service.protocol);
    return fmt::format("{} {}",
                       service.protocol == "TCP"   ? "-t"
                       : service.protocol == "UDP" ? "-u"
                                                   : "--sctp-service",
                       place);
}

// What listings print behind the scheduler ("(sh-port) persistent 360 mask 255.255.255.0 pe sip
// ops"), as options in ipvsadm's order.
std::string flag_words(const std::string& flags) {
    std::istringstream stream(flags);
    std::string options;
    std::string one_packet;
    std::string scheduler_flags;
    for (std::string word; stream >> word;) {
        std::string value;
        if (word.starts_with('(')) {
            scheduler_flags = " -b " + word.substr(1, word.size() - 2);
        } else if (word == "ops") {
            one_packet = " -o";
        } else if (stream >> value) {
            options += (word == "persistent" ? " -p " : word == "mask" ? " -M " : " --pe ") + value;
        }
    }
    return options + one_packet + scheduler_flags;
}

// What `--tun-info` prints ("gue:6080:+c"), as options.
std::string tunnel_words(const std::string& info) {
    const std::string type = info.substr(0, info.find(':'));
    std::string out = " --tun-type " + (type.empty() || type == "n/a" ? "ipip" : type);
    if (type != "gue" && type != "gre") {
        return out;
    }
    std::string rest = info.substr(std::min(type.size() + 1, info.size()));
    if (type == "gue") {
        const size_t colon = std::min(rest.find(':'), rest.size());
        out += " --tun-port " + rest.substr(0, colon);
        rest.erase(0, colon + 1);
    }
    return out + (rest == "+c"    ? " --tun-csum"
                  : rest == "r+c" ? " --tun-remcsum"
                                  : " --tun-nocsum");
}

std::string server_words(const server::ServiceView& service,
                         const server::ServerView& server,
                         Names& names) {
    const bool is_tunnel = server.forwarding == "tunnel";
    std::string out = fmt::format("-a {} -r {} {} -w {}",
                                  service_words(service, names),
                                  names.of(server.address, server.port, service.protocol),
                                  server.forwarding == "nat" ? "-m"
                                  : is_tunnel                ? "-i"
                                                             : "-g",
                                  server.weight);
    if (server.upper_threshold != 0) {
        out += fmt::format(" -x {}", server.upper_threshold);
    }
    if (server.lower_threshold != 0) {
        out += fmt::format(" -y {}", server.lower_threshold);
    }
    return out + (is_tunnel ? tunnel_words(server.tunnel) : "") + "\n";
}

}  // namespace

tl::expected<EditKey, IpvsadmError> edit_key(const WantedService& wanted, const Resolve& resolve) {
    EditKey key;
    if (wanted.mark != 0) {
        key.mark = wanted.mark;
        key.is_ipv6 = wanted.family == Family::kIpv6;
        return key;
    }
    const auto endpoint = resolve(wanted.text, wanted.protocol);
    if (!endpoint) {
        return wrong("illegal virtual server address[:port] specified");
    }
    key.protocol = to_string(wanted.protocol);
    key.address = to_string(endpoint->address);
    key.port = endpoint->port.host();
    return key;
}

Requested edit_request(const IpvsadmCommand& command, const Resolve& resolve) {
    EditRequest request;
    request.action = word_of(command.action);
    if (command.service) {
        const auto key = edit_key(*command.service, resolve);
        if (!key) {
            return tl::unexpected(key.error());
        }
        request.service = *key;
    }
    switch (command.action) {
        case IpvsadmAction::kAddService:
        case IpvsadmAction::kEditService:
            return service_request(command, std::move(request));
        case IpvsadmAction::kAddServer:
        case IpvsadmAction::kEditServer:
        case IpvsadmAction::kDeleteServer:
            return server_request(command, resolve, std::move(request));
        case IpvsadmAction::kSetTimeouts:
            request.tcp = command.timeouts.tcp;
            request.tcp_fin = command.timeouts.tcp_fin;
            request.udp = command.timeouts.udp;
            return request;
        case IpvsadmAction::kStartDaemon:
        case IpvsadmAction::kStopDaemon:
            request.daemon = {command.daemon.role,
                              command.daemon.interface,
                              command.daemon.id,
                              command.daemon.group ? to_string(*command.daemon.group) : "",
                              command.daemon.port,
                              command.daemon.ttl,
                              command.daemon.message_bytes};
            return request;
        default:
            return request;
    }
}

IpvsadmError kernel_error(IpvsadmAction action,
                          std::string_view reason,
                          const std::string& message) {
    const bool is_of_server = action == IpvsadmAction::kAddServer ||
                              action == IpvsadmAction::kEditServer ||
                              action == IpvsadmAction::kDeleteServer;
    const std::array<std::pair<std::string_view, std::string_view>, 8> texts{{
        {"service-exists", "Service already exists"},
        {"no-service", is_of_server ? "Service not defined" : "No such service"},
        {"server-exists", "Destination already exists"},
        {"no-server", "No such destination"},
        {"no-scheduler", "Scheduler or persistence engine not found"},
        {"lower-above-upper", "Numerical result out of range"},
        {"daemon-runs", "Daemon has already run"},
        {"no-daemon", "No daemon is running"},
    }};
    for (const auto& [name, text] : texts) {
        if (name == reason) {
            return {kExitPopt, std::string(text), false};
        }
    }
    return {
        kExitPopt,
        "Invalid operation.  Possibly wrong module version, address not unicast, ...\n" + message,
        false};
}

std::string save_services(std::vector<server::ServiceView> services, Names& names) {
    sort_as_ipvsadm(services);
    std::string out;
    for (const server::ServiceView& service : services) {
        out += fmt::format("-A {} -s {}{}\n",
                           service_words(service, names),
                           service.scheduler,
                           flag_words(service.flags));
        for (const server::ServerView& server : service.servers) {
            out += server_words(service, server, names);
        }
    }
    return out;
}

std::vector<std::string> restore_words(const std::string& line) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) {
        if (!words.empty() || word != "ipvsadm") {
            words.push_back(word);
        }
    }
    return words;
}

}  // namespace director::cli
