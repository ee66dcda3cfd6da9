// The ports that keepalived.conf speaks of. It names the kernel's interfaces; Director takes the
// cards themselves, so what the machine knows of each interface is needed.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/whole_number.h"
#include "config/import/keepalived_words.h"

namespace director::config {
namespace {

// "eth0.10" is VLAN 10 of eth0.
struct InterfaceName {
    std::string port;
    uint16_t vlan = 0;  // 0: none
};
InterfaceName split(const std::string& name) {
    const size_t dot = name.rfind('.');
    uint16_t vlan = 0;
    if (dot != std::string::npos) {
        const auto number = whole_number<uint16_t>(std::string_view(name).substr(dot + 1));
        vlan = number >= 1 && number <= 4094 ? *number : uint16_t{0};
    }
    return vlan == 0 ? InterfaceName{name, 0} : InterfaceName{name.substr(0, dot), vlan};
}

std::vector<std::string> interfaces_of(const Model& model) {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
        if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
            names.push_back(name);
        }
    };
    for (const VrrpInstance& instance : model.vrrp_instances) {
        add(instance.interface);
        for (const auto* addresses : {&instance.addresses, &instance.excluded_addresses}) {
            for (const VirtualAddress& address : *addresses) {
                add(address.interface);
            }
        }
    }
    add(model.sync.interface);
    for (const VrrpTracker& tracker : model.vrrp_trackers) {
        add(tracker.kind == VrrpTrackerKind::kInterface ? tracker.subject : "");
    }
    return names;
}

bool is_virtual(const Model& model, const IpAddress& address) {
    return std::any_of(
        model.vrrp_instances.begin(), model.vrrp_instances.end(), [&](const auto& one) {
            const auto has = [&](const auto& addresses) {
                return std::any_of(addresses.begin(), addresses.end(), [&](const auto& vip) {
                    return vip.address.address == address;
                });
            };
            return has(one.addresses) || has(one.excluded_addresses);
        });
}

// Its own addresses: without those that VRRP has put there.
std::vector<IpPrefix> addresses_of(const std::string& interface, ImportState& state) {
    const auto found = state.machine.interfaces.find(interface);
    std::vector<IpPrefix> addresses;
    if (found != state.machine.interfaces.end()) {
        for (const IpPrefix& address : found->second.addresses) {
            if (!is_virtual(state.out.model, address.address) && !address.address.is_link_local()) {
                addresses.push_back(address);
            }
        }
    }
    if (addresses.empty()) {
        state.tell(
            {interface, 0},
            Gravity::kLoss,
            fmt::format("the director's own addresses on {0} are not known; import on the director "
                        "itself, or say --address {0}=192.0.2.2/24",
                        interface));
    }
    return addresses;
}

Port& port_of(const std::string& name, ImportState& state) {
    auto& ports = state.out.model.ports;
    const auto found = std::find_if(
        ports.begin(), ports.end(), [&](const Port& port) { return port.name == name; });
    if (found != ports.end()) {
        return *found;
    }
    Port port;
    port.name = name;
    const auto known = state.machine.interfaces.find(name);
    if (known != state.machine.interfaces.end() && !known->second.device.empty()) {
        port.device = known->second.device;
    } else {
        port.device = fmt::format("net_af_packet{},iface={}", ports.size(), name);
        state.tell(
            {name, 0},
            Gravity::kLoss,
            fmt::format("which card {0} is, is not known here; say --device {0}=0000:03:00.0 "
                        "(`ethtool -i {0}` tells it under bus-info)",
                        name));
    }
    ports.push_back(std::move(port));
    return ports.back();
}

bool reaches(const Port& port, const IpAddress& router) {
    const auto has = [&](const std::vector<IpPrefix>& addresses) {
        return std::any_of(addresses.begin(), addresses.end(), [&](const IpPrefix& prefix) {
            return prefix.contains(router);
        });
    };
    return has(port.addresses) ||
           std::any_of(port.vlans.begin(), port.vlans.end(), [&](const Vlan& vlan) {
               return has(vlan.addresses);
           });
}

}  // namespace

void make_ports(ImportState& state) {
    for (const std::string& interface : interfaces_of(state.out.model)) {
        const InterfaceName name = split(interface);
        Port& port = port_of(name.port, state);
        std::vector<IpPrefix> addresses = addresses_of(interface, state);
        if (name.vlan == 0) {
            port.addresses = std::move(addresses);
        } else {
            Vlan vlan;
            vlan.id = name.vlan;
            vlan.addresses = std::move(addresses);
            port.vlans.push_back(std::move(vlan));
        }
    }
    if (state.out.model.ports.empty()) {
        // Services alone: whoever runs keepalived without VRRP knows the interfaces.
        for (const auto& [name, interface] : state.machine.interfaces) {
            if (!interface.device.empty()) {
                port_of(name, state).addresses = addresses_of(name, state);
            }
        }
    }
    // Routes by networks that the ports are in; others are the kernel's own (a management network).
    for (const Route& route : state.machine.routes) {
        const auto& ports = state.out.model.ports;
        if (std::any_of(ports.begin(), ports.end(), [&](const Port& port) {
                return reaches(port, route.via);
            })) {
            state.out.model.routes.push_back(route);
        }
    }
}

}  // namespace director::config
