#include "config/settings_checks.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

namespace director::config {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Unit {
    std::string_view name;
    Duration length;
};

// The longest first: as which a time is printed.
constexpr std::array<Unit, 5> kUnits{Unit{"h", hours(1)},
                                     Unit{"m", minutes(1)},
                                     Unit{"s", seconds(1)},
                                     Unit{"ms", milliseconds(1)},
                                     Unit{"us", microseconds(1)}};
constexpr Duration kDurationMax = hours(24 * 31);

bool read_duration(std::string_view text, Duration& to) {
    int64_t count = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, count);
    if (error != std::errc{} || count < 0) {
        return false;
    }
    const std::string_view name(stop, static_cast<size_t>(end - stop));
    for (const Unit& unit : kUnits) {
        if (unit.name == name && count <= kDurationMax / unit.length) {
            to = count * unit.length;
            return true;
        }
    }
    return false;
}

std::string write_duration(const Duration& value) {
    if (value == Duration::zero()) {
        return "0s";
    }
    for (const Unit& unit : kUnits) {
        if (value % unit.length == Duration::zero()) {
            return fmt::format("{}{}", value / unit.length, unit.name);
        }
    }
    return fmt::format("{}us", value / microseconds(1));
}

bool read_optional_duration(std::string_view text, std::optional<Duration>& to) {
    if (text.empty()) {
        to.reset();
        return true;
    }
    return read_duration(text, to.emplace());
}

bool read_optional_address(std::string_view text, std::optional<IpAddress>& to) {
    to = IpAddress::parse(text);
    return to.has_value() || text.empty();
}

bool read_sorry_address(std::string_view text, Endpoint& to) {
    const auto endpoint = Endpoint::parse(text);
    to = endpoint.value_or(Endpoint{});
    return text.empty() || (endpoint && *endpoint != Endpoint{});
}

bool keep(std::string_view text, std::string& to) {
    to = text;
    return true;
}

bool read_word(std::string_view text, std::string& to) {
    return !text.empty() && text.find(' ') == std::string_view::npos && keep(text, to);
}

bool read_url_path(std::string_view text, std::string& to) {
    return text.starts_with('/') && keep(text, to);
}

std::string same(const std::string& value) {
    return value;
}

bool read_interface(std::string_view text, std::string& to) {
    constexpr size_t kLengthMax = 15;  // IFNAMSIZ without the final NUL
    return text.size() <= kLengthMax && text.find_first_of("/ ") == std::string_view::npos &&
           keep(text, to);
}

// "200" or "200-299".
bool read_status_codes(std::string_view text, StatusCodes& to) {
    const auto read = [](std::string_view part, uint16_t& code) {
        const char* const end = part.data() + part.size();
        const auto [stop, error] = std::from_chars(part.data(), end, code);
        return error == std::errc{} && stop == end && code >= 100 && code <= 999;
    };
    const size_t dash = text.find('-');
    const std::string_view last = dash == std::string_view::npos ? text : text.substr(dash + 1);
    return read(text.substr(0, dash), to.first) && read(last, to.last) && to.first <= to.last;
}

std::string write_status_codes(const StatusCodes& value) {
    return value.first == value.last ? fmt::format("{}", value.first)
                                     : fmt::format("{}-{}", value.first, value.last);
}

bool read_pattern_option(std::string_view text, PatternOption& to) {
    for (const auto& option : kPatternOptions) {
        if (option.name == text) {
            to = option.value;
            return true;
        }
    }
    return false;
}

std::string write_pattern_option(const PatternOption& value) {
    for (const auto& option : kPatternOptions) {
        if (option.value == value) {
            return std::string(option.name);
        }
    }
    return "";
}

bool read_bytes(std::string_view text, Bytes& to) {
    to.clear();
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
        uint8_t byte = 0;
        const auto [stop, error] = std::from_chars(&text[i], &text[i] + 2, byte, 16);
        if (error != std::errc{} || stop != &text[i] + 2) {
            return false;
        }
        to.push_back(byte);
    }
    return text.size() % 2 == 0;
}

std::string write_bytes(const Bytes& value) {
    std::string text;
    for (const uint8_t byte : value) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

}  // namespace

const TextForm<Duration> kDurationForm{
    "a time with its unit such as \"500ms\", \"2s\" or \"1m\"", read_duration, write_duration};
const TextForm<std::optional<Duration>> kOptionalDurationForm{
    "a time with its unit such as \"500ms\", \"2s\" or \"1m\", or \"\" for the type's own",
    read_optional_duration,
    [](const std::optional<Duration>& value) { return value ? write_duration(*value) : ""; }};
const TextForm<std::optional<IpAddress>> kOptionalAddressForm{
    "an IP address such as \"192.0.2.1\" or \"2001:db8::1\", or \"\"",
    read_optional_address,
    [](const std::optional<IpAddress>& value) { return value ? to_string(*value) : ""; }};
const TextForm<Endpoint> kSorryAddressForm{
    "an IP address and port such as \"192.0.2.1:80\" or \"[2001:db8::1]:80\", or \"\" for none",
    read_sorry_address,
    [](const Endpoint& value) { return value == Endpoint{} ? "" : to_string(value); }};
const TextForm<std::string> kAnyTextForm{"a text", keep, same};
const TextForm<std::string> kWordForm{"a name", read_word, same};
const TextForm<std::string> kUrlPathForm{"a path that begins with \"/\"", read_url_path, same};
const TextForm<std::string> kCommandForm{
    "the absolute path of a program, then its arguments", keep, same};
const TextForm<std::string> kOptionalInterfaceForm{
    "the name of an interface, or \"\" for any", read_interface, same};
const TextForm<StatusCodes> kStatusCodesForm{
    "status codes such as \"200\" or \"200-299\"", read_status_codes, write_status_codes};
const TextForm<PatternOption> kPatternOptionForm{
    "\"caseless\", \"dollar-endonly\", \"dotall\", \"extended\", \"firstline\", \"multiline\", "
    "\"no-auto-capture\", \"ungreedy\", \"ucp\" or \"utf\"",
    read_pattern_option,
    write_pattern_option};
const TextForm<Bytes> kBytesForm{
    "bytes in hexadecimal such as \"00ff\", or \"\" for none", read_bytes, write_bytes};

}  // namespace director::config
