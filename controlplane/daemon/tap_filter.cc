#include "controlplane/daemon/tap_filter.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <vector>

#include "common/address.h"
#include "common/whole_number.h"

namespace director::daemon {
namespace {

using dataplane::MirrorTap;

std::vector<std::string_view> words_of(std::string_view text) {
    constexpr std::string_view kSpace = " \t\n";
    std::vector<std::string_view> words;
    for (size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;) {
        const size_t end = std::min(text.find_first_of(kSpace, at), text.size());
        words.push_back(text.substr(at, end - at));
        at = text.find_first_not_of(kSpace, end);
    }
    return words;
}

std::optional<Be16> parse_port(std::string_view text) {
    const auto port = whole_number<uint16_t>(text);
    return port && *port != 0 ? std::optional(Be16::from_host(*port)) : std::nullopt;
}

// "10.0.0.1", "10.0.0.0/8", "10.0.0.1:80", "[2001:db8::1]:80", "2001:db8::/32", ":80".
bool read_end(std::string_view text, IpPrefix& prefix, Be16& port) {
    const size_t colon = text.rfind(':');
    const bool has_colon = colon != std::string_view::npos;
    const bool is_one_colon = has_colon && text.find(':') == colon;
    std::string_view address = text;
    if (is_one_colon || (has_colon && text.substr(0, colon).ends_with(']'))) {
        const auto read = parse_port(text.substr(colon + 1));
        if (!read) {
            return false;
        }
        port = *read;
        address = text.substr(0, colon);
    }
    if (address.starts_with('[') && address.ends_with(']')) {
        address = address.substr(1, address.size() - 2);
    }
    if (address.empty()) {
        return port.raw != 0;
    }
    const auto read = IpPrefix::parse(address);
    if (read) {
        prefix = *read;
    }
    return read.has_value();
}

bool read_protocol(std::string_view text, MirrorTap& tap) {
    static const std::map<std::string_view, Protocol> kNames{{"tcp", Protocol::kTcp},
                                                             {"udp", Protocol::kUdp},
                                                             {"sctp", Protocol::kSctp},
                                                             {"icmp", Protocol::kIcmp},
                                                             {"icmp6", Protocol::kIcmpv6}};
    const auto found = kNames.find(text);
    if (found != kNames.end()) {
        tap.protocol = found->second;
    }
    return found != kNames.end();
}

enum class Word : uint8_t { kVip, kClient, kServer, kHost, kPort, kProtocol };

const std::map<std::string_view, Word> kWords{{"vip", Word::kVip},
                                              {"client", Word::kClient},
                                              {"server", Word::kServer},
                                              {"host", Word::kHost},
                                              {"port", Word::kPort},
                                              {"proto", Word::kProtocol}};

bool read_value(Word word, std::string_view value, MirrorTap& tap) {
    Be16 no_port{};
    switch (word) {
        case Word::kVip:
            return read_end(value, tap.virtual_addresses, tap.virtual_port);
        case Word::kClient:
            return read_end(value, tap.clients, tap.client_port);
        case Word::kServer:
            return read_end(value, tap.servers, tap.server_port);
        case Word::kHost:
            return read_end(value, tap.hosts, no_port) && no_port.raw == 0;
        case Word::kPort: {
            const auto port = parse_port(value);
            tap.port = port.value_or(Be16{});
            return port.has_value();
        }
        case Word::kProtocol:
            return read_protocol(value, tap);
    }
    return false;
}

}  // namespace

Result<TapFilter> parse_tap_filter(std::string_view text) {
    TapFilter filter;
    filter.tap.is_on = true;
    const std::vector<std::string_view> words = words_of(text);
    for (size_t i = 0; i < words.size(); i += 2) {
        if (words[i] == "and" && i != 0) {
            ++i;
        }
        const auto word = i < words.size() ? kWords.find(words[i]) : kWords.end();
        if (word == kWords.end()) {
            filter.tap = {};
            filter.tap.is_on = true;
            filter.bpf = text;
            return filter;
        }
        if (i + 1 == words.size() || !read_value(word->second, words[i + 1], filter.tap)) {
            return failure(fmt::format("\"{}\" needs {} behind it",
                                       words[i],
                                       word->second == Word::kPort ? "a port from 1 to 65535"
                                       : word->second == Word::kProtocol
                                           ? "tcp, udp, sctp, icmp or icmp6"
                                           : "an address such as 192.0.2.1, 192.0.2.0/24 or "
                                             "192.0.2.1:80"));
        }
    }
    return filter;
}

}  // namespace director::daemon
