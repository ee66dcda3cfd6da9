// Brings the kernel to what the configuration says: one thing a call, and what is so already is
// success, so that a reload can apply differences and a retry does no harm.
//
// Control-plane thread only; every call is a system call or a few.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/address.h"
#include "common/result.h"
#include "controlplane/kernel/kernel_event.h"
#include "controlplane/kernel/netlink.h"

namespace director::kernel {

// Adding to an interface that does not exist is an error; removing from it is not. IPv6 addresses
// are usable at once: no duplicate address detection (IFA_F_NODAD).
// kVirtual: an IPv6 address is deprecated, so that the kernel prefers others as source.
enum class AddressUse : uint8_t { kOwn, kVirtual };
[[nodiscard]] Result<void> add_address(NetlinkSocket& netlink,
                                       const std::string& interface,
                                       const IpPrefix& address,
                                       AddressUse use = AddressUse::kOwn);
[[nodiscard]] Result<void> remove_address(NetlinkSocket& netlink,
                                          const std::string& interface,
                                          const IpPrefix& address);

// A static route in table main. Another route to the same destination (the machine's own default
// route, say) is not replaced: that is an error, which names it.
[[nodiscard]] Result<void> add_route(NetlinkSocket& netlink,
                                     const IpPrefix& to,
                                     const IpAddress& via);
[[nodiscard]] Result<void> remove_route(NetlinkSocket& netlink,
                                        const IpPrefix& to,
                                        const IpAddress& via);

struct LinkSettings {
    std::optional<MacAddress> mac;
    std::optional<uint16_t> mtu_bytes;
    std::optional<bool> is_up;
};
[[nodiscard]] Result<void> set_link(NetlinkSocket& netlink,
                                    const std::string& interface,
                                    const LinkSettings& settings);

// What the kernel says of an interface; an error if there is none of this name.
[[nodiscard]] Result<LinkEvent> find_link(NetlinkSocket& netlink, const std::string& interface);

// Keeps the kernel from doing a second time, or against us, what Director does on this interface:
//   forwarding=0          the packet path routes; the kernel must not forward what is punted to it
//   rp_filter             off (or loose, where conf.all demands it): a punted packet may come in by
//                         another port than the kernel would answer through
//   promote_secondaries=1 removing one address must not take its neighbours in the subnet with it
// and of IPv6, where the kernel has it:
//   disable_ipv6=0        addresses can be given, whatever conf.default says
//   accept_ra=0           a balancer takes no address or default route from whoever advertises one
//   router_solicitations=0, accept_dad=0, dad_transmits=0: nothing is sent unasked, and addresses
//                         are usable at once
// arp_ignore stays as it is: the kernel answers ARP for its own addresses. accept_local stays 0.
[[nodiscard]] Result<void> quiet_interface(const std::string& interface);

}  // namespace director::kernel
