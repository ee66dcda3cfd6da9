#include "config/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <system_error>

#include "common/whole_number.h"

namespace director::config {
namespace {

// The last address that is in a prefix.
IpAddress last_of(const IpPrefix& prefix) {
    IpAddress last = prefix.network();
    const size_t first_bit = prefix.length + (prefix.address.is_ipv4() ? 96U : 0U);
    for (size_t bit = first_bit; bit < 128; ++bit) {
        last.bytes[bit / 8] = static_cast<uint8_t>(last.bytes[bit / 8] | 0x80U >> bit % 8);
    }
    return last;
}

bool has_blank_or_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
    });
}

bool keep(std::string_view text, std::string& to) {
    to = text;
    return true;
}

std::string same(const std::string& value) {
    return value;
}

// What Linux takes for an interface (dev_valid_name), less what has a meaning elsewhere: '%' makes
// a tap's name a pattern, "all" and "default" are directories in /proc/sys/net/ipv4/conf.
bool read_interface_name(std::string_view text, std::string& to) {
    constexpr std::array<std::string_view, 5> kTaken{".", "..", "lo", "all", "default"};
    const bool is_valid = !text.empty() && text.size() <= kInterfaceNameLengthMax &&
                          text.find_first_of("/:%") == std::string_view::npos &&
                          !has_blank_or_control(text) &&
                          std::find(kTaken.begin(), kTaken.end(), text) == kTaken.end();
    return is_valid && keep(text, to);
}

// "0000:03:00.0" or "03:00.0".
bool is_pci_address(std::string_view text) {
    constexpr std::string_view kPattern = "xxxx:xx:xx.x";
    if (text.size() != kPattern.size() && text.size() != kPattern.size() - 5) {
        return false;
    }
    const std::string_view pattern = kPattern.substr(kPattern.size() - text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        const bool matches = pattern[i] == 'x'
                                 ? std::isxdigit(static_cast<unsigned char>(text[i])) != 0
                                 : text[i] == pattern[i];
        if (!matches) {
            return false;
        }
    }
    return true;
}

bool read_device(std::string_view text, std::string& to) {
    const std::string_view name = text.substr(0, text.find(','));
    const bool is_virtual = name.starts_with("net_") && name.size() > 4;
    return (is_virtual || is_pci_address(name)) && !has_blank_or_control(text) && keep(text, to);
}

bool read_optional_path(std::string_view text, std::string& out) {
    out = text;
    return text.empty() || text.front() == '/';
}

// As useradd(8) has them, and what else a name service may know.
bool read_group(std::string_view text, std::string& to) {
    constexpr size_t kGroupNameMax = 255;
    const auto is_fit = [](char c) { return c > ' ' && c != ':' && c != ',' && c != '\x7f'; };
    return text.size() <= kGroupNameMax && std::all_of(text.begin(), text.end(), is_fit) &&
           keep(text, to);
}

bool read_socket_path(std::string_view text, std::string& to) {
    constexpr size_t kSocketPathMax = 107;  // sockaddr_un::sun_path without the final NUL
    return text.size() > 1 && text.size() <= kSocketPathMax && text.front() == '/' &&
           text.back() != '/' && keep(text, to);
}

bool read_listen_address(std::string_view text, std::string& to) {
    const auto endpoint = Endpoint::parse(text);
    return (text.empty() || (endpoint && endpoint->port != Be16{})) && keep(text, to);
}

bool read_nonempty(std::string_view text, std::string& to) {
    return !text.empty() && keep(text, to);
}

template <typename T>
bool assign(std::optional<T> value, T& to) {
    to = value.value_or(T{});
    return value.has_value();
}

bool read_address(std::string_view text, IpAddress& to) {
    return assign(IpAddress::parse(text), to);
}

// The length must be written: an interface address that is silently a /32 has no neighbours.
bool read_interface_address(std::string_view text, IpPrefix& to) {
    return text.find('/') != std::string_view::npos && assign(IpPrefix::parse(text), to) &&
           to.length > 0;
}

bool read_destination(std::string_view text, IpPrefix& to) {
    if (text == "default") {
        to = IpPrefix{Ipv4Address{}, 0};
        return true;
    }
    return assign(IpPrefix::parse(text), to);
}

std::string write_prefix(const IpPrefix& value) {
    return to_string(value);
}

bool read_service_address(std::string_view text, Endpoint& to) {
    if (text.empty()) {
        to = Endpoint{};
        return true;
    }
    return assign(Endpoint::parse(text), to) && to != Endpoint{};
}

// "192.0.2.1", "192.0.2.1-192.0.2.9" or "192.0.2.0/24".
bool read_address_range(std::string_view text, AddressRange& to) {
    if (const auto prefix = IpPrefix::parse(text)) {
        to = {prefix->network(), last_of(*prefix)};
        return true;
    }
    const size_t dash = text.find('-');
    if (dash == std::string_view::npos) {
        return false;
    }
    const auto first = IpAddress::parse(text.substr(0, dash));
    const auto last = IpAddress::parse(text.substr(dash + 1));
    if (!first || !last || first->family() != last->family() || *last < *first) {
        return false;
    }
    to = {*first, *last};
    return true;
}

std::string write_address_range(const AddressRange& value) {
    return value.first == value.last ? to_string(value.first)
                                     : to_string(value.first) + "-" + to_string(value.last);
}

std::optional<uint16_t> parse_port(std::string_view text) {
    return whole_number<uint16_t>(text);
}

// "80" or "1024-65535".
bool read_port_range(std::string_view text, PortRange& to) {
    const size_t dash = text.find('-');
    const auto first = parse_port(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
    if (!first || !last || *last < *first) {
        return false;
    }
    to = {*first, *last};
    return true;
}

std::string write_port_range(const PortRange& value) {
    return value.first == value.last ? fmt::format("{}", value.first)
                                     : fmt::format("{}-{}", value.first, value.last);
}

bool read_flag(std::string_view text, SchedulerFlag& to) {
    for (const auto& flag : kSchedulerFlags) {
        if (flag.name == text) {
            to = flag.value;
            return true;
        }
    }
    return false;
}

std::string write_flag(const SchedulerFlag& value) {
    for (const auto& flag : kSchedulerFlags) {
        if (flag.value == value) {
            return std::string(flag.name);
        }
    }
    return "";
}

bool read_file_path(std::string_view text, std::string& to) {
    return (text.empty() || (text.size() > 1 && text.front() == '/' && text.back() != '/')) &&
           keep(text, to);
}

std::string write_destination(const IpPrefix& value) {
    return value == IpPrefix{Ipv4Address{}, 0} ? "default" : to_string(value);
}

}  // namespace

const TextForm<std::string> kInterfaceNameForm{
    "an interface name: at most 15 characters without blanks, '/', ':' and '%', and not \"lo\", "
    "\"all\" or \"default\"",
    read_interface_name,
    same};
const TextForm<std::string> kDeviceForm{
    "a PCI address such as \"0000:03:00.0\" or a DPDK virtual device such as "
    "\"net_af_xdp0,iface=eth1\"",
    read_device,
    same};
const TextForm<std::string> kSocketPathForm{
    "an absolute path of at most 107 characters", read_socket_path, same};
const TextForm<std::string> kOptionalPathForm{
    "an absolute path, or \"\" for none", read_optional_path, same};
const TextForm<std::string> kListenAddressForm{
    "an IP address and port such as \"127.0.0.1:9142\" or \"[::1]:9142\", or \"\" for none",
    read_listen_address,
    same};
const TextForm<std::string> kGroupForm{"the name of a group, or \"\" for none", read_group, same};
const TextForm<std::string> kSchedulerForm{"the name of a scheduler", read_nonempty, same};
const TextForm<std::string> kArgumentForm{
    "an argument such as \"--in-memory\"", read_nonempty, same};
const TextForm<IpAddress> kAddressForm{"an IP address such as \"192.0.2.1\" or \"2001:db8::1\"",
                                       read_address,
                                       [](const IpAddress& value) { return to_string(value); }};
const TextForm<IpPrefix> kInterfaceAddressForm{
    "an IP address with its prefix length, such as \"192.0.2.1/24\" or \"2001:db8::1/64\"",
    read_interface_address,
    write_prefix};
const TextForm<IpPrefix> kDestinationForm{
    "a prefix such as \"198.51.100.0/24\" or \"2001:db8::/32\", or \"default\" (0.0.0.0/0)",
    read_destination,
    write_destination};
const TextForm<Endpoint> kEndpointForm{
    "an IP address and port such as \"192.0.2.1:80\" or \"[2001:db8::1]:80\"",
    [](std::string_view text, Endpoint& to) { return assign(Endpoint::parse(text), to); },
    [](const Endpoint& value) { return to_string(value); }};
const TextForm<Endpoint> kServiceAddressForm{
    "an IP address and port such as \"192.0.2.1:80\" or \"[2001:db8::1]:80\", or \"\" with match "
    "rules",
    read_service_address,
    [](const Endpoint& value) { return value == Endpoint{} ? "" : to_string(value); }};
const TextForm<IpPrefix> kPrefixForm{
    "a prefix such as \"198.51.100.0/24\" or \"2001:db8::/32\"",
    [](std::string_view text, IpPrefix& to) { return assign(IpPrefix::parse(text), to); },
    write_prefix};
const TextForm<AddressRange> kAddressRangeForm{
    "addresses such as \"192.0.2.1\", \"192.0.2.1-192.0.2.9\" or \"2001:db8::/64\"",
    read_address_range,
    write_address_range};
const TextForm<PortRange> kPortRangeForm{
    "a port or ports such as \"80\" or \"1024-65535\"", read_port_range, write_port_range};
const TextForm<std::string> kSyncInterfaceForm{
    "an interface name of at most 15 characters, or \"\" for the routes' choice",
    [](std::string_view text, std::string& to) {
        return text.size() <= kInterfaceNameLengthMax && keep(text, to);
    },
    same};
const TextForm<std::string> kSyncKeyForm{"a secret text, or \"\" for none", keep, same};
const TextForm<SchedulerFlag> kSchedulerFlagForm{
    "\"hash-port\", \"hash-fallback\" or \"like-ipvs\"", read_flag, write_flag};
const TextForm<std::string> kPoolNameForm{
    "the name of a pool of local addresses", read_nonempty, same};
const TextForm<std::string> kPoolReferenceForm{
    "the name of a pool of local addresses, or \"\" for none", keep, same};
const TextForm<std::string> kPrefixFileForm{
    "the absolute path of a file, or \"\" for none", read_file_path, same};

}  // namespace director::config
