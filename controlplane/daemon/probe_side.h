// Checks through the forwarding method, at work: the probes' own network, whose packets leave by
// the workers as those of clients do, and the answers that come back among the punted frames.
// Control-plane thread only.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "controlplane/daemon/probe_paths.h"
#include "healthcheck/probes/private_network.h"
#include "healthcheck/probes/sockets.h"

namespace director::daemon {

class ProbeSide {
  public:
    struct Surroundings {
        const Clock& clock;
        // Where to go towards an address; nothing: there is no route.
        std::function<std::optional<ProbeWay>(const IpAddress&)> way_to;
        // Sends a frame, once its destination's MAC address is known.
        std::function<void(const ProbeWay&, std::span<const uint8_t>)> send;
    };

    ProbeSide(asio::io_context& io, Surroundings surroundings)
        : io_(io), around_(std::move(surroundings)) {}

    // Replaces the paths that probes may take, and tells `sockets` of them. The network is made
    // with the first path; on error nothing has changed that matters.
    [[nodiscard]] Result<void> put(const std::vector<ProbePath>& paths,
                                   healthcheck::KernelSockets& sockets);

    // Whether a punted frame was an answer to a probe; then it has got it.
    [[nodiscard]] bool receive(std::span<const uint8_t> frame);

  private:
    [[nodiscard]] Result<void> make_network();
    void wait_for_packets();
    void take_packets();
    void send(std::span<const uint8_t> packet);

    asio::io_context& io_;
    Surroundings around_;
    ProbePaths paths_;
    std::set<uint64_t> numbers_;      // that `sockets` knows
    std::set<uint64_t> are_refused_;  // said once: packets of these paths could not be sent
    std::optional<healthcheck::PrivateNetwork> network_;
    std::optional<asio::posix::stream_descriptor> packets_;
};

}  // namespace director::daemon
