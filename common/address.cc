#include "common/address.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

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

constexpr size_t kGroups = 8;
using Groups = std::array<uint16_t, kGroups>;

// Reads IPv6 text from the left (RFC 4291 section 2.2): groups of 16 bits, at most one "::", and
// the last two as IPv4 if they are written so.
class Ipv6Reader {
  public:
    explicit Ipv6Reader(std::string_view text) : rest_(text) {}

    [[nodiscard]] std::optional<Groups> read() {
        if (rest_.starts_with("::")) {
            gap_ = 0;
            rest_.remove_prefix(2);
        }
        while (!rest_.empty()) {
            if (!read_part() || !read_separator()) {
                return std::nullopt;
            }
        }
        // "::" stands for one group at least.
        const bool is_whole = gap_ ? count_ < kGroups : count_ == kGroups;
        return is_whole ? std::optional(with_gap()) : std::nullopt;
    }

  private:
    [[nodiscard]] bool read_part() {
        const std::string_view part = rest_.substr(0, rest_.find(':'));
        if (part.size() == rest_.size() && part.find('.') != std::string_view::npos) {
            const auto ipv4 = Ipv4Address::parse(part);
            rest_ = {};
            return ipv4 && add(static_cast<uint16_t>(ipv4->host() >> 16)) &&
                   add(static_cast<uint16_t>(ipv4->host()));
        }
        uint16_t value = 0;
        const char* const end = part.data() + part.size();
        const auto [stop, error] = std::from_chars(part.data(), end, value, 16);
        rest_.remove_prefix(part.size());
        return part.size() <= 4 && error == std::errc{} && stop == end && add(value);
    }

    // After a group: nothing, or ":" and another one, or "::".
    [[nodiscard]] bool read_separator() {
        if (rest_.empty()) {
            return true;
        }
        rest_.remove_prefix(1);
        if (!rest_.starts_with(':')) {
            return !rest_.empty();
        }
        rest_.remove_prefix(1);
        const bool is_first_gap = !gap_;
        gap_ = count_;
        return is_first_gap;
    }

    [[nodiscard]] bool add(uint16_t group) {
        if (count_ == kGroups) {
            return false;
        }
        groups_[count_++] = group;
        return true;
    }

    [[nodiscard]] Groups with_gap() const {
        Groups whole{};
        const size_t before = gap_.value_or(count_);
        std::copy_n(groups_.begin(), before, whole.begin());
        std::copy_backward(groups_.begin() + static_cast<ptrdiff_t>(before),
                           groups_.begin() + static_cast<ptrdiff_t>(count_),
                           whole.end());
        return whole;
    }

    std::string_view rest_;
    Groups groups_{};
    size_t count_ = 0;
    std::optional<size_t> gap_;  // groups before "::"
};

// The longest run of zeros, the first of equals; one alone is none (RFC 5952 section 4.2).
std::pair<size_t, size_t> zeros_of(const Groups& groups) {
    std::pair<size_t, size_t> longest{0, 1};
    for (size_t begin = 0; begin < kGroups; ++begin) {
        size_t length = 0;
        while (begin + length < kGroups && groups[begin + length] == 0) {
            ++length;
        }
        if (length > longest.second) {
            longest = {begin, length};
        }
    }
    return longest.second > 1 ? longest : std::pair<size_t, size_t>{kGroups, 0};
}

std::string ipv6_text(const IpAddress& address) {
    Groups groups{};
    for (size_t i = 0; i < kGroups; ++i) {
        groups[i] = static_cast<uint16_t>(address.bytes[2 * i] << 8 | address.bytes[2 * i + 1]);
    }
    const auto [begin, length] = zeros_of(groups);
    std::string text;
    for (size_t i = 0; i < kGroups; ++i) {
        if (i == begin) {
            text += "::";
            i += length - 1;
            continue;
        }
        const bool needs_colon = !text.empty() && text.back() != ':';
        text += fmt::format("{}{:x}", needs_colon ? ":" : "", groups[i]);
    }
    return text;
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
    const auto groups = Ipv6Reader(text).read();
    if (!groups) {
        return std::nullopt;
    }
    IpAddress address;
    for (size_t i = 0; i < kGroups; ++i) {
        address.bytes[2 * i] = static_cast<uint8_t>((*groups)[i] >> 8);
        address.bytes[2 * i + 1] = static_cast<uint8_t>((*groups)[i]);
    }
    return address.is_ipv4() ? std::nullopt : std::optional(address);
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
    return ipv6_text(address);
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
        case Protocol::kAh:
            return "ah";
        case Protocol::kIcmpv6:
            return "icmpv6";
        case Protocol::kVrrp:
            return "vrrp";
        case Protocol::kSctp:
            return "sctp";
    }
    return "unknown";
}

}  // namespace director
