#include "config/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>

#include "config/findings.h"
#include "config/settings.h"

namespace director::config {
namespace {

std::optional<std::string_view> why_not_unicast_ipv4(Ipv4Address address) {
    if (address.is_this_network()) {
        return "0.0.0.0/8 means \"this network\"";
    }
    if (address.is_loopback()) {
        return "127.0.0.0/8 is the loopback network";
    }
    if (address.is_multicast()) {
        return "224.0.0.0/4 is multicast";
    }
    if (address.host() >> 28 == 0xf) {
        return "240.0.0.0/4 is reserved";
    }
    return std::nullopt;
}

// The last address of an IPv4 subnet.
Ipv4Address last_of(const IpPrefix& subnet) {
    const uint32_t host_bits = subnet.length == 0 ? ~0U : (1U << (32 - subnet.length)) - 1;
    return Ipv4Address::from_host(subnet.network().ipv4().host() | host_bits);
}

// "net_af_xdp0" of "net_af_xdp0,iface=eth1"; PCI addresses in their long form.
std::string device_name(std::string_view device) {
    const std::string_view name = device.substr(0, device.find(','));
    const bool is_short_pci = name.find(':') == 2 && name.size() == 7;
    return is_short_pci ? fmt::format("0000:{}", name) : std::string(name);
}

// The Linux interface that a virtual device takes over, or "".
std::string_view device_interface(std::string_view device) {
    constexpr std::string_view kKey = ",iface=";
    const size_t at = device.find(kKey);
    if (at == std::string_view::npos) {
        return {};
    }
    const std::string_view value = device.substr(at + kKey.size());
    return value.substr(0, value.find(','));
}

}  // namespace

std::optional<std::string_view> why_not_unicast(const IpAddress& address) {
    if (address.is_ipv4()) {
        return why_not_unicast_ipv4(address.ipv4());
    }
    if (address.is_any()) {
        return ":: is no address";
    }
    if (address.is_loopback()) {
        return "::1 is the loopback address";
    }
    if (address.is_multicast()) {
        return "ff00::/8 is multicast";
    }
    return std::nullopt;
}

// "the network address" or "the broadcast address" where a subnet has such (not /31: RFC 3021), and
// IPv6's "subnet-router anycast address" (RFC 4291 section 2.6.1; not /127: RFC 6164).
std::optional<std::string_view> special_in(const IpPrefix& subnet, const IpAddress& address) {
    const bool is_ipv4 = subnet.family() == Family::kIpv4;
    if (subnet.length >= IpPrefix::length_max(subnet.family()) - 1 || !subnet.contains(address)) {
        return std::nullopt;
    }
    if (address == subnet.network()) {
        return is_ipv4 ? "the network address" : "the subnet-router anycast address";
    }
    if (is_ipv4 && address.ipv4() == last_of(subnet)) {
        return "the broadcast address";
    }
    return std::nullopt;
}

IpPrefix subnet_of(const IpPrefix& interface_address) {
    return IpPrefix{interface_address.network(), interface_address.length};
}

namespace {

class Validation {
  public:
    Validation(const Model& model, const Vocabulary& vocabulary)
        : model_(model), vocabulary_(vocabulary) {}

    [[nodiscard]] std::vector<Finding> run() {
        check_workers();
        check_ports();
        check_interface_addresses();
        check_routes();
        check_sync();
        validate_services(model_, vocabulary_, own_addresses_, findings_);
        return findings_.take();
    }

  private:
    void check_sync() {
        const Sync& sync = model_.sync;
        if (sync.period != 0 && sync.threshold >= sync.period) {
            findings_.add(
                "sync.threshold",
                fmt::format("expected less than the period {}, or packets never reach it; "
                            "found {}",
                            sync.period,
                            sync.threshold),
                {"sync.period"});
        }
        if (!sync.group.is_multicast()) {
            findings_.add("sync.group",
                          fmt::format("expected a multicast address, found {}; a single twin's "
                                      "address goes into peers",
                                      to_string(sync.group)));
        }
        if (sync.role != SyncRole::kOff && sync.peers.empty() && sync.interface.empty()) {
            findings_.add("sync.interface",
                          "missing; a multicast group is reached through one interface",
                          {"sync.peers"});
        }
        for (size_t i = 0; i < sync.peers.size(); ++i) {
            if (sync.peers[i].is_multicast() || sync.peers[i].is_any() ||
                sync.peers[i].family() != sync.peers[0].family()) {
                findings_.add(fmt::format("sync.peers[{}]", i),
                              fmt::format("expected another director's address, all of one family, "
                                          "found {}",
                                          to_string(sync.peers[i])));
            }
        }
    }

    void check_workers() {
        const Dataplane& dataplane = model_.dataplane;
        const auto& cpus = dataplane.worker_cpus;
        const std::string path = "dataplane.worker_cpus";
        if (cpus.empty() || cpus.size() > kWorkersMax) {
            findings_.add(
                path,
                fmt::format("expected 1 to {} CPU numbers, found {}", kWorkersMax, cpus.size()));
        }
        const size_t connections_min = kConnectionsPerWorkerMin * cpus.size();
        if (dataplane.connections_max < connections_min) {
            findings_.add("dataplane.connections_max",
                          fmt::format("expected at least {} for {} workers, {} each, found {}",
                                      connections_min,
                                      cpus.size(),
                                      kConnectionsPerWorkerMin,
                                      dataplane.connections_max),
                          {path});
        }
        if (dataplane.idle == IdleMode::kPoll) {
            check_polling_cpus();
        }
    }

    // A worker that never sleeps starves whatever shares its CPU.
    void check_polling_cpus() {
        std::map<uint16_t, std::string> seen;
        seen.emplace(model_.dataplane.main_cpu, "dataplane.main_cpu");
        for (size_t i = 0; i < model_.dataplane.worker_cpus.size(); ++i) {
            const std::string path = fmt::format("dataplane.worker_cpus[{}]", i);
            const uint16_t cpu = model_.dataplane.worker_cpus[i];
            const auto [entry, is_new] = seen.emplace(cpu, path);
            if (!is_new) {
                findings_.add(
                    path,
                    fmt::format("with idle = \"poll\" a worker needs a CPU of its own: {} is also "
                                "at {}",
                                cpu,
                                entry->second),
                    {entry->second, "dataplane.idle"});
            }
        }
    }

    void check_ports() {
        if (model_.ports.empty()) {
            findings_.add("ports", "expected at least one port, found none");
        }
        std::map<std::string, std::string> devices;
        std::map<std::string, std::string, std::less<>> device_interfaces;
        std::map<std::string, std::string> names;
        size_t interfaces = 0;
        for (size_t i = 0; i < model_.ports.size(); ++i) {
            const Port& port = model_.ports[i];
            const std::string path = fmt::format("ports[{}]", i);
            findings_.check_unique(
                names, port.name, path + ".name", fmt::format("\"{}\"", port.name));
            const std::string device = device_name(port.device);
            const auto same_devices = findings_.size();
            findings_.check_unique(
                devices, device, path + ".device", fmt::format("device {}", device));
            const std::string interface(device_interface(port.device));
            if (!interface.empty() && findings_.size() == same_devices) {
                findings_.check_unique(device_interfaces,
                                       interface,
                                       path + ".device",
                                       fmt::format("interface {}", interface));
            }
            interfaces += 1 + port.vlans.size();
        }
        for (size_t i = 0; i < model_.ports.size(); ++i) {
            check_vlans(model_.ports[i], fmt::format("ports[{}]", i), names);
        }
        if (interfaces > vocabulary_.interfaces_max) {
            findings_.add("ports",
                          fmt::format("expected at most {} ports and VLANs together, found {}",
                                      vocabulary_.interfaces_max,
                                      interfaces));
        }
    }

    void check_vlan_mtu(const Port& port, size_t i, const std::string& port_path) {
        constexpr uint16_t kMtuMin = 68;  // RFC 791 section 3.2
        const uint16_t mtu = port.vlans[i].mtu_bytes;
        if (mtu != 0 && (mtu < kMtuMin || mtu > port.mtu_bytes)) {
            findings_.add(fmt::format("{}.vlans[{}].mtu", port_path, i),
                          fmt::format("expected 0 or {} to {}, which is its port's, found {}",
                                      kMtuMin,
                                      port.mtu_bytes,
                                      mtu),
                          {port_path + ".mtu"});
        }
    }

    // A VLAN's kernel interface is called after its port, as in "outside.10".
    void check_vlans(const Port& port,
                     const std::string& port_path,
                     std::map<std::string, std::string>& names) {
        std::map<std::pair<uint16_t, uint16_t>, std::string> ids;
        for (size_t i = 0; i < port.vlans.size(); ++i) {
            const auto [id, outer_id] = std::pair(port.vlans[i].id, port.vlans[i].outer_id);
            check_vlan_mtu(port, i, port_path);
            const std::string path = fmt::format("{}.vlans[{}].id", port_path, i);
            const auto before = findings_.size();
            const std::string inside =
                outer_id == 0 ? "" : fmt::format(" inside VLAN {}", outer_id);
            findings_.check_unique(ids, {outer_id, id}, path, fmt::format("VLAN {}{}", id, inside));
            if (findings_.size() != before) {
                continue;
            }
            const std::string name = interface_name(port, port.vlans[i]);
            const auto [entry, is_new] = names.emplace(name, path);
            if (name.size() > kInterfaceNameLengthMax) {
                findings_.add(
                    path,
                    fmt::format("its interface would be called \"{}\": longer than {} characters",
                                name,
                                kInterfaceNameLengthMax),
                    {port_path + ".name"});
            } else if (!is_new) {
                findings_.add(path,
                              fmt::format("its interface would be called \"{}\", as the one at {}",
                                          name,
                                          entry->second),
                              {port_path + ".name", entry->second});
            }
        }
    }

    void check_interface_addresses() {
        for (size_t i = 0; i < model_.ports.size(); ++i) {
            const std::string path = fmt::format("ports[{}]", i);
            check_addresses(model_.ports[i].addresses, path);
            for (size_t j = 0; j < model_.ports[i].vlans.size(); ++j) {
                check_addresses(model_.ports[i].vlans[j].addresses,
                                fmt::format("{}.vlans[{}]", path, j));
            }
        }
    }

    void check_addresses(const std::vector<IpPrefix>& addresses,
                         const std::string& interface_path) {
        for (size_t i = 0; i < addresses.size(); ++i) {
            const IpPrefix& prefix = addresses[i];
            const std::string path = fmt::format("{}.addresses[{}]", interface_path, i);
            if (const auto reason = why_not_unicast(prefix.address)) {
                findings_.add(path,
                              fmt::format("expected an address for one machine, found {}: {}",
                                          to_string(prefix.address),
                                          *reason));
            } else if (const auto what = special_in(prefix, prefix.address)) {
                findings_.add(path,
                              fmt::format("{} is {} of {}",
                                          to_string(prefix.address),
                                          *what,
                                          to_string(subnet_of(prefix))));
            } else {
                check_not_elsewhere(prefix, path, interface_path);
            }
            own_addresses_.push_back({path, interface_path, prefix});
        }
    }

    // One subnet on two interfaces leaves no way to tell where its machines are.
    void check_not_elsewhere(const IpPrefix& prefix,
                             const std::string& path,
                             const std::string& interface_path) {
        for (const OwnAddress& other : own_addresses_) {
            if (other.prefix.address == prefix.address) {
                findings_.add(
                    path,
                    fmt::format("{} is already given at {}", to_string(prefix.address), other.path),
                    {other.path});
                return;
            }
            if (other.interface_path != interface_path &&
                subnet_of(other.prefix) == subnet_of(prefix)) {
                findings_.add(
                    path,
                    fmt::format("the subnet {} is already on another interface, given at {}",
                                to_string(subnet_of(prefix)),
                                other.path),
                    {other.path});
                return;
            }
        }
    }

    void check_routes() {
        std::map<IpPrefix, std::string> seen;
        for (size_t i = 0; i < model_.routes.size(); ++i) {
            const Route& route = model_.routes[i];
            const std::string path = fmt::format("routes[{}]", i);
            if (route.to.address != route.to.network()) {
                findings_.add(path + ".to",
                              fmt::format("{} has host bits set: expected {}",
                                          to_string(route.to),
                                          to_string(subnet_of(route.to))));
            } else {
                const bool is_default = route.to.length == 0;
                findings_.check_unique(seen,
                                       route.to,
                                       path + ".to",
                                       is_default
                                           ? "the default route"
                                           : fmt::format("the route to {}", to_string(route.to)));
            }
            if (route.via.family() != route.to.family()) {
                findings_.add(path + ".via",
                              fmt::format("expected an address of the same family as {}, found {}",
                                          to_string(route.to),
                                          to_string(route.via)),
                              {path + ".to"});
            } else {
                check_gateway(route.via, path + ".via");
            }
        }
    }

    void check_gateway(const IpAddress& via, const std::string& path) {
        // Any address not yet readable may be the one that has the gateway in its subnet.
        std::vector<std::string> premises;
        for (size_t i = 0; i < model_.ports.size(); ++i) {
            premises.push_back(fmt::format("ports[{}].addresses", i));
            premises.push_back(fmt::format("ports[{}].vlans", i));
        }
        bool is_on_link = false;
        for (const OwnAddress& own : own_addresses_) {
            if (own.prefix.address == via) {
                findings_.add(
                    path,
                    fmt::format(
                        "{} is the director's own address, at {}", to_string(via), own.path),
                    {own.path});
                return;
            }
            if (const auto what = special_in(own.prefix, via)) {
                findings_.add(
                    path,
                    fmt::format(
                        "{} is {} of {}", to_string(via), *what, to_string(subnet_of(own.prefix))),
                    {own.path});
                return;
            }
            is_on_link = is_on_link || own.prefix.contains(via);
        }
        if (!is_on_link) {
            premises.emplace_back("ports");
            findings_.add(
                path,
                fmt::format("expected an address in a subnet of one of the ports, found {}",
                            to_string(via)),
                std::move(premises));
        }
    }

    const Model& model_;
    const Vocabulary& vocabulary_;
    Findings findings_;
    std::vector<OwnAddress> own_addresses_;
};

}  // namespace

std::vector<Finding> validate(const Model& model, const Vocabulary& vocabulary) {
    std::vector<Finding> findings = Validation(model, vocabulary).run();
    if (vocabulary.further) {
        std::vector<Finding> further = vocabulary.further(model);
        std::move(further.begin(), further.end(), std::back_inserter(findings));
    }
    return findings;
}

}  // namespace director::config
