#include "common/address.h"

#include <fmt/core.h>

#include <charconv>

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

std::optional<Ipv4Prefix> Ipv4Prefix::parse(std::string_view text) {
    const size_t slash = text.find('/');
    const auto address = Ipv4Address::parse(text.substr(0, slash));
    if (!address) {
        return std::nullopt;
    }
    if (slash == std::string_view::npos) {
        return Ipv4Prefix{*address, 32};
    }
    const auto length = parse_decimal(text.substr(slash + 1), 32);
    if (!length) {
        return std::nullopt;
    }
    return Ipv4Prefix{*address, static_cast<uint8_t>(*length)};
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    const auto address = Ipv4Address::parse(text.substr(0, colon));
    const auto port = parse_decimal(text.substr(colon + 1), 65535);
    if (!address || !port || *port == 0) {
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

std::string to_string(const Ipv4Prefix& prefix) {
    return fmt::format("{}/{}", to_string(prefix.address), prefix.length);
}

std::string to_string(const Endpoint& endpoint) {
    return fmt::format("{}:{}", to_string(endpoint.address), endpoint.port.host());
}

std::string to_string(const MacAddress& mac) {
    const auto& b = mac.bytes;
    return fmt::format(
        "{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4], b[5]);
}

std::string_view to_string(Protocol protocol) {
    switch (protocol) {
        case Protocol::kIcmp:
            return "icmp";
        case Protocol::kTcp:
            return "tcp";
        case Protocol::kUdp:
            return "udp";
    }
    return "unknown";
}

}  // namespace director
