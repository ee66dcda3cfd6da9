// What the kernel says about links, addresses, routes and neighbours, as typed values. A pure
// function of the bytes of one rtnetlink message; who keeps count of it is mirror_model.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "common/address.h"

namespace director::kernel {

// An 802.1Q sub-interface: which VLAN on which interface.
struct VlanLink {
    uint32_t parent_ifindex = 0;
    uint16_t vlan = 0;

    friend constexpr bool operator==(const VlanLink&, const VlanLink&) = default;
};

struct LinkEvent {
    bool is_removed = false;
    uint32_t ifindex = 0;
    bool is_up = false;        // administratively (IFF_UP)
    bool has_carrier = false;  // IFF_LOWER_UP
    // Absent where the message does not say; some notifications are partial.
    std::string name;
    std::optional<uint32_t> mtu_bytes;
    std::optional<MacAddress> mac;
    std::optional<VlanLink> vlan;
};

// An address of an interface came or went.
struct AddressEvent {
    bool is_removed = false;
    uint32_t ifindex = 0;
    IpPrefix address;
    bool is_deprecated = false;  // answers, but speaks only where there is no other
};

// What to do with a packet that matches a route (RTN_*, as far as it concerns forwarding).
enum class RouteAction : uint8_t { kUnicast, kLocal, kDiscard, kOther };

struct NextHop {
    uint32_t ifindex = 0;
    std::optional<IpAddress> gateway;  // absent: the destination is on the link
    // False when the kernel does not use it.
    bool is_usable = true;

    friend bool operator==(const NextHop&, const NextHop&) = default;
};

// Where among routes with the same table, destination, TOS and metric the kernel put this one.
enum class RoutePlace : uint8_t { kFirst, kLast, kInsteadOfFirst };

struct RouteEvent {
    bool is_removed = false;
    RoutePlace place = RoutePlace::kFirst;
    uint32_t table = 0;  // RT_TABLE_*
    uint8_t tos = 0;
    uint32_t metric = 0;
    IpPrefix to;
    RouteAction action = RouteAction::kUnicast;
    std::vector<NextHop> next_hops;  // in the kernel's order; empty for most discarding routes
};

// What the kernel knows of a neighbour (NUD_*, as far as it concerns forwarding).
enum class NeighbourKnowledge : uint8_t { kKnown, kFailed, kUnknown };

struct NeighbourEvent {
    bool is_removed = false;
    uint32_t ifindex = 0;
    IpAddress address;
    NeighbourKnowledge knowledge = NeighbourKnowledge::kUnknown;
    MacAddress mac;  // of a kKnown one
};

using KernelEvent = std::variant<LinkEvent, AddressEvent, RouteEvent, NeighbourEvent>;

// One whole message, header included. nullopt for a message that is none of these, that is
// about neither IPv4 nor IPv6, or that is malformed.
[[nodiscard]] std::optional<KernelEvent> parse_kernel_event(std::span<const uint8_t> message);

}  // namespace director::kernel
