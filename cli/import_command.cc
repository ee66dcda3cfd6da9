#include "cli/import_command.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "cli/commands.h"
#include "cli/import_rules.h"
#include "cli/names.h"
#include "config/import/shell_lines.h"

namespace director::cli {
namespace {

using config::Gravity;
using config::Machine;

std::string first_label_of_host() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0) {
        return "";
    }
    const std::string_view text(name.data());
    return std::string(text.substr(0, text.find('.')));
}

// A card's address on the PCI bus; nothing for what is no card.
std::string device_of(const std::string& interface) {
    std::error_code failed;
    const auto target =
        std::filesystem::read_symlink("/sys/class/net/" + interface + "/device", failed);
    const std::string name = failed ? "" : target.filename().string();
    return std::count(name.begin(), name.end(), ':') == 2 ? name : "";
}

std::optional<IpPrefix> prefix_of(const sockaddr* address, const sockaddr* mask) {
    if (address == nullptr || mask == nullptr) {
        return std::nullopt;
    }
    if (address->sa_family == AF_INET) {
        sockaddr_in one{};
        sockaddr_in bits{};
        std::memcpy(&one, address, sizeof one);
        std::memcpy(&bits, mask, sizeof bits);
        return IpPrefix{Ipv4Address{Be32{one.sin_addr.s_addr}},
                        static_cast<uint8_t>(std::popcount(bits.sin_addr.s_addr))};
    }
    if (address->sa_family != AF_INET6) {
        return std::nullopt;
    }
    sockaddr_in6 one{};
    sockaddr_in6 bits{};
    std::memcpy(&one, address, sizeof one);
    std::memcpy(&bits, mask, sizeof bits);
    int length = 0;
    for (const uint8_t byte : bits.sin6_addr.s6_addr) {
        length += std::popcount(byte);
    }
    return IpPrefix{IpAddress::load_ipv6(one.sin6_addr.s6_addr), static_cast<uint8_t>(length)};
}

void add_interfaces(Machine& machine) {
    ifaddrs* raw = nullptr;
    if (getifaddrs(&raw) != 0) {
        return;
    }
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> all(raw, freeifaddrs);
    for (const ifaddrs* one = all.get(); one != nullptr; one = one->ifa_next) {
        const std::string name = one->ifa_name;
        if (name == "lo") {
            continue;
        }
        config::MachineInterface& interface = machine.interfaces[name];
        interface.device = device_of(name);
        if (const auto prefix = prefix_of(one->ifa_addr, one->ifa_netmask)) {
            interface.addresses.push_back(*prefix);
        }
    }
}

// proc(5), /proc/net/route: hexadecimal words as they lie in memory.
void add_routes(Machine& machine) {
    std::ifstream stream("/proc/net/route");
    std::string line;
    std::getline(stream, line);  // the title
    while (std::getline(stream, line)) {
        std::istringstream words(line);
        std::string interface;
        uint32_t to = 0;
        uint32_t via = 0;
        uint32_t flags = 0;
        uint32_t mask = 0;
        std::string skipped;
        words >> interface >> std::hex >> to >> via >> flags >> skipped >> skipped >> skipped >>
            mask;
        if (words && via != 0) {
            machine.routes.push_back(
                {{Ipv4Address{Be32{to}}, static_cast<uint8_t>(std::popcount(mask))},
                 Ipv4Address{Be32{via}}});
        }
    }
}

// "enp0s3=VALUE".
std::optional<std::pair<std::string, std::string>> split(const std::string& text) {
    const size_t sign = text.find('=');
    return sign == 0 || sign == std::string::npos || sign + 1 == text.size()
               ? std::nullopt
               : std::optional(std::pair(text.substr(0, sign), text.substr(sign + 1)));
}

// Of a file, or of standard input.
std::optional<std::string> read_whole(const std::string& file) {
    std::ostringstream text;
    if (file == "-") {
        text << std::cin.rdbuf();
        return text.str();
    }
    std::error_code failed;
    std::ifstream stream(file, std::ios::binary);
    if (std::filesystem::is_directory(file, failed) || !stream) {
        return std::nullopt;
    }
    text << stream.rdbuf();
    return text.str();
}

}  // namespace

Result<Machine> machine_for(const ImportRequest& request) {
    Machine machine;
    add_interfaces(machine);
    add_routes(machine);
    for (const std::string& text : request.devices) {
        const auto device = split(text);
        if (!device) {
            return failure(
                fmt::format("--device: expected INTERFACE=DEVICE, such as "
                            "enp0s3=0000:00:03.0, found \"{}\"",
                            text));
        }
        machine.interfaces[device->first].device = device->second;
    }
    Machine said;  // what is said replaces what is found
    for (const std::string& text : request.addresses) {
        const auto address = split(text);
        const auto prefix = address ? IpPrefix::parse(address->second) : std::nullopt;
        if (!prefix) {
            return failure(
                fmt::format("--address: expected INTERFACE=ADDRESS/BITS, such as "
                            "enp0s3=192.0.2.2/24, found \"{}\"",
                            text));
        }
        said.interfaces[address->first].addresses.push_back(*prefix);
    }
    for (auto& [name, interface] : said.interfaces) {
        machine.interfaces[name].addresses = std::move(interface.addresses);
    }
    return machine;
}

int run_import(const ImportRequest& request) {
    const auto machine = machine_for(request);
    if (!machine) {
        fmt::print(stderr, "directorctl: {}\n", machine.error().message);
        return kExitUsage;
    }
    const bool is_standard_input = request.file == "-";
    const auto text = read_whole(request.file);
    const bool is_rules =
        request.kind.empty() ? text && config::looks_like_rules(*text) : request.kind == "ipvsadm";
    if (!text && (is_rules || is_standard_input)) {
        fmt::print(stderr, "{}: error: cannot be read\n", request.file);
        return kExitUsage;
    }
    const std::string id = request.config_id.empty() ? first_label_of_host() : request.config_id;
    const std::string name = is_standard_input ? "standard input" : request.file;
    bool has_nothing = false;
    config::Imported imported;
    if (is_rules) {
        imported = import_rules(config::read_shell_text(*text, name), *machine, resolve_service);
    } else {
        const auto lines = is_standard_input ? config::read_keepalived_text(*text, name, id)
                                             : config::read_keepalived_file(request.file, id);
        has_nothing = lines.lines.empty();
        imported = config::import_keepalived(lines, *machine);
    }
    int exit_code = kExitOk;
    for (const config::Note& note : imported.notes) {
        fmt::print(stderr, "{}\n", config::to_string(note));
        if (note.gravity == Gravity::kError) {
            exit_code = kExitUsage;
        } else if (note.gravity == Gravity::kLoss && exit_code == kExitOk) {
            exit_code = kExitFailed;
        }
    }
    if (!has_nothing || exit_code != kExitUsage) {
        fmt::print("{}", config::print_imported(imported, name));
    }
    return exit_code;
}

}  // namespace director::cli
