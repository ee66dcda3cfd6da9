#include "config/settings.h"

#include <algorithm>
#include <cctype>

namespace director::config {
namespace {

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

bool read_socket_path(std::string_view text, std::string& to) {
    constexpr size_t kSocketPathMax = 107;  // sockaddr_un::sun_path without the final NUL
    return text.size() > 1 && text.size() <= kSocketPathMax && text.front() == '/' &&
           text.back() != '/' && keep(text, to);
}

bool read_listen_address(std::string_view text, std::string& to) {
    const auto endpoint = Endpoint::parse(text);
    const bool is_endpoint = endpoint && endpoint->port != Be16{};
    return (text.empty() || is_endpoint) && keep(text, to);
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
const TextForm<std::string> kListenAddressForm{
    "an IP address and port such as \"127.0.0.1:9142\" or \"[::1]:9142\", or \"\" for none",
    read_listen_address,
    same};
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

}  // namespace director::config
