#include "controlplane/edit/edit_of.h"

#include <fmt/format.h>

#include <span>
#include <string_view>
#include <utility>

#include "config/settings.h"

namespace director::edit {

using config::Edit;
using server::EditRequest;

namespace {

constexpr uint32_t kWeightMax = 65535;
constexpr uint32_t kTimeoutMax = 2678400;  // 31 days, as ipvsadm has it

// The value that a configuration's word stands for.
template <typename Enum, size_t kCount>
Result<Enum> value_of(std::string_view name,
                      std::span<const config::Choice<Enum>, kCount> choices,
                      std::string_view what) {
    std::string known;
    for (const auto& choice : choices) {
        if (choice.name == name) {
            return choice.value;
        }
        known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", choice.name);
    }
    return failure(fmt::format("{}: expected {}, found \"{}\"", what, known, name));
}

Result<Endpoint> endpoint_of(const std::string& address, uint16_t port, std::string_view what) {
    const auto parsed = IpAddress::parse(address);
    if (!parsed) {
        return failure(fmt::format("{}: expected an IP address, found \"{}\"", what, address));
    }
    return Endpoint{*parsed, Be16::from_host(port)};
}

Result<config::ServiceRule> service_rule(const EditRequest& request) {
    config::ServiceRule rule;
    const auto key = key_of(request.service);
    if (!key) {
        return Failure(key.error());
    }
    rule.key = *key;
    rule.scheduler = request.scheduler;
    for (const std::string& name : request.flags) {
        const auto flag = value_of(name, std::span(config::kSchedulerFlags), "flags");
        if (!flag) {
            return Failure(flag.error());
        }
        rule.flags.push_back(*flag);
    }
    const Family family = rule.key.mark != 0 ? rule.key.family : rule.key.endpoint.address.family();
    if (request.persistence_seconds > kTimeoutMax ||
        request.persistence_prefix > IpPrefix::length_max(family)) {
        return failure(
            fmt::format("persistence_seconds: expected at most {}, persistence_prefix: at "
                        "most {}",
                        kTimeoutMax,
                        IpPrefix::length_max(family)));
    }
    rule.persistence_timeout = request.persistence_seconds;
    rule.persistence_prefix = static_cast<uint8_t>(request.persistence_prefix);
    rule.one_packet = request.one_packet;
    return rule;
}

Result<config::ServerRule> server_rule(const EditRequest& request) {
    config::ServerRule rule;
    const auto key = key_of(request.service);
    const auto endpoint = endpoint_of(request.server, request.server_port, "server");
    const auto method =
        value_of(request.forwarding, std::span(config::kForwardingMethods), "forwarding");
    const auto type = value_of(request.tunnel, std::span(config::kTunnelTypes), "tunnel");
    const auto checksum =
        value_of(request.tunnel_checksum, std::span(config::kTunnelChecksums), "tunnel_checksum");
    if (!key || !endpoint || !method || !type || !checksum) {
        return Failure(!key        ? key.error()
                       : !endpoint ? endpoint.error()
                       : !method   ? method.error()
                       : !type     ? type.error()
                                   : checksum.error());
    }
    if (request.weight > kWeightMax) {
        return failure(
            fmt::format("weight: expected 0 to {}, found {}", kWeightMax, request.weight));
    }
    rule.key = *key;
    rule.endpoint = *endpoint;
    rule.forwarding = *method;
    rule.weight = request.weight;
    rule.upper_threshold = request.upper_threshold;
    rule.lower_threshold = request.lower_threshold;
    if (*method == config::ForwardingMethod::kTunnel) {
        rule.tunnel = {*type, request.tunnel_port, *checksum};
    }
    return rule;
}

Result<config::SyncRole> role_of(const server::EditDaemon& daemon) {
    if (daemon.role != "master" && daemon.role != "backup") {
        return failure(fmt::format("daemon.role: expected \"master\" or \"backup\", found \"{}\"",
                                   daemon.role));
    }
    return daemon.role == "master" ? config::SyncRole::kMaster : config::SyncRole::kBackup;
}

Result<Edit> start_of(const server::EditDaemon& daemon) {
    const auto role = role_of(daemon);
    if (!role) {
        return Failure(role.error());
    }
    if (daemon.id > 255 || daemon.ttl > 255 || daemon.message_bytes > 65507) {
        return failure("daemon: expected id and ttl up to 255, message_bytes up to 65507");
    }
    config::StartDaemon start;
    start.role = *role;
    start.interface = daemon.interface;
    start.id = static_cast<uint8_t>(daemon.id);
    if (!daemon.group.empty()) {
        start.group = IpAddress::parse(daemon.group);
        if (!start.group || !start.group->is_multicast()) {
            return failure(fmt::format("daemon.group: expected a multicast address, found \"{}\"",
                                       daemon.group));
        }
    }
    if (daemon.port != 0) {
        start.port = daemon.port;
    }
    if (daemon.ttl != 0) {
        start.ttl = static_cast<uint8_t>(daemon.ttl);
    }
    if (daemon.message_bytes != 0) {
        start.message_bytes = static_cast<uint16_t>(daemon.message_bytes);
    }
    return Edit(start);
}

template <typename To, typename Rule>
Result<Edit> as_edit(Result<Rule> rule) {
    return rule ? Result<Edit>(To{std::move(*rule)}) : Result<Edit>(Failure(rule.error()));
}

}  // namespace

Result<config::ServiceKey> key_of(const server::EditKey& key) {
    if (key.mark != 0) {
        return config::ServiceKey{
            {}, Protocol::kTcp, key.mark, key.is_ipv6 ? Family::kIpv6 : Family::kIpv4};
    }
    const auto protocol = value_of(key.protocol, std::span(config::kProtocols), "protocol");
    if (!protocol) {
        return Failure(protocol.error());
    }
    const auto endpoint = endpoint_of(key.address, key.port, "service");
    if (!endpoint) {
        return Failure(endpoint.error());
    }
    return config::ServiceKey{*endpoint, *protocol, 0, Family::kIpv4};
}

Result<Edit> edit_of(const EditRequest& request) {
    const std::string& action = request.action;
    if (action == "add-service") {
        return as_edit<config::AddService>(service_rule(request));
    }
    if (action == "edit-service") {
        return as_edit<config::EditService>(service_rule(request));
    }
    if (action == "delete-service") {
        return as_edit<config::DeleteService>(key_of(request.service));
    }
    if (action == "add-server") {
        return as_edit<config::AddServer>(server_rule(request));
    }
    if (action == "edit-server") {
        return as_edit<config::EditServer>(server_rule(request));
    }
    if (action == "delete-server") {
        const auto rule = server_rule(request);
        return rule ? Result<Edit>(config::DeleteServer{rule->key, rule->endpoint})
                    : Result<Edit>(Failure(rule.error()));
    }
    if (action == "clear") {
        return Edit(config::Clear{});
    }
    if (action == "set-timeouts") {
        if (request.tcp > kTimeoutMax || request.tcp_fin > kTimeoutMax ||
            request.udp > kTimeoutMax) {
            return failure(fmt::format("tcp, tcp_fin, udp: expected at most {} s", kTimeoutMax));
        }
        return Edit(config::SetTimeouts{request.tcp, request.tcp_fin, request.udp});
    }
    if (action == "start-daemon") {
        return start_of(request.daemon);
    }
    if (action == "stop-daemon") {
        const auto role = role_of(request.daemon);
        return role ? Result<Edit>(config::StopDaemon{*role}) : Result<Edit>(Failure(role.error()));
    }
    return failure(fmt::format(
        "action: expected \"add-service\", \"edit-service\", \"delete-service\", \"add-server\", "
        "\"edit-server\", \"delete-server\", \"clear\", \"set-timeouts\", \"start-daemon\" or "
        "\"stop-daemon\", found \"{}\"",
        action));
}

}  // namespace director::edit
