#include "controlplane/daemon/kernel_side.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/log.h"
#include "controlplane/kernel/arp.h"
#include "controlplane/kernel/kernel_setup.h"

namespace director::daemon {

using dataplane::Command;
using dataplane::CommandKind;
using dataplane::InterfaceId;
using dataplane::PortId;

namespace {

constexpr LogArea kLog{"kernel"};

// How often ports are asked for their link: a tenth of the shortest time in which VRRP version 2
// could notice by itself. It costs a system call a port.
constexpr auto kCablePeriod = std::chrono::milliseconds(100);

// An address of an interface, as the configuration lists them.
struct InterfaceAddress {
    std::string interface;
    IpPrefix address;

    friend bool operator==(const InterfaceAddress&, const InterfaceAddress&) = default;
};

std::vector<InterfaceAddress> port_addresses_of(const config::Model& model) {
    std::vector<InterfaceAddress> all;
    for (const config::Port& port : model.ports) {
        for (const IpPrefix& address : port.addresses) {
            all.push_back({port.name, address});
        }
        for (const config::Vlan& vlan : port.vlans) {
            for (const IpPrefix& address : vlan.addresses) {
                all.push_back({config::interface_name(port, vlan), address});
            }
        }
    }
    return all;
}

// With those of pools that lie in a subnet of ours: somebody has to answer who asks for them by ARP
// or neighbour discovery. Alone, without a subnet: nothing else shall begin to send from them.
std::vector<InterfaceAddress> addresses_of(const config::Model& model) {
    std::vector<InterfaceAddress> all = port_addresses_of(model);
    const std::vector<InterfaceAddress> subnets = all;
    for (const config::LocalPool& pool : model.local_pools) {
        for (const IpAddress& address : pool.addresses) {
            const auto is_same = [&address](const InterfaceAddress& own) {
                return own.address.address == address;
            };
            const auto subnet =
                std::find_if(subnets.begin(), subnets.end(), [&address](const auto& own) {
                    return own.address.contains(address);
                });
            if (subnet != subnets.end() && std::none_of(all.begin(), all.end(), is_same)) {
                const uint8_t length = IpPrefix::length_max(address.family());
                all.push_back({subnet->interface, IpPrefix{address, length}});
            }
        }
    }
    return all;
}

// The first of an interface is the one that it speaks from. Of IPv4 addresses the kernel keeps the
// oldest first, of IPv6 addresses the youngest (ipv6_link_dev_addr() in net/ipv6/addrconf.c).
std::vector<InterfaceAddress> in_kernel_order(std::vector<InterfaceAddress> addresses) {
    const auto ipv6 =
        std::stable_partition(addresses.begin(), addresses.end(), [](const auto& address) {
            return address.address.family() == Family::kIpv4;
        });
    std::reverse(ipv6, addresses.end());
    return addresses;
}

VlanTags tags_of(const dataplane::Interface& interface) {
    return {interface.vlan, interface.outer_vlan};
}

void tell_error(const Result<void>& done) {
    if (!done) {
        kLog.error("{}", done.error().message);
    }
}

// Elements of `from` that are not in `other`.
template <typename T>
std::vector<T> missing_in(const std::vector<T>& from, const std::vector<T>& other) {
    std::vector<T> missing;
    std::copy_if(from.begin(), from.end(), std::back_inserter(missing), [&other](const T& element) {
        return std::find(other.begin(), other.end(), element) == other.end();
    });
    return missing;
}

const dataplane::Route& route_to(const dataplane::RouteTable& table, const IpAddress& address) {
    const dataplane::PrefixLookup& lookup = table.lookup;
    uint16_t number = 0;
    if (address.is_ipv4() && lookup.ipv4 != nullptr) {
        const uint32_t host_order = address.ipv4().host();
        lookup.ipv4(lookup.fib, &host_order, &number, 1);
    } else if (!address.is_ipv4() && lookup.ipv6 != nullptr) {
        lookup.ipv6(lookup.fib, &address, &number, 1);
    }
    return table.routes[number];
}

// The routes as workers take them: each different route once, prefixes pointing at them. Number 0
// is "no route" (RouteTable).
Result<std::unique_ptr<Routes>> build_routes(const std::vector<kernel::PrefixRoute>& prefixes) {
    auto routes = std::make_unique<Routes>();
    routes->table.routes.emplace_back();
    std::vector<std::pair<IpPrefix, uint16_t>> entries;
    for (const kernel::PrefixRoute& prefix : prefixes) {
        auto& known = routes->table.routes;
        const auto found = std::find(known.begin(), known.end(), prefix.route);
        if (found == known.end() && known.size() > UINT16_MAX) {
            return failure(fmt::format("more than {} different next hops", UINT16_MAX));
        }
        const auto number = static_cast<uint16_t>(found - known.begin());
        if (found == known.end()) {
            known.push_back(prefix.route);
        }
        entries.emplace_back(prefix.to, number);
    }
    routes->fib = dataplane::io::Fib::build(entries);
    routes->table.lookup = routes->fib->lookup();
    return routes;
}

}  // namespace

KernelSide::KernelSide(asio::io_context& io,
                       const Clock& clock,
                       dataplane::io::Engine& engine,
                       Fleet& fleet,
                       kernel::NetlinkSocket netlink,
                       kernel::NeighbourKernel neighbour_kernel,
                       std::unique_ptr<kernel::Errands> errands,
                       std::function<void()> synced)
    : io_(io),
      clock_(clock),
      engine_(engine),
      fleet_(fleet),
      netlink_(std::move(netlink)),
      neighbour_kernel_(std::make_shared<kernel::NeighbourKernel>(std::move(neighbour_kernel))),
      errands_(std::move(errands)),
      synced_(std::move(synced)),
      timer_(io),
      cable_timer_(io) {}

Result<std::unique_ptr<KernelSide>> KernelSide::start(asio::io_context& io,
                                                      const Clock& clock,
                                                      dataplane::io::Engine& engine,
                                                      Fleet& fleet,
                                                      const config::Model& model,
                                                      std::function<void()> synced) {
    auto netlink = kernel::NetlinkSocket::open();
    if (!netlink) {
        return Failure(netlink.error());
    }
    auto neighbours = kernel::NeighbourKernel::open();
    if (!neighbours) {
        return Failure(neighbours.error());
    }
    auto errands = kernel::Errands::start(io);
    if (!errands) {
        return Failure(errands.error());
    }
    std::unique_ptr<KernelSide> side(new KernelSide(  // NOLINT: the constructor is private
        io,
        clock,
        engine,
        fleet,
        std::move(*netlink),
        std::move(*neighbours),
        std::move(*errands),
        std::move(synced)));
    if (auto made = side->make_interfaces(model); !made) {
        return Failure(made.error());
    }
    std::vector<kernel::TapLink> links;
    for (uint16_t id = 0; id < side->taps_.size(); ++id) {
        const TapOfLink& link = side->taps_[id];
        links.push_back({link.tap->ifindex(), link.port, InterfaceId{id}, link.vlan});
    }
    auto mirror = kernel::KernelMirror::start(io, links, *side);
    if (!mirror) {
        return Failure(mirror.error());
    }
    side->mirror_ = std::move(*mirror);
    side->watch_cables();
    return side;
}

// The port's own interface, or that of one of its VLANs. A tap for each, rather than a VLAN device
// on the port's tap: a kernel without 802.1Q serves as well, and QinQ is nothing more.
Result<void> KernelSide::make_tap(PortId port,
                                  VlanTags vlan,
                                  const std::string& name,
                                  uint16_t mtu) {
    const auto status = engine_.port_status(port);
    auto tap = kernel::Tap::create(
        io_, {.name = name, .mac = status.mac, .mtu_bytes = mtu == 0 ? status.mtu_bytes : mtu});
    if (!tap) {
        return Failure(tap.error());
    }
    (*tap)->start(
        [this, port, vlan](std::span<const uint8_t> frame) { send_from_tap(port, vlan, frame); });
    taps_.push_back({std::move(*tap), status.mac, port, vlan});
    return {};
}

// Ports first: an interface's number is its port's.
Result<void> KernelSide::make_interfaces(const config::Model& model) {
    for (uint16_t i = 0; i < model.ports.size(); ++i) {
        port_names_.push_back(model.ports[i].name);
        if (auto made = make_tap(PortId{i}, {}, model.ports[i].name, 0); !made) {
            return made;
        }
    }
    for (uint16_t i = 0; i < model.ports.size(); ++i) {
        for (const config::Vlan& vlan : model.ports[i].vlans) {
            const std::string name = config::interface_name(model.ports[i], vlan);
            auto made = make_tap(PortId{i}, {vlan.id, vlan.outer_id}, name, vlan.mtu_bytes);
            if (!made) {
                return made;
            }
        }
    }
    for (const InterfaceAddress& address : in_kernel_order(addresses_of(model))) {
        if (auto done = kernel::add_address(netlink_, address.interface, address.address); !done) {
            return done;
        }
    }
    for (const config::Route& route : model.routes) {
        if (auto done = kernel::add_route(netlink_, route.to, route.via); !done) {
            return done;
        }
    }
    return {};
}

Result<void> KernelSide::change(const config::Model& before, const config::Model& after) {
    Result<void> outcome;
    const auto note = [&outcome](Result<void> done) {
        if (!done && outcome) {
            outcome = std::move(done);
        }
    };
    for (const config::Route& route : missing_in(before.routes, after.routes)) {
        note(kernel::remove_route(netlink_, route.to, route.via));
    }
    const auto old_addresses = addresses_of(before);
    const auto new_addresses = addresses_of(after);
    // New ones first: removing the last address of a subnet takes the routes through it away.
    for (const InterfaceAddress& address : missing_in(new_addresses, old_addresses)) {
        note(kernel::add_address(netlink_, address.interface, address.address));
    }
    for (const InterfaceAddress& address : missing_in(old_addresses, new_addresses)) {
        note(kernel::remove_address(netlink_, address.interface, address.address));
    }
    for (const config::Route& route : missing_in(after.routes, before.routes)) {
        note(kernel::add_route(netlink_, route.to, route.via));
    }
    return outcome;
}

// The interface that a frame with these tags is for: its VLAN's, or the port's own, which gets it
// with its tags, for VLAN devices that the administrator has made there.
const KernelSide::TapOfLink& KernelSide::tap_for(PortId port, VlanTags vlan) const {
    const auto vlans = taps_.begin() + static_cast<ptrdiff_t>(port_names_.size());
    const auto found = std::find_if(vlans, taps_.end(), [&](const TapOfLink& link) {
        return link.port == port && link.vlan == vlan;
    });
    return found != taps_.end() ? *found : taps_[index(port)];
}

// What a VLAN's interface sends has no tags yet, what the port's own sends may have.
void KernelSide::send_from_tap(PortId port, VlanTags vlan, std::span<const uint8_t> frame) {
    const VlanTags tags =
        vlan.is_untagged() ? parse_ethernet(frame.data(), static_cast<uint32_t>(frame.size())).vlan
                           : vlan;
    const auto sent = censor_ ? censor_(port, tags, frame) : frame;
    if (sent.empty()) {
        return;
    }
    // A frame that finds no room is lost, as on a wire; TCP and ARP try again.
    if (vlan.is_untagged()) {
        static_cast<void>(engine_.inject(port, sent));
    } else {
        static_cast<void>(engine_.inject(port, with_tags(sent, vlan)));
    }
}

// To the kernel a frame for VRRP's virtual MAC address, 00:00:5e:00:01:NN or 00:00:5e:00:02:NN
// (RFC 9568 7.3), is another machine's: its interface has one address alone. That it is ours the
// worker has made sure of.
void KernelSide::write_to_tap(const dataplane::io::PuntedFrame& frame) {
    constexpr std::array<uint8_t, 4> kVirtual{0x00, 0x00, 0x5e, 0x00};
    const EthernetHeader header =
        parse_ethernet(frame.bytes.data(), static_cast<uint32_t>(frame.bytes.size()));
    if (header.length_bytes == 0) {
        return;
    }
    const TapOfLink& link = tap_for(frame.in_port, header.vlan);
    const bool is_to_untag = header.length_bytes > kEthernetBytes && link.vlan == header.vlan;
    const bool is_virtual = std::equal(kVirtual.begin(), kVirtual.end(), frame.bytes.begin());
    if (!is_to_untag && !is_virtual) {
        link.tap->write(frame.bytes);
        return;
    }
    std::vector<uint8_t> bytes = is_to_untag ? without_tags(frame.bytes, header)
                                             : std::vector(frame.bytes.begin(), frame.bytes.end());
    if (is_virtual) {
        std::copy(link.mac.bytes.begin(), link.mac.bytes.end(), bytes.begin());
    }
    link.tap->write(bytes);
}

void KernelSide::receive(const dataplane::io::PuntedFrame& frame) {
    if (frame.verdict == dataplane::Verdict::kPunt) {
        if (resolver_.held() != 0) {
            hear_arp_answer(frame);
        }
        write_to_tap(frame);
        return;
    }
    kernel::NeighbourActions actions;
    resolver_.hold({frame.next_hop, frame.out_interface}, frame.bytes, clock_.now(), actions);
    act(actions);
}

// Beside the kernel's own question, which may come late.
void KernelSide::ask_by_arp(const dataplane::NeighbourKey& key) {
    const auto found = interfaces_.find(key.interface);
    const bool is_possible = found != interfaces_.end() && !found->second.ipv4.is_any() &&
                             key.address.is_ipv4() && resolver_.has_waiting(key);
    if (is_possible) {
        const auto question = kernel::build_arp_question(
            found->second.mac, found->second.ipv4.ipv4(), key.address.ipv4());
        static_cast<void>(
            engine_.inject(found->second.port, with_tags(question, tags_of(found->second))));
    }
}

// The kernel hears it too, and what the mirror tells of it then counts.
void KernelSide::hear_arp_answer(const dataplane::io::PuntedFrame& frame) {
    const EthernetHeader header =
        parse_ethernet(frame.bytes.data(), static_cast<uint32_t>(frame.bytes.size()));
    const auto answer = header.length_bytes == 0
                            ? std::nullopt
                            : kernel::parse_arp_answer(without_tags(frame.bytes, header));
    if (!answer) {
        return;
    }
    for (const auto& [id, interface] : interfaces_) {
        const dataplane::NeighbourKey key{answer->address, id};
        if (interface.port == frame.in_port && tags_of(interface) == header.vlan &&
            resolver_.has_waiting(key)) {
            neighbour_changed(key, {answer->mac, dataplane::NeighbourState::kReachable});
            return;
        }
    }
}

void KernelSide::watch_interfaces(InterfaceWatcher watcher) {
    watchers_.push_back(std::move(watcher));
    for (const auto& [id, interface] : interfaces_) {
        watchers_.back()(id, name_of(interface), interface);
    }
}

std::string KernelSide::name_of(const dataplane::Interface& interface) const {
    const std::string& port = port_names_[index(interface.port)];
    return interface.vlan == 0 ? port
                               : config::interface_name(port, interface.vlan, interface.outer_vlan);
}

std::string KernelSide::interface_name(dataplane::InterfaceId id) const {
    const auto found = interfaces_.find(id);
    return found == interfaces_.end() ? "" : name_of(found->second);
}

void KernelSide::add_virtual_address(const std::string& interface, const IpPrefix& address) {
    errands_->run(
        [interface, address](kernel::NetlinkSocket& netlink) {
            return kernel::add_address(netlink, interface, address, kernel::AddressUse::kVirtual);
        },
        tell_error);
}

void KernelSide::remove_virtual_address(const std::string& interface, const IpPrefix& address) {
    errands_->run(
        [interface, address](kernel::NetlinkSocket& netlink) {
            return kernel::remove_address(netlink, interface, address);
        },
        tell_error);
}

bool KernelSide::send(InterfaceId interface, std::span<const uint8_t> frame) {
    const auto found = interfaces_.find(interface);
    return found != interfaces_.end() && engine_.inject(found->second.port,
                                                        with_tags(frame, tags_of(found->second)),
                                                        dataplane::io::Urgency::kFirst);
}

void KernelSide::send_to_neighbour(InterfaceId interface,
                                   const IpAddress& address,
                                   std::span<const uint8_t> frame) {
    const auto found = interfaces_.find(interface);
    if (found == interfaces_.end()) {
        return;
    }
    kernel::NeighbourActions actions;
    resolver_.hold(
        {address, interface}, with_tags(frame, tags_of(found->second)), clock_.now(), actions);
    act(actions);
}

std::optional<ProbeWay> KernelSide::way_to(const IpAddress& address) const {
    if (routes_ == nullptr) {
        return std::nullopt;
    }
    const dataplane::Route& route = route_to(*routes_, address);
    const bool has_gateway = route.kind == dataplane::RouteKind::kGateway;
    const auto interface = interfaces_.find(route.interface);
    if ((!has_gateway && route.kind != dataplane::RouteKind::kOnLink) ||
        interface == interfaces_.end()) {
        return std::nullopt;
    }
    return ProbeWay{interface->first, interface->second, has_gateway ? route.gateway : address};
}

// The kernel's interface loses its carrier with the port, and whoever watches the interface (the
// workers, VRRP, a routing daemon) learns of it from there.
void KernelSide::watch_cables() {
    cables_.resize(port_names_.size(), true);
    for (uint16_t port = 0; port < cables_.size(); ++port) {
        const bool has_link = engine_.port_status(PortId{port}).is_link_up;
        if (has_link != cables_[port]) {
            kLog.warning("port={} link={}", port_names_[port], has_link ? "up" : "down");
            for (const TapOfLink& link : taps_) {
                if (link.port == PortId{port}) {
                    link.tap->set_carrier(has_link);
                }
            }
            cables_[port] = has_link;
        }
    }
    cable_timer_.expires_after(kCablePeriod);
    cable_timer_.async_wait([this](const asio::error_code& error) {
        if (!error) {
            watch_cables();
        }
    });
}

void KernelSide::keep_reachable(std::vector<IpAddress> destinations) {
    destinations_ = std::move(destinations);
    watch_next_hops();
}

void KernelSide::watch_next_hops() {
    if (routes_ == nullptr) {
        return;
    }
    std::vector<dataplane::NeighbourKey> next_hops;
    for (const dataplane::Route& route : routes_->routes) {
        if (route.kind == dataplane::RouteKind::kGateway) {
            next_hops.push_back({route.gateway, route.interface});
        }
    }
    for (const IpAddress& destination : destinations_) {
        const dataplane::Route& route = route_to(*routes_, destination);
        if (route.kind == dataplane::RouteKind::kOnLink) {
            next_hops.push_back({destination, route.interface});
        }
    }
    kernel::NeighbourActions actions;
    resolver_.watch(next_hops, clock_.now(), actions);
    act(actions);
}

void KernelSide::interface_changed(InterfaceId id, const dataplane::Interface& interface) {
    interfaces_[id] = interface;
    for (const InterfaceWatcher& watcher : watchers_) {
        watcher(id, name_of(interface), interface);
    }
    kLog.info("interface id={} name={} up={} mtu={} mac={} ipv4={} ipv6={}",
              index(id),
              name_of(interface),
              interface.is_up,
              interface.mtu_bytes,
              to_string(interface.mac),
              to_string(interface.ipv4),
              to_string(interface.ipv6));
    Command command(CommandKind::kPutInterface);
    command.put_interface = {id, interface};
    fleet_.broadcast(command);
}

void KernelSide::neighbour_changed(const dataplane::NeighbourKey& key,
                                   const dataplane::Neighbour& neighbour) {
    kLog.debug("neighbour address={} interface={} mac={} failed={}",
               to_string(key.address),
               index(key.interface),
               to_string(neighbour.mac),
               neighbour.state == dataplane::NeighbourState::kFailed);
    Command command(CommandKind::kPutNeighbour);
    command.put_neighbour = {key, neighbour};
    fleet_.broadcast(command);
    kernel::NeighbourActions actions;
    resolver_.on_changed(key, neighbour, clock_.now(), actions);
    act(actions);
}

void KernelSide::neighbour_removed(const dataplane::NeighbourKey& key) {
    Command command(CommandKind::kRemoveNeighbour);
    command.remove_neighbour = key;
    fleet_.broadcast(command);
    kernel::NeighbourActions actions;
    resolver_.on_removed(key, clock_.now(), actions);
    act(actions);
}

void KernelSide::routes_changed(const std::vector<kernel::PrefixRoute>& routes) {
    auto built = build_routes(routes);
    if (!built) {
        kLog.error("routes stay as they were error=\"{}\" prefixes={}",
                   built.error().message,
                   routes.size());
        return;
    }
    kLog.info("routes prefixes={} next_hops={}", routes.size(), (*built)->table.routes.size() - 1);
    routes_ = &(*built)->table;  // stays the fleet's until the next list replaces it
    fleet_.put_routes(std::move(*built));
    watch_next_hops();
}

void KernelSide::synced() {
    synced_();
}

void KernelSide::act(const kernel::NeighbourActions& actions) {
    for (const auto& frame : actions.send) {
        static_cast<void>(engine_.inject(interfaces_[frame.interface].port, frame.bytes));
    }
    for (const auto& key : actions.forget) {
        if (const auto ifindex = mirror_ ? mirror_->ifindex_of(key.interface) : std::nullopt) {
            errands_->run([kernel = neighbour_kernel_, ifindex = *ifindex, address = key.address](
                              auto& /*netlink*/) { return kernel->forget(ifindex, address); },
                          [](const auto& /*done*/) {});
        }
    }
    for (const auto& key : actions.solicit) {
        ask_by_arp(key);
        const auto ifindex = mirror_ ? mirror_->ifindex_of(key.interface) : std::nullopt;
        if (ifindex) {
            errands_->run([kernel = neighbour_kernel_, ifindex = *ifindex, address = key.address](
                              auto& /*netlink*/) { return kernel->solicit(ifindex, address); },
                          [](const Result<void>& done) {
                              if (!done) {
                                  kLog.debug("{}", done.error().message);
                              }
                          });
        }
    }
    arm_timer();
}

void KernelSide::arm_timer() {
    const auto deadline = resolver_.deadline();
    if (!deadline) {
        timer_.cancel();
        return;
    }
    timer_.expires_after(std::max(Duration(0), *deadline - clock_.now()));
    timer_.async_wait([this](const asio::error_code& error) {
        if (error) {
            return;
        }
        kernel::NeighbourActions actions;
        resolver_.on_deadline(clock_.now(), actions);
        act(actions);
    });
}

}  // namespace director::daemon
