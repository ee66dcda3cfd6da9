#include "diagnostics/match/stream.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "common/whole_number.h"

namespace director::diagnostics::matching {
namespace {

constexpr size_t kForwardedMax = 8;
constexpr size_t kVersion1BytesMax = 107;  // of a PROXY header, as its description has it

std::string_view as_text(std::span<const uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& letter : result) {
        letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    }
    return result;
}

std::string_view trimmed(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t\"");
    const size_t end = text.find_last_not_of(" \t\"");
    return begin == std::string_view::npos ? std::string_view{}
                                           : text.substr(begin, end - begin + 1);
}

bool is_changed_by_proxies(std::string_view name) {
    constexpr std::array<std::string_view, 7> kNames = {
        "via", "forwarded", "connection", "keep-alive", "host", "accept-encoding", "te"};
    return name.starts_with("x-") || name.starts_with("proxy-") ||
           std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// "192.0.2.1", "192.0.2.1:4711", "[2001:db8::1]:4711", "for=192.0.2.1".
std::optional<IpAddress> address_in(std::string_view text) {
    text = trimmed(text);
    if (const size_t sign = text.find("for="); sign != std::string_view::npos) {
        text = trimmed(text.substr(sign + 4));
        text = trimmed(text.substr(0, text.find(';')));
    }
    if (const auto endpoint = Endpoint::parse(text)) {
        return endpoint->address;
    }
    return IpAddress::parse(text);
}

void add_forwarded(std::string_view value, std::vector<IpAddress>& to) {
    while (!value.empty() && to.size() < kForwardedMax) {
        const size_t comma = value.find(',');
        if (const auto address = address_in(value.substr(0, comma))) {
            to.push_back(*address);
        }
        value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
    }
}

uint64_t hash_of(std::string_view line) {
    return Key(line.size())
        .add(std::span(reinterpret_cast<const uint8_t*>(line.data()), line.size()))
        .value();
}

std::optional<Endpoint> endpoint_of(std::string_view address, std::string_view port) {
    const auto ip = IpAddress::parse(address);
    const auto number = whole_number<uint16_t>(port);
    return ip && number ? std::optional(Endpoint{*ip, Be16::from_host(*number)}) : std::nullopt;
}

// "PROXY TCP4 192.0.2.1 198.51.100.1 4711 80\r\n"
ProxyHeader read_version_1(std::string_view text) {
    const size_t end = text.find("\r\n");
    if (end > kVersion1BytesMax) {
        return {};  // none, or no such header
    }
    std::vector<std::string_view> words;
    std::string_view line = text.substr(0, end);
    while (!line.empty()) {
        const size_t blank = line.find(' ');
        words.push_back(line.substr(0, blank));
        line = blank == std::string_view::npos ? std::string_view{} : line.substr(blank + 1);
    }
    const auto client = words.size() == 6 ? endpoint_of(words[2], words[4]) : std::nullopt;
    return client ? ProxyHeader{true, *client, end + 2} : ProxyHeader{};
}

ProxyHeader read_version_2(std::span<const uint8_t> bytes) {
    if (bytes.size() < 16) {
        return {};
    }
    const size_t length = 16 + (size_t{bytes[14]} << 8 | bytes[15]);
    const uint8_t family = bytes[13] >> 4;
    const size_t needed = family == 1 ? 28 : family == 2 ? 52 : 0;
    if (needed == 0 || bytes.size() < needed || length < needed) {
        return {};
    }
    const size_t port_at = family == 1 ? 24 : 48;
    ProxyHeader header;
    header.is_known = true;
    header.bytes = length;
    header.client.port =
        Be16::from_host(static_cast<uint16_t>(bytes[port_at] << 8 | bytes[port_at + 1]));
    header.client.address =
        family == 1 ? IpAddress(Ipv4Address::of(bytes[16], bytes[17], bytes[18], bytes[19]))
                    : IpAddress::load_ipv6(bytes.data() + 16);
    return header;
}

}  // namespace

std::vector<uint8_t> stream_head(const VantagePoint& point, uint32_t connection, size_t side) {
    const ConnectionSeen& seen = point.connections[connection];
    std::vector<std::pair<uint32_t, const Sighting*>> pieces;
    for (const uint32_t i : point.of(connection)) {
        const Sighting& one = point.sightings[i];
        if (one.side() == side && one.content_bytes > 0) {
            pieces.emplace_back(one.sequence + (one.has(kSyn) ? 1U : 0U) - seen.base[side], &one);
        }
    }
    std::stable_sort(pieces.begin(), pieces.end(), [](const auto& a, const auto& b) {
        return a.first < b.first;
    });
    std::vector<uint8_t> bytes;
    for (const auto& [place, one] : pieces) {
        if (place > bytes.size()) {
            break;
        }
        const size_t known = bytes.size() - place;
        if (known < one->content_bytes) {
            const auto begin = point.content.begin() + one->content_begin;
            bytes.insert(bytes.end(),
                         begin + static_cast<std::ptrdiff_t>(known),
                         begin + one->content_bytes);
        }
    }
    return bytes;
}

RequestHead read_request(std::span<const uint8_t> stream) {
    std::string_view text = as_text(stream);
    RequestHead head;
    size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    if (end == std::string_view::npos || line.find(" HTTP/1.") == std::string_view::npos) {
        return head;
    }
    head.is_http = true;
    head.fingerprint = hash_of(line);
    text = text.substr(end + 2);
    while ((end = text.find("\r\n")) != std::string_view::npos && end > 0) {
        const std::string_view field = text.substr(0, end);
        const size_t colon = field.find(':');
        const std::string name = lower(field.substr(0, colon));
        if (name == "x-forwarded-for" || name == "forwarded") {
            add_forwarded(field.substr(std::min(field.size(), colon + 1)), head.forwarded_for);
        }
        if (!is_changed_by_proxies(name)) {
            head.fingerprint += hash_of(field);
        }
        text = text.substr(end + 2);
    }
    return head;
}

ProxyHeader read_proxy_header(std::span<const uint8_t> stream) {
    constexpr std::string_view kVersion1 = "PROXY TCP";
    constexpr std::array<uint8_t, 12> kVersion2 = {
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
    if (as_text(stream).starts_with(kVersion1)) {
        return read_version_1(as_text(stream));
    }
    const bool is_version_2 = stream.size() >= kVersion2.size() &&
                              std::equal(kVersion2.begin(), kVersion2.end(), stream.begin());
    return is_version_2 ? read_version_2(stream) : ProxyHeader{};
}

}  // namespace director::diagnostics::matching
