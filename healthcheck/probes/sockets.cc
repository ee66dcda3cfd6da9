#include "healthcheck/probes/sockets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>

#include <cerrno>
#include <cstring>

#include "common/assert.h"

namespace director::healthcheck {
namespace {

Failure errno_failure(std::string_view what) {
    return failure(fmt::format("{}: {}", what, std::strerror(errno)));
}

// socket(2), in another network namespace where one is given. A socket stays in the namespace where
// it was made; only this thread goes there and back.
Result<OwnedFd> make_socket(int family, int type, int protocol, int network_namespace) {
    const int flags = type | SOCK_NONBLOCK | SOCK_CLOEXEC;
    if (network_namespace < 0) {
        OwnedFd made(::socket(family, flags, protocol));
        return made.is_open() ? Result<OwnedFd>(std::move(made)) : errno_failure("socket");
    }
    const OwnedFd home(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!home.is_open() || setns(network_namespace, CLONE_NEWNET) != 0) {
        return errno_failure("network namespace for probes");
    }
    OwnedFd made(::socket(family, flags, protocol));
    const int error = errno;
    // To go on in the wrong namespace would be worse than to stop.
    DIRECTOR_ASSERT(setns(home.get(), CLONE_NEWNET) == 0);
    errno = error;
    return made.is_open() ? Result<OwnedFd>(std::move(made)) : errno_failure("socket");
}

std::optional<Error> bind_source(int fd, const IpAddress& source, uint16_t port) {
    const int on = 1;
    // The port is chosen at connect(), which knows the destination: 28,000 ports for each server,
    // not for all of them together.
    if (port == 0) {
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    const SocketAddress address(Endpoint{source, Be16::from_host(port)});
    if (bind(fd, address.get(), address.length) != 0) {
        return errno_failure(fmt::format("bind to {}", to_string(source))).value();
    }
    return std::nullopt;
}

}  // namespace

SocketAddress::SocketAddress(const Endpoint& endpoint) {
    if (endpoint.address.is_ipv4()) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = endpoint.port.raw;
        address.sin_addr.s_addr = endpoint.address.ipv4().bits.raw;
        std::memcpy(&storage, &address, sizeof(address));
        length = sizeof(address);
    } else {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = endpoint.port.raw;
        std::memcpy(&address.sin6_addr, endpoint.address.bytes.data(), sizeof(address.sin6_addr));
        std::memcpy(&storage, &address, sizeof(address));
        length = sizeof(address);
    }
}

const sockaddr* SocketAddress::get() const {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): what the sockets API asks for
    return reinterpret_cast<const sockaddr*>(&storage);
}

Result<OwnedFd> KernelSockets::open(const Target& target, int type, int protocol) {
    const auto found = paths_.find(target.path);
    if (found == paths_.end() && target.path != 0) {
        return failure(fmt::format("path {} is not there", target.path));
    }
    const Path path = found != paths_.end() ? found->second : Path();
    const bool is_ipv4 = target.to.address.is_ipv4();
    auto made = make_socket(is_ipv4 ? AF_INET : AF_INET6, type, protocol, path.network_namespace);
    if (!made) {
        return made;
    }
    const int fd = made->get();
    const std::string& interface = target.interface.empty() ? path.interface : target.interface;
    if (!interface.empty() && setsockopt(fd,
                                         SOL_SOCKET,
                                         SO_BINDTODEVICE,
                                         interface.c_str(),
                                         static_cast<socklen_t>(interface.size())) != 0) {
        return errno_failure(fmt::format("bind to interface {}", interface));
    }
    const uint32_t mark = target.mark != 0 ? target.mark : path.mark;
    if (mark != 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) != 0) {
        return errno_failure("SO_MARK");
    }
    const auto source = target.source ? target.source : path.source;
    if (source || target.source_port != 0) {
        const IpAddress any = is_ipv4 ? IpAddress(Ipv4Address()) : IpAddress();
        if (const auto error = bind_source(fd, source.value_or(any), target.source_port)) {
            return Failure(*error);
        }
    }
    return made;
}

}  // namespace director::healthcheck
