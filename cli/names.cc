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

// "name:port", in brackets when `address`, which the name stands for, is an IPv6 one.
std::string joined(const std::string& address, const std::string& name, const std::string& port) {
    const bool is_ipv6 = address.find(':') != std::string::npos;
    return is_ipv6 ? fmt::format("[{}]:{}", name, port) : fmt::format("{}:{}", name, port);
}

bool is_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The first address of a host name, of either family.
std::optional<IpAddress> first_address(const addrinfo& found) {
    if (found.ai_family == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, found.ai_addr, sizeof(address));
        return Ipv4Address{Be32{address.sin_addr.s_addr}};
    }
    if (found.ai_family == AF_INET6) {
        sockaddr_in6 address{};
        std::memcpy(&address, found.ai_addr, sizeof(address));
        return IpAddress::load_ipv6(address.sin6_addr.s6_addr);
    }
    return std::nullopt;
}

// "name", "a.b.c.d" or "[IPv6]"; the brackets are required, as ipvsadm has it.
std::optional<IpAddress> resolve_host(const std::string& text) {
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
        const auto address = IpAddress::parse(text.substr(1, text.size() - 2));
        return address && !address->is_ipv4() ? address : std::nullopt;
    }
    if (const auto address = Ipv4Address::parse(text)) {
        return IpAddress(*address);
    }
    // The resolver would take a bare number for an address in its 1970s notation; ipvsadm does not.
    if (is_digits(text) || text.find(':') != std::string::npos) {
        return std::nullopt;
    }
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    addrinfo* found = nullptr;
    if (getaddrinfo(text.c_str(), nullptr, &hints, &found) != 0) {
        return std::nullopt;
    }
    const auto address = first_address(*found);
    freeaddrinfo(found);
    return address;
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

// The length of what was filled in; 0 if this is no address.
socklen_t fill(sockaddr_storage& to, const std::string& address) {
    const auto parsed = IpAddress::parse(address);
    if (!parsed) {
        return 0;
    }
    if (parsed->is_ipv4()) {
        sockaddr_in numeric{};
        numeric.sin_family = AF_INET;
        numeric.sin_addr.s_addr = parsed->ipv4().bits.raw;
        std::memcpy(&to, &numeric, sizeof(numeric));
        return sizeof(numeric);
    }
    sockaddr_in6 numeric{};
    numeric.sin6_family = AF_INET6;
    std::memcpy(numeric.sin6_addr.s6_addr, parsed->bytes.data(), parsed->bytes.size());
    std::memcpy(&to, &numeric, sizeof(numeric));
    return sizeof(numeric);
}

}  // namespace

std::string NumericNames::of(const std::string& address,
                             uint16_t port,
                             std::string_view /*protocol*/) {
    return joined(address, address, fmt::to_string(port));
}

SystemNames::SystemNames() {
    // Read by the resolver when it is first used; what the user has set wins.
    setenv("RES_OPTIONS", "timeout:1 attempts:1", 0);
}

std::string SystemNames::of(const std::string& address, uint16_t port, std::string_view protocol) {
    return joined(address, host(address), service(port, lower(protocol)));
}

std::string SystemNames::host(const std::string& address) {
    const auto [entry, is_new] = hosts_.try_emplace(address, address);
    sockaddr_storage numeric{};
    const socklen_t length = fill(numeric, address);
    if (!is_new || is_resolver_silent_ || length == 0) {
        return entry->second;
    }
    char name[NI_MAXHOST];
    const int result = getnameinfo(reinterpret_cast<const sockaddr*>(&numeric),
                                   length,
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
    const bool is_bracketed_alone = !text.empty() && text.back() == ']';
    const size_t colon = is_bracketed_alone ? std::string::npos : text.rfind(':');
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
