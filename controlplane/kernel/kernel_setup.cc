#include "controlplane/kernel/kernel_setup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include "controlplane/kernel/file_descriptor.h"

namespace director::kernel {
namespace {

template <typename Fixed>
std::span<const std::byte> fixed_bytes(const Fixed& fixed) {
    return std::as_bytes(std::span(&fixed, 1));
}

// --- Addresses

NetlinkMessage address_message(uint16_t type,
                               uint16_t flags,
                               uint32_t ifindex,
                               const IpPrefix& address) {
    ifaddrmsg fixed{};
    fixed.ifa_family = address_family(address.address);
    fixed.ifa_flags = address.address.is_ipv4() ? 0 : IFA_F_NODAD;
    fixed.ifa_prefixlen = address.length;
    fixed.ifa_index = ifindex;
    NetlinkMessage message(type, flags, fixed_bytes(fixed));
    message.add(IFA_LOCAL, wire_bytes(address.address));
    message.add(IFA_ADDRESS, wire_bytes(address.address));
    return message;
}

// --- Routes

NetlinkMessage route_message(uint16_t type,
                             uint16_t flags,
                             const IpPrefix& to,
                             const IpAddress& via) {
    rtmsg fixed{};
    fixed.rtm_family = address_family(to.address);
    fixed.rtm_dst_len = to.length;
    fixed.rtm_table = RT_TABLE_MAIN;
    if (type == RTM_NEWROUTE) {
        fixed.rtm_protocol = RTPROT_STATIC;
        fixed.rtm_type = RTN_UNICAST;
    } else {
        fixed.rtm_scope = RT_SCOPE_NOWHERE;  // whatever its scope
    }
    NetlinkMessage message(type, flags, fixed_bytes(fixed));
    if (to.length != 0) {
        const IpAddress network = to.network();
        message.add(RTA_DST, wire_bytes(network));
    }
    message.add(RTA_GATEWAY, wire_bytes(via));
    return message;
}

// The routes to exactly `to` that stand in the way of a static one (table main, no metric, TOS 0).
std::vector<RouteEvent> routes_to(NetlinkSocket& netlink, const IpPrefix& to) {
    std::vector<RouteEvent> found;
    // The metric that stands for none (IPv6: IP6_RT_PRIO_USER).
    const uint32_t metric = to.family() == Family::kIpv4 ? 0 : 1024;
    rtmsg fixed{};
    fixed.rtm_family = address_family(to.address);
    NetlinkMessage dump(RTM_GETROUTE, NLM_F_DUMP, fixed_bytes(fixed));
    static_cast<void>(netlink.ask(dump, [&](std::span<const uint8_t> message) {
        const auto event = parse_kernel_event(message);
        const auto* const route = event ? std::get_if<RouteEvent>(&*event) : nullptr;
        if (route != nullptr && route->table == RT_TABLE_MAIN && route->metric == metric &&
            route->tos == 0 && route->to.address == to.network() && route->to.length == to.length) {
            found.push_back(*route);
        }
    }));
    return found;
}

std::string describe(const RouteEvent& route) {
    if (route.action == RouteAction::kDiscard) {
        return "a discarding one";
    }
    if (route.next_hops.empty()) {
        return "one without a next hop";
    }
    const NextHop& next_hop = route.next_hops.front();
    std::array<char, IF_NAMESIZE> name{};
    static_cast<void>(if_indextoname(next_hop.ifindex, name.data()));
    return next_hop.gateway
               ? fmt::format("via {} dev {}", to_string(*next_hop.gateway), name.data())
               : fmt::format("dev {}", name.data());
}

// --- Links

NetlinkMessage link_message(uint16_t type, uint16_t flags, const ifinfomsg& fixed) {
    return {type, flags, fixed_bytes(fixed)};
}

Result<void> done_or(const NetlinkReply& reply, int harmless, const std::string& what) {
    if (reply.is_ok() || reply.error == harmless) {
        return {};
    }
    return failure(what + ": " + reply.text);
}

// --- Settings under /proc/sys

std::string setting_path(std::string_view family,
                         std::string_view interface,
                         std::string_view setting) {
    return fmt::format("/proc/sys/net/{}/conf/{}/{}", family, interface, setting);
}

Result<void> write_setting(const std::string& path, std::string_view value) {
    const FileDescriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.is_open() ||
        ::write(fd.number(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
        return failure(fmt::format("cannot write {} to {}: {}",
                                   value,
                                   path,
                                   std::error_code(errno, std::generic_category()).message()));
    }
    return {};
}

struct Setting {
    std::string_view name;
    std::string_view value;
};

Result<void> write_settings(std::string_view family,
                            std::string_view interface,
                            std::span<const Setting> settings) {
    for (const Setting& setting : settings) {
        if (auto written =
                write_setting(setting_path(family, interface, setting.name), setting.value);
            !written) {
            return written;
        }
    }
    return {};
}

bool is_setting_zero(const std::string& path) {
    const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char value = '0';
    return !fd.is_open() || ::read(fd.number(), &value, 1) != 1 || value == '0';
}

}  // namespace

Result<void> add_address(NetlinkSocket& netlink,
                         const std::string& interface,
                         const IpPrefix& address,
                         AddressUse use) {
    const std::string what =
        fmt::format("cannot add address {} to {}", to_string(address), interface);
    const auto link = find_link(netlink, interface);
    if (!link) {
        return failure(what + ": " + link.error().message);
    }
    NetlinkMessage message =
        address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, link->ifindex, address);
    if (use == AddressUse::kVirtual && !address.address.is_ipv4()) {
        ifa_cacheinfo lifetimes{};
        lifetimes.ifa_prefered = 0;
        lifetimes.ifa_valid = UINT32_MAX;  // for ever
        message.add(IFA_CACHEINFO,
                    {reinterpret_cast<const uint8_t*>(&lifetimes), sizeof(lifetimes)});
    }
    return done_or(netlink.ask(message), EEXIST, what);
}

Result<void> remove_address(NetlinkSocket& netlink,
                            const std::string& interface,
                            const IpPrefix& address) {
    const auto link = find_link(netlink, interface);
    if (!link) {
        return {};
    }
    NetlinkMessage message = address_message(RTM_DELADDR, 0, link->ifindex, address);
    return done_or(netlink.ask(message),
                   EADDRNOTAVAIL,
                   fmt::format("cannot remove address {} from {}", to_string(address), interface));
}

Result<void> add_route(NetlinkSocket& netlink, const IpPrefix& to, const IpAddress& via) {
    NetlinkMessage message = route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, to, via);
    const NetlinkReply reply = netlink.ask(message);
    const std::string what =
        fmt::format("cannot add route {} via {}", to_string(to), to_string(via));
    if (reply.error != EEXIST) {
        return done_or(reply, 0, what);
    }
    const auto existing = routes_to(netlink, to);
    const bool is_there =
        std::any_of(existing.begin(), existing.end(), [&](const RouteEvent& route) {
            return route.next_hops.size() == 1 && route.next_hops.front().gateway == via;
        });
    if (is_there) {
        return {};
    }
    return failure(fmt::format("{}: there is another route to it, {}; remove that one first",
                               what,
                               existing.empty() ? "gone since" : describe(existing.front())));
}

Result<void> remove_route(NetlinkSocket& netlink, const IpPrefix& to, const IpAddress& via) {
    NetlinkMessage message = route_message(RTM_DELROUTE, 0, to, via);
    return done_or(netlink.ask(message),
                   ESRCH,
                   fmt::format("cannot remove route {} via {}", to_string(to), to_string(via)));
}

Result<void> set_link(NetlinkSocket& netlink,
                      const std::string& interface,
                      const LinkSettings& settings) {
    ifinfomsg fixed{};
    if (settings.is_up) {
        fixed.ifi_change = IFF_UP;
        fixed.ifi_flags = *settings.is_up ? static_cast<unsigned>(IFF_UP) : 0U;
    }
    NetlinkMessage message = link_message(RTM_NEWLINK, 0, fixed);
    message.add_text(IFLA_IFNAME, interface);
    if (settings.mac) {
        message.add(IFLA_ADDRESS, settings.mac->bytes);
    }
    if (settings.mtu_bytes) {
        message.add_u32(IFLA_MTU, *settings.mtu_bytes);
    }
    return done_or(netlink.ask(message), 0, "cannot set up interface " + interface);
}

Result<LinkEvent> find_link(NetlinkSocket& netlink, const std::string& interface) {
    if (interface.empty() || interface.size() >= IFNAMSIZ) {
        return failure(fmt::format("there is no interface \"{}\"", interface));
    }
    std::optional<LinkEvent> found;
    NetlinkMessage message = link_message(RTM_GETLINK, 0, {});
    message.add_text(IFLA_IFNAME, interface);
    const NetlinkReply reply = netlink.ask(message, [&](std::span<const uint8_t> answer) {
        const auto event = parse_kernel_event(answer);
        if (const auto* const link = event ? std::get_if<LinkEvent>(&*event) : nullptr) {
            found = *link;
        }
    });
    if (!found) {
        return failure(fmt::format("there is no interface {} ({})", interface, reply.text));
    }
    return *found;
}

Result<void> quiet_interface(const std::string& interface) {
    // The kernel takes the larger of conf.all and the interface's own; 2 (loose) outdoes 1
    // (strict).
    const bool may_be_off = is_setting_zero(setting_path("ipv4", "all", "rp_filter"));
    const std::array<Setting, 3> of_ipv4{
        {{"forwarding", "0"}, {"rp_filter", may_be_off ? "0" : "2"}, {"promote_secondaries", "1"}}};
    constexpr std::array<Setting, 6> kOfIpv6{{{"accept_ra", "0"},
                                              {"router_solicitations", "0"},
                                              {"accept_dad", "0"},
                                              {"dad_transmits", "0"},
                                              {"forwarding", "0"},
                                              {"disable_ipv6", "0"}}};
    if (auto written = write_settings("ipv4", interface, of_ipv4); !written) {
        return written;
    }
    const std::string accept_ra = setting_path("ipv6", interface, "accept_ra");
    const bool has_ipv6 = ::access(accept_ra.c_str(), F_OK) == 0;
    return has_ipv6 ? write_settings("ipv6", interface, kOfIpv6) : Result<void>();
}

}  // namespace director::kernel
