#include "healthcheck/probes/private_network.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "common/assert.h"
#include "healthcheck/probes/sockets.h"

namespace director::healthcheck {
namespace {

constexpr std::string_view kInterface = "probes";

Failure errno_failure(std::string_view what) {
    return failure(fmt::format("{}: {}", what, std::strerror(errno)));
}

// This thread's stay in another namespace: until the end of the scope.
class Visit {
  public:
    Visit() : home_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {}
    ~Visit() {
        // To go on in the wrong namespace would be worse than to stop.
        DIRECTOR_ASSERT(!home_.is_open() || setns(home_.get(), CLONE_NEWNET) == 0);
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    [[nodiscard]] bool knows_home() const { return home_.is_open(); }

  private:
    OwnedFd home_;
};

ifreq request_for_interface() {
    ifreq request{};
    std::copy(kInterface.begin(), kInterface.end(), std::begin(request.ifr_name));
    return request;
}

// The interface up, with everything reachable through it.
Result<int> bring_up(int mtu_bytes) {
    const OwnedFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const OwnedFd socket6(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request = request_for_interface();
    request.ifr_mtu = mtu_bytes;
    if (::ioctl(socket.get(), SIOCSIFMTU, &request) != 0) {
        return errno_failure("MTU of the probes' tun device");
    }
    request = request_for_interface();
    request.ifr_flags = IFF_UP;
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
        return errno_failure("probes' tun device up");
    }
    request = request_for_interface();
    if (::ioctl(socket.get(), SIOCGIFINDEX, &request) != 0) {
        return errno_failure("probes' tun device");
    }
    const int index = request.ifr_ifindex;
    rtentry route{};
    std::string name(kInterface);
    route.rt_dst.sa_family = AF_INET;
    route.rt_genmask.sa_family = AF_INET;
    route.rt_flags = RTF_UP;
    route.rt_dev = name.data();
    if (::ioctl(socket.get(), SIOCADDRT, &route) != 0) {
        return errno_failure("route of the probes");
    }
    // A machine without IPv6 probes no IPv6 servers.
    in6_rtmsg route6{};
    route6.rtmsg_flags = RTF_UP;
    route6.rtmsg_metric = 1;
    route6.rtmsg_ifindex = index;
    if (socket6.is_open()) {
        static_cast<void>(::ioctl(socket6.get(), SIOCADDRT, &route6));
    }
    return index;
}

Result<void> add_ipv4(const IpAddress& address) {
    const OwnedFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    // Each address stands under a label of its own: the ioctl has one address for each name.
    ifreq request{};
    const std::string label = fmt::format("{}:{:x}", kInterface, address.ipv4().host());
    std::copy(label.begin(), label.end(), std::begin(request.ifr_name));
    const SocketAddress place(Endpoint{address, Be16()});
    std::memcpy(&request.ifr_addr, &place.storage, sizeof(request.ifr_addr));
    if (::ioctl(socket.get(), SIOCSIFADDR, &request) != 0 && errno != EEXIST) {
        return errno_failure("source address of probes");
    }
    return {};
}

Result<void> add_ipv6(const IpAddress& address, int interface_index) {
    const OwnedFd socket(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    in6_ifreq request{};
    std::memcpy(&request.ifr6_addr, address.bytes.data(), address.bytes.size());
    request.ifr6_prefixlen = 128;
    request.ifr6_ifindex = interface_index;
    if (::ioctl(socket.get(), SIOCSIFADDR, &request) != 0 && errno != EEXIST) {
        return errno_failure("source address of probes");
    }
    return {};
}

}  // namespace

Result<PrivateNetwork> PrivateNetwork::make() {
    PrivateNetwork network;
    const Visit visit;
    if (!visit.knows_home() || unshare(CLONE_NEWNET) != 0) {
        return errno_failure("network namespace for probes");
    }
    network.namespace_ = OwnedFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    network.tun_ = OwnedFd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!network.namespace_.is_open() || !network.tun_.is_open()) {
        return errno_failure("/dev/net/tun");
    }
    ifreq request = request_for_interface();
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (::ioctl(network.tun_.get(), TUNSETIFF, &request) != 0) {
        return errno_failure("tun device for probes");
    }
    const auto index = bring_up(kMtuBytes);
    if (!index) {
        return Failure(index.error());
    }
    network.interface_index_ = *index;
    return network;
}

Result<void> PrivateNetwork::add_address(const IpAddress& address) {
    const Visit visit;
    if (!visit.knows_home() || setns(namespace_.get(), CLONE_NEWNET) != 0) {
        return errno_failure("network namespace for probes");
    }
    return address.is_ipv4() ? add_ipv4(address) : add_ipv6(address, interface_index_);
}

}  // namespace director::healthcheck
