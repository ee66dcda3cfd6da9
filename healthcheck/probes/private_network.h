// A network namespace of our own whose only way out is a tun device: for checks through a
// forwarding method (see sockets.h). In it no address but the probes' own is local, so a probe may
// connect to a VIP that the director itself has; each packet comes out of tun_fd() whole, from the
// IP header on, for the daemon to wrap and inject, and what the daemon writes there reaches the
// probe.
//
//   auto network = PrivateNetwork::make();
//   network->add_address(source);                       // one for each real server
//   sockets.set_path(n, {.source = source, .network_namespace = network->namespace_fd()});
//
// Nothing of it is left when the process ends: the namespace has no name.
#pragma once

#include <cstddef>

#include "common/address.h"
#include "common/result.h"
#include "healthcheck/probes/owned_fd.h"

namespace director::healthcheck {

class PrivateNetwork {
  public:
    // Needs CAP_NET_ADMIN and CAP_SYS_ADMIN, and /dev/net/tun.
    [[nodiscard]] static Result<PrivateNetwork> make();

    // Gives the tun device an address that probes may have as their source. Twice is no failure.
    [[nodiscard]] Result<void> add_address(const IpAddress& address);

    [[nodiscard]] int namespace_fd() const { return namespace_.get(); }
    // Non-blocking. One packet a read or write.
    [[nodiscard]] int tun_fd() const { return tun_.get(); }

    // Less than Ethernet's, so that a tunnel's headers still fit.
    static constexpr int kMtuBytes = 1400;

  private:
    OwnedFd namespace_;
    OwnedFd tun_;
    int interface_index_ = 0;
};

}  // namespace director::healthcheck
