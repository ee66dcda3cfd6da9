#include "healthcheck/codecs/dns_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace director::healthcheck {
namespace {

constexpr size_t kHeaderBytes = 12;
constexpr size_t kLabelMax = 63;  // RFC 1035 section 2.3.4
constexpr size_t kNameMax = 255;
constexpr uint16_t kClassIn = 1;
constexpr uint16_t kRecursionDesired = 0x0100;

uint16_t load16(std::span<const uint8_t> bytes, size_t place) {
    return static_cast<uint16_t>(bytes[place] << 8 | bytes[place + 1]);
}

void store16(std::vector<uint8_t>& bytes, uint16_t value) {
    bytes.push_back(static_cast<uint8_t>(value >> 8));
    bytes.push_back(static_cast<uint8_t>(value));
}

struct TypeName {
    std::string_view name;
    uint16_t type;
};
constexpr std::array kTypes{TypeName{"A", 1},
                            TypeName{"NS", 2},
                            TypeName{"CNAME", 5},
                            TypeName{"SOA", 6},
                            TypeName{"PTR", 12},
                            TypeName{"MX", 15},
                            TypeName{"TXT", 16},
                            TypeName{"AAAA", 28},
                            TypeName{"SRV", 33},
                            TypeName{"RRSIG", 46},
                            TypeName{"DNSKEY", 48}};

constexpr std::array<std::string_view, 6> kResponseCodes{
    "no error", "format error", "server failure", "no such name", "not implemented", "refused"};

// Where a name ends that begins at `place`, without following its pointers. Nothing: it does not
// fit.
std::optional<size_t> skip_name(std::span<const uint8_t> bytes, size_t place) {
    while (place < bytes.size()) {
        const uint8_t length = bytes[place];
        if (length == 0) {
            return place + 1;
        }
        if ((length & 0xc0) == 0xc0) {  // section 4.1.4: a pointer ends a name
            return place + 2 <= bytes.size() ? std::optional(place + 2) : std::nullopt;
        }
        if (length > kLabelMax) {
            return std::nullopt;
        }
        place += size_t{1} + length;
    }
    return std::nullopt;
}

// Section 4.1.3: name, type, class, time to live, length, data.
std::optional<size_t> skip_record(std::span<const uint8_t> bytes, size_t place) {
    const auto after_name = skip_name(bytes, place);
    if (!after_name || bytes.size() - *after_name < 10) {
        return std::nullopt;
    }
    const size_t end = *after_name + 10 + load16(bytes, *after_name + 8);
    return end <= bytes.size() ? std::optional(end) : std::nullopt;
}

bool equal_ignoring_case(std::span<const uint8_t> a, std::span<const uint8_t> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](uint8_t x, uint8_t y) {
        return std::tolower(x) == std::tolower(y);
    });
}

}  // namespace

Result<std::vector<uint8_t>> encode_dns_name(std::string_view name) {
    std::vector<uint8_t> bytes;
    if (name != "." && name.ends_with('.')) {
        name.remove_suffix(1);
    }
    if (name.empty()) {
        return failure("a domain name, or \".\" for the root");
    }
    while (name != "." && !name.empty()) {
        const size_t length = std::min(name.find('.'), name.size());
        if (length == 0 || length > kLabelMax) {
            return failure(fmt::format("labels of 1 to {} characters between the dots", kLabelMax));
        }
        bytes.push_back(static_cast<uint8_t>(length));
        bytes.insert(bytes.end(), name.begin(), name.begin() + static_cast<ptrdiff_t>(length));
        name.remove_prefix(std::min(length + 1, name.size()));
    }
    bytes.push_back(0);
    if (bytes.size() > kNameMax) {
        return failure(fmt::format("a name of at most {} bytes", kNameMax));
    }
    return bytes;
}

std::optional<uint16_t> parse_dns_type(std::string_view text) {
    std::string upper(text);
    std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) {
        return static_cast<char>(std::toupper(c));
    });
    const auto* const found = std::find_if(
        kTypes.begin(), kTypes.end(), [&upper](const TypeName& one) { return one.name == upper; });
    if (found != kTypes.end()) {
        return found->type;
    }
    if (!upper.starts_with("TYPE")) {
        return std::nullopt;
    }
    uint16_t number = 0;
    const char* const end = upper.data() + upper.size();
    const auto [stop, error] = std::from_chars(upper.data() + 4, end, number);
    return error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

std::vector<uint8_t> make_dns_query(uint16_t id, uint16_t type, std::string_view name) {
    std::vector<uint8_t> bytes;
    store16(bytes, id);
    store16(bytes, kRecursionDesired);
    for (const uint16_t count : std::array<uint16_t, 4>{1, 0, 0, 0}) {
        store16(bytes, count);
    }
    const auto encoded = encode_dns_name(name);
    const std::vector<uint8_t> root{0};
    const std::vector<uint8_t>& labels = encoded ? *encoded : root;
    bytes.insert(bytes.end(), labels.begin(), labels.end());
    store16(bytes, type);
    store16(bytes, kClassIn);
    return bytes;
}

DnsAnswer judge_dns_reply(std::span<const uint8_t> query, std::span<const uint8_t> reply) {
    if (query.size() < kHeaderBytes || reply.size() < kHeaderBytes ||
        load16(reply, 0) != load16(query, 0) || (reply[2] & 0x80) == 0) {
        return {};
    }
    const uint8_t code = reply[3] & 0x0f;
    if (code != 0) {
        return {DnsVerdict::kBad,
                fmt::format("response code {} ({})",
                            code,
                            code < kResponseCodes.size() ? kResponseCodes.at(code) : "unknown")};
    }
    const std::span<const uint8_t> question = query.subspan(kHeaderBytes);
    if (load16(reply, 4) != 1 || reply.size() < kHeaderBytes + question.size() ||
        !equal_ignoring_case(reply.subspan(kHeaderBytes, question.size()), question)) {
        return {};
    }
    size_t place = query.size();
    const uint32_t records = uint32_t{load16(reply, 6)} + load16(reply, 8) + load16(reply, 10);
    for (uint32_t i = 0; i < records; ++i) {
        const auto next = skip_record(reply, place);
        if (!next) {
            return {DnsVerdict::kBad, fmt::format("record {} of {} is cut off", i + 1, records)};
        }
        place = *next;
    }
    return {DnsVerdict::kGood, {}};
}

}  // namespace director::healthcheck
