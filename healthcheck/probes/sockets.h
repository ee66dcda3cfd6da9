// Where probes get their sockets from. The daemon may put its own in the place of KernelSockets.
//
// A check *through the forwarding method* shows that the real server would accept a client's
// packet: that its lo has the VIP, or its tunnel is there. Its Target says `to` = the VIP and the
// service's port, and a `path` that stands for "this service, to this real server". The kernel of
// the director cannot deliver such packets by itself, since the VIP may be its own address. So the
// daemon tells KernelSockets for each path how its sockets are to be made:
//
//  - in a network namespace where the VIP is no local address and whose only way out is a tun
//    device of the daemon's (PrivateNetwork, probes/private_network.h). Every packet of the probe
//    comes out of the tun with the path's own source address, by which the daemon knows the real
//    server; it wraps it (tunnel) or gives it the server's MAC (direct routing) and injects it into
//    a worker. What comes back from the VIP to that address goes into the tun;
//  - or with a mark, or bound to an interface, where routing rules of the administrator do the
//  rest.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/address.h"
#include "common/result.h"
#include "healthcheck/config.h"
#include "healthcheck/probes/owned_fd.h"

namespace director::healthcheck {

// An Endpoint as the kernel takes it.
struct SocketAddress {
    explicit SocketAddress(const Endpoint& endpoint);

    [[nodiscard]] const sockaddr* get() const;

    sockaddr_storage storage{};
    socklen_t length = 0;
};

class Sockets {
  public:
    Sockets() = default;
    Sockets(const Sockets&) = delete;
    Sockets& operator=(const Sockets&) = delete;
    virtual ~Sockets() = default;

    // A socket of the target's family for probing it: non-blocking, close-on-exec, bound and marked
    // as it says; not connected. `type` is SOCK_STREAM, SOCK_DGRAM or SOCK_RAW. A failure says
    // nothing about the server.
    [[nodiscard]] virtual Result<OwnedFd> open(const Target& target, int type, int protocol) = 0;
};

class KernelSockets final : public Sockets {
  public:
    struct Path {
        std::optional<IpAddress> source;  // of the probe's packets; a check's own goes first
        std::string interface;
        uint32_t mark = 0;
        int network_namespace = -1;  // a descriptor of it, which the caller keeps open; -1: ours
    };

    // Path 0 is that of all targets that name none.
    void set_path(uint64_t path, const Path& how) { paths_[path] = how; }
    void remove_path(uint64_t path) { paths_.erase(path); }

    [[nodiscard]] Result<OwnedFd> open(const Target& target, int type, int protocol) override;

  private:
    std::map<uint64_t, Path> paths_;
};

}  // namespace director::healthcheck
