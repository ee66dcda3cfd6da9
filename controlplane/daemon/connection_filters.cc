#include "controlplane/daemon/connection_filters.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "config/settings.h"

namespace director::daemon {

using dataplane::ConnectionFilter;
using nlohmann::json;

namespace {

Failure expected(std::string_view name, std::string_view what) {
    return failure(fmt::format("expected {}: {}", name, what));
}

// Where the argument is missing, `to` stays as it is; false: it is something else than that.
template <typename T>
bool read_text(const json& params,
               const char* name,
               std::optional<T>& to,
               std::optional<T> (*parse)(std::string_view)) {
    const auto found = params.find(name);
    if (found == params.end()) {
        return true;
    }
    to = found->is_string() ? parse(found->get_ref<const std::string&>()) : std::nullopt;
    return to.has_value();
}

bool read_seconds(const json& params, const char* name, uint32_t& to) {
    const auto found = params.find(name);
    if (found == params.end()) {
        return true;
    }
    if (!found->is_number_unsigned() || found->get<uint64_t>() > UINT32_MAX) {
        return false;
    }
    to = found->get<uint32_t>();
    return true;
}

std::optional<Endpoint> parse_place(std::string_view text) {
    if (const auto address = IpAddress::parse(text)) {
        return Endpoint{*address, Be16{}};
    }
    return Endpoint::parse(text);
}

std::optional<Protocol> parse_protocol(std::string_view text) {
    if (text == "icmp" || text == "icmpv6") {
        return text == "icmp" ? Protocol::kIcmp : Protocol::kIcmpv6;
    }
    for (const auto& choice : config::kProtocols) {
        if (choice.name == text) {
            return choice.value;
        }
    }
    return std::nullopt;
}

// Several states of different protocols have the same name.
std::optional<uint32_t> parse_states(std::string_view text) {
    uint32_t states = 0;
    for (size_t i = 0; i < dataplane::kConnStateCount; ++i) {
        states |= dataplane::kConnStateNames[i] == text ? 1U << i : 0U;
    }
    return states == 0 ? std::nullopt : std::optional(states);
}

std::string state_names() {
    std::string names;
    for (const std::string_view name : dataplane::kConnStateNames) {
        const std::string quoted = fmt::format("\"{}\"", name);
        if (names.find(quoted) == std::string::npos) {
            names += (names.empty() ? "" : ", ") + quoted;
        }
    }
    return names;
}

}  // namespace

Result<ConnectionFilter> filter_of(const json& params, const plan::Catalogue& catalogue) {
    ConnectionFilter filter;
    if (!read_text(params, "client", filter.client, IpPrefix::parse)) {
        return expected("client", "an address, or a network such as \"192.0.2.0/24\"");
    }
    if (!read_text(params, "virtual", filter.virtual_service, parse_place)) {
        return expected("virtual", "\"address:port\" or \"address\"");
    }
    if (!read_text(params, "server", filter.real_server, parse_place)) {
        return expected("server", "\"address:port\" or \"address\"");
    }
    if (!read_text(params, "protocol", filter.protocol, parse_protocol)) {
        return expected("protocol", R"("tcp", "udp", "sctp", "icmp" or "icmpv6")");
    }
    std::optional<uint32_t> states;
    if (!read_text(params, "state", states, parse_states)) {
        return expected("state", state_names());
    }
    filter.states = states.value_or(ConnectionFilter::kAllStates);
    uint32_t mark = 0;
    if (!read_seconds(params, "idle_seconds_min", filter.idle_seconds_min) ||
        !read_seconds(params, "idle_seconds_max", filter.idle_seconds_max) ||
        !read_seconds(params, "mark", mark)) {
        return expected("idle_seconds_min, idle_seconds_max, mark", "whole numbers");
    }
    if (mark != 0) {
        const auto services = catalogue.services();
        const auto found = std::find_if(services.begin(), services.end(), [&](const auto* one) {
            return one->settings.mark == mark &&
                   (one->settings.family() == Family::kIpv6) == params.value("is_ipv6", false);
        });
        if (found == services.end()) {
            return failure(fmt::format("there is no service of mark {}", mark));
        }
        filter.service = (*found)->id;
    }
    return filter;
}

}  // namespace director::daemon
