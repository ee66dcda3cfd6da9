#include "common/address.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <charconv>
#include <cstring>
#include <string>

namespace director {
namespace {

// A decimal number without sign, blanks or leading zeros ("010" is octal to some and ten to
// others).
std::optional<uint32_t> parse_decimal(std::string_view text, uint32_t maximum) {
    uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    const bool has_leading_zero = text.size() > 1 && text.front() == '0';
    if (text.empty() || error != std::errc{} || stop != end || value > maximum ||
        has_leading_zero) {
        return std::nullopt;
    }
    return value;
}

}  // namespace

std::optional<Ipv4Address> Ipv4Address::parse(std::string_view text) {
    uint32_t value = 0;
    for (int part = 0; part < 4; ++part) {
        const size_t dot = part < 3 ? text.find('.') : text.size();
        if (dot == std::string_view::npos) {
            return std::nullopt;
        }
        const auto byte = parse_decimal(text.substr(0, dot), 255);
        if (!byte) {
            return std::nullopt;
        }
        value = value << 8 | *byte;
        text.remove_prefix(part < 3 ? dot + 1 : dot);
    }
    return from_host(value);
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    if (const auto ipv4 = Ipv4Address::parse(text)) {
        return IpAddress(*ipv4);
    }
    IpAddress address;
    const std::string terminated(text);
    const bool is_whole = terminated.find('\0') == std::string::npos;
    if (!is_whole || inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) != 1 ||
        address.is_ipv4()) {
        return std::nullopt;
    }
    return address;
}

IpAddress IpAddress::load_ipv6(const uint8_t* field) {
    IpAddress address;
    std::memcpy(address.bytes.data(), field, address.bytes.size());
    return address;
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
    const size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) {
        return std::nullopt;
    }
    const uint8_t whole = length_max(address->family());
    if (slash == std::string_view::npos) {
        return IpPrefix{*address, whole};
    }
    const auto length = parse_decimal(text.substr(slash + 1), whole);
    if (!length) {
        return std::nullopt;
    }
    return IpPrefix{*address, static_cast<uint8_t>(*length)};
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view host = text.substr(0, colon);
    const bool is_bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (is_bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    const auto address = IpAddress::parse(host);
    const auto port = parse_decimal(text.substr(colon + 1), 65535);
    // Brackets keep an IPv6 address apart from its port, and are for that alone (RFC 3986).
    if (!address || !port || is_bracketed == address->is_ipv4()) {
        return std::nullopt;
    }
    return Endpoint{*address, Be16::from_host(static_cast<uint16_t>(*port))};
}

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
    if (text.size() != 17) {
        return std::nullopt;
    }
    MacAddress mac;
    for (size_t i = 0; i < mac.bytes.size(); ++i) {
        const char* const begin = text.data() + 3 * i;
        const auto [stop, error] = std::from_chars(begin, begin + 2, mac.bytes[i], 16);
        const bool separated = i == 5 || begin[2] == ':';
        if (error != std::errc{} || stop != begin + 2 || !separated) {
            return std::nullopt;
        }
    }
    return mac;
}

std::string to_string(Ipv4Address address) {
    const uint32_t value = address.host();
    return fmt::format(
        "{}.{}.{}.{}", value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255);
}

std::string to_string(const IpAddress& address) {
    if (address.is_ipv4()) {
        return to_string(address.ipv4());
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size());
    return text.data();
}

std::string to_string(const IpPrefix& prefix) {
    return fmt::format("{}/{}", to_string(prefix.address), prefix.length);
}

std::string to_string(const Endpoint& endpoint) {
    const std::string address = to_string(endpoint.address);
    return endpoint.address.is_ipv4() ? fmt::format("{}:{}", address, endpoint.port.host())
                                      : fmt::format("[{}]:{}", address, endpoint.port.host());
}

std::string to_string(const MacAddress& mac) {
    const auto& b = mac.bytes;
    return fmt::format(
        "{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4], b[5]);
}

std::string_view to_string(Protocol protocol) {
    switch (protocol) {
        case Protocol::kAny:
            return "any";
        case Protocol::kIcmp:
            return "icmp";
        case Protocol::kIpIp:
            return "ipip";
        case Protocol::kTcp:
            return "tcp";
        case Protocol::kUdp:
            return "udp";
        case Protocol::kIpv6:
            return "ipv6";
        case Protocol::kGre:
            return "gre";
        case Protocol::kIcmpv6:
            return "icmpv6";
        case Protocol::kSctp:
            return "sctp";
    }
    return "unknown";
}

}  // namespace director
