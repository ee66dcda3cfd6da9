#include "cli/names.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>

namespace director::cli {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    return out;
}

bool is_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<Ipv4Address> resolve_host(const std::string& text) {
    if (const auto address = Ipv4Address::parse(text)) {
        return address;
    }
    // The resolver would take a bare number for an address in its 1970s notation; ipvsadm does not.
    if (is_digits(text)) {
        return std::nullopt;
    }
    addrinfo hints{};
    hints.ai_family = AF_INET;
    addrinfo* found = nullptr;
    if (getaddrinfo(text.c_str(), nullptr, &hints, &found) != 0) {
        return std::nullopt;
    }
    sockaddr_in address{};
    std::memcpy(&address, found->ai_addr, sizeof(address));
    freeaddrinfo(found);
    return Ipv4Address{Be32{address.sin_addr.s_addr}};
}

std::optional<Be16> resolve_port(const std::string& text, Protocol protocol) {
    if (is_digits(text)) {
        const unsigned long port =
            text.size() > 5 ? 65536 : std::strtoul(text.c_str(), nullptr, 10);
        return port > 65535 ? std::nullopt
                            : std::optional(Be16::from_host(static_cast<uint16_t>(port)));
    }
    const std::string name(to_string(protocol));
    const servent* entry = getservbyname(text.c_str(), name.c_str());
    return entry == nullptr ? std::nullopt
                            : std::optional(Be16{static_cast<uint16_t>(entry->s_port)});
}

}  // namespace

std::string NumericNames::of(const std::string& address,
                             uint16_t port,
                             std::string_view /*protocol*/) {
    return fmt::format("{}:{}", address, port);
}

SystemNames::SystemNames() {
    // Read by the resolver when it is first used; what the user has set wins.
    setenv("RES_OPTIONS", "timeout:1 attempts:1", 0);
}

std::string SystemNames::of(const std::string& address, uint16_t port, std::string_view protocol) {
    return fmt::format("{}:{}", host(address), service(port, lower(protocol)));
}

std::string SystemNames::host(const std::string& address) {
    const auto [entry, is_new] = hosts_.try_emplace(address, address);
    sockaddr_in numeric{};
    numeric.sin_family = AF_INET;
    if (!is_new || is_resolver_silent_ ||
        inet_pton(AF_INET, address.c_str(), &numeric.sin_addr) != 1) {
        return entry->second;
    }
    char name[NI_MAXHOST];
    const int result = getnameinfo(reinterpret_cast<const sockaddr*>(&numeric),
                                   sizeof(numeric),
                                   name,
                                   sizeof(name),
                                   nullptr,
                                   0,
                                   NI_NAMEREQD);
    if (result == 0) {
        entry->second = name;
    }
    is_resolver_silent_ = result == EAI_AGAIN;
    return entry->second;
}

std::string SystemNames::service(uint16_t port, const std::string& protocol) {
    const auto [entry, is_new] = services_.try_emplace({port, protocol}, fmt::to_string(port));
    if (is_new) {
        const servent* found = getservbyport(htons(port), protocol.c_str());
        if (found != nullptr) {
            entry->second = found->s_name;
        }
    }
    return entry->second;
}

std::optional<Endpoint> resolve_service(const std::string& text, Protocol protocol) {
    const size_t colon = text.rfind(':');
    const auto address = resolve_host(text.substr(0, colon));
    if (!address) {
        return std::nullopt;
    }
    if (colon == std::string::npos) {
        return Endpoint{*address, Be16{}};
    }
    const auto port = resolve_port(text.substr(colon + 1), protocol);
    return port ? std::optional(Endpoint{*address, *port}) : std::nullopt;
}

}  // namespace director::cli
