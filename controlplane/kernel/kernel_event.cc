#include "controlplane/kernel/kernel_event.h"

// <net/if.h> lacks IFF_LOWER_UP, and <linux/if.h> cannot stand beside it.
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "controlplane/kernel/netlink_reader.h"

namespace director::kernel {
namespace {

// Copies the fixed structure at the start of a message's payload; nullopt when it is cut off.
template <typename Fixed>
std::optional<Fixed> read_fixed(std::span<const uint8_t> payload) {
    Fixed fixed{};
    if (payload.size() < sizeof(fixed)) {
        return std::nullopt;
    }
    std::memcpy(&fixed, payload.data(), sizeof(fixed));
    return fixed;
}

std::optional<Family> family_of(unsigned address_family) {
    switch (address_family) {
        case AF_INET:
            return Family::kIpv4;
        case AF_INET6:
            return Family::kIpv6;
        default:
            return std::nullopt;
    }
}

IpAddress any_of(Family family) {
    return family == Family::kIpv4 ? IpAddress(Ipv4Address()) : IpAddress();
}

std::optional<IpAddress> read_address(Family family, std::span<const uint8_t> value) {
    if (family == Family::kIpv4) {
        const auto raw = read_u32(value);
        return raw && value.size() == sizeof(*raw) ? std::optional(Ipv4Address{Be32{*raw}})
                                                   : std::nullopt;
    }
    if (value.size() != sizeof(IpAddress)) {
        return std::nullopt;
    }
    const IpAddress address = IpAddress::load_ipv6(value.data());
    // ::ffff:a.b.c.d is on no wire, and means IPv4 to us.
    return address.is_ipv4() ? std::nullopt : std::optional(address);
}

std::optional<MacAddress> read_mac(std::span<const uint8_t> value) {
    MacAddress mac;
    if (value.size() != mac.bytes.size()) {
        return std::nullopt;
    }
    std::copy(value.begin(), value.end(), mac.bytes.begin());
    return mac;
}

// The VLAN id in IFLA_LINKINFO, when the link is an 802.1Q one (802.1ad is not: its tag differs).
std::optional<uint16_t> read_vlan_id(std::span<const uint8_t> link_info) {
    bool is_vlan = false;
    bool is_8021q = true;
    std::optional<uint16_t> id;
    AttributeReader info(link_info);
    while (const auto part = info.next()) {
        if (part->type == IFLA_INFO_KIND) {
            is_vlan = read_text(part->value) == "vlan";
        } else if (part->type == IFLA_INFO_DATA) {
            AttributeReader data(part->value);
            while (const auto attribute = data.next()) {
                if (attribute->type == IFLA_VLAN_ID) {
                    id = read_u16(attribute->value);
                } else if (attribute->type == IFLA_VLAN_PROTOCOL) {
                    const auto protocol = read_u16(attribute->value);
                    is_8021q = protocol && Be16{*protocol}.host() == ETH_P_8021Q;
                }
            }
        }
    }
    if (!is_vlan || !is_8021q || !id || *id == 0 || *id > 4094) {
        return std::nullopt;
    }
    return id;
}

std::optional<KernelEvent> parse_link(bool is_removed, std::span<const uint8_t> payload) {
    const auto fixed = read_fixed<ifinfomsg>(payload);
    // AF_BRIDGE messages speak of bridge ports: their RTM_DELLINK means that a link left a bridge.
    if (!fixed || fixed->ifi_family != AF_UNSPEC || fixed->ifi_index <= 0) {
        return std::nullopt;
    }
    LinkEvent event{.is_removed = is_removed,
                    .ifindex = static_cast<uint32_t>(fixed->ifi_index),
                    .is_up = (fixed->ifi_flags & IFF_UP) != 0,
                    .has_carrier = (fixed->ifi_flags & IFF_LOWER_UP) != 0,
                    .name = {},
                    .mtu_bytes = {},
                    .mac = {},
                    .vlan = {}};
    std::optional<uint32_t> parent;
    std::optional<uint16_t> vlan;
    bool is_parent_elsewhere = false;
    AttributeReader attributes(after(payload, sizeof(*fixed)));
    while (const auto attribute = attributes.next()) {
        switch (attribute->type) {
            case IFLA_IFNAME:
                event.name = read_text(attribute->value);
                break;
            case IFLA_MTU:
                event.mtu_bytes = read_u32(attribute->value);
                break;
            case IFLA_ADDRESS:
                event.mac = read_mac(attribute->value);
                break;
            case IFLA_LINK:
                parent = read_u32(attribute->value);
                break;
            case IFLA_LINK_NETNSID:  // the parent's index is of another network namespace
                is_parent_elsewhere = true;
                break;
            case IFLA_LINKINFO:
                vlan = read_vlan_id(attribute->value);
                break;
            default:
                break;
        }
    }
    if (parent && vlan && !is_parent_elsewhere) {
        event.vlan = VlanLink{*parent, *vlan};
    }
    return event;
}

std::optional<KernelEvent> parse_address(bool is_removed, std::span<const uint8_t> payload) {
    const auto fixed = read_fixed<ifaddrmsg>(payload);
    const auto family = fixed ? family_of(fixed->ifa_family) : std::nullopt;
    if (!family || fixed->ifa_prefixlen > IpPrefix::length_max(*family)) {
        return std::nullopt;
    }
    std::optional<IpAddress> own;
    std::optional<IpAddress> other;
    AttributeReader attributes(after(payload, sizeof(*fixed)));
    while (const auto attribute = attributes.next()) {
        // IFA_ADDRESS is the peer's on a point-to-point link. IPv6 has it alone without a peer.
        if (attribute->type == IFA_LOCAL) {
            own = read_address(*family, attribute->value);
        } else if (attribute->type == IFA_ADDRESS) {
            other = read_address(*family, attribute->value);
        }
    }
    const auto address = own || *family == Family::kIpv4 ? own : other;
    if (!address) {
        return std::nullopt;
    }
    return AddressEvent{is_removed,
                        fixed->ifa_index,
                        {*address, fixed->ifa_prefixlen},
                        (fixed->ifa_flags & IFA_F_DEPRECATED) != 0};
}

RouteAction action_of(uint8_t type) {
    switch (type) {
        case RTN_UNICAST:
            return RouteAction::kUnicast;
        case RTN_LOCAL:
        case RTN_BROADCAST:
        case RTN_ANYCAST:
            return RouteAction::kLocal;
        case RTN_BLACKHOLE:
        case RTN_UNREACHABLE:
        case RTN_PROHIBIT:
            return RouteAction::kDiscard;
        default:
            return RouteAction::kOther;
    }
}

// A gateway of a family of its own (struct rtvia): IPv6 for an IPv4 route, RFC 8950.
std::optional<IpAddress> read_via(std::span<const uint8_t> value) {
    const auto family = family_of(read_u16(value).value_or(AF_UNSPEC));
    return family ? read_address(*family, value.subspan(sizeof(uint16_t))) : std::nullopt;
}

// A gateway attribute, of a route or of one next hop.
void read_gateway(Family family, const Attribute& attribute, NextHop& next_hop) {
    if (attribute.type == RTA_GATEWAY) {
        next_hop.gateway = read_address(family, attribute.value);
    } else if (attribute.type == RTA_VIA) {
        next_hop.gateway = read_via(attribute.value);
    } else {
        return;
    }
    next_hop.is_usable = next_hop.is_usable && next_hop.gateway.has_value();
}

std::vector<NextHop> read_multipath(Family family, std::span<const uint8_t> value) {
    std::vector<NextHop> next_hops;
    while (const auto fixed = read_fixed<rtnexthop>(value)) {
        if (fixed->rtnh_len < sizeof(*fixed) || fixed->rtnh_len > value.size()) {
            break;
        }
        NextHop next_hop{.ifindex = static_cast<uint32_t>(fixed->rtnh_ifindex),
                         .gateway = {},
                         .is_usable = (fixed->rtnh_flags & RTNH_F_DEAD) == 0};
        AttributeReader attributes(after(value.first(fixed->rtnh_len), sizeof(*fixed)));
        while (const auto attribute = attributes.next()) {
            read_gateway(family, *attribute, next_hop);
        }
        next_hops.push_back(next_hop);
        value = after(value, fixed->rtnh_len);
    }
    return next_hops;
}

RoutePlace place_of(uint16_t flags) {
    if ((flags & NLM_F_REPLACE) != 0) {
        return RoutePlace::kInsteadOfFirst;
    }
    // A dump lists routes in the kernel's order.
    return (flags & (NLM_F_APPEND | NLM_F_MULTI)) != 0 ? RoutePlace::kLast : RoutePlace::kFirst;
}

std::optional<KernelEvent> parse_route(const MessageHeader& header,
                                       std::span<const uint8_t> payload) {
    const auto fixed = read_fixed<rtmsg>(payload);
    // Cloned ones are path MTU exceptions, not routes. Those by source are beyond us.
    const auto family = fixed ? family_of(fixed->rtm_family) : std::nullopt;
    if (!family || fixed->rtm_dst_len > IpPrefix::length_max(*family) || fixed->rtm_src_len != 0 ||
        (fixed->rtm_flags & RTM_F_CLONED) != 0) {
        return std::nullopt;
    }
    RouteEvent event{.is_removed = header.type == RTM_DELROUTE,
                     .place = place_of(header.flags),
                     .table = fixed->rtm_table,
                     .tos = fixed->rtm_tos,
                     .metric = 0,
                     .to = {any_of(*family), fixed->rtm_dst_len},
                     .action = action_of(fixed->rtm_type),
                     .next_hops = {}};
    NextHop single{.ifindex = 0, .gateway = {}, .is_usable = (fixed->rtm_flags & RTNH_F_DEAD) == 0};
    AttributeReader attributes(after(payload, sizeof(*fixed)));
    while (const auto attribute = attributes.next()) {
        switch (attribute->type) {
            case RTA_TABLE:
                event.table = read_u32(attribute->value).value_or(event.table);
                break;
            case RTA_PRIORITY:
                event.metric = read_u32(attribute->value).value_or(0);
                break;
            case RTA_DST: {
                const auto address = read_address(*family, attribute->value);
                if (!address) {
                    return std::nullopt;
                }
                event.to.address = *address;
                break;
            }
            case RTA_OIF:
                single.ifindex = read_u32(attribute->value).value_or(0);
                break;
            case RTA_MULTIPATH:
                event.next_hops = read_multipath(*family, attribute->value);
                break;
            default:
                read_gateway(*family, *attribute, single);
                break;
        }
    }
    if (event.next_hops.empty() && single.ifindex != 0) {
        event.next_hops.push_back(single);
    }
    event.to.address = event.to.network();
    return event;
}

// Addresses that no ARP resolves; the kernel lists group members on a link this way.
bool is_group_entry(const ndmsg& fixed, const IpAddress& address) {
    return (fixed.ndm_state & NUD_NOARP) != 0 &&
           (address.is_multicast() || fixed.ndm_type != RTN_UNICAST);
}

// States in which the kernel itself would send to the MAC address of the entry.
constexpr uint16_t kUsable =
    NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

std::optional<KernelEvent> parse_neighbour(bool is_removed, std::span<const uint8_t> payload) {
    const auto fixed = read_fixed<ndmsg>(payload);
    const auto family = fixed ? family_of(fixed->ndm_family) : std::nullopt;
    // A proxy entry is an address that we answer for, not a neighbour.
    if (!family || fixed->ndm_ifindex <= 0 || (fixed->ndm_flags & NTF_PROXY) != 0) {
        return std::nullopt;
    }
    std::optional<IpAddress> address;
    std::optional<MacAddress> mac;
    AttributeReader attributes(after(payload, sizeof(*fixed)));
    while (const auto attribute = attributes.next()) {
        if (attribute->type == NDA_DST) {
            address = read_address(*family, attribute->value);
        } else if (attribute->type == NDA_LLADDR) {
            mac = read_mac(attribute->value);
        }
    }
    if (!address || is_group_entry(*fixed, *address)) {
        return std::nullopt;
    }
    NeighbourEvent event{.is_removed = is_removed,
                         .ifindex = static_cast<uint32_t>(fixed->ndm_ifindex),
                         .address = *address,
                         .knowledge = NeighbourKnowledge::kUnknown,
                         .mac = {}};
    if ((fixed->ndm_state & kUsable) != 0 && mac) {
        event.knowledge = NeighbourKnowledge::kKnown;
        event.mac = *mac;
    } else if ((fixed->ndm_state & NUD_FAILED) != 0) {
        event.knowledge = NeighbourKnowledge::kFailed;
    }
    return event;
}

}  // namespace

std::optional<KernelEvent> parse_kernel_event(std::span<const uint8_t> message) {
    if (message.size() < kMessageHeaderBytes) {
        return std::nullopt;
    }
    const MessageHeader header = read_header(message);
    const auto payload = payload_of(message);
    switch (header.type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
            return parse_link(header.type == RTM_DELLINK, payload);
        case RTM_NEWADDR:
        case RTM_DELADDR:
            return parse_address(header.type == RTM_DELADDR, payload);
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
            return parse_route(header, payload);
        case RTM_NEWNEIGH:
        case RTM_DELNEIGH:
            return parse_neighbour(header.type == RTM_DELNEIGH, payload);
        default:
            return std::nullopt;
    }
}

}  // namespace director::kernel
