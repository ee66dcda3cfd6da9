#include "controlplane/kernel/mirror_model.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <type_traits>

#include "common/assert.h"
#include "common/log.h"

namespace director::kernel {
namespace {

using dataplane::Interface;
using dataplane::InterfaceId;
using dataplane::Neighbour;
using dataplane::NeighbourKey;
using dataplane::NeighbourState;
using dataplane::Route;
using dataplane::RouteKind;

constexpr LogArea kLog{"mirror"};

bool is_same(const Interface& a, const Interface& b) {
    return a.port == b.port && a.vlan == b.vlan && a.outer_vlan == b.outer_vlan &&
           a.mtu_bytes == b.mtu_bytes && a.is_up == b.is_up && a.mac == b.mac && a.ipv4 == b.ipv4 &&
           a.ipv6 == b.ipv6;
}

bool is_same(const Neighbour& a, const Neighbour& b) {
    return a.mac == b.mac && a.state == b.state;
}

// Whether two next hops are the same way, whatever its health.
bool is_same_way(const NextHop& a, const NextHop& b) {
    return a.ifindex == b.ifindex && a.gateway == b.gateway;
}

}  // namespace

MirrorModel::MirrorModel(const std::vector<TapLink>& taps)
    : interfaces_(dataplane::kInterfacesMax) {
    for (const TapLink& tap : taps) {
        OurInterface& ours = interfaces_.at(index(tap.interface));
        DIRECTOR_ASSERT(!ours.is_tap && tap.ifindex != 0);
        ours.is_tap = true;
        ours.ifindex = tap.ifindex;
        ours.interface.port = tap.port;
        ours.interface.vlan = tap.vlan.inner;
        ours.interface.outer_vlan = tap.vlan.outer;
    }
}

void MirrorModel::apply(const KernelEvent& event, MirrorSink& sink) {
    if (const auto* const link = std::get_if<LinkEvent>(&event)) {
        apply_link(*link, sink);
    } else if (const auto* const address = std::get_if<AddressEvent>(&event)) {
        // Routes with this preferred source go too, unannounced. New ones are announced.
        are_routes_uncertain_ |= address->is_removed;
        apply_address(*address, sink);
    } else if (const auto* const route = std::get_if<RouteEvent>(&event)) {
        apply_route(*route);
    } else {
        apply_neighbour(std::get<NeighbourEvent>(event), sink);
    }
}

void MirrorModel::begin_dump(Part part) {
    ++generation_;
    if (part == Part::kRoutes) {
        are_routes_uncertain_ = false;
    }
}

void MirrorModel::end_dump(Part part, MirrorSink& sink) {
    switch (part) {
        case Part::kLinks:
            sweep_links(sink);
            break;
        case Part::kAddresses:
            sweep_addresses(sink);
            break;
        case Part::kRoutes:
            sweep_routes();
            break;
        case Part::kNeighbours:
            sweep_neighbours(sink);
            break;
    }
}

// --- Links

void MirrorModel::apply_link(const LinkEvent& event, MirrorSink& sink) {
    if (event.is_removed) {
        remove_link(event.ifindex, sink);
        return;
    }
    const auto [it, is_new] = links_.try_emplace(event.ifindex);
    Link& link = it->second;
    link.generation = generation_;
    if (!is_new && (link.is_up != event.is_up || link.has_carrier != event.has_carrier)) {
        are_routes_uncertain_ = true;
    }
    link.is_up = event.is_up;
    link.has_carrier = event.has_carrier;
    if (!link.ours) {
        link.ours = claim(event);
        are_routes_changed_ |= link.ours.has_value();
    }
    if (link.ours) {
        update_interface(*link.ours, event, sink);
        update_addresses(link, sink);
    }
}

void MirrorModel::remove_link(uint32_t ifindex, MirrorSink& sink) {
    const auto it = links_.find(ifindex);
    if (it == links_.end()) {
        return;
    }
    const auto ours = it->second.ours;
    links_.erase(it);
    are_routes_uncertain_ = true;
    if (!ours) {
        return;
    }
    are_routes_changed_ = true;
    OurInterface& slot = interfaces_.at(index(*ours));
    slot.ifindex = 0;
    forget_neighbours(*ours, sink);
    if (slot.interface.is_up) {
        slot.interface.is_up = false;
        sink.interface_changed(*ours, slot.interface);
    }
}

// Gives a link that is one of ours its id: a tap, or a VLAN that somebody made on a port's tap.
std::optional<InterfaceId> MirrorModel::claim(const LinkEvent& event) {
    for (uint16_t i = 0; i < dataplane::kInterfacesMax; ++i) {
        if (interfaces_[i].is_tap && interfaces_[i].ifindex == event.ifindex) {
            return InterfaceId{i};
        }
    }
    if (!event.vlan) {
        return std::nullopt;
    }
    const auto parent =
        std::find_if(interfaces_.begin(), interfaces_.end(), [&](const OurInterface& ours) {
            return ours.is_tap && ours.interface.vlan == 0 &&
                   ours.ifindex == event.vlan->parent_ifindex;
        });
    if (parent == interfaces_.end()) {
        return std::nullopt;
    }
    const auto id = claim_vlan(parent->interface.port, event.vlan->vlan);
    if (!id) {
        kLog.warning(
            "interface ignored, no id left name={} max={}", event.name, dataplane::kInterfacesMax);
        return std::nullopt;
    }
    OurInterface& slot = interfaces_.at(index(*id));
    const bool is_same_vlan = slot.is_told && slot.interface.vlan == event.vlan->vlan &&
                              slot.interface.port == parent->interface.port;
    if (!is_same_vlan) {
        slot.is_told = false;
        slot.interface = Interface{};
        slot.interface.port = parent->interface.port;
        slot.interface.vlan = event.vlan->vlan;
    }
    slot.ifindex = event.ifindex;
    return id;
}

// The id that this VLAN had before, else a fresh one, else one whose interface is gone.
std::optional<InterfaceId> MirrorModel::claim_vlan(dataplane::PortId port, uint16_t vlan) {
    std::optional<InterfaceId> fresh;
    std::optional<InterfaceId> abandoned;
    for (uint16_t i = 0; i < dataplane::kInterfacesMax; ++i) {
        const OurInterface& slot = interfaces_[i];
        if (slot.is_tap || slot.ifindex != 0) {
            continue;
        }
        if (slot.is_told && slot.interface.port == port && slot.interface.vlan == vlan) {
            return InterfaceId{i};
        }
        auto& candidate = slot.is_told ? abandoned : fresh;
        if (!candidate) {
            candidate = InterfaceId{i};
        }
    }
    return fresh ? fresh : abandoned;
}

void MirrorModel::update_interface(InterfaceId id, const LinkEvent& event, MirrorSink& sink) {
    OurInterface& slot = interfaces_.at(index(id));
    Interface interface = slot.interface;
    interface.is_up = event.is_up && event.has_carrier;
    if (event.mtu_bytes) {
        interface.mtu_bytes = static_cast<uint16_t>(std::min<uint32_t>(*event.mtu_bytes, 65535));
    }
    if (event.mac) {
        interface.mac = *event.mac;
    }
    if (slot.is_told && is_same(interface, slot.interface)) {
        return;
    }
    slot.interface = interface;
    slot.is_told = true;
    sink.interface_changed(id, interface);
}

void MirrorModel::sweep_links(MirrorSink& sink) {
    std::vector<uint32_t> gone;
    for (const auto& [ifindex, link] : links_) {
        if (link.generation != generation_) {
            gone.push_back(ifindex);
        }
    }
    for (const uint32_t ifindex : gone) {
        remove_link(ifindex, sink);
    }
}

std::optional<uint32_t> MirrorModel::ifindex_of(InterfaceId id) const {
    const uint32_t ifindex = interfaces_.at(index(id)).ifindex;
    return ifindex == 0 ? std::nullopt : std::optional(ifindex);
}

// --- Addresses

void MirrorModel::apply_address(const AddressEvent& event, MirrorSink& sink) {
    const auto link = links_.find(event.ifindex);
    if (link == links_.end()) {
        return;
    }
    auto& addresses = link->second.addresses;
    const auto known =
        std::find_if(addresses.begin(), addresses.end(), [&event](const OwnAddress& own) {
            return own.address == event.address.address;
        });
    if (event.is_removed && known != addresses.end()) {
        addresses.erase(known);
    } else if (!event.is_removed && known != addresses.end()) {
        known->generation = generation_;
        known->is_deprecated = event.is_deprecated;
    } else if (!event.is_removed) {
        addresses.push_back({event.address.address, generation_, event.is_deprecated});
    }
    update_addresses(link->second, sink);
}

void MirrorModel::sweep_addresses(MirrorSink& sink) {
    for (auto& [ifindex, link] : links_) {
        std::erase_if(link.addresses,
                      [&](const OwnAddress& own) { return own.generation != generation_; });
        update_addresses(link, sink);
    }
}

// What the interface sends with when nothing else decides: its first address of each family, and
// of IPv6 one that is known beyond the link rather than one that is not.
void MirrorModel::update_addresses(const Link& link, MirrorSink& sink) {
    if (!link.ours) {
        return;
    }
    OurInterface& slot = interfaces_.at(index(*link.ours));
    Interface interface = slot.interface;
    interface.ipv4 = Ipv4Address();
    interface.ipv6 = IpAddress();
    for (const OwnAddress& own : link.addresses) {
        if (own.is_deprecated) {
            continue;  // another director's tomorrow
        }
        IpAddress& first = own.address.is_ipv4() ? interface.ipv4 : interface.ipv6;
        const bool is_better =
            !own.address.is_ipv4() && first.is_link_local() && !own.address.is_link_local();
        if (first.is_any() || is_better) {
            first = own.address;
        }
    }
    if (slot.is_told && !is_same(interface, slot.interface)) {
        slot.interface = interface;
        sink.interface_changed(*link.ours, interface);
    }
}

// --- Neighbours

void MirrorModel::apply_neighbour(const NeighbourEvent& event, MirrorSink& sink) {
    const auto link = links_.find(event.ifindex);
    if (link == links_.end() || !link->second.ours) {
        return;
    }
    const NeighbourKey key{event.address, *link->second.ours};
    if (event.is_removed || event.knowledge == NeighbourKnowledge::kUnknown) {
        if (neighbours_.erase(key) != 0) {
            sink.neighbour_removed(key);
        }
        return;
    }
    const Neighbour neighbour = event.knowledge == NeighbourKnowledge::kKnown
                                    ? Neighbour{event.mac, NeighbourState::kReachable}
                                    : Neighbour{{}, NeighbourState::kFailed};
    const auto [it, is_new] = neighbours_.try_emplace(key);
    it->second.generation = generation_;
    if (is_new || !is_same(it->second.neighbour, neighbour)) {
        it->second.neighbour = neighbour;
        sink.neighbour_changed(key, neighbour);
    }
}

void MirrorModel::forget_neighbours(InterfaceId id, MirrorSink& sink) {
    auto it = neighbours_.lower_bound(NeighbourKey{Ipv4Address{}, id});  // the lowest of all
    while (it != neighbours_.end() && it->first.interface == id) {
        sink.neighbour_removed(it->first);
        it = neighbours_.erase(it);
    }
}

void MirrorModel::sweep_neighbours(MirrorSink& sink) {
    for (auto it = neighbours_.begin(); it != neighbours_.end();) {
        if (it->second.generation == generation_) {
            ++it;
            continue;
        }
        sink.neighbour_removed(it->first);
        it = neighbours_.erase(it);
    }
}

// --- Routes

void MirrorModel::apply_route(const RouteEvent& event) {
    Table table = Table::kMain;
    switch (event.table) {
        case RT_TABLE_LOCAL:
            table = Table::kLocal;
            break;
        case RT_TABLE_MAIN:
            break;
        case RT_TABLE_DEFAULT:
            table = Table::kDefault;
            break;
        default:
            return;
    }
    if (event.tos != 0 || event.action == RouteAction::kOther) {
        return;
    }
    const RouteKey key{event.to.address, event.to.length, table, event.metric};
    const auto is_this = [&](const KernelRoute& route) {
        return route.action == event.action && std::equal(route.next_hops.begin(),
                                                          route.next_hops.end(),
                                                          event.next_hops.begin(),
                                                          event.next_hops.end(),
                                                          is_same_way);
    };
    std::vector<KernelRoute>& same_key = routes_[key];
    const auto existing = std::find_if(same_key.begin(), same_key.end(), is_this);
    are_routes_changed_ = true;
    if (event.is_removed) {
        if (existing != same_key.end()) {
            same_key.erase(existing);
        } else {
            are_routes_uncertain_ |= !same_key.empty();
        }
        if (same_key.empty()) {
            routes_.erase(key);
        }
        return;
    }
    // IPv6 joins routes to one destination into one without saying of which it was made.
    are_routes_uncertain_ |= event.to.family() == Family::kIpv6 && !same_key.empty() &&
                             existing == same_key.end() &&
                             event.place != RoutePlace::kInsteadOfFirst;
    const KernelRoute route{event.action, event.next_hops, generation_};
    if (event.place == RoutePlace::kInsteadOfFirst && !same_key.empty()) {
        if (existing != same_key.end() && existing != same_key.begin()) {
            same_key.erase(existing);
        }
        same_key.front() = route;
    } else if (existing != same_key.end()) {
        *existing = route;
    } else {
        same_key.insert(event.place == RoutePlace::kLast ? same_key.end() : same_key.begin(),
                        route);
    }
}

void MirrorModel::sweep_routes() {
    are_routes_changed_ = true;
    for (auto it = routes_.begin(); it != routes_.end();) {
        std::erase_if(it->second,
                      [&](const KernelRoute& route) { return route.generation != generation_; });
        it = it->second.empty() ? routes_.erase(it) : std::next(it);
    }
}

// What a worker is to do with a route of the kernel's; kNone when it leads through no interface of
// ours.
Route MirrorModel::resolve(const KernelRoute& route) const {
    if (route.action == RouteAction::kLocal) {
        return {RouteKind::kLocal, {}, {}};
    }
    if (route.action == RouteAction::kDiscard) {
        return {RouteKind::kDiscard, {}, {}};
    }
    for (const NextHop& next_hop : route.next_hops) {
        const auto link = links_.find(next_hop.ifindex);
        if (!next_hop.is_usable || link == links_.end() || !link->second.ours) {
            continue;
        }
        return {next_hop.gateway ? RouteKind::kGateway : RouteKind::kOnLink,
                *link->second.ours,
                next_hop.gateway.value_or(IpAddress{})};
    }
    return {};
}

// Whether table local or main has an answer for all that this route is about.
bool MirrorModel::is_covered_before_default(const RouteKey& key) const {
    for (uint8_t shorter = 0; shorter <= key.length; ++shorter) {
        const IpAddress network = IpPrefix::masked(key.address, shorter);
        const auto it = routes_.lower_bound(RouteKey{network, shorter, Table::kLocal, 0});
        if (it != routes_.end() && it->first.address == network && it->first.length == shorter &&
            it->first.table != Table::kDefault) {
            return true;
        }
    }
    return false;
}

std::vector<PrefixRoute> MirrorModel::build_routes() const {
    std::vector<PrefixRoute> list;
    for (const auto& [key, same_key] : routes_) {
        if (key.table == Table::kDefault && is_covered_before_default(key)) {
            continue;
        }
        const IpPrefix to{key.address, key.length};
        if (list.empty() || list.back().to != to) {
            list.push_back({to, {}});
        }
        // Keys with one destination follow each other in the order in which the kernel prefers
        // them.
        for (const KernelRoute& route : same_key) {
            if (list.back().route.kind == RouteKind::kNone) {
                list.back().route = resolve(route);
            }
        }
    }
    return list;
}

void MirrorModel::deliver_routes(MirrorSink& sink) {
    are_routes_changed_ = false;
    std::vector<PrefixRoute> list = build_routes();
    if (is_ever_delivered_ && list == delivered_) {
        return;
    }
    is_ever_delivered_ = true;
    delivered_ = std::move(list);
    sink.routes_changed(delivered_);
}

std::vector<std::pair<dataplane::NeighbourKey, dataplane::Neighbour>> MirrorModel::neighbours_after(
    const std::optional<dataplane::NeighbourKey>& last, size_t limit) const {
    std::vector<std::pair<dataplane::NeighbourKey, dataplane::Neighbour>> rows;
    auto next = last ? neighbours_.upper_bound(*last) : neighbours_.begin();
    for (; next != neighbours_.end() && rows.size() < limit; ++next) {
        rows.emplace_back(next->first, next->second.neighbour);
    }
    return rows;
}

}  // namespace director::kernel
