#include "healthcheck/names.h"

#include <fmt/format.h>

#include <array>

#include "healthcheck/actions.h"

namespace director::healthcheck {

std::string server_name(const Endpoint& endpoint, Protocol protocol) {
    return fmt::format(
        "[{}]:{}:{}", to_string(endpoint.address), to_string(protocol), endpoint.port.host());
}

std::string_view to_string(const CheckSort& sort) {
    static constexpr std::array<std::string_view, std::variant_size_v<CheckSort>> kNames{
        "tcp", "http", "tls", "ping", "udp", "dns", "smtp", "script", "passive"};
    const auto* http = std::get_if<HttpCheck>(&sort);
    return http != nullptr && http->tls ? "https" : kNames.at(sort.index());
}

std::string check_name(const CheckSettings& settings) {
    return fmt::format("{} check of {}", to_string(settings.sort), to_string(settings.target.to));
}

std::optional<std::string> fifo_line(const Event& event, Protocol protocol) {
    switch (event.kind) {
        case EventKind::kServerUp:
        case EventKind::kServerDown:
            return fmt::format("RS {} {} {}",
                               server_name(event.server.value_or(Endpoint()), protocol),
                               event.service,
                               event.kind == EventKind::kServerUp ? "UP" : "DOWN");
        case EventKind::kQuorumGained:
            return fmt::format("VS {} UP", event.service);
        case EventKind::kQuorumLost:
            return fmt::format("VS {} DOWN", event.service);
        default:
            return std::nullopt;
    }
}

}  // namespace director::healthcheck
