#include "cli/objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "common/whole_number.h"

namespace director::cli {
namespace {

using server::ServiceView;

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    return result;
}

Failure no_service_name(std::string_view text) {
    return failure(
        fmt::format("\"{}\" names no service: expected ADDRESS:PORT, PROTOCOL/ADDRESS:PORT (tcp, "
                    "udp, sctp) or mark/NUMBER",
                    text));
}

std::optional<uint32_t> parse_mark(std::string_view text) {
    const auto mark = whole_number<uint32_t>(text);
    return mark != 0U ? mark : std::nullopt;
}

bool is_of_ipv6(const ServiceView& service) {
    return service.address.find(':') != std::string::npos;
}

}  // namespace

Result<ServiceName> ServiceName::parse(std::string_view text) {
    ServiceName name;
    std::string_view rest = text;
    // "::1/..." never begins with letters and a separator, "tcp" and "mark" do.
    if (const size_t end = text.find_first_of("/ "); end != std::string_view::npos) {
        name.protocol = lower(text.substr(0, end));
        rest = text.substr(end + 1);
    }
    if (name.protocol == "mark" || name.protocol == "mark6" || name.protocol == "fwm") {
        const auto mark = parse_mark(rest.substr(0, rest.find(' ')));
        const bool says_ipv6 = (rest.ends_with(" IPv6") || rest.ends_with(" ipv6"));
        if (!mark || (rest.find(' ') != std::string_view::npos && !says_ipv6)) {
            return no_service_name(text);
        }
        name.mark = *mark;
        name.is_ipv6 = name.protocol == "mark6" || says_ipv6;
        name.protocol.clear();
        return name;
    }
    const bool is_known = name.protocol.empty() || name.protocol == "tcp" ||
                          name.protocol == "udp" || name.protocol == "sctp";
    const auto endpoint = Endpoint::parse(rest);
    if (!is_known || !endpoint) {
        return no_service_name(text);
    }
    name.endpoint = *endpoint;
    return name;
}

bool ServiceName::fits(const ServiceView& service) const {
    if (mark != 0 || service.mark != 0) {
        return mark == service.mark && is_ipv6 == is_of_ipv6(service);
    }
    return (protocol.empty() || protocol == lower(service.protocol)) &&
           service.port == endpoint.port.host() &&
           service.address == director::to_string(endpoint.address);
}

server::EditKey ServiceName::to_key() const {
    server::EditKey key;
    if (mark != 0) {
        key.mark = mark;
        key.is_ipv6 = is_ipv6;
        return key;
    }
    key.protocol = protocol.empty() ? "tcp" : protocol;
    key.address = director::to_string(endpoint.address);
    key.port = endpoint.port.host();
    return key;
}

std::string endpoint_text(const std::string& address, uint16_t port) {
    return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                  : fmt::format("[{}]:{}", address, port);
}

std::string to_string(const ServiceView& service) {
    if (service.mark != 0) {
        return fmt::format("FWM {}{}", service.mark, is_of_ipv6(service) ? " IPv6" : "");
    }
    return fmt::format("{} {}", service.protocol, endpoint_text(service.address, service.port));
}

std::string to_word(const ServiceView& service) {
    if (service.mark != 0) {
        return fmt::format("mark{}/{}", is_of_ipv6(service) ? "6" : "", service.mark);
    }
    return fmt::format(
        "{}/{}", lower(service.protocol), endpoint_text(service.address, service.port));
}

server::EditKey key_of(const ServiceView& service) {
    server::EditKey key;
    if (service.mark != 0) {
        key.mark = service.mark;
        key.is_ipv6 = is_of_ipv6(service);
        return key;
    }
    key.protocol = lower(service.protocol);
    key.address = service.address;
    key.port = service.port;
    return key;
}

std::string drain_text(const ServiceName& name) {
    if (name.mark != 0) {
        return fmt::format("mark {}{}", name.mark, name.is_ipv6 ? " ipv6" : "");
    }
    return name.protocol + (name.protocol.empty() ? "" : " ") + director::to_string(name.endpoint);
}

bool is_server(const std::string& address, uint16_t port, const Endpoint& wanted) {
    return address == director::to_string(wanted.address) &&
           (wanted.port.host() == 0 || port == wanted.port.host());
}

void keep_server(server::ChecksView& checks, const Endpoint& wanted) {
    for (server::CheckedServiceView& service : checks.services) {
        service.sorry_server_is_used = false;  // its row is not this server's
        std::erase_if(service.servers, [&](const server::CheckedServerView& one) {
            return !is_server(one.address, one.port, wanted);
        });
    }
    std::erase_if(checks.services, [](const auto& one) { return one.servers.empty(); });
}

void keep_server(server::ServicesView& services, const Endpoint& wanted) {
    for (ServiceView& service : services.services) {
        std::erase_if(service.servers, [&](const server::ServerView& one) {
            return !is_server(one.address, one.port, wanted);
        });
    }
    std::erase_if(services.services, [](const auto& one) { return one.servers.empty(); });
}

Result<const ServiceView*> find_service(const std::vector<ServiceView>& services,
                                        const std::string& name) {
    const auto wanted = ServiceName::parse(name);
    if (!wanted) {
        return Failure(wanted.error());
    }
    const ServiceView* found = nullptr;
    for (const ServiceView& service : services) {
        if (service.is_retired || !wanted->fits(service)) {
            continue;
        }
        if (found != nullptr) {
            return failure(
                fmt::format("there are {} and {}: say which", to_word(*found), to_word(service)));
        }
        found = &service;
    }
    if (found == nullptr) {
        return failure(
            fmt::format("there is no service {}; `directorctl service list` shows all", name));
    }
    return found;
}

Result<Endpoint> parse_server(std::string_view text, uint16_t service_port) {
    if (const auto address = IpAddress::parse(text)) {
        return Endpoint{*address, Be16::from_host(service_port)};
    }
    if (const auto endpoint = Endpoint::parse(text)) {
        return *endpoint;
    }
    return failure(
        fmt::format("\"{}\" names no real server: expected ADDRESS:PORT, or ADDRESS for the "
                    "service's own port",
                    text));
}

}  // namespace director::cli
